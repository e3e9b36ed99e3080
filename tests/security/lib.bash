# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# For the scenarios of this folder (see README.md): bundles made of the host's own
# programs, and one way to call the runtime under test and the controls.

load ../e2e/helpers

# shellcheck disable=SC2034 # used by the scenarios
WEAK=$BATS_TEST_DIRNAME/weak.sh
BUNDLE_PY=$E2E_STAGE/tools/bundle.py

# A root folder with the few programs that the scenarios use, copied with their libraries.
make_root() {
	local root=$1 name path
	mkdir -p "$root"/{bin,dev,proc,sys,tmp,etc,root,usr,run,mnt}
	for name in sh ls cat sleep touch true mkdir perl; do
		path=$(type -P "$name") || return 1
		cp -L "$path" "$root/bin/$name"
		ldd "$path" | grep -o '/[^ ]*' | while read -r lib; do
			mkdir -p "$root$(dirname "$lib")"
			[ -e "$root$lib" ] || cp -L "$lib" "$root$lib"
		done
	done
}

# setup: $ROOT, a root folder of the test's own; $OUTSIDE, a host folder that
# nothing in the container may reach; $B, the bundle. All on a real disk.
scene() {
	SCENE=$(mktemp -d "$E2E_STATE/sec.XXXXXX")
	chmod 0755 "$SCENE"
	ROOT=$SCENE/root OUTSIDE=$SCENE/outside B=$SCENE/bundle
	mkdir -p "$OUTSIDE" "$B" "$SCENE/state"
	echo outside-secret >"$OUTSIDE/secret"
	make_root "$ROOT"
}

scene_end() {
	local pid
	[ -n "${SCENE-}" ] || return 0
	# From a file: scenarios run in subshells, whose variables do not come back.
	[ ! -e "$SCENE/pids" ] || while read -r pid; do
		kill -KILL "$pid" 2>/dev/null || true
	done <"$SCENE/pids"
	rm -rf "$SCENE"
}

bundle() { "$BUNDLE_PY" "$B" --root "$ROOT" "$@"; } # bundle OPTIONS -- CMD...

kind() { local w=${RT%% *} && echo "${w##*/}"; }

# rt_run: run the bundle in the foreground; its output is the container's.
rt_run() {
	local id=sec-$BASHPID-$RANDOM
	# shellcheck disable=SC2086 # RT may have arguments
	case $(kind) in
	runc | crun) timeout 60 $RT --root "$SCENE/state" run --bundle "$B" "$id" ;;
	*) timeout 60 $RT run --bundle "$B" "$id" ;;
	esac </dev/null
}

# rt_background: start the bundle, whose command makes /ready; sets PID1 (as the host sees it).
rt_background() {
	ID=sec-$BASHPID-$RANDOM
	# shellcheck disable=SC2086
	case $(kind) in
	runc | crun) $RT --root "$SCENE/state" run --bundle "$B" "$ID" ;;
	*) $RT run --bundle "$B" "$ID" ;;
	esac </dev/null >"$SCENE/log" 2>&1 3>&- &
	local pid=$! child
	echo "$pid" >>"$SCENE/pids"
	wait_until 20 test -e "$ROOT/ready" || { cat "$SCENE/log" >&2; return 1; }
	# The container's first process: the one whose pid in its own namespace is 1.
	while child=$(pgrep -o -P "$pid"); do
		pid=$child
		[ "$(awk '/^NSpid:/ { print $NF }' "/proc/$pid/status")" != 1 ] || break
	done
	PID1=$pid
	echo "$PID1" >>"$SCENE/pids"
}

# rt_exec CWD CMD...: run a command in the container of rt_background.
rt_exec() {
	local cwd=$1
	shift
	# shellcheck disable=SC2086
	case $(kind) in
	runc | crun) timeout 60 $RT --root "$SCENE/state" exec --cwd "$cwd" "$ID" "$@" ;;
	weak.sh) timeout 60 $RT exec --cwd "$cwd" "$PID1" "$@" ;;
	*) timeout 60 $RT exec --bundle "$B" --cwd "$cwd" "$PID1" -- "$@" ;;
	esac </dev/null
}

# The runtime must leave nothing to be exposed ...
safe() {
	local found
	found=$("$@" 2>"$SCENE/err" | grep '^exposed' || true)
	[ -z "$found" ] || { printf '%s\n' "$found" >&2; tail -n 5 "$SCENE/err" >&2; return 1; }
}
# ... and it must have run at all: a runtime that always fails is safe, and of no use.
works() {
	bundle "$@" -- /bin/sh -c 'echo it-works'
	[ "$(rt_run 2>"$SCENE/err")" = it-works ] || { cat "$SCENE/err" >&2; return 1; }
}
# The control has the hole: the scenario sees it.
exposed() {
	"$@" 2>"$SCENE/err" | grep -q '^exposed' || { cat "$SCENE/err" >&2; return 1; }
}

# The default system call filter that environments get, as a file.
seccomp_profile() {
	local profile=$SCENE/seccomp.json
	"${DLRUN:-$E2E_STAGE/build/src/runtime/dlrun}" profile >"$profile" && echo "$profile"
}
