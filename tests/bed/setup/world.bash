# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# For `load` in *.bats: machines of world.sh, what was asked of the vendors' servers, and what changed. Beside helpers.bash.
#
#   new_world SKIN      a machine of that kind ($WORLD is its folder; GPU, NOUVEAU, SECURE_BOOT ... of world.sh are exported)
#   in_world CMD...     CMD on it, after a reboot: its disk is kept from one to the next
#   fault LINE...       what goes wrong from now on (replica-server.py); without arguments: nothing
#   fetched REGEX       how many requests there were since `forget_requests`
#   changes             what differs from the machine when it was new, without what is excused below

bed=$E2E_STAGE/tests/bed/setup

new_world() {
	skin=$1
	WORLD=$(mktemp -d "$E2E_STATE/world.XXXXXX")
	export WORLD BUILD=$E2E_STAGE/build
}

drop_world() {
	[ -z "${WORLD-}" ] || rm -rf "$WORLD"
	unset WORLD GPU NOUVEAU SECURE_BOOT MOK DISK_MB DLENV_FAULT
}

in_world() { timeout --kill-after=10 "${DLENV_TIMEOUT:-300}" "$bed/world.sh" "$skin" -- "$@"; }

fault() { printf '%s\n' "$@" >"$WORLD/faults"; }
forget_requests() { : >"$WORLD/access.log"; }
fetched() { grep -cE -- "$1" "$WORLD/access.log" || true; }

# Packages with versions, by whichever manager is there.
packages() {
	in_world sh -c 'if [ -d /var/lib/dpkg ]; then dpkg-query -W -f "\${db:Status-Abbrev} \${Package} \${Version}\n"
		else rpm -qa --qf "%{NAME} %{VERSION}-%{RELEASE}\n" | grep -v ^gpg-pubkey; fi' | sort
}

# Excused, each for its reason: lists, caches and databases that package managers rewrite whenever they run (what they say is
# compared by packages), logs, the journal that an undo reads, the loader's cache, backups of passwd's tools, and what a world itself lays out.
excused='^[a-z]+ (/var/cache(/|$)|/var/log(/|$)|/var/lib/(apt|dpkg|dnf|rpm|zypp|PackageKit|systemd|dlenv|ucf|pam|misc)(/|$)|/usr/lib/sysimage(/|$)|/usr/share/rpm|/etc/ld\.so\.cache$|/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|/etc/\.pwd\.lock$|/(\.old|replica|world|bed)$|/root(/\.gnupg|/\.cache|/\.rpmdb|/\.local)?$|/(run|tmp|dev|proc|sys)(/|$)|/var/tmp(/|$)|/etc/apt/apt\.conf\.d$|/etc/hostname$)'

changes() {
	# shellcheck disable=SC2046 # two folders without spaces
	"$bed/changes.py" "$WORLD/up" $("$bed/world.sh" "$skin" --layers) | grep -vE "$excused" || true
}
