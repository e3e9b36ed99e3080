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
	drop_world
	skin=$1
	WORLD=$(mktemp -d "$E2E_STATE/world.XXXXXX")
	export WORLD BUILD=$E2E_STAGE/build
}

drop_world() {
	[ -z "${WORLD-}" ] || rm -rf "$WORLD"
	unset WORLD
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
excused='^[a-z]+ (/var/cache(/|$)|/var/log(/|$)|/var/lib/(apt|dpkg|dnf|rpm|zypp|YaST2|PackageKit|systemd|dlenv|ucf|pam|misc)(/|$)|/usr/lib/sysimage(/|$)|/usr/share/rpm|/etc/ld\.so\.cache$|/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|/etc/\.pwd\.lock$|/(\.old|replica|world|bed)$|/root(/\.gnupg|/\.cache|/\.rpmdb|/\.local)?$|/(run|tmp|dev|proc|sys)(/|$)|/var/tmp(/|$)|/etc/apt/apt\.conf\.d$|/etc/hostname$|/etc/zypp/locks$)'

changes() {
	# shellcheck disable=SC2046 # two folders without spaces
	"$bed/changes.py" "$WORLD/up" $("$bed/world.sh" "$skin" --layers) | grep -vE "$excused" || true
}

# The fingerprint of the test key that stands for one of data/keys.tsv, for those that the table does not have in full.
fingerprint() { cat "$("$bed/replica.sh")/keys/$1.fpr"; }

# set_up ARGS...: `dlenv setup ARGS --yes`, with reboots and somebody at the console, until it is through. $status, $output: of the last run.
set_up() {
	local turn
	run in_world dlenv setup "$@" --yes
	for turn in 1 2 3; do
		# shellcheck disable=SC2154 # set by bats' run
		case $status in
		7) MOK='' run in_world dlenv setup --resume --yes ;;
		8) MOK=1 run in_world dlenv setup --resume --yes ;;
		*) break ;;
		esac
		echo "after reboot $turn: status $status"
	done
}

# What an undo leaves, each for its reason: the group that Docker's packages make and never remove, the machine's own
# signing key, which may be enrolled in the firmware, the empty folder of ca-certificates.
left='^added /etc/ssl$|^[a-z]+ (/etc/g?shadow|/etc/group|/var/lib/(dkms|shim-signed)|/etc/pki/akmods|/var/lib/docker|/var/lib/containerd)(/|$)'

# story ARGS...: from a bare machine to the proof; again, which changes and fetches nothing; and back.
story() {
	packages >"$WORLD/packages.before"
	set_up "$@"
	assert_status 0
	refute_output FAILS
	in_world dlenv setup --verify >/dev/null
	changes >"$WORLD/changes.once"
	packages >"$WORLD/packages.once"
	[ "$(cat "$WORLD/packages.before")" != "$(cat "$WORLD/packages.once")" ]
	forget_requests
	run in_world dlenv setup "$@" --yes
	assert_status 0
	assert_output "nothing to do"
	[ "$(fetched '\.(deb|rpm) 200')" = 0 ]
	packages | diff -u "$WORLD/packages.once" -
	changes | diff -u "$WORLD/changes.once" -
	back
}

# back: what was done is taken back, package by package and file by file.
back() {
	run in_world dlenv setup --undo --yes
	assert_status 0
	packages | diff -u "$WORLD/packages.before" -
	[ -z "$(changes | grep -vE "$left")" ] || { echo "left: $(changes)" && return 1; }
}
