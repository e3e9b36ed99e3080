#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# A run that is cut off anywhere goes on, and can be taken back: for each operation N of a route a new machine, on which dlenv
# is killed before N is applied, or after it and before the journal says so; or its package manager is killed in the middle of
# its work, or power goes at a request. After a reboot `--resume` has to leave the machine that an undisturbed run leaves,
# and `--undo` the one that an undisturbed undo leaves: packages with versions and marks, every file below /etc (snapshot.sh).
#
# SWEEP=N: only every Nth operation.

load ../e2e/helpers
load ../bed/setup/world
load ../bed/setup/cut

setup() { need root; }

teardown() { drop_world; }

# shellcheck disable=SC2154 # set by world.bash
# Of SUSE's repository the key is known by its end alone.
trust() { cat "$("$bed/replica.sh")/keys/suse-graphics.fpr"; }

# sweep FAULT SKIN ARGUMENTS...
sweep() {
	local fault=$1 n=1 status
	shift
	reference "$@"
	while :; do
		new_world "$1"
		status=0
		DLENV_FAULT=$fault:$n in_world dlenv setup "${@:2}" --yes >"$WORLD/first" 2>&1 || status=$?
		[ "$status" = 137 ] || break
		goes_on "$1, $fault:$n"
		forget_world
		n=$((n + ${SWEEP:-1}))
	done
	# The last one is not reached: the run ends as ever.
	[ "$status" = 0 ] || { tail -n 40 "$WORLD/first" && return 1; }
	[ "$n" -gt 5 ]
}

@test "Debian: dlenv is killed before each operation" {
	sweep kill debian-13 driver docker dlenv --user dev
}

@test "Debian: dlenv is killed after each operation" {
	sweep killed debian-13 driver docker dlenv --user dev
}

@test "Ubuntu: dlenv is killed after each operation" {
	sweep killed ubuntu-24.04 driver toolkit podman --user dev
}

@test "Fedora: dlenv is killed before each operation" {
	sweep kill fedora-43 driver docker dlenv --user dev
}

@test "Fedora 40, dnf4: dlenv is killed after each operation" {
	sweep killed fedora-40 driver toolkit podman --user dev
}

@test "openSUSE: dlenv is killed before each operation" {
	sweep kill opensuse-leap-15.6 driver podman dlenv --user dev --trust-key "$(trust)"
}

@test "openSUSE: dlenv is killed after each operation" {
	sweep killed opensuse-leap-15.6 driver podman dlenv --user dev --trust-key "$(trust)"
}

# undo_sweep SKIN ARGUMENTS...: the same for taking back.
undo_sweep() {
	local fault n status
	reference "$@"
	for fault in kill killed; do
		for ((n = 1; ; n += ${SWEEP:-2})); do
			new_world "$1"
			in_world dlenv setup "${@:2}" --yes >"$WORLD/log" 2>&1
			status=0
			DLENV_FAULT=$fault:$n in_world dlenv setup --undo --yes >"$WORLD/log" 2>&1 || status=$?
			[ "$status" = 137 ] || break
			in_world sh -c 'dlenv setup --undo --yes; echo $? >/world/rc' >"$WORLD/log" 2>&1
			in_world sh -c '/bed/setup/snapshot.sh >/world/undone'
			[[ $(cat "$WORLD/rc") =~ ^(0|12)$ ]] || { tail -n 40 "$WORLD/log" && return 1; }
			# shellcheck disable=SC2154 # set by reference
			diff "$ref.undone" "$WORLD/undone" || { echo "$1, undo, $fault:$n" && return 1; }
			forget_world
		done
		[ "$status" = 0 ] || { tail -n 40 "$WORLD/log" && return 1; }
		forget_world
	done
}

@test "Debian: taking back is killed at each operation" {
	export GPU=none
	undo_sweep debian-13 docker dlenv --user dev
}

@test "Fedora: taking back is killed at each operation" {
	export GPU=none
	undo_sweep fedora-43 docker dlenv --user dev
}

@test "dpkg is killed within its work: the next run heals it" {
	reference debian-13 driver docker dlenv --user dev
	for n in 1 3 6 10 20 40; do
		new_world debian-13
		in_world strace -f -o /dev/null -e trace=rename,renameat2 -e "inject=rename,renameat2:signal=SIGKILL:when=$n" \
			dlenv setup driver docker dlenv --user dev --yes >"$WORLD/first" 2>&1 && { echo "dpkg was not killed at $n" && return 1; }
		goes_on "dpkg killed at its rename $n"
		forget_world
	done
}

@test "power goes at a request: the next run goes on" {
	reference debian-13 driver docker dlenv --user dev
	for request in 'docker.com/linux/debian/gpg' 'docker.com.*InRelease' 'docker.com.*Packages' 'containerd.io_.*deb' \
		'nvidia.com.*nvidia-kernel-open.*deb' 'uidmap_.*deb'; do
		new_world debian-13
		fault "$request cut 1"
		in_world dlenv setup driver docker dlenv --user dev --yes >"$WORLD/first" 2>&1 && { echo "nothing asked for $request" && return 1; }
		fault
		goes_on "cut at $request"
		forget_world
	done
}

# within SKIN ARGUMENTS...: power goes in the scriptlet of a package that makes a group, in the middle of a transaction.
# Excused: what was only recommended does not come again by itself, and a group that the package did not get to make is
# made by dlenv, which removes it again.
within() {
	# shellcheck disable=SC2034 # used by same
	local status=0 excuse='docker-ce-rootless-extras|/etc/group$'
	reference "$@"
	new_world "$1"
	in_world sh -c "cp -a /usr/sbin/groupadd /usr/sbin/groupadd.good
		printf '#!/bin/sh\nmv /usr/sbin/groupadd.good /usr/sbin/groupadd\nkill -9 -1\n' >/usr/sbin/groupadd
		dlenv setup ${*:2} --yes" >"$WORLD/first" 2>&1 || status=$?
	[ "$status" = 137 ] || { tail -n 40 "$WORLD/first" && return 1; }
	[ ! -e "$WORLD/up/usr/sbin/groupadd.good" ]
	goes_on "$1, within a transaction"
	forget_world
}

@test "power goes within a transaction of dnf 5" {
	export GPU=none
	within fedora-43 docker --user dev
}

@test "power goes within a transaction of dnf 4" {
	export GPU=none
	within rocky-9 docker --user dev
}

@test "power goes within a transaction of zypper" {
	export GPU=none
	within opensuse-leap-15.6 docker --user dev
}
