#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/bed/engine-root.sh forky|trixie|bookworm|image
#
# Prints the path of a root folder with Debian's container engines: forky (Debian 14 in the making) and trixie (13) have docker (dockerd
# and its client), containerd, podman, crun and runc, with what speaks CRI to containerd and gives its pods a network; bookworm has podman, crun and runc
# of Debian 12. `image` is what containers run: a small system with bash, a few tools, glibc and its ldconfig, and no driver. Made by
# mmdebstrap once, below ${DLENV_TEST_CACHE:-/var/tmp/dlenv-bed}, under a lock, by root; nobody may change them (engine-world.sh lays an
# overlay over them). The folder's name ends with a sum of what it was made from, so that another version of this script does not take
# it away from tests that run.
#
# Exit status: 77 when it cannot be had (no network, not made yet and not root), 1 otherwise.
set -u
export LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

programs="bash sh cat ls stat env id readlink sleep true touch grep head mkdir ldconfig"

packages_of() {
	case $1 in
	forky | trixie) echo docker.io,docker-cli,podman,netavark,crun,runc,iptables,iproute2,mount,ca-certificates,uidmap,containernetworking-plugins,curl,protobuf-compiler ;;
	bookworm) echo podman,crun,runc,uidmap,iproute2,mount,ca-certificates ;;
	esac
}

die() {
	echo "engine-root: $2" >&2
	exit "$1"
}

make_root() { # make_root SUITE FOLDER
	local log=$2.log mirror options=()
	command -v mmdebstrap >/dev/null || die 77 "mmdebstrap is not installed"
	mirror=$(debian_mirror)
	curl -fsS -m 60 -o /dev/null "$mirror/dists/$1/InRelease" ||
		die 77 "the mirror does not answer: is there a network?"
	# The date of a Release that is still made passes on a mirror that stands still.
	[ "$1" != forky ] || options=(--aptopt='Acquire::Check-Valid-Until "false"')
	if ! mmdebstrap --variant=essential --include="$(packages_of "$1")" \
		--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Retries "3"' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' "${options[@]}" --dpkgopt=force-unsafe-io \
		"$1" "$2" "$mirror" >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		die 1 "cannot make the root; the whole output is in $log"
	fi
	rm -f "$log"
}

# The programs, with the libraries that the loader names, and those that the driver's programs load.
make_image() { # make_image ROOT DIR
	local root=$1 to=$2 lib=/usr/lib/x86_64-linux-gnu program files
	files=$(for program in $programs; do echo "/usr/bin/$program"; done |
		sed 's|/usr/bin/ldconfig|/usr/sbin/ldconfig|')
	mkdir -p "$to"/{dev,proc,sys,tmp,run,var/run,etc/ld.so.conf.d,root,usr/bin,usr/sbin,usr/lib64,usr/lib}
	ln -s usr/bin usr/sbin usr/lib usr/lib64 "$to/"
	# shellcheck disable=SC2086 # a list
	files="$files $(chroot "$root" ldd $files 2>/dev/null | grep -o '/[^ ]*' | grep -v ':$' | sort -u)
		$lib/libm.so.6 $lib/libdl.so.2 $lib/libpthread.so.0 $lib/librt.so.1 $lib/libgcc_s.so.1"
	for program in $files; do
		[ -e "$root$program" ] || continue
		mkdir -p "$to$(dirname "$program")"
		cp -L "$root$program" "$to$program"
	done
	cp "$root/etc/ld.so.conf" "$to/etc/"
	cp "$root"/etc/ld.so.conf.d/* "$to/etc/ld.so.conf.d/"
	echo 'root:x:0:0::/root:/bin/sh' >"$to/etc/passwd"
	echo 'root:x:0:' >"$to/etc/group"
	echo 13 >"$to/etc/debian_version"
	chroot "$to" ldconfig
}

# get NAME: the folder, made when it is not there.
get() {
	local root
	root=$cache/engines-$1-$(echo "$(packages_of "$1") $programs" | cksum | cut -d' ' -f1)
	if [ ! -e "$root" ]; then
		[ "$(id -u)" = 0 ] || die 77 "'$root' is made by root: run the tests as root once"
		[ "$1" != image ] || trixie=$(get trixie) || exit
		exec 8>"$cache/engines-$1.lock"
		flock -w 1800 8 || die 1 "another run makes '$root' and does not finish"
		if [ ! -e "$root" ]; then
			rm -rf "$root.new"
			if [ "$1" = image ]; then
				make_image "$trixie" "$root.new"
			else
				make_root "$1" "$root.new" 8>&-
			fi
			mv "$root.new" "$root" || exit 1
		fi
		exec 8>&-
	fi
	kept "$cache/engines-$1" "$root"
	echo "$root"
}

main() {
	local repo trixie
	repo=$(cd "$(dirname "$0")/../.." && pwd)
	# shellcheck source=tools/mirror.sh
	. "$repo/tools/mirror.sh" # debian_mirror
	# shellcheck source=tests/bed/kept.sh
	. "$repo/tests/bed/kept.sh"
	cache=${DLENV_TEST_CACHE:-/var/tmp/dlenv-bed}
	if [ "$(id -u)" = 0 ]; then
		mkdir -p "$cache"
		chmod 1777 "$cache"
	fi
	case ${1-} in
	forky | trixie | bookworm | image) get "$1" ;;
	*) die 1 "usage: engine-root.sh forky|trixie|bookworm|image" ;;
	esac
}

main "$@"
