#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/bed/loader-root.sh bullseye|bookworm|trixie|musl
#
# Prints the path of a root folder with little more than a dynamic loader of that age (and, but for musl, its ldconfig
# and the cache that it made). Nobody may change it. Made once, below ${DLENV_TEST_CACHE:-/var/tmp/dlenv-bed} (an
# ordinary user who finds none: in a folder of one's own there). Older Debians are no longer on the mirrors.
#
# Exit status: 77 when the packages cannot be had (no network), 1 otherwise.
set -u
export LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

die() {
	echo "loader-root: $2" >&2
	exit "$1"
}

make_root() { # make_root SUITE FOLDER
	local suite=$1 packages=base-files,libc6,libc-bin mirror
	local hook=(--extract-hook='chroot "$1" /sbin/ldconfig')
	command -v mmdebstrap >/dev/null || die 77 "mmdebstrap is not installed"
	mirror=$(debian_mirror)
	if [ "$suite" = musl ]; then
		suite=bookworm packages=base-files,musl hook=()
	fi
	curl -fsS -m 20 -o /dev/null "$mirror/dists/$suite/InRelease" || die 77 "the mirror does not have $suite"
	# Files belong to the caller, so that an ordinary user can copy and remove them. A mirror may be busy.
	for _ in 1 2 3; do
		rm -rf "$2"
		mkdir -p "$2"
		# shellcheck disable=SC2086 # the mode is a word or nothing; with further descriptors apt fails
		mmdebstrap --quiet ${mode-} --variant=extract --include="$packages" \
			--aptopt='Acquire::Retries "3"' "${hook[@]}" "$suite" - "$mirror" 2>"$2.log" 3>&- 4>&- 8>&- |
			tar -x -C "$2" --no-same-owner --exclude='./dev/*' --exclude='./usr/share/*' \
				--exclude='./var/*' --exclude=./root 2>/dev/null && break
	done
	[ -e "$2/etc" ] || die 1 "cannot make the root; see $2.log"
	rm -f "$2.log"
}

main() {
	local suite=${1-} repo cache root
	case $suite in
	bullseye | bookworm | trixie | musl) ;;
	*) die 1 "usage: loader-root.sh bullseye|bookworm|trixie|musl" ;;
	esac
	repo=$(cd "$(dirname "$0")/../.." && pwd)
	# shellcheck source=tools/mirror.sh
	. "$repo/tools/mirror.sh" # debian_mirror
	cache=${DLENV_TEST_CACHE:-/var/tmp/dlenv-bed}
	root=$cache/loader-$suite
	if [ ! -e "$root/.complete" ] && [ "$(id -u)" != 0 ]; then
		mode=--mode=unshare cache=$cache/$(id -u)
		root=$cache/loader-$suite
	fi
	if [ ! -e "$root/.complete" ]; then
		mkdir -p "$cache" || die 1 "cannot make '$cache'"
		[ "$(id -u)" != 0 ] || chmod 1777 "${DLENV_TEST_CACHE:-/var/tmp/dlenv-bed}"
		exec 8>"$root.lock"
		flock -w 600 8 || die 1 "another run makes the root of $suite and does not finish"
		if [ ! -e "$root/.complete" ]; then
			rm -rf "$root" "$root.new"
			make_root "$suite" "$root.new"
			touch "$root.new/.complete"
			mv "$root.new" "$root" || exit 1
		fi
		exec 8>&-
	fi
	echo "$root"
}

main "$@"
