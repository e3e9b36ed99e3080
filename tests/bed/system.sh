# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by the worlds of tests/bed.

# system ROOT: what a kernel shows anywhere, in a mount namespace of its own. Nodes are made with mknod and never bound,
# because a program may change their modes.
system() {
	local m=$1 file major minor
	mkdir -p "$m"/{proc,sys,dev,run,tmp}
	mount -t proc proc "$m/proc"
	mount -t sysfs sys "$m/sys"
	mount -t tmpfs -o mode=755 dev "$m/dev"
	while read -r file major minor; do
		mknod -m 0666 "$m/dev/$file" c "$major" "$minor"
	done <<-NODES
		null 1 3
		zero 1 5
		full 1 7
		random 1 8
		urandom 1 9
		tty 5 0
		fuse 10 229
	NODES
	mkdir "$m/dev/pts" "$m/dev/shm"
	mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$m/dev/pts"
	ln -s pts/ptmx "$m/dev/ptmx"
	ln -s /proc/self/fd "$m/dev/fd"
	ln -s fd/0 "$m/dev/stdin"
	ln -s fd/1 "$m/dev/stdout"
	ln -s fd/2 "$m/dev/stderr"
	mount -t tmpfs shm "$m/dev/shm"
	mount -t tmpfs -o mode=755 run "$m/run"
	mkdir "$m/run/lock"
}
