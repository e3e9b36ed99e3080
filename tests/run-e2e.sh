#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/run-e2e.sh [e2e|security|setup]
#
# Runs tests/<suite>/*.bats with the release build: as root all but those tagged
# `ordinary`, then the ones tagged `rootless` as an ordinary user that is made for it
# and removed afterwards. An ordinary caller runs the rootless ones only.
# (A file for both: `# bats file_tags=rootless`; for ordinary users alone: `rootless, ordinary`.)
#
# How this works: the programs and tests are copied to a stage folder that every
# user can read. Each identity runs in a mount and a pid namespace of its own, so
# that no mount and no process outlives it, with an empty folder over root's home.
#
# TESTS=pattern     only the files whose name has it
# DLENV_TEST_KEEP=1 keep the user and the images, for all runs until one with DLENV_TEST_KEEP=0
# DLENV_TEST_REQUIRE="userns net" (or all): a test that would be skipped for it fails
# E2E_BUILD=folder  another build than build/
# E2E_BASE=folder   where stage and state go (/var/tmp/dlenv-e2e): 12 GiB, not an overlay
set -u
suite=${1:-e2e}
repo=$(cd "$(dirname "$0")/.." && pwd)
build=${E2E_BUILD:-$repo/build}
# shellcheck source=tools/test-user.sh
. "$repo/tools/test-user.sh"
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin LC_ALL=C.UTF-8
user=dlenv-e2e
is_root=false
[ "$(id -u)" != 0 ] || is_root=true
base=${E2E_BASE:-/var/tmp/dlenv-e2e}
$is_root || base=${E2E_BASE:-${XDG_CACHE_HOME:-$HOME/.cache}/dlenv-e2e}

stage() {
	mkdir -p "$base"
	# A path that others cannot enter would fail every rootless test with a riddle.
	chmod 0755 "$base"
	rm -rf "$base/stage"
	mkdir -p "$base/stage/build"
	[ ! -d "$build/src" ] || (cd "$build" && find src bench -type f -perm -u+x ! -name '*.so*' -print0 2>/dev/null |
		tar --null -T - -c) | tar -x -C "$base/stage/build"
	(cd "$repo" && tar -c tests tools Makefile doc) | tar -x -C "$base/stage"
	(cd "$repo" && git ls-files -co --exclude-standard -z | tar --null --ignore-failed-read -T - -cf "$base/stage/source.tar")
	[ ! -d "$repo/data" ] || cp -r "$repo/data" "$base/stage/"
	chmod -R go+rX "$base/stage"
}

state() { # state NAME OWNER: this identity's folders
	mkdir -p "$base/$1"/{home,data,cache,xdg}
	chmod 0700 "$base/$1"/{data,cache,xdg}
	chown "$2:" "$base/$1" "$base/$1"/{home,data,cache,xdg}
}

clean_up() {
	trap '' INT TERM
	[ "${DLENV_TEST_KEEP-}" != 1 ] || touch "$base/kept"
	if [ -e "$base/kept" ] && [ "${DLENV_TEST_KEEP-}" != 0 ]; then
		rm -rf "$base/stage"
		return
	fi
	remove_user
	rm -rf "$base" 2>/dev/null || unshare --user --map-auto --map-root-user rm -rf "$base"
}

prepare_namespace() {
	open_devices && hide_home "$base/root/home"
}

# bats as one identity; its TAP goes to the terminal and to $base/NAME.tap.
run_identity() {
	local name=$1 tap=$base/$1.tap
	shift
	echo "-- $suite as $name"
	"$@" 2>&1 9>&- | tee "$tap" 9>&-
	awk '/^ok .*# skip/ { s++; next } /^ok / { p++ } /^not ok / { f++ }
		/^1\.\.[0-9]+$/ { plan = substr($0, 4) + 0; seen = 1 }
		END { lost = plan - p - f - s; if (!seen || lost > 0) f += seen ? lost : 1
		      print p + 0, f + 0, s + 0 }' "$tap" >"$base/$name.count"
}

bats_files() {
	find "$base/stage/tests/$suite" -name '*.bats' | grep -e "${TESTS:-.}" | sort
}

root_part() {
	# shellcheck disable=SC2016,SC2046 # expanded inside; file names have no spaces
	run_identity root unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
		bash -c 'prepare_namespace && "$@"; exit $?' - \
		env HOME=/root E2E_STATE="$base/root" DLENV_DATA="$base/root/data" \
		DLENV_CACHE="$base/root/cache" E2E_USER=$user E2E_USER_STATE="$base/user" \
		bats --tap --timing --filter-tags '!ordinary' $(bats_files)
}

user_part() {
	# shellcheck disable=SC2016,SC2046
	run_identity user unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
		bash -c 'prepare_namespace && as "$@"; exit $?' - "$user" \
		env HOME="$base/user/home" E2E_STATE="$base/user" \
		DLENV_DATA="$base/user/data" DLENV_CACHE="$base/user/cache" XDG_RUNTIME_DIR="$base/user/xdg" \
		bats --tap --timing --filter-tags rootless $(bats_files)
}

caller_part() {
	# shellcheck disable=SC2046
	run_identity caller env E2E_STATE="$base/caller" DLENV_DATA="$base/caller/data" \
		DLENV_CACHE="$base/caller/cache" \
		bats --tap --timing --filter-tags rootless $(bats_files)
}

main() {
	local lock=/var/tmp/$user.lock # one run at a time: they share the user
	$is_root || lock=$base.lock
	mkdir -p "$(dirname "$lock")"
	exec 9>"$lock"
	flock -n 9 || echo "waiting for another run, which holds $lock"
	flock -w 3600 9 || return 1
	trap clean_up EXIT
	trap 'exit 130' INT TERM
	stage
	export E2E_STAGE=$base/stage base
	export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-1200}
	export -f prepare_namespace open_devices hide_home as
	[ -n "$(bats_files)" ] || { echo "no tests in tests/$suite match"; return 0; }
	rm -f "$base"/*.count
	cd "$base/stage" || return 1
	if $is_root; then
		make_user "$user" "$base/user/home" || { echo "cannot make the user $user" >&2; return 1; }
		state root root
		state user "$user"
		root_part
		# Machines are set up by root.
		[ "$suite" = setup ] || user_part
	else
		state caller "$(id -un)"
		caller_part
	fi
	cat "$base"/*.count | awk -v suite="$suite" '{ p += $1; f += $2; s += $3 }
		END { printf "%s %d %d %d\n", suite, p, f, s; exit f > 0 }' |
		tee -a "${DLENV_TEST_RESULTS:-/dev/null}"
	[ "${PIPESTATUS[1]}" = 0 ]
}

main
