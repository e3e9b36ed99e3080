# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# For `load helpers` in tests/e2e/*.bats and `load ../e2e/helpers` elsewhere.
# tests/run-e2e.sh sets: E2E_STAGE (a copy of the programs and the tests that
# every user can read), E2E_STATE (this identity's folder on a real disk),
# DLENV_DATA and DLENV_CACHE (shared by all tests of an identity, so that an image is built once),
# E2E_USER (the ordinary user, when run as root).

E2E_STAGE=${E2E_STAGE:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
E2E_STATE=${E2E_STATE:-${XDG_CACHE_HOME:-$HOME/.cache}/dlenv-e2e}
DLENV=${DLENV:-$E2E_STAGE/build/src/cli/dlenv}
RT=${RT:-$E2E_STAGE/build/src/runtime/dlrun}

# shellcheck source=tools/mirror.sh
. "$E2E_STAGE/tools/mirror.sh" # debian_mirror

# The program under test. No test waits for ever: DLENV_TIMEOUT seconds each.
dlenv() { timeout --kill-after=10 "${DLENV_TIMEOUT:-600}" "$DLENV" "$@"; }

# need WHAT [ARG]: go on only where WHAT is to be had, else skip and say why.
# DLENV_TEST_REQUIRE names (or is `all`) those whose absence is a failure.
need() {
	local what=$1 why
	why=$("_need_$what" "${@:2}") && return 0
	case " ${DLENV_TEST_REQUIRE-} " in
	*" $what "* | *" all "*)
		echo "required, but $what: $why" >&2
		return 1
		;;
	esac
	skip "$what: $why"
}

_need_root() { [ "$(id -u)" = 0 ] || { echo "needs root"; return 1; }; }
_need_ordinary() { [ "$(id -u)" != 0 ] || { echo "is for an ordinary user"; return 1; }; }
_need_user() { [ -n "${E2E_USER-}" ] || { echo "needs root, to act as another user"; return 1; }; }
_need_command() { command -v "$1" >/dev/null || { echo "program '$1' is not installed"; return 1; }; }
_need_userns() {
	unshare -U true 2>/dev/null || { echo "user namespaces are forbidden here"; return 1; }
	_need_command newuidmap
}
_need_tun() { { : <>/dev/net/tun; } 2>/dev/null || { echo "/dev/net/tun cannot be opened"; return 1; }; }
_need_fuse() { { : <>/dev/fuse; } 2>/dev/null || { echo "/dev/fuse cannot be opened"; return 1; }; }
_need_loop() {
	_need_root || return 1
	losetup -f >/dev/null 2>&1 || { echo "no loop device to be had"; return 1; }
}
_need_gpu() { [ -e /proc/driver/nvidia/version ] || { echo "no NVIDIA driver is loaded"; return 1; }; }
_need_net() { # the mirror that images are built from
	local url
	url=$(debian_mirror)
	curl -fsS -m 20 -o /dev/null "$url/dists/trixie/InRelease" 2>/dev/null ||
		{ echo "the Debian mirror does not answer"; return 1; }
}
_need_disk() { # free GiB where the state is
	local free
	free=$(df -P -k "$E2E_STATE" | awk 'NR == 2 { print int($4 / 1048576) }')
	[ "$free" -ge "$1" ] || { echo "$1 GiB free on disk are needed, $free are there"; return 1; }
}

# as_user CMD...: run as the ordinary user, with that user's own state.
as_user() {
	local home=$E2E_USER_STATE
	setpriv --reuid "$E2E_USER" --regid "$(id -g "$E2E_USER")" --init-groups --inh-caps=-all \
		env -u DLENV_DATA -u DLENV_CACHE HOME="$home/home" USER="$E2E_USER" LOGNAME="$E2E_USER" \
		XDG_RUNTIME_DIR="$home/xdg" DLENV_DATA="$home/data" DLENV_CACHE="$home/cache" "$@"
}

# wait_until SECONDS CMD...: true as soon as CMD is; false after that time.
wait_until() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

# fresh_state [--own-data]: a settings folder, a run folder and an empty project
# folder ($PROJECT, the current one) of this test's own; the images stay those of all
# tests unless --own-data is given. For setup(); drop_state belongs in teardown().
fresh_state() {
	local base
	base=$(mktemp -d "$E2E_STATE/t.XXXXXX")
	E2E_TEST_STATE=$base
	mkdir -p "$base/run" "$base/config" "$base/project"
	chmod 0700 "$base/run" "$base/config"
	export DLENV_RUN=$base/run DLENV_CONFIG=$base/config PROJECT=$base/project
	if [ "${1-}" = --own-data ]; then
		export DLENV_DATA=$base/data
		mkdir -m 0700 "$DLENV_DATA"
	fi
	cd "$PROJECT" || return 1
}

# Stop and remove the environments of this test, unmount what it mounted, remove its files.
drop_state() {
	local name dir
	cd / || return 1
	if [ -n "${E2E_TEST_STATE-}" ] && [ -x "$DLENV" ]; then
		for name in $(dlenv ls --quiet 2>/dev/null); do
			dlenv rm --yes --force "$name" >/dev/null 2>&1 || true
		done
	fi
	for dir in "${E2E_SMALL_DISKS[@]}"; do
		umount -l "$dir" 2>/dev/null || true
		rm -f "$dir.img"
	done
	[ -z "${E2E_TEST_STATE-}" ] || remove_tree "$E2E_TEST_STATE"
	unset E2E_TEST_STATE
}

# Files of subordinate ids can only be removed from inside their user namespace.
remove_tree() {
	rm -rf "$1" 2>/dev/null && return 0
	unshare --user --map-auto --map-root-user rm -rf "$1" 2>/dev/null || true
	[ ! -e "$1" ]
}

# with_small_disk DIR SIZE: DIR becomes a file system of its own of that size (mkfs's units).
E2E_SMALL_DISKS=()
with_small_disk() {
	mkdir -p "$1"
	truncate -s "$2" "$1.img"
	mkfs.ext4 -q -m 0 "$1.img"
	mount -o loop "$1.img" "$1"
	E2E_SMALL_DISKS+=("$1")
}

# made VARIABLE CMD...: the last line that a bed script prints; skipped, with its words, where it cannot be had.
made() {
	local text code=0
	text=$("${@:2}" 2>&1) || code=$?
	if [ $code = 77 ]; then
		case " ${DLENV_TEST_REQUIRE-} " in
		*" net "* | *" all "*) ;;
		*) skip "$text" ;;
		esac
	fi
	[ $code = 0 ] || { echo "$text" >&2; return 1; }
	printf -v "$1" '%s' "${text##*$'\n'}"
}

# Of a text with lines "== NAME" before its parts, one part. part_of NAME TEXT
part_of() { awk -v head="== $1" '/^==/ { on = $0 == head } on' <<<"$2"; }

# Assertions that show what there was instead.
assert_status() {
	# shellcheck disable=SC2154 # set by bats' run
	[ "$status" = "$1" ] || { echo "exit status $status instead of $1; output: $output" >&2; return 1; }
}
assert_output() { # assert_output TEXT: the output holds it
	[[ $output == *"$1"* ]] || { echo "'$1' is not in: $output" >&2; return 1; }
}
refute_output() {
	[[ $output != *"$1"* ]] || { echo "'$1' is in: $output" >&2; return 1; }
}
