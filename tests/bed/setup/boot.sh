#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# boot.sh CMD...: inside a world, boots systemd and runs CMD beside it as soon as it is up; the machine goes down with it.
#
# How this works: systemd is PID 1 of a pid and a mount namespace of its own, with what the world has laid over /proc laid over the
# new one again. Nobody tells it that it is in a container: dlenv would not install a driver there.
set -eu
boot() {
	mount -t proc proc /proc
	mount --bind /world/osrelease /proc/sys/kernel/osrelease
	mount -t tmpfs -o mode=755 driver /proc/driver
	[ ! -d /run/bed/loaded/proc/driver ] || cp -a /run/bed/loaded/proc/driver/. /proc/driver/
	mount --bind /world/gpu/proc/devices /proc/devices
	mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup
	exec env -i PATH="$PATH" /lib/systemd/systemd >/world/systemd.log 2>&1
}
if [ "$1" = --pid-1 ]; then boot; fi

unshare --pid --mount --cgroup --fork --kill-child bash "$0" --pid-1 &
outer=$!
for _ in $(seq 100); do
	pid=$(cat "/proc/$outer/task/$outer/children" 2>/dev/null) && pid=${pid%% *} && [ -n "$pid" ] || { sleep 0.1 && continue; }
	state=$(nsenter -t "$pid" -m -p -C systemctl is-system-running 2>/dev/null) || true
	case $state in running | degraded) break ;; esac
	sleep 0.2
done
case $state in running | degraded) ;; *) echo "boot: systemd does not come up: $state" >&2 && tail -n 20 /world/systemd.log >&2 && exit 1 ;; esac
status=0
nsenter -t "$pid" -m -p -C env -i PATH="$PATH" HOME=/root LC_ALL=C.UTF-8 DLENV_FAULT="${DLENV_FAULT-}" "$@" || status=$?
kill "$outer" 2>/dev/null || true
exit $status
