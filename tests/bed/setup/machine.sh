#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/bed/setup/machine.sh start SKIN | exec CMD... | stop | kill | clean
#
# A throw-away machine of world.sh that boots: systemd is PID 1, and what is installed runs (real.sh: Debian's podman, Docker's packages with Debian's
# engine in them). $WORLD is its folder. Its disk stays from one start to the next.
#
#   start  and wait until systemd has come up        stop  an orderly shutdown        kill  a power cut
#   exec   CMD as root (USER_NAME=dev: as that user, with a session's environment)
#
# How this works: namespaces of its own for everything; the unified cgroup hierarchy is mounted alone inside, below a group of ours.
set -eu
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd)
state=${WORLD:?machine: WORLD has to be a folder}
command=${1:?usage: machine.sh start SKIN | exec CMD... | stop | kill | clean}
shift

init() { cat "$state/init"; }
running() { [ -s "$state/init" ] && [ -d "/proc/$(init)" ]; }

# The unified hierarchy; where only the old ones are mounted, it is mounted for us.
cgroup() {
	local top
	top=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	[ -n "$top" ] || { echo "machine: no cgroup2 hierarchy is mounted here" >&2 && exit 77; }
	echo "$top/dlenv-machine-$(basename "$state")"
}

wait_for() { # wait_for SECONDS CMD...
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

enter() {
	nsenter -t "$(init)" -a env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 TERM=dumb LANGUAGE=C "$@"
}

is_up() { enter systemctl is-system-running | grep -qE 'running|degraded'; }

# The child that unshare forked into the new pid namespace: PID 1 there.
find_init() {
	local child
	child=$(tr -d ' ' <"/proc/$1/task/$1/children")
	[ -n "$child" ] && [ "$(tr '\0' ' ' <"/proc/$child/cmdline" | grep -c systemd)" = 1 ] && echo "$child" >"$state/init"
}

find_unshare() { # below world.sh
	local child
	# shellcheck disable=SC2013 # words
	for child in $(cat "/proc/$1/task/$1/children"); do
		! grep -qa unshare "/proc/$child/comm" || { find_init "$child" && return; }
	done
	return 1
}

case $command in
start)
	group=$(cgroup)
	mkdir -p "$group" "$state"
	rm -f "$state/init"
	BOOT=$group setsid "$here/world.sh" "$1" -- true >"$state/console" 2>&1 </dev/null &
	world=$!
	if ! wait_for 120 find_unshare $world || ! wait_for 60 is_up; then
		cat "$state/console" >&2
		[ -s "$state/init" ] || exit 1
		enter systemctl --no-pager --failed >&2
		exit 1
	fi
	# It plays a machine: systemd has to know that it is none, and dlenv has not.
	enter rm -f /run/systemd/container
	;;
exec)
	if [ -n "${USER_NAME-}" ]; then
		exec nsenter -t "$(init)" -a setpriv --reuid 1000 --regid 1000 --init-groups --inh-caps=-all env -i HOME="/home/$USER_NAME" USER="$USER_NAME" \
			XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus LC_ALL=C.UTF-8 TERM=dumb \
			PATH=/usr/local/bin:/usr/bin:/bin "$@"
	fi
	enter HOME=/root "$@"
	;;
stop)
	enter systemctl poweroff --no-wall || true
	wait_for 60 eval '! running' || { echo "machine: it does not shut down" >&2 && exit 1; }
	;;
kill)
	kill -9 "$(init)"
	wait_for 30 eval '! running'
	;;
clean)
	! running || "$0" kill
	rm -rf --one-file-system "$state"
	group=$(cgroup)
	[ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
	;;
esac
