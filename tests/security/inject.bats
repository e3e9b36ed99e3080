#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bats file_tags=rootless
# An image that lies to who puts the GPU's driver into its root: our hook, and our own runtime's stage. The control is
# weak-hook.sh, which has the mistakes of the published holes.

load lib

# Who injects: a command line, `own` for the runtime, `layer` for the runtime that prepares a layer.
INJECT=$E2E_STAGE/build/src/hook/dlenv-toolkit\ nvidia-cdi-hook
WEAK_HOOK=$BATS_TEST_DIRNAME/weak-hook.sh

setup() {
	scene
	mkdir -p "$ROOT"/etc/ld.so.conf.d "$ROOT"/opt/nvidia/lib "$ROOT"/sbin "$ROOT"/usr/lib
	cp -L "$(ldd /bin/sh | grep -o '/[^ ]*libc\.so\.6')" "$ROOT/opt/nvidia/lib/libcuda.so.550.1"
}
teardown() { scene_end; }

LINKS=(libcuda.so.1::/usr/lib/libcuda.so libcuda.so.550.1::/opt/nvidia/lib/libcuda.so.1 ../card0::/dev/dri/by-path/pci-card)

# One bundle for all, written once: what our runtime reads is an annotation, which hooks do not see.
bundles() {
	local link annotation list=()
	for link in "${LINKS[@]}"; do
		list+=("{\"target\": \"${link%%::*}\", \"at\": \"${link#*::}\"}")
	done
	annotation=$(IFS=,; echo "{\"links\": [${list[*]}], \"folders\": [\"/opt/nvidia/lib\"], \"profile\": true,
		\"params\": true, \"compatDriver\": \"550.1\", \"modes\": [{\"path\": \"/dev/mode\", \"mode\": 511}]}")
	annotation=$(python3 -c 'import json, sys; print(json.dumps(sys.argv[1]))' "$annotation")
	bundle --merge "{\"annotations\": {\"dlenv.tree\": $annotation}}" -- /bin/true
	# The same with the image as the lowest layer, and a driver's file to be mounted.
	python3 - "$B/config.json" "$SCENE" <<-'PY'
		import json, os, sys
		config, scene = json.load(open(sys.argv[1])), sys.argv[2]
		del config["root"]
		config["annotations"].update({"dlenv.overlay.lower": scene + "/root", "dlenv.overlay.upper": scene + "/upper",
		                              "dlenv.overlay.work": scene + "/work"})
		config["mounts"] = [{"destination": "/usr/lib/libcuda.so.550.1", "source": "/bin/sh", "options": ["bind", "ro"]},
		                    {"destination": "/opt/nvidia/lib/libnvidia-ml.so.550.1", "source": "/bin/sh", "options": ["bind", "ro"]}]
		os.mkdir(scene + "/layer")
		json.dump(config, open(scene + "/layer/config.json", "w"))
	PY
}

# prepare: what becomes a layer is in $SCENE/upper.
prepare() {
	rm -rf "$SCENE/upper" "$SCENE/work"
	mkdir "$SCENE/upper" "$SCENE/work"
	# shellcheck disable=SC2086 # RT may have arguments
	(B=$SCENE/layer && timeout 60 $RT run --prepare --bundle "$B" "sec-$BASHPID-$RANDOM") </dev/null
}

# inject: everything that there is to make.
inject() {
	local link args=()
	[ -e "$B/config.json" ] || bundles
	if [ "$INJECT" = own ]; then
		rt_run
		return
	fi
	if [ "$INJECT" = layer ]; then
		prepare
		return
	fi
	for link in "${LINKS[@]}"; do
		args+=(--link "$link")
	done
	# shellcheck disable=SC2086 # a command and its first argument
	(cd "$ROOT" && echo "{\"ociVersion\": \"1.0.2\", \"id\": \"x\", \"bundle\": \"$B\"}" |
		timeout 20 $INJECT apply "${args[@]}" --folder /opt/nvidia/lib --profile --params \
			--host-driver-version=550.1 --chmod 777::/dev/mode)
}

# What the host's folder has that it should not have, and what the image has of it.
look_outside() {
	find "$OUTSIDE" -mindepth 1 ! -path "$OUTSIDE/secret" -printf 'exposed: made outside: %P\n'
	[ "$(cat "$OUTSIDE/secret")" = outside-secret ] || echo "exposed: a file outside was written"
	[ "$(stat -c %a "$OUTSIDE/secret")" = 644 ] || echo "exposed: the mode of a file outside was changed"
	! grep -rqs --devices=skip outside-secret "$ROOT/usr" "$ROOT/opt" "$SCENE/upper" || echo "exposed: a file outside was copied"
}

# Our hook and our runtime, at a start and when it prepares a layer.
all_safe() {
	safe "$@"
	INJECT=own safe "$@"
	INJECT=layer safe "$@"
}
old_safe() { DLENV_NO=openat2,newmount INJECT=own safe "$@"; } # as on an old kernel
control() { INJECT="$WEAK_HOOK" exposed "$@"; }

@test "it is made at all" {
	inject
	[ "$(readlink "$ROOT/usr/lib/libcuda.so")" = libcuda.so.1 ]
	grep -q /opt/nvidia/lib/libcuda.so.550.1 "$ROOT/etc/ld.so.cache"
	rm "$ROOT/usr/lib/libcuda.so" "$ROOT/etc/ld.so.cache"
	INJECT=own inject
	[ "$(readlink "$ROOT/usr/lib/libcuda.so")" = libcuda.so.1 ]
	grep -q /opt/nvidia/lib/libcuda.so.550.1 "$ROOT/etc/ld.so.cache"
	rm "$ROOT/usr/lib/libcuda.so" "$ROOT/etc/ld.so.cache"
	INJECT=layer inject
	[ "$(readlink "$SCENE/upper/usr/lib/libcuda.so")" = libcuda.so.1 ]
	grep -q /opt/nvidia/lib/libcuda.so.550.1 "$SCENE/upper/etc/ld.so.cache"
	[ -e "$SCENE/upper/opt/nvidia/lib/libnvidia-ml.so.550.1" ]
	[ ! -s "$SCENE/upper/opt/nvidia/lib/libnvidia-ml.so.550.1" ]
	[ ! -e "$ROOT/usr/lib/libcuda.so" ]
}

try_folder() { # try_folder FOLDER TARGET: a folder of the image leads out
	rm -rf "${ROOT:?}$1"
	ln -s "$2" "$ROOT$1"
	inject || true
	rm -f "${ROOT:?}$1"
	mkdir -p "$ROOT$1"
	look_outside
}

@test "folders of the image that lead out: CVE-2024-0133, CVE-2024-0134" {
	local up=../../../../../../../../../..
	all_safe try_folder /usr/lib "$OUTSIDE"
	all_safe try_folder /usr/lib "$up$OUTSIDE"
	all_safe try_folder /usr ../outside
	all_safe try_folder /opt/nvidia/lib "$OUTSIDE"
	all_safe try_folder /etc "$up$OUTSIDE"
	all_safe try_folder /etc/ld.so.conf.d "$OUTSIDE"
	all_safe try_folder /dev "$OUTSIDE"
	old_safe try_folder /usr/lib "$up$OUTSIDE"
	old_safe try_folder /etc "$OUTSIDE"
}
@test "control: a link made outside is seen" { control try_folder /usr/lib "$OUTSIDE"; }
@test "control: settings made outside are seen" { control try_folder /etc/ld.so.conf.d "$OUTSIDE"; }
@test "control: links made outside through /dev are seen" { control try_folder /dev "$OUTSIDE"; }

try_cache() { # try_cache TARGET
	rm -f "$ROOT/etc/ld.so.cache"
	ln -s "$1" "$ROOT/etc/ld.so.cache"
	inject || true
	look_outside
}

@test "the loader's cache as a link: CVE-2025-23267" {
	all_safe try_cache "$OUTSIDE/secret"
	all_safe try_cache ../../outside/secret
	all_safe try_cache /proc/self/environ
	all_safe try_cache /proc/self/fd/1
	old_safe try_cache "$OUTSIDE/secret"
}
@test "control: a cache written outside is seen" { control try_cache "$OUTSIDE/secret"; }

try_fifo() {
	local status=0
	rm -f "$ROOT/etc/ld.so.cache"
	mkfifo "$ROOT/etc/ld.so.cache"
	inject || status=$?
	rm -f "$ROOT/etc/ld.so.cache"
	[ $status != 124 ] || echo "exposed: the image held it up"
}

@test "the loader's cache as a pipe does not block" { all_safe try_fifo; }
@test "control: blocking is seen" {
	timeout() { command timeout 2 "${@:2}"; }
	control try_fifo
}

try_program() { # CVE-2024-0136, CVE-2024-0137
	printf '#!/bin/sh\n: >"%s/ran"\n' "$OUTSIDE" >"$ROOT/sbin/ldconfig"
	chmod +x "$ROOT/sbin/ldconfig"
	mkdir -p "$ROOT/usr/sbin" && cp "$ROOT/sbin/ldconfig" "$ROOT/usr/sbin/"
	inject || true
	look_outside
}

@test "no program of the image is run: CVE-2024-0136" { all_safe try_program; }
@test "control: a program that ran is seen" { control try_program; }

try_preload() {
	printf '#include <fcntl.h>\n__attribute__((constructor)) static void run(void) { open("%s/ran", O_CREAT | O_WRONLY, 0644); }\n' \
		"$OUTSIDE" >"$SCENE/evil.c"
	gcc -shared -fPIC -o "$ROOT/evil.so" "$SCENE/evil.c"
	# As createContainer hooks are run: the image's environment, the image's folder.
	INJECT="env LD_PRELOAD=./evil.so LD_LIBRARY_PATH=. GLIBC_TUNABLES=glibc.malloc.check=3 $INJECT" preloaded
	look_outside
}
preloaded() { # env itself must not be the one that loads it
	bundles
	(cd "$ROOT" && echo "{\"bundle\": \"$B\"}" | perl -e 'my ($env, @set);
		@set = splice(@ARGV, 1, 3); shift @ARGV; /^(\w+)=(.*)/ and $ENV{$1} = $2 for @set; exec @ARGV' \
		$INJECT apply --link a::/usr/lib/a) || true
}

@test "the image's environment loads nothing: CVE-2025-23266" { safe try_preload; }
@test "control: a preloaded library is seen" { INJECT="$WEAK_HOOK" exposed try_preload; }

try_compat() {
	mkdir -p "$ROOT/usr/local/cuda/compat"
	ln -sf "$OUTSIDE/secret" "$ROOT/usr/local/cuda/compat/libcuda.so.999.1"
	inject || true
	look_outside
}

@test "a compatibility library that is a link to the host: CVE-2024-0132" { all_safe try_compat; }
@test "control: a copied file of the host is seen" { control try_compat; }

try_mode() {
	ln -sf "$OUTSIDE/secret" "$ROOT/dev/mode"
	inject || true
	look_outside
	chmod 644 "$OUTSIDE/secret"
}

@test "a mode is not set through a link" { all_safe try_mode; }
@test "control: a mode that was set outside is seen" { control try_mode; }

# A neighbour exchanges a folder of the image for a link to the outside while we work.
swap() { # swap A B
	# shellcheck disable=SC2016
	exec perl -e 'my %nr = (x86_64 => 316, aarch64 => 276); chomp(my $m = `uname -m`);
		my ($x, $y) = @ARGV; my $end = time + 120;
		while (time < $end) { syscall($nr{$m}, -100, $x, -100, $y, 2) for 1 .. 1000 }' "$@"
}

try_swap() { # try_swap FOLDER
	local i swapper
	[ -e "$B/config.json" ] || bundles
	mkdir -p "$ROOT/dev/dri/by-path"
	ln -s "$OUTSIDE" "$ROOT/swapped"
	swap "$ROOT$1" "$ROOT/swapped" 3>&- >/dev/null &
	swapper=$!
	echo $swapper >>"$SCENE/pids"
	for i in $(seq "${SWAPS:-30}"); do
		inject >/dev/null 2>&1 || true
		[ $((i % 10)) != 0 ] || [ -z "$(look_outside)" ] || break
	done
	{ kill -KILL $swapper && wait $swapper; } 2>/dev/null
	# Whichever of the two is the link now.
	for i in "$ROOT$1" "$ROOT/swapped"; do
		[ ! -L "$i" ] || rm "$i"
	done
	[ ! -d "$ROOT/swapped" ] || mv "$ROOT/swapped" "$ROOT$1"
	look_outside
}

@test "/dev exchanged for a link while we work: CVE-2024-0135, CVE-2026-24260" {
	safe try_swap /dev
	INJECT=own safe try_swap /dev
	INJECT=layer safe try_swap /usr/lib
}
@test "/etc exchanged for a link while we work" { safe try_swap /etc; }
@test "/usr/lib exchanged for a link while we work, on an old kernel" {
	old_safe try_swap /usr/lib
}
@test "control: what came out through an exchanged folder is seen" { control try_swap /usr/lib; }
