# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# For root only, sourced by tests/run-e2e.sh and bench/run.sh: an ordinary user
# with subordinate ids, as a fresh Debian makes them, and what such a user can open there.

TEST_USER_MADE=

# make_user NAME HOME: HOME is not made. A user of that name and home is what a killed run
# left behind (or kept); one with another home is somebody's, and refused.
make_user() {
	case $(getent passwd "$1" | cut -d: -f6) in
	"") useradd --no-create-home --home-dir "$2" --shell /bin/bash "$1" || return 1 ;;
	"$2") ;;
	*) return 1 ;;
	esac
	TEST_USER_MADE=$1
	grep -q "^$1:" /etc/subuid 2>/dev/null || add_range "$1" --add-subuids /etc/subuid || return 1
	grep -q "^$1:" /etc/subgid 2>/dev/null || add_range "$1" --add-subgids /etc/subgid
}

add_range() { # behind everybody else's range
	local first
	touch "$3"
	first=$(awk -F: '{ if ($2 + $3 > m) m = $2 + $3 } END { print (m < 100000) ? 100000 : m }' "$3")
	usermod "$2" "$first-$((first + 65535))" "$1"
}

# Only a user that make_user made; its processes go by user id, which nobody else has.
remove_user() {
	local pid
	[ -n "$TEST_USER_MADE" ] || return 0
	for pid in $(pgrep -u "$TEST_USER_MADE"); do
		kill -KILL "$pid" 2>/dev/null
	done
	userdel "$TEST_USER_MADE" 2>/dev/null
	TEST_USER_MADE=
}

# as NAME CMD...: what a login would give, without root's capabilities.
as() {
	local user=$1
	shift
	setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups --inh-caps=-all \
		env USER="$user" LOGNAME="$user" "$@"
}

# In a private mount namespace: devices that everybody may open on an ordinary machine.
open_devices() {
	local dev
	mount -t tmpfs -o mode=0755 dlenv-test /mnt || return 1
	for dev in "fuse 10 229" "net/tun 10 200"; do
		# shellcheck disable=SC2086 # three words
		set -- $dev
		if [ ! -c "/dev/$1" ] || [ "$(stat -c %a "/dev/$1")" = 666 ]; then
			continue
		fi
		mknod -m 0666 "/mnt/${1##*/}" c "$2" "$3" && mount --bind "/mnt/${1##*/}" "/dev/$1"
	done
	umount -l /mnt
}

# In a private mount namespace: programs that write to root's home write to DIR.
hide_home() {
	case $1/ in
	/root/*) ;;
	*) mount --bind "$1" /root ;;
	esac
}
