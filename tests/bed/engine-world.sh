#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/bed/engine-world.sh STATE SUITE [HOST:DIR ...] -- CMD...
#
# Runs CMD as root in a throw-away machine of Debian with real container engines (engine-root.sh SUITE): an overlay
# whose changes lie in STATE/up; mount, pid, network, uts, ipc and cgroup namespaces of its own; cgroup v2 alone, or with
# ENGINE_CGROUPS=v1 what the kernel has of v1 alone (as RHEL 8 does); /dev made anew; no network but loopback. HOST folders are bound at DIR. What the engines store lies in STATE/var, on the
# disk, since an overlay cannot lie on an overlay. STATE/gpu, if it is there, is a machine of gpu-host.sh, whose driver, devices and nodes
# are seen in the places where the kernel has them.
set -eu
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bed/system.sh
. "$here/system.sh"
state=${1:?usage: engine-world.sh STATE SUITE [HOST:DIR ...] -- CMD...}
suite=${2:?a suite}
shift 2
root=$("$here/engine-root.sh" "$suite") || exit
m=$state/m
hierarchies='$3 == "cgroup" && $4 !~ /name=/' # of cgroup v1, for awk

inside() {
	local bind
	mount -t overlay -o "lowerdir=$root,upperdir=$state/up,workdir=$state/work" overlay "$m"
	ip link set lo up
	system "$m"
	"cgroups_${ENGINE_CGROUPS:-v2}"
	for bind in docker containerd containers; do
		mkdir -p "$state/var/$bind" "$m/var/lib/$bind"
		mount --bind "$state/var/$bind" "$m/var/lib/$bind"
	done
	while [ "$1" != -- ]; do
		mkdir -p "$m${1#*:}"
		mount --rbind "${1%%:*}" "$m${1#*:}"
		shift
	done
	shift
	[ ! -d "$state/gpu" ] || play_gpu
	cd "$m"
	mkdir -p .old
	pivot_root . .old
	exec chroot . bash -c 'umount -l /.old; exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		HOME=/root LC_ALL=C.UTF-8 "$@"' - "$@"
}

cgroups_v2() { mount -t cgroup2 cgroup2 "$m/sys/fs/cgroup"; }
cgroups_v1() {
	local at options
	mount -t tmpfs -o mode=755 cgroup "$m/sys/fs/cgroup"
	awk "$hierarchies { print \$2, \$4 }" /proc/mounts | while read -r at options; do
		options=$(tr , '\n' <<<"$options" | grep -vxE 'rw|ro|nosuid|nodev|noexec|relatime' | paste -sd,)
		mkdir "$m/sys/fs/cgroup/${at##*/}"
		mount -t cgroup -o "$options" cgroup "$m/sys/fs/cgroup/${at##*/}"
	done
}

# Where the kernel would show the driver; what it has there of its own is covered.
play_gpu() {
	local gpu=$state/gpu dir
	# A user namespace may mount a proc and a sysfs of its own only where one is seen uncovered.
	mkdir "$m/run/proc" "$m/run/sys"
	mount -t proc proc "$m/run/proc"
	mount -t sysfs sys "$m/run/sys"
	[ ! -d "$gpu/proc/driver" ] || {
		mount -t tmpfs -o mode=755 driver "$m/proc/driver"
		cp -a "$gpu/proc/driver/." "$m/proc/driver/"
	}
	[ ! -e "$gpu/proc/devices" ] || mount --bind "$gpu/proc/devices" "$m/proc/devices"
	for dir in sys/bus/pci sys/devices sys/module; do
		[ ! -d "$gpu/$dir" ] || mount --bind "$gpu/$dir" "$m/$dir"
	done
	[ ! -d "$gpu/dev" ] || cp -a "$gpu/dev/." "$m/dev/"
}

mkdir -p "$state"/{up,work,m,var}
if [ "${ENGINE_WORLD-}" = inside ]; then
	unset ENGINE_WORLD
	inside "$@"
fi
# A group of its own in each hierarchy that is seen: it is the top of what the engines see, and goes at the end.
if [ "${ENGINE_CGROUPS:-v2}" = v1 ]; then
	parents=$(awk "$hierarchies { print \$2 }" /proc/mounts)
else
	parents=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
fi
groups=()
trap '[ ${#groups[@]} = 0 ] || find "${groups[@]}" -depth -type d -exec rmdir {} \; 2>/dev/null || true' EXIT
for parent in $parents; do
	group=$parent/dlenv-engines-$$
	mkdir "$group"
	groups+=("$group")
	# A new cpuset is empty, and takes nobody.
	for file in cpuset.cpus cpuset.mems; do
		[ ! -e "$parent/$file" ] || cat "$parent/$file" >"$group/$file"
	done
done
(
	for group in "${groups[@]}"; do
		echo "$BASHPID" >"$group/cgroup.procs"
	done
	export ENGINE_WORLD=inside
	exec unshare -m -u -i -n -p -C --fork --kill-child --propagation private "$0" "$state" "$suite" "$@"
)
