#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/bed/setup/root.sh trixie|bookworm|bare|dnf4|dnf5|zypp|vm|qemu
#
# Prints the path of a root folder with a real package manager, for world.sh: Debian 13 and 12 with apt and systemd, `bare`
# (Debian 13 as debootstrap leaves it: without curl, gpg and systemd), and Debian with dnf4, dnf5 or zypper, which skin.sh dresses up. For tests/vm: `vm`
# (Debian 13 that boots under Secure Boot and compiles modules) and `qemu` (what boots it). Made by mmdebstrap once, below ${DLENV_TEST_CACHE:-/var/tmp/dlenv-bed}, under a lock, by root; nobody may change it.
#
# How this works: the folder's name ends with a sum of what it was made from, so that another version of these scripts does not take it
# away from tests that run. Of sid only dnf5 and QEMU 11 are of use (Debian 13 has no dnf5, and its QEMU no devices out of a process).
#
# Exit status: 77 when it cannot be had (no network, not made yet and not root), 1 otherwise.
set -u
export LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

base=curl,gnupg,ca-certificates,sudo,passwd,procps,kmod,mount,systemd,systemd-sysv
engine=,dbus,iproute2,iptables,udev,strace

packages_of() {
	case $1 in
	trixie | bookworm) echo "$base$engine" ;;
	bare) echo passwd,mount,kmod ;;
	dnf4) echo "dnf,dnf-plugins-core,rpm,openssl,$base" ;;
	dnf5) echo "dnf5,rpm,openssl,$base" ;;
	zypp) echo "zypper,rpm,openssl,$base" ;;
	vm) echo "$base,udev,dbus,iproute2,linux-image-amd64,linux-headers-amd64,dkms,mokutil,openssl,initramfs-tools,zstd,shim-signed,grub-efi-amd64-signed" ;;
	qemu) echo qemu-system-x86,ovmf,python3,expect,mtools,dosfstools,e2fsprogs,gdisk ;;
	esac
}

suite_of() {
	case $1 in
	bookworm) echo bookworm ;;
	dnf5 | qemu) echo sid ;;
	*) echo trixie ;;
	esac
}

die() {
	echo "root: $2" >&2
	exit "$1"
}

# What a bare machine has to fetch before anything else comes from a folder of its own, where Debian's packages lie.
bare_archive() { # bare_archive ROOT
	local debs=$1/var/local/debs deb
	for deb in "$debs"/*.deb; do
		dpkg-deb -f "$deb"
		printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "${deb##*/}" "$(stat -c %s "$deb")" "$(sha256sum <"$deb" | cut -d' ' -f1)"
	done >"$debs/Packages"
	echo 'deb [trusted=yes] file:/var/local/debs ./' >"$1/etc/apt/sources.list.d/local.list"
}

make_root() { # make_root NAME FOLDER
	local log=$2.log mirror suite options=()
	suite=$(suite_of "$1")
	command -v mmdebstrap >/dev/null || die 77 "mmdebstrap is not installed"
	mirror=$(debian_mirror)
	curl -fsS -m 60 -o /dev/null "$mirror/dists/$suite/InRelease" ||
		die 77 "the mirror does not answer: is there a network?"
	# The date of sid's Release passes on a mirror that stands still.
	[ "$suite" != sid ] || options=(--aptopt='Acquire::Check-Valid-Until "false"')
	# shellcheck disable=SC2016 # mmdebstrap's shell expands it
	[ "$1" != bare ] || options=(--customize-hook='chroot "$1" apt-get install -y --download-only gpg ca-certificates' --customize-hook='mkdir -p "$1/var/local/debs"; mv "$1"/var/cache/apt/archives/*.deb "$1/var/local/debs"')
	if ! mmdebstrap --variant=apt --include="$(packages_of "$1")" \
		--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
		--aptopt='Acquire::Retries "3"' --dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt=force-unsafe-io "${options[@]}" "$suite" "$2" "$mirror" >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		die 1 "cannot make the root; the whole output is in $log"
	fi
	# What was for the making only: apt and dpkg behave as on a machine.
	rm -f "$log" "$2"/etc/apt/apt.conf.d/99mmdebstrap "$2"/etc/dpkg/dpkg.cfg.d/99mmdebstrap
	: >"$2/etc/apt/sources.list"
	[ "$1" != bare ] || bare_archive "$2"
}

main() {
	local name=${1-} repo cache root mark
	mark=$(packages_of "$name")
	[ -n "$mark" ] || die 1 "usage: root.sh trixie|bookworm|bare|dnf4|dnf5|zypp|vm|qemu"
	mark=$(echo "$mark 1" | cksum | cut -d" " -f1)
	repo=$(cd "$(dirname "$0")/../../.." && pwd)
	# shellcheck source=tools/mirror.sh
	. "$repo/tools/mirror.sh" # debian_mirror
	# shellcheck source=tests/bed/kept.sh
	. "$repo/tests/bed/kept.sh"
	cache=${DLENV_TEST_CACHE:-/var/tmp/dlenv-bed}
	root=$cache/setup-$name-$mark
	if [ ! -e "$root" ]; then
		[ "$(id -u)" = 0 ] || die 77 "'$root' is made by root: run the tests as root once"
		mkdir -p "$cache"
		chmod 1777 "$cache"
		exec 8>"$cache/setup-$name.lock"
		flock -w 1800 8 || die 1 "another run makes '$root' and does not finish"
		if [ ! -e "$root" ]; then
			rm -rf "$root.new"
			make_root "$name" "$root.new" 8>&-
			mv "$root.new" "$root" || exit 1
		fi
		exec 8>&-
	fi
	kept "$cache/setup-$name" "$root"
	echo "$root"
}

main "$@"
