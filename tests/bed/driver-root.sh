#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/bed/driver-root.sh SUITE [DIR]
#
# The real NVIDIA user-space driver of Debian in a root folder: SUITE is bookworm (535) or trixie
# (550). Without DIR the path of the shared root is printed, which nobody may change; with DIR (which
# must not exist) that becomes a copy. Both are whole small Debian systems: maintainer scripts have run, so that the
# alternatives of libcuda, nvidia-smi and the GLX provider are as on a real machine. There are no kernel modules and no
# X server. Files belong to the caller.
#
# How this works: mmdebstrap makes the root once, below ${DLENV_TEST_CACHE:-/var/tmp/dlenv-bed} (an ordinary user: in a
# folder of one's own there), under a lock; `.complete` inside names the list of packages that it was made from.
# The driver may not be given away, so it is downloaded when tests run and never lies in the repository.
#
# Exit status: 77 when the packages cannot be had (no network), 1 otherwise.
set -u
export LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# Those that one of the suites lacks are left out there.
packages="
libcuda1 libcudadebugger1 libnvidia-ml1 libnvidia-cfg1 libnvidia-ptxjitcompiler1 libnvidia-nvvm4 libnvidia-gpucomp
libnvidia-pkcs11-openssl3 libnvidia-allocator1 libnvidia-api1 libnvcuvid1 libnvidia-encode1 libnvidia-opticalflow1
libnvidia-fbc1 libnvidia-ngx1 libnvoptix1 libnvidia-rtcore libnvidia-eglcore libnvidia-glcore libnvidia-glvkspirv
libegl-nvidia0 libglx-nvidia0 libgles-nvidia1 libgles-nvidia2 libgl1-nvidia-glvnd-glx libnvidia-egl-gbm1
libnvidia-egl-wayland1 nvidia-driver-libs nvidia-driver-bin nvidia-egl-icd nvidia-vulkan-icd nvidia-vdpau-driver
nvidia-opencl-icd nvidia-smi nvidia-cuda-mps nvidia-persistenced nvidia-xconfig nvidia-alternative firmware-nvidia-gsp ocl-icd-libopencl1
"

die() {
	echo "driver-root: $2" >&2
	exit "$1"
}

# Names that the suite's lists have, of those wanted: an `include` with a name that it lacks fails as a whole.
packages_of() { # packages_of SUITE MIRROR
	local section
	for section in main contrib non-free non-free-firmware; do
		curl -fsS -m 120 "$2/dists/$1/$section/binary-amd64/Packages.xz" | xz -dc || return 1
	done | awk -v want="$(echo "$packages" | tr '\n' ' ')" '
		BEGIN { n = split(want, list, " "); for (i = 1; i <= n; i++) wanted[list[i]] = 1 }
		$1 == "Package:" && $2 in wanted { print $2 }' | sort -u | paste -sd,
}

make_root() { # make_root SUITE FOLDER
	local suite=$1 to=$2 mirror names log=$2.log
	command -v mmdebstrap >/dev/null || die 77 "mmdebstrap is not installed"
	mirror=$(debian_mirror)
	names=$(packages_of "$suite" "$mirror") || names=
	[ -n "$names" ] ||
		die 77 "the package lists of $suite cannot be had from the mirror: is there a network?"
	mkdir -p "$to"
	# shellcheck disable=SC2086 # the mode is a word or nothing
	if ! mmdebstrap ${mode-} --variant=essential --include="$names" \
		--components=main,contrib,non-free,non-free-firmware \
		--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Retries "3"' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt=force-unsafe-io \
		"$suite" - "$mirror" 2>"$log" 3>&- 4>&- 8>&- | tar -x -C "$to" --no-same-owner --exclude='./dev/*'; then
		tail -n 20 "$log" >&2
		die 1 "cannot make the root of $suite; the whole output is in $log"
	fi
	find "$to" -type d ! -perm -u+rwx -exec chmod u+rwx {} +
	[ -L "$to/usr/lib/x86_64-linux-gnu/libcuda.so.1" ] ||
		die 1 "the root of $suite has no libcuda.so.1; see $log"
	rm -f "$log"
}

main() {
	local suite=${1-} dir=${2-} repo cache root mark
	case $suite in
	bookworm | trixie) ;;
	*) die 1 "usage: driver-root.sh bookworm|trixie [DIR]" ;;
	esac
	[ -z "$dir" ] || [ ! -e "$dir" ] || die 1 "'$dir' is there already"
	repo=$(cd "$(dirname "$0")/../.." && pwd)
	# shellcheck source=tools/mirror.sh
	. "$repo/tools/mirror.sh" # debian_mirror
	cache=${DLENV_TEST_CACHE:-/var/tmp/dlenv-bed}
	root=$cache/driver-$suite
	mark=$(echo "$packages" | cksum)
	# What root has made can be read by all; another user who finds nothing makes one's own.
	if [ "$(cat "$root/.complete" 2>/dev/null)" != "$mark" ] && [ "$(id -u)" != 0 ]; then
		mode=--mode=unshare cache=$cache/$(id -u)
		root=$cache/driver-$suite
	fi
	if [ "$(cat "$root/.complete" 2>/dev/null)" != "$mark" ]; then
		mkdir -p "$cache" || die 1 "cannot make '$cache'"
		[ "$(id -u)" != 0 ] || chmod 1777 "${DLENV_TEST_CACHE:-/var/tmp/dlenv-bed}"
		exec 8>"$cache/driver-$suite.lock"
		flock -w 1800 8 || die 1 "another run makes the root of $suite and does not finish"
		if [ "$(cat "$root/.complete" 2>/dev/null)" != "$mark" ]; then
			rm -rf "$root" "$root.new"
			make_root "$suite" "$root.new"
			echo "$mark" >"$root.new/.complete"
			mv "$root.new" "$root" || exit 1
		fi
		exec 8>&-
	fi
	if [ -z "$dir" ]; then
		echo "$root"
	else
		cp -a --reflink=auto --no-preserve=ownership "$root" "$dir" && rm "$dir/.complete"
	fi
}

main "$@"
