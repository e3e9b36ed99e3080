#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/vm/run.sh (make test-vm)
#
# `dlenv setup` in a virtual machine with Secure Boot firmware, a GPU on its bus, Debian 13 and a driver that dkms compiles: secure-boot.exp. Takes
# root, no KVM, and 5 to 20 minutes by what else the machine does; the roots (1.5 GB) are kept below ${DLENV_TEST_CACHE:-/var/tmp/dlenv-bed}.
#
#   KEEP=1   leave the machine's disk and serial log where they are
#
# Exit status: 77 when it cannot be run here, 1 when a test fails.
set -eu
export LC_ALL=C.UTF-8 PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
repo=$(cd "$(dirname "$0")/../.." && pwd)
bed=$repo/tests/bed

# Debian as it is installed, with this build's dlenv, an archive on the disk, and a shell on the serial line.
make_guest() { # make_guest ROOT
	local name units=$1/etc/systemd/system
	PYTHONDONTWRITEBYTECODE=1 python3 "$bed/vm/archive.py" "$1"
	install -D "$repo/build/src/cli/dlenv" "$1/usr/local/bin/dlenv"
	for name in init/dlenv-init hook/dlenv-toolkit nvml/dlenv-nvml; do
		install -D -t "$1/usr/local/libexec/dlenv" "$repo/build/src/$name"
	done
	install -m 0755 /dev/stdin "$1/usr/local/sbin/vm-shell" <<-'SHELL'
		#!/bin/bash
		stty -echo
		echo VM-READY
		while IFS= read -r line; do eval "$line"; done
	SHELL
	echo 'LABEL=vmroot / ext4 rw 0 1' >"$1/etc/fstab"
	echo vm >"$1/etc/hostname"
	: >"$1/etc/machine-id"
	mkdir -p "$units/multi-user.target.wants"
	cat >"$units/vm-shell.service" <<-'UNIT'
		[Service]
		ExecStart=/usr/local/sbin/vm-shell
		StandardInput=tty-force
		StandardOutput=tty
		StandardError=tty
		TTYPath=/dev/ttyS0
		Environment=HOME=/root LC_ALL=C TERM=dumb
		KillMode=process
	UNIT
	ln -s ../vm-shell.service "$units/multi-user.target.wants/"
	ln -s /dev/null "$units/serial-getty@ttyS0.service"
	# Each takes a while on an emulated processor, and none is of use here.
	for name in systemd-networkd-wait-online.service apt-daily.timer apt-daily-upgrade.timer e2scrub_reap.service man-db.timer; do
		ln -sf /dev/null "$units/$name"
	done
}

inside() { # in namespaces of its own: inside QEMU VM WORK
	local m=$3/m
	mkdir -p "$m" "$3"/{guest,up,up2,w,w2}
	mount -t overlay -o "lowerdir=$2,upperdir=$3/up,workdir=$3/w" overlay "$3/guest"
	make_guest "$3/guest"
	mount -t overlay -o "lowerdir=$1,upperdir=$3/up2,workdir=$3/w2" overlay "$m"
	mkdir -p "$m"/{story,repo/tests,dev,proc}
	mount -t proc proc "$m/proc"
	mount -t tmpfs -o mode=755 dev "$m/dev"
	mknod -m 0666 "$m/dev/null" c 1 3
	mknod -m 0666 "$m/dev/zero" c 1 5
	mknod -m 0666 "$m/dev/urandom" c 1 9
	mknod -m 0666 "$m/dev/random" c 1 8
	mkdir "$m/dev/pts" "$m/dev/shm"
	mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$m/dev/pts"
	ln -s pts/ptmx "$m/dev/ptmx"
	ln -s /proc/self/fd "$m/dev/fd"
	mount -t tmpfs shm "$m/dev/shm"
	mount --bind "$3" "$m/story"
	mount --bind "$repo/tests" "$m/repo/tests"
	mount --bind "$3/guest" "$m/story/guest"
	tools() { chroot "$m" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=vt100 "$@"; }
	tools bash /repo/tests/bed/vm/disk.sh /story/guest /story/disk.img
	umount "$m/story/guest" "$3/guest"
	tools python3 -B /repo/tests/bed/vm/gpu.py /story/gpu.sock >"$3/gpu.log" 2>&1 &
	tools expect -f /repo/tests/vm/secure-boot.exp /story
}

if [ "${1-}" = --inside ]; then
	inside "$2" "$3" "$4"
	exit
fi
[ "$(id -u)" = 0 ] || { echo "vm: the machine is made by root" >&2 && exit 77; }
[ -x "$repo/build/src/cli/dlenv" ] || { echo "vm: build dlenv first (make)" >&2 && exit 1; }
qemu=$("$bed/setup/root.sh" qemu) || exit
vm=$("$bed/setup/root.sh" vm) || exit
work=$(mktemp -d /var/tmp/dlenv-vm.XXXXXX)
[ -n "${KEEP-}" ] || trap 'rm -rf "$work"' EXIT
status=0
unshare -m -p -n --fork --kill-child --propagation private "$0" --inside "$qemu" "$vm" "$work" || status=$?
if [ "$status" != 0 ]; then
	echo "  vm        the end of what the machine printed:"
	tail -n 40 "$work/serial.log" 2>/dev/null | tr -d '\033\r' | cut -c1-200
fi
[ -z "${KEEP-}" ] || echo "  vm        kept: $work"
exit "$status"
