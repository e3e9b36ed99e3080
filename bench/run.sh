#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# bench/run.sh: how fast, and against what. Prints medians of interleaved runs, then each
# ratio that was promised with its target and `ok` or `OVER`. Peers are Debian's own packages.
# Never fails because something is slow; what could not be run is named.
#
# Runs as root (the rootless part as a user that is made for it) or as an ordinary user
# (then only the rootless part). State: BENCH_BASE (/var/tmp/dlenv-bench), kept for the next run.
#
# BENCH_ROUNDS=40     runs of each command
# BENCH_ONLY="..."    of: start rootless parallel engine memory up gpu setup cold
# BENCH_COLD=1        also the cold builds: minutes, a GiB of downloads
set -u
repo=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tools/test-user.sh
. "$repo/tools/test-user.sh"
# shellcheck source=tools/mirror.sh
. "$repo/tools/mirror.sh"
export LC_ALL=C.UTF-8 PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
base=${BENCH_BASE:-/var/tmp/dlenv-bench}
[ "$(id -u)" = 0 ] || base=${BENCH_BASE:-${XDG_CACHE_HOME:-$HOME/.cache}/dlenv-bench}
rounds=${BENCH_ROUNDS:-40}
build=${BENCH_BUILD:-$repo/build}
user=dlenv-bench
only=${BENCH_ONLY:-start rootless parallel engine memory up gpu setup}
[ "${BENCH_COLD-}" != 1 ] || only="$only cold"
bin=$base/bin root=${BENCH_ROOT:-$base/root}
results=$base/results

wants() { [[ " $only " == *" $1 "* ]]; }
have() { command -v "$1" >/dev/null 2>&1; }
title() { printf '\n%s\n' "$*"; }
note() { printf '  note: %s\n' "$*"; }

# list FILE NAME CMD...: add a command line to a list for the driver.
list() {
	local file=$1 IFS=$'\t'
	shift
	printf '%s\n' "$*" >>"$file"
}

# median NAME: from the results so far; empty when it could not be run.
median() { awk -F '\t' -v n="$1" '$1 == n { v = $2 } END { if (v != "") print v }' "$results"; }

# target LABEL VALUE max|min LIMIT UNIT: one line of the verdict.
verdicts=()
target() {
	verdicts+=("$(awk -v l="$1" -v v="$2" -v how="$3" -v t="$4" -v u="$5" 'BEGIN {
		if (v == "") { printf "  %-58s %12s   %s %s %s", l, "not run", how, t, u; exit }
		ok = how == "max" ? v + 0 <= t + 0 : v + 0 >= t + 0
		printf "  %-58s %9.2f %-3s  %s %s   %s", l, v, u, how, t, ok ? "ok" : "OVER" }')")
}
ratio() { # ratio LABEL A B max|min LIMIT: A / B
	local a b
	a=$(median "$2") b=$(median "$3")
	target "$1" "$([ -z "$a" ] || [ -z "$b" ] || awk -v a="$a" -v b="$b" 'BEGIN { print a / b }')" "$4" "$5" x
}
more() { # more LABEL A B LIMIT: A - B, ms
	local a b
	a=$(median "$2") b=$(median "$3")
	target "$1" "$([ -z "$a" ] || [ -z "$b" ] || awk -v a="$a" -v b="$b" 'BEGIN { print a - b }')" max "$4" ms
}
resident() { # resident LABEL NAME LIMIT: MiB
	target "$1" "$(awk -F '\t' -v n="$2" '$1 == n { v = $5 / 1024 } END { if (v) print v }' "$results")" max "$3" MiB
}
# added LABEL A B LIMIT: what A takes more than B, in ms.
added() {
	local a b
	a=$(median "$2") b=$(median "$3")
	target "$1" "$([ -z "$a" ] || [ -z "$b" ] || awk -v a="$a" -v b="$b" 'BEGIN { print a - b }')" max "$4" ms
}
absolute() { target "$1" "$(median "$2")" "$3" "$4" "$5"; }

# drive LIST [OPTION...]: measure, show, keep.
drive() {
	local file=$1
	shift
	[ -s "$file" ] || return 0
	"$bin/driver" -n "$rounds" "$@" -o "$file.out" "$file" && cat "$file.out" >>"$results"
}

# --- preparation -----------------------------------------------------------------

prepare() {
	mkdir -p "$base"/{bin,lists} || exit 1
	chmod 0755 "$base"
	# Copied: the rootless part must be able to reach them wherever the repository is.
	cp -f "$build/bench/bench-floor" "$bin/floor"
	cp -f "$build/bench/bench-driver" "$bin/driver"
	cp -f "$build/src/runtime/dlrun" "$bin/dlrun"
	[ ! -e "$build/src/cli/dlenv" ] || (cd "$build" && find src -type f -perm -u+x -print0 |
		tar --null -T - -c) | tar -x -C "$bin"
	cp -f "$repo/tools/bundle.py" "$bin/bundle.py"
	rm -rf "$base/lists" "$results"
	mkdir "$base/lists"
	: >"$results"
	# One small root for all runtimes: the same dynamically linked /bin/true.
	if [ ! -e "$root/bin/true" ]; then
		echo "  preparing a Debian root (once)"
		rm -rf "$root"
		mmdebstrap --quiet --variant=minbase trixie "$root" "$(debian_mirror)" || exit 1
	fi
	# Packed by whoever can read all of it, for podman.
	[ -e "$root.tar" ] || tar -C "$root" -cf "$root.tar" . || rm -f "$root.tar"
	"$bin/dlrun" profile >"$base/seccomp.json"
	! wants gpu || gpu_machines
	! wants setup || recorded_machines
}

# tests/hosts, laid out: $base/hosts/NAME.
recorded_machines() {
	local machine
	rm -rf "$base/hosts"
	mkdir -p "$base/hosts"
	for machine in "$repo"/tests/hosts/*/machine; do
		"$repo/tests/bed/host.sh" "$machine" "$base/hosts/$(basename "$(dirname "$machine")")"
	done
	chmod -R a+rX "$base/hosts"
}

# Played machines with the real driver's files: $base/gpu/1 and 8.
gpu_machines() {
	local n
	cp -f "$build/bench/bench-floor_cdi" "$bin/floor-cdi"
	mkdir -p "$base/gpu"
	for n in 1 8; do
		[ ! -e "$base/gpu/$n/.made" ] || continue
		rm -rf "$base/gpu/$n"
		"$repo/tests/bed/driver-root.sh" trixie "$base/gpu/$n" &&
			"$repo/tests/bed/gpu-host.sh" "$base/gpu/$n" --gpus $n && touch "$base/gpu/$n/.made" ||
			note "no machine with $n GPUs: the driver's packages cannot be had"
	done
	rm -rf "$base/gpu/image"
	cp -a "$("$repo/tests/bed/engine-root.sh" image)" "$base/gpu/image" ||
		note "no image for containers with GPUs: Debian's engines cannot be had"
}

# The newest crun that Debian has, with its libraries, from an unpacked (not installed) root.
newest_crun() {
	local suite dir=$base/crun-newest loader
	if [ ! -e "$dir/usr/bin/crun" ]; then
		for suite in sid trixie; do
			rm -rf "$dir"
			mmdebstrap --quiet --variant=extract --include=crun \
				--aptopt='Acquire::Check-Valid-Until "false"' "$suite" "$dir" "$(debian_mirror)" \
				>/dev/null 2>&1 && break
		done
	fi
	loader=$(echo "$dir"/usr/lib/*/ld-linux-*.so.*)
	crun_newest=("$loader" --library-path "$(dirname "$loader")" "$dir/usr/bin/crun")
	"${crun_newest[@]}" --version >/dev/null 2>&1 || crun_newest=()
}

# Compiled filters are kept, as the engine and the newer crun do.
filter_cache() {
	export DLENV_SECCOMP_CACHE=$base/filters
	(umask 077 && mkdir -p "$DLENV_SECCOMP_CACHE")
}

bundle() { # bundle NAME OPTION...: the full configuration, /bin/true
	local name=$1
	shift
	"$bin/bundle.py" "$base/b/$name" --root "$root" --seccomp "$base/seccomp.json" "$@" -- /bin/true
}

# In a private mount namespace: cgroup v1 or v2, not both (crun refuses the mix),
# devices that users can open, another home, limits that podman may set.
quirks() {
	if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi
	open_devices
	mkdir -p "$base/home"
	hide_home "$base/home"
	cat >"$base/containers.conf" <<-CONF
		[containers]
		cgroups = "disabled"
		default_ulimits = ["nofile=$(ulimit -Hn):$(ulimit -Hn)", "nproc=32768:32768"]
		pids_limit = 0
		[engine]
		cgroup_manager = "cgroupfs"
		events_logger = "file"
		runtime = "crun"
	CONF
	printf '[storage]\ndriver = "overlay"\nrunroot = "%s"\ngraphroot = "%s"\n' \
		"$base/podman/run" "$base/podman/data" >"$base/storage.conf"
	export CONTAINERS_CONF=$base/containers.conf CONTAINERS_STORAGE_CONF=$base/storage.conf
}

# --- create, /bin/true, gone ------------------------------------------------------

start_rootful() {
	local l=$base/lists/start
	title "create, /bin/true, gone: full configuration, rootful"
	bundle full
	bundle overlay --overlay tmpfs
	list "$l" "spawn /bin/true only" /bin/true
	list "$l" "floor" "$bin/floor" "$root" /bin/true
	list "$l" "dlenv" "$bin/dlrun" run --bundle "$base/b/full" "b{n}"
	list "$l" "floor, overlay" "$bin/floor" --tmpfs "$root" /bin/true
	list "$l" "dlenv, overlay" "$bin/dlrun" run --bundle "$base/b/overlay" "b{n}"
	! have bwrap || list "$l" "bwrap" bwrap --unshare-all --bind "$root" / --proc /proc --dev /dev /bin/true
	! have crun || list "$l" "crun (installed)" crun --root "$base/crun" run --bundle "$base/b/full" "b{n}"
	if [ ${#crun_newest[@]} -gt 0 ]; then
		list "$l" "crun (newest)" "${crun_newest[@]}" --root "$base/crun" run --bundle "$base/b/full" "b{n}"
		list "$l" "crun (newest), no cgroup" "${crun_newest[@]}" --root "$base/crun" \
			--cgroup-manager=disabled run --bundle "$base/b/full" "b{n}"
	else
		note "the newest crun could not be had: only the installed one is measured"
	fi
	! have runc || list "$l" "runc" runc --root "$base/runc" run --bundle "$base/b/full" "b{n}"
	drive "$l"
	ratio "dlenv / floor" dlenv floor max 1.3
	ratio "dlenv / floor, overlay" "dlenv, overlay" "floor, overlay" max 1.3
	ratio "newest crun / dlenv" "crun (newest)" dlenv min 2
	ratio "installed crun / dlenv" "crun (installed)" dlenv min 4
	ratio "runc / dlenv" runc dlenv min 4
	ratio "bwrap / dlenv (it has no filter, masks or limits)" bwrap dlenv min 0
}

parallel() {
	local l=$base/lists/parallel
	title "100 starts, 8 at once, full configuration, rootful"
	bundle full
	list "$l" "floor, 8 at once" "$bin/floor" "$root" /bin/true
	list "$l" "dlenv, 8 at once" "$bin/dlrun" run --bundle "$base/b/full" "p{n}"
	[ ${#crun_newest[@]} = 0 ] || list "$l" "crun (newest), 8 at once" "${crun_newest[@]}" \
		--root "$base/crun" run --bundle "$base/b/full" "p{n}"
	rounds=5 drive "$l" -p 8 -t 100
	if podman_image; then
		: >"$l.podman"
		list "$l.podman" "podman, 8 at once" podman run --rm --network none bench /bin/true
		rounds=1 drive "$l.podman" -p 8 -t 24
	fi
	absolute "starts per second, 8 at once" "dlenv, 8 at once" min 350 /s
	ratio "dlenv / floor, 8 at once" "dlenv, 8 at once" "floor, 8 at once" min 0
}

# As the ordinary user: `bench/run.sh --rootless` is this file once more.
rootless() {
	local l=$base/lists/rootless first range
	title "create, /bin/true, gone: full configuration, rootless"
	range=$(awk -F: -v u="$(id -un)" '$1 == u { print $2; exit }' /etc/subuid)
	bundle single --rootless --overlay tmpfs
	list "$l" "floor, one id" "$bin/floor" --user --tmpfs "$root" /bin/true
	list "$l" "dlenv, one id" "$bin/dlrun" run --bundle "$base/b/single" "r{n}"
	if [ -n "$range" ]; then
		bundle mapped --rootless --overlay tmpfs \
			--merge "{\"linux\": {\"uidMappings\": [{\"containerID\": 1, \"hostID\": $range, \"size\": 65535}],
			\"gidMappings\": [{\"containerID\": 1, \"hostID\": $range, \"size\": 65535}]}}"
		list "$l" "dlenv, newuidmap" "$bin/dlrun" run --bundle "$base/b/mapped" "r{n}"
		# A container that is there already lends its user namespace to the next.
		"$bin/bundle.py" "$base/b/holder" --rootless --root "$root" --overlay tmpfs \
			--merge "{\"linux\": {\"uidMappings\": [{\"containerID\": 1, \"hostID\": $range, \"size\": 65535}],
			\"gidMappings\": [{\"containerID\": 1, \"hostID\": $range, \"size\": 65535}]}}" -- /bin/sleep 600
		first=$("$bin/dlrun" run --detach --bundle "$base/b/holder" holder) &&
			list "$l" "dlenv, joined" "$bin/dlrun" run --userns "$first" --bundle "$base/b/mapped" "r{n}"
	else
		note "$(id -un) has no subordinate ids: only one id is measured"
	fi
	! have crun || list "$l" "crun, one id" crun --root "$base/u/crun" --cgroup-manager=disabled \
		run --bundle "$base/b/single" "r{n}"
	! have bwrap || list "$l" "bwrap, one id" bwrap --unshare-all --bind "$root" / --proc /proc --dev /dev /bin/true
	drive "$l"
	[ -z "${first-}" ] || kill -KILL "$first"
	absolute "rootless, one id" "dlenv, one id" max 3.5 ms
	absolute "rootless, newuidmap, the first" "dlenv, newuidmap" max 6 ms
	absolute "rootless, newuidmap, further ones" "dlenv, joined" max 3.5 ms
	ratio "crun / dlenv, rootless, one id" "crun, one id" "dlenv, one id" min 2
}

# --- GPUs -------------------------------------------------------------------------

# Describing a machine, as root: without nodes there is nothing to describe.
gpu() {
	local l=$base/lists/gpu n m program=$bin/src/cli/dlenv specs=$base/gpu/specs
	title "CDI: a machine with the 550 driver described, names listed"
	mkdir -p "$specs"
	for n in 1 8; do
		m=$base/gpu/$n
		[ -e "$m/.made" ] || continue
		list "$l" "floor, cdi, $n GPU" "$bin/floor-cdi" "$m" $n
		list "$l" "dlenv cdi generate, $n GPU" "$program" --root "$m" cdi generate
		"$program" --root "$m" cdi refresh --quiet --force -o "$specs/$n.yaml" --class "gpu$n" >/dev/null 2>&1
		list "$l" "dlenv cdi refresh, fresh, $n GPU" "$program" --root "$m" cdi refresh -o "$specs/$n.yaml"
	done
	[ ! -e "$specs/8.yaml" ] || list "$l" "dlenv cdi list" "$program" cdi list --spec-dir "$specs"
	drive "$l"
	for n in 1 8; do
		ratio "dlenv cdi generate / floor, $n GPU" "dlenv cdi generate, $n GPU" "floor, cdi, $n GPU" max 3
		absolute "dlenv cdi generate, $n GPU" "dlenv cdi generate, $n GPU" max 4 ms
		resident "dlenv cdi generate, $n GPU, resident" "dlenv cdi generate, $n GPU" 3
		absolute "dlenv cdi refresh of a fresh one, $n GPU" "dlenv cdi refresh, fresh, $n GPU" max 1 ms
	done
	absolute "dlenv cdi list, 1 + 8 GPUs" "dlenv cdi list" max 1.5 ms
}

# What GPUs add to a start on our own engine, with all of the driver.
gpu_start() {
	local l=$base/lists/gpu-start program=$bin/src/cli/dlenv caps=run.env.NVIDIA_DRIVER_CAPABILITIES n
	[ -e "$base/gpu/8/.made" ] || return 0
	export DLENV_DATA=$here/data DLENV_CACHE=$here/cache DLENV_RUN=$here/run DLENV_CONFIG=$here/config
	(umask 077 && mkdir -p "$DLENV_DATA" "$DLENV_CACHE" "$DLENV_RUN" "$DLENV_CONFIG")
	"$program" run base /bin/true >/dev/null 2>&1 || { note "there is no image: GPU starts are not measured"; return 0; }
	title "dlenv run: what GPUs add"
	list "$l" "dlenv run, no GPU" "$program" --root "$base/gpu/8" run --gpu none base /bin/true
	for n in 1 8; do
		list "$l" "dlenv run, $n GPU" "$program" --root "$base/gpu/$n" run --gpu all base /bin/true
		list "$l" "dlenv run, $n GPU, all capabilities" "$program" --root "$base/gpu/$n" run --gpu all \
			--set $caps=all base /bin/true
	done
	drive "$l"
	for n in 1 8; do
		more "added by $n GPU" "dlenv run, $n GPU" "dlenv run, no GPU" 2
		more "added by $n GPU, all capabilities" "dlenv run, $n GPU, all capabilities" "dlenv run, no GPU" 2
	done
}

# A bundle that asks for all GPUs; `asks` and `plain` are what its config.json is before each run.
gpu_bundle() {
	local b=$base/gpu/bundle
	rm -rf "$b" && mkdir -p "$b" && cp -a "$base/gpu/image" "$b/rootfs" || return 1
	bundle gpu && python3 - "$base/b/gpu/config.json" "$b" <<-'PYTHON'
		import json, sys
		c = json.load(open(sys.argv[1]))
		c["root"] = {"path": "rootfs"}
		c["process"]["args"] = ["/bin/true"]
		c["linux"].pop("seccomp", None)  # crun would spend most of its time on it
		json.dump(c, open(sys.argv[2] + "/plain", "w"), indent=1)
		c["process"]["env"].append("NVIDIA_VISIBLE_DEVICES=all")
		json.dump(c, open(sys.argv[2] + "/asks", "w"), indent=1)
	PYTHON
	printf '[nvidia-container-runtime]\nruntimes = ["%s"]\n' /bin/true >"$base/gpu/true.toml"
	sed 's|/bin/true|crun|' "$base/gpu/true.toml" >"$base/gpu/crun.toml"
	ln -sf dlenv-toolkit "$bin/src/hook/nvidia-container-runtime"
	ln -sf dlenv-toolkit "$bin/src/hook/nvidia-cdi-hook"
}

# Command lines for `sh -c`, with config.json fresh each time: one command, and a container's life by this program.
fresh() { printf 'cp %s %s/config.json && exec %s' "$1" "${1%/*}" "$2"; }
life() {
	printf 'cp %s %s/config.json && %s --cgroup-manager=disabled create -b %s $0 && %s start $0 && %s delete -f $0' \
		"$2" "${2%/*}" "$1" "${2%/*}" "$1" "$1"
}

# The shim in front of another runtime: alone (that is /bin/true), then with crun and the hook.
gpu_runtime() {
	local l=$base/lists/gpu-runtime b=$base/gpu/bundle shim=$bin/src/hook/nvidia-container-runtime
	[ -e "$base/gpu/8/.made" ] && [ -d "$base/gpu/image" ] && gpu_bundle || return 0
	title "NVIDIA's runtime by dlenv, in front of /bin/true and of crun"
	list "$l" "/bin/true" /bin/true
	list "$l" "shim, state" "$shim" state x
	list "$l" "/bin/true, config" sh -c "$(fresh "$b/asks" /bin/true)"
	list "$l" "shim, create, 1 GPU" sh -c "$(fresh "$b/asks" "$shim create -b $b x")"
	NVIDIA_CTK_CONFIG_FILE_PATH=$base/gpu/true.toml DLENV_ROOT=$base/gpu/1 drive "$l"
	list "$l.8" "/bin/true, config, again" sh -c "$(fresh "$b/asks" /bin/true)"
	list "$l.8" "shim, create, 8 GPU" sh -c "$(fresh "$b/asks" "$shim create -b $b x")"
	NVIDIA_CTK_CONFIG_FILE_PATH=$base/gpu/true.toml DLENV_ROOT=$base/gpu/8 drive "$l.8"
	if have crun; then
		list "$l.crun" "crun, create to delete, no GPU" sh -c "$(life crun "$b/plain")" "gp{n}"
		list "$l.crun" "shim and crun, create to delete, 1 GPU" sh -c "$(life "$shim" "$b/asks")" "gs{n}"
		NVIDIA_CTK_CONFIG_FILE_PATH=$base/gpu/crun.toml DLENV_ROOT=$base/gpu/1 drive "$l.crun"
	fi
	added "shim, pass-through adds" "shim, state" "/bin/true" 1
	added "shim, JIT create adds, 1 GPU" "shim, create, 1 GPU" "/bin/true, config" 4
	added "shim, JIT create adds, 8 GPU" "shim, create, 8 GPU" "/bin/true, config, again" 4
	absolute "create to delete through the shim on crun, 1 GPU" "shim and crun, create to delete, 1 GPU" max 50 ms
	ratio "the same / crun without a GPU" "shim and crun, create to delete, 1 GPU" "crun, create to delete, no GPU" max 1.6
}

# The hook on its own: the same mounts without and with it.
gpu_hook() {
	local l=$base/lists/gpu-hook
	[ -e "$base/gpu/1/.made" ] && [ -d "$base/gpu/image" ] && have crun || return 0
	bundle gpu
	ln -sf dlenv-toolkit "$bin/src/hook/nvidia-cdi-hook"
	"$bin/src/cli/dlenv" --root "$base/gpu/1" cdi generate --format json --nvidia-cdi-hook-path "$bin/src/hook/nvidia-cdi-hook" \
		>"$base/gpu/spec.json" 2>/dev/null || return 0
	python3 - "$base/gpu" <<-'PYTHON' || return 0
		import json, os, sys
		base = sys.argv[1]
		edits = json.load(open(base + "/spec.json"))["containerEdits"]
		for name in "mounted", "hooked":
		    c = json.load(open(base + "/../b/gpu/config.json"))
		    c["root"] = {"path": base + "/image"}
		    c["mounts"] += [{"destination": m["containerPath"], "source": m["hostPath"], "type": "bind",
		                     "options": m["options"]} for m in edits["mounts"]]
		    if name == "hooked":
		        c["hooks"] = {"createContainer": [{k: h[k] for k in ("path", "args", "env") if k in h} for h in edits["hooks"]]}
		    os.makedirs(base + "/" + name, exist_ok=True)
		    json.dump(c, open(base + "/" + name + "/config.json", "w"))
	PYTHON
	title "NVIDIA's hook by dlenv, on crun: all of the 550 driver"
	list "$l" "crun, driver mounted" crun --root "$base/crun" --cgroup-manager=disabled run --bundle "$base/gpu/mounted" "gm{n}"
	list "$l" "crun, driver mounted, hook" crun --root "$base/crun" --cgroup-manager=disabled run --bundle "$base/gpu/hooked" "gh{n}"
	drive "$l"
	more "added by the hook on crun" "crun, driver mounted, hook" "crun, driver mounted" 5
}

# --- engines ----------------------------------------------------------------------

podman_image() { # the same root as an image
	have podman || { note "podman is not installed"; return 1; }
	podman image exists bench 2>/dev/null && return 0
	podman import -q "$root.tar" bench >/dev/null 2>&1 ||
		{ note "podman cannot import an image here"; return 1; }
}

dlenv() { "$bin/src/cli/dlenv" "$@"; }

# An environment `bench` of the base preset, running; its image is built once.
dlenv_environment() {
	[ -x "$bin/src/cli/dlenv" ] || { note "the dlenv program is not built"; return 1; }
	mkdir -p "$here/project" "$here/home"
	export DLENV_DATA=$here/data DLENV_CACHE=$here/cache DLENV_RUN=$here/run DLENV_CONFIG=$here/config
	(umask 077 && mkdir -p "$DLENV_DATA" "$DLENV_CACHE" "$DLENV_RUN" "$DLENV_CONFIG")
	printf 'name: bench\npreset: base\njupyter:\n  enable: false\n' >"$here/project/dlenv.yaml"
	cd "$here/project" || return 1
	dlenv up --yes >"$here/up.log" 2>&1 </dev/null ||
		{ note "dlenv up failed: $(tail -n 2 "$here/up.log" | tr '\n' ' ')"; return 1; }
}

engine() { # engine rootful|rootless LIMIT
	local l=$base/lists/engine-$1
	title "engines, $1: a throw-away container of an image, and a command in a running one"
	if dlenv_environment; then
		list "$l" "dlenv run --rm, $1" "$bin/src/cli/dlenv" run --rm base /bin/true
		list "$l" "dlenv exec, $1" "$bin/src/cli/dlenv" exec bench -- /bin/true
		list "$l" "dlenv ssh, $1" ssh dlenv.bench true
	fi
	if podman_image; then
		podman rm -f -t 0 bench-exec >/dev/null 2>&1
		list "$l" "podman run --rm, $1" podman run --rm --network none bench /bin/true
		podman run -d --name bench-exec --network none bench /bin/sleep 3600 >/dev/null 2>&1 &&
			list "$l" "podman exec, $1" podman exec bench-exec /bin/true
	fi
	rounds=20 drive "$l"
	podman rm -f -t 0 bench-exec >/dev/null 2>&1
	absolute "dlenv run --rm, $1" "dlenv run --rm, $1" max "$2" ms
	ratio "podman run --rm / dlenv run --rm, $1" "podman run --rm, $1" "dlenv run --rm, $1" min 0
	absolute "dlenv exec, $1" "dlenv exec, $1" max 4 ms
	ratio "podman exec / dlenv exec, $1" "podman exec, $1" "dlenv exec, $1" min 0
	absolute "ssh connection and true, $1" "dlenv ssh, $1" max 150 ms
}

# What stays of a running environment: memory that only its own processes hold. What counts is
# what they wrote (private dirty): pages of a program's file can be dropped at any time.
memory() {
	local p kib clean total=0
	title "resident for a running environment, $1"
	dlenv_environment || return
	for p in /proc/[0-9]*; do
		case $(readlink "$p/exe" 2>/dev/null) in
		*/dlenv | */dlenv-init | *pasta* | */slirp4netns) ;;
		*) continue ;;
		esac
		read -r kib clean <<<"$(awk '/^Private_Dirty/ { d += $2 } /^Private_Clean/ { c += $2 }
			END { print d + 0, c + 0 }' "$p/smaps_rollup" 2>/dev/null)"
		printf '  %6d KiB dirty %6d KiB clean  %s\n' "${kib:-0}" "${clean:-0}" \
			"$(tr '\0' ' ' <"$p/cmdline" | cut -c1-80)"
		total=$((total + ${kib:-0}))
	done
	target "private memory per running environment, $1" \
		"$(awk -v k=$total 'BEGIN { print k / 1024 }')" max 0.5 MiB
}

seconds() { # seconds CMD...: prints how long it took, or nothing when it failed
	local t=$EPOCHREALTIME
	"$@" >/dev/null 2>&1 </dev/null || return 1
	awk -v a="$t" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }'
}

up_and_answer() { dlenv up --yes && ssh dlenv.bench true; }

warm_up() {
	local all=
	title "from a stopped environment to an answer over ssh, $1"
	dlenv_environment || return
	for _ in 1 2 3 4 5 6 7; do
		dlenv stop bench >/dev/null 2>&1
		all="$all $(seconds up_and_answer)"
	done
	# shellcheck disable=SC2086 # numbers
	all=$(printf '%s\n' $all | sort -n | awk '{ v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)] }')
	printf '  %-34s %9s s\n' "dlenv up, then ssh true" "${all:-failed}"
	target "warm dlenv up until ssh has answered, $1" "$all" max 0.5 s
	all=$(seconds dlenv up --yes)
	target "dlenv up of a running environment, $1" "$all" max 1 s
}

cold() {
	local mine theirs packages
	title "cold build of the torch preset (downloads included)"
	# The same packages for both.
	packages=$("$bin/src/cli/dlenv" image build --dry-run --preset torch | cut -d: -f2 | tr '\n' ' ')
	export DLENV_DATA=$base/cold/data DLENV_CACHE=$base/cold/cache
	dlenv_cold() { "$bin/src/cli/dlenv" image build --preset torch; }
	podman_cold() {
		mmdebstrap --quiet --variant=apt trixie "$base/cold/root.tar" "$(debian_mirror)" &&
			podman import -q "$base/cold/root.tar" cold-base &&
			printf 'FROM cold-base\nRUN apt-get update && apt-get install -y --no-install-recommends %s\n' \
				"$packages" |
			podman build --network host --no-cache -t cold -f - "$base/cold/context"
	}
	mkdir -p "$base/cold/context"
	mine=$(seconds dlenv_cold) || note "dlenv image build failed"
	theirs=
	! have podman || theirs=$(seconds podman_cold) || note "podman build failed"
	printf '  %-34s %9s s\n' "dlenv image build torch" "${mine:-failed}" "podman build" "${theirs:-failed}"
	podman rmi -f cold cold-base >/dev/null 2>&1
	rm -rf "$base/cold"
	target "podman build / dlenv image build, cold" \
		"$([ -z "$mine" ] || [ -z "$theirs" ] || awk -v a="$theirs" -v b="$mine" 'BEGIN { print a / b }')" min 1 x
}

# --- the machine ------------------------------------------------------------------

# dlenv COMMAND for each recorded machine, whatever it answers.
each_host() {
	# shellcheck disable=SC2016 # for the shell that is measured
	list "$1" "$2, all recorded machines" sh -c \
		'for host in "$0"/*; do "$@" --root "$host" >"$0.out" 2>&1; done; true' "$base/hosts" "$bin/src/cli/dlenv" "${@:3}"
}
per_host() { # per_host LABEL NAME LIMIT: ms for one of them
	local all
	all=$(median "$2, all recorded machines")
	target "$1, for each of $hosts recorded machines" \
		"$([ -z "$all" ] || awk -v a="$all" -v n="$hosts" 'BEGIN { print a / n }')" max "$3" ms
}

setup() {
	local l=$base/lists/setup hosts
	hosts=$(find "$base/hosts" -mindepth 1 -maxdepth 1 -type d | wc -l)
	title "reading this machine, choosing and planning for recorded ones"
	export DLENV_DATA=$here/data DLENV_CACHE=$here/cache DLENV_RUN=$here/run DLENV_CONFIG=$here/config
	(umask 077 && mkdir -p "$DLENV_DATA" "$DLENV_CACHE" "$DLENV_RUN" "$DLENV_CONFIG")
	list "$l" "dlenv doctor" sh -c '"$0" doctor; true' "$bin/src/cli/dlenv"
	if have lspci; then list "$l" "lspci -nn" sh -c 'lspci -nn; true'; else note "lspci is not installed"; fi
	if have ubuntu-drivers; then
		list "$l" "ubuntu-drivers devices" sh -c 'ubuntu-drivers devices; true'
	else
		note "ubuntu-drivers is not to be had: Debian does not have it"
	fi
	drive "$l"
	each_host "$l.all" "doctor" doctor
	each_host "$l.all" "solve" solve
	each_host "$l.all" "plan" setup --plan
	each_host "$l.all" "plan, with engines" setup --plan driver toolkit docker podman dlenv
	rounds=10 drive "$l.all"
	absolute "dlenv doctor" "dlenv doctor" max 20 ms
	ratio "dlenv doctor / lspci -nn" "dlenv doctor" "lspci -nn" max 1
	ratio "ubuntu-drivers devices / dlenv doctor" "ubuntu-drivers devices" "dlenv doctor" min 5
	per_host "dlenv doctor" doctor 20
	per_host "dlenv solve" solve 20
	per_host "dlenv setup --plan" plan 20
	per_host "dlenv setup --plan, everything" "plan, with engines" 20
}

# --- order ------------------------------------------------------------------------

part() { # part rootful|rootless: engine level, as whoever we are now
	local limit=8
	[ "$1" = rootful ] || limit=10
	! wants engine || engine "$1" $limit
	! wants memory || memory "$1"
	! wants up || warm_up "$1"
	if [ -n "${DLENV_RUN-}" ]; then dlenv rm --yes --force bench >/dev/null 2>&1; fi
}

verdict() {
	title "promised, $1"
	[ ${#verdicts[@]} = 0 ] || printf '%s\n' "${verdicts[@]}"
}

as_root() {
	here=$base/dlenv
	filter_cache
	newest_crun
	! wants start || start_rootful
	! wants parallel || parallel
	part rootful
	! wants gpu || gpu
	! wants gpu || gpu_runtime
	! wants gpu || gpu_hook
	! wants gpu || gpu_start
	! wants setup || setup
	! wants cold || cold
	verdict rootful
}

as_ordinary() {
	here=$base/u
	rm -rf "$base/lists"
	mkdir -p "$base"/{u,b,lists}
	filter_cache
	unset CONTAINERS_STORAGE_CONF
	if [ -n "${BENCH_BASE-}" ] && [ ! -e "$HOME/.config/containers/storage.conf" ]; then
		# Else rootless podman may choose vfs, which would be unfair to it.
		mkdir -p "$HOME/.config/containers"
		printf '[storage]\ndriver = "overlay"\n' >"$HOME/.config/containers/storage.conf"
	fi
	! wants rootless || rootless
	part rootless
	verdict rootless
}

main() {
	crun_newest=()
	case ${1-} in
	--rootless)
		: >"$results"
		as_ordinary
		return
		;;
	--inside)
		quirks
		as_root
		make_user "$user" "$base/user/home" || { note "cannot make a user: no rootless part"; return; }
		# Anew each time: another run's user had other ids, so its image is of no use.
		rm -rf "$base/user"
		mkdir -p "$base"/user/{home,xdg,bench}
		cp -r "$base/bin" "$base/seccomp.json" "$base/user/bench/"
		chown -R "$user:" "$base/user"
		as "$user" env HOME="$base/user/home" XDG_RUNTIME_DIR="$base/user/xdg" BENCH_BASE="$base/user/bench" BENCH_ROOT="$root" \
			bash "$base/run/bench/run.sh" --rootless
		remove_user
		return
		;;
	esac
	printf 'dlenv bench: %s, %d CPUs, load %s\n' "$(uname -sr)" "$(nproc)" "$(cut -d' ' -f1 /proc/loadavg)"
	prepare
	if [ "$(id -u)" != 0 ]; then
		as_ordinary
		return
	fi
	# This script where everybody can read it.
	rm -rf "$base/run"
	mkdir -p "$base/run"
	cp -r "$repo/bench" "$repo/tools" "$base/run/"
	BENCH_BASE=$base unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
		bash "$base/run/bench/run.sh" --inside
}

main "$@"
exit 0
