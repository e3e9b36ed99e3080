#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/bed/setup/world.sh SKIN [HOST:DIR ...] -- CMD...
#
# Runs CMD as root on a throw-away machine that plays SKIN of skins.tsv: a real package manager, no network but the replica's hosts, a GPU
# on the bus, a kernel without headers, the user dev (1000), and this build's dlenv in /usr/local/bin. HOST files and folders are bound at DIR.
#
#   WORLD=DIR      the machine is kept there, and CMD runs on what the last one left, after a reboot: DIR/up has what changed,
#                  DIR/access.log the requests, DIR/faults what goes wrong (replica-server.py); /world inside
#   GPU=OPTIONS    of gpu-host.sh (`--device-id 2684`); `none`: there is none
#   NOUVEAU=1      nouveau has the GPU until it is blacklisted
#   SECURE_BOOT=1  UEFI with Secure Boot (0: with it off; unset: no UEFI). MokManager enrols at the reboot when MOK=1
#   DISK_MB=N      that much disk
#   BUILD=DIR      of another build of dlenv than build/
#   BOOT=CGROUP    systemd is PID 1 in that group, and real.sh's packages are real: of machine.sh, which see
#
# `world.sh SKIN --layers` prints the folders that it lies over.
#
# How this works: an overlay over the root (root.sh) and over what skin.sh makes of it, once, below the cache. Mount, pid, network, uts, ipc
# namespaces; PID 1 is this script's, so that a power cut kills everything else. The server is in a mount namespace of its own, since
# pivot_root would take it along. What the kernel alone could do, modprobe.sh plays: at a reboot the module that lies there is loaded.
# There is no systemd, but what dlenv has it do at boot is done.
set -eu
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../../.." && pwd)
# shellcheck source=tests/bed/system.sh
. "$here/../system.sh"
# shellcheck source=tests/bed/kept.sh
. "$here/../kept.sh"
usage="usage: world.sh SKIN [HOST:DIR ...] -- CMD..."
skin=${1:?$usage}
cache=${DLENV_TEST_CACHE:-/var/tmp/dlenv-bed}

field() {
	awk -F'\t' -v skin="$skin" -v column="$1" '/^#/ { next } !n { for (i = 1; i <= NF; i++) if ($i == column) n = i; next }
		$1 == skin { print $n }' "$here/skins.tsv"
}

# The layer that makes a distribution of the root; made in a world without one.
get_skin() {
	[ ! -e "$layer" ] || return 0
	[ "$(id -u)" = 0 ] || { echo "world: '$layer' is made by root" >&2 && exit 77; }
	exec 7>"$cache/setup-skin-$skin.lock"
	flock -w 1800 7 || { echo "world: another run makes '$layer' and does not finish" >&2 && exit 1; }
	if [ ! -e "$layer" ]; then
		rm -rf "$layer.new"
		mkdir -p "$layer.new"/{up,work,m}
		if ! unshare -m --propagation private "$0" --skin "$skin" "$root" "$replica" "$layer.new" >"$layer.log" 2>&1 7>&-; then
			tail -n 20 "$layer.log" >&2
			echo "world: cannot make '$skin'; the whole output is in $layer.log" >&2
			exit 1
		fi
		rm -rf "$layer.new/work" "$layer.new/m" "$layer.log"
		mv "$layer.new" "$layer"
	fi
	exec 7>&-
}

make_skin() { # make_skin ROOT REPLICA LAYER
	local m=$3/m
	mount -t overlay -o "lowerdir=$1,upperdir=$3/up,workdir=$3/work" overlay "$m"
	mkdir -p "$m/replica" "$m/bed" "$m/world"
	mount --bind "$2" "$m/replica"
	mount --bind "$here/.." "$m/bed"
	system "$m"
	chroot "$m" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
		bash /bed/setup/skin.sh "$skin"
}

# The kernel, the firmware and the GPU of this machine, where the kernel would show them.
play() {
	local m=$1 options nouveau='' efi=$state/efi
	echo "$(field kernel)" >"$state/osrelease"
	mount --bind "$state/osrelease" "$m/proc/sys/kernel/osrelease"
	if [ "${GPU-}" = none ]; then
		options='--gpus 0'
	else
		options=${GPU---gpus 1}
	fi
	grep -rqs '^blacklist nouveau' "$m"/{etc,usr/lib}/modprobe.d || nouveau=${NOUVEAU:+--nouveau}
	rm -rf "$state/gpu"
	# shellcheck disable=SC2086 # options
	"$here/../gpu-host.sh" "$state/gpu" --driver none $nouveau $options
	mkdir -p "$m/run/bed" "$state/gpu/sys/"{module,bus/pci,devices} "$state/gpu/proc/driver"
	[ "${GPU-}" = none ] || echo "$options" >"$m/run/bed/gpu-options"
	mount -t tmpfs -o mode=755 driver "$m/proc/driver"
	mount --bind "$state/gpu/proc/devices" "$m/proc/devices"
	mount --bind "$state/gpu/sys/bus/pci" "$m/sys/bus/pci"
	mount --bind "$state/gpu/sys/devices" "$m/sys/devices"
	mount --bind "$state/gpu/sys/module" "$m/sys/module"
	mount -t tmpfs -o mode=755 firmware "$m/sys/firmware"
	if [ -n "${SECURE_BOOT-}" ]; then
		mkdir -p "$efi" "$m/sys/firmware/efi/efivars"
		printf '\6\0\0\0%b' "\\0$SECURE_BOOT" >"$efi/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
		firmware_keys "$efi"
		mount --bind "$efi" "$m/sys/firmware/efi/efivars"
	fi
}

# MokManager: enrols what was asked for, or forgets it, as when nobody presses a key.
firmware_keys() {
	local shim=605dab50-e046-4300-abb6-3dd810dd8b23
	[ -e "$1/MokListRT-$shim" ] || : >"$1/MokListRT-$shim"
	[ "${MOK-}" != 1 ] || [ ! -e "$1/MokNew-$shim" ] || cat "$1/MokNew-$shim" >>"$1/MokListRT-$shim"
	rm -f "$1/MokNew-$shim" "$1/MokAuth-$shim" "$1/MokDel-$shim"
}

programs() {
	local m=$1 name
	[ ! -x "$build/src/cli/dlenv" ] || mount --bind "$build/src/cli/dlenv" "$m/usr/local/bin/dlenv"
	for name in init/dlenv-init hook/dlenv-toolkit nvml/dlenv-nvml; do
		[ ! -x "$build/src/$name" ] || cp "$build/src/$name" "$state/libexec/"
	done
	mount --bind "$state/libexec" "$m/usr/local/libexec/dlenv"
}

# What systemd and engines want besides: folders on a disk of their own, since an overlay does not lie on an overlay, and a console.
boot_parts() {
	local m=$1 dir
	for dir in var/lib/docker var/lib/containerd var/lib/containers home/dev/.local/share; do
		mkdir -p "$state/disks/$dir" "$m/$dir"
		mount --bind "$state/disks/$dir" "$m/$dir"
	done
	chown 1000:1000 "$state/disks/home/dev/.local/share" "$m/home/dev/.local"
	mkdir -p "$m/dev/net" "$m/etc/containers/containers.conf.d"
	mknod -m 0666 "$m/dev/net/tun" c 10 200
	mknod -m 0600 "$m/dev/console" c 1 3
	mknod -m 0644 "$m/dev/kmsg" c 1 11
	for unit in console-getty getty@ systemd-firstboot systemd-networkd systemd-timesyncd systemd-resolved; do
		ln -sf /dev/null "$m/etc/systemd/system/$unit.service"
	done
	# Where the machine that this one runs on keeps the pids controller to itself.
	printf '[containers]\npids_limit = 0\n' >"$m/etc/containers/containers.conf.d/bed.conf"
	# What is played lies over parts of these two. The kernel lets a user mount new ones only where whole ones can be seen.
	mkdir -p "$m/run/bed/proc" "$m/run/bed/sys"
	mount -t proc proc "$m/run/bed/proc"
	mount -t sysfs sys "$m/run/bed/sys"
	# Docker's tool asks for a module that the kernel of these tests has built in.
	mkdir -p "$m/usr/lib/modules/$(uname -r)"
	echo kernel/net/ipv4/netfilter/ip_tables.ko | tee "$m/usr/lib/modules/$(uname -r)/modules.builtin" >"$m/usr/lib/modules/$(field kernel)/modules.builtin"
	# pasta wants a way out to look at; this one leads nowhere.
	ip link add eth0 type veth peer name wire
	ip address add 10.66.0.2/24 dev eth0
	ip link set wire up
	ip link set eth0 up
	ip route add default via 10.66.0.1
	printf 'nameserver 10.66.0.1\noptions timeout:1 attempts:1\n' >"$m/etc/resolv.conf"
	# From a network of its own, as a daemon without root has one, localhost is another place.
	{ echo "127.0.0.1 localhost $(hostname)" && sed 's/^127.0.0.1/10.66.0.2/' "$replica/hosts"; } >"$m/etc/hosts"
	[ -s "$m/etc/machine-id" ] || tr -d - </proc/sys/kernel/random/uuid >"$m/etc/machine-id"
}

inside() { # in the namespaces, as PID 1
	local m=$state/m
	mount -t overlay -o "lowerdir=$layer/up:$root,upperdir=$state/disk/up,workdir=$state/disk/work" overlay "$m"
	hostname "${skin%%-*}"
	ip link set lo up
	rm -f "$state/ready"
	mkfifo "$state/ready"
	unshare -m env PYTHONDONTWRITEBYTECODE=1 python3 "$here/replica-server.py" "$replica" "$state" >>"$state/server.log" 2>&1 &
	system "$m"
	[ ! -d /sys/fs/cgroup ] || mount -t cgroup2 cgroup2 "$m/sys/fs/cgroup" 2>/dev/null || true
	play "$m"
	programs "$m"
	[ -z "${BOOT-}" ] || boot_parts "$m"
	mount --bind "$replica" "$m/replica"
	mount --bind "$here/.." "$m/bed"
	mount --bind "$state" "$m/world"
	while [ "$1" != -- ]; do
		[ -e "$m${1#*:}" ] || if [ -d "${1%%:*}" ]; then mkdir -p "$m${1#*:}"; else : >"$m${1#*:}"; fi
		mount --rbind "${1%%:*}" "$m${1#*:}"
		shift
	done
	shift
	read -r _ <"$state/ready"
	cd "$m"
	mkdir -p .old
	pivot_root . .old
	if [ -n "${BOOT-}" ]; then
		echo 0 >".old$BOOT/cgroup.procs"
		exec unshare -C chroot . bash -c 'umount -l /.old
			umount /sys/fs/cgroup 2>/dev/null
			mount -t cgroup2 cgroup2 /sys/fs/cgroup
			mount --make-rshared /
			modprobe nvidia 2>/dev/null
			exec env -i container=dlenv-bed PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
				/usr/lib/systemd/systemd --log-target=journal --show-status=no'
	fi
	exec chroot . bash -c 'umount -l /.old
		unset WORLD_INSIDE
		modprobe nvidia 2>/dev/null
		for unit in /etc/systemd/system/*.wants/dlenv-cdi*.service; do
			[ ! -e "$unit" ] || $(sed -n "s/^ExecStart=//p" "$unit") >/dev/null 2>&1
		done
		env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=dumb \
			DLENV_FAULT="${DLENV_FAULT-}" LANGUAGE=C "$@"
		exit $?' - "$@"
}

if [ "$skin" = --skin ]; then
	skin=$2
	make_skin "$3" "$4" "$5"
	exit
fi
[ -n "$(field root)" ] || { echo "world: no skin '$skin' in skins.tsv" >&2 && exit 1; }
root=$("$here/root.sh" "$(field root)") || exit
if [ -n "${BOOT-}" ]; then
	replica=$("$here/real.sh") || exit
else
	replica=$("$here/replica.sh") || exit
fi
layer=$cache/setup-skin-$skin-$(echo "$root $replica" | cat - "$here"/{skin.sh,skins.tsv,modprobe.sh} | cksum | cut -d' ' -f1)
build=${BUILD:-$repo/build}
shift
if [ -n "${WORLD_INSIDE-}" ]; then
	state=$WORLD_INSIDE
	inside "$@"
fi
get_skin
kept "$cache/setup-skin-$skin" "$layer"
if [ "${1-}" = --layers ]; then
	echo "$layer/up" "$root"
	exit
fi
state=${WORLD:-$(mktemp -d "${TMPDIR:-/var/tmp}/dlenv-world.XXXXXX")}
mkdir -p "$state"/{m,disk,libexec}
[ -z "${DISK_MB-}" ] || mountpoint -q "$state/disk" || mount -t tmpfs -o "size=${DISK_MB}m" disk "$state/disk"
mkdir -p "$state/disk"/{up,work}
[ -e "$state/up" ] || ln -s disk/up "$state/up"
clean_up() {
	[ -z "${DISK_MB-}" ] || umount "$state/disk"
	[ -n "${WORLD-}" ] || rm -rf "$state"
}
trap clean_up EXIT
status=0
WORLD_INSIDE=$state unshare -m -u -i -n -p --fork --kill-child --propagation private "$0" "$skin" "$@" || status=$?
exit $status
