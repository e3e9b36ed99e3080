#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Package managers that die in the middle of their own work, at a system call that is chosen: the next run heals what is left.

load ../e2e/helpers
load ../bed/setup/world

setup() { need root; }

teardown() { drop_world; }

# dpkg dies when it moves its Nth file into place, and dlenv with it.
cut_dpkg() {
	in_world sh -c "cat >/usr/local/sbin/dpkg-cut <<-'CUT'
		#!/bin/sh
		strace -f -qq -o /dev/null -e trace=rename -e inject=rename:signal=KILL:when=$1 /usr/bin/dpkg \"\$@\" || pkill -KILL -x dlenv
	CUT
	chmod +x /usr/local/sbin/dpkg-cut
	echo 'Dir::Bin::dpkg \"/usr/local/sbin/dpkg-cut\";' >/etc/apt/apt.conf.d/99cut"
}

whole_dpkg() { in_world rm /etc/apt/apt.conf.d/99cut /usr/local/sbin/dpkg-cut; }

states() { in_world dpkg-query -W -f '${db:Status-Abbrev}\n'; }

@test "dpkg dies while it moves files into place: the next run unpacks it again" {
	new_world debian-13
	cut_dpkg 6
	run in_world dlenv setup toolkit --user dev --yes
	[ "$status" = 137 ]
	whole_dpkg
	run states
	[[ $output == *iHR* ]]
	run in_world dlenv setup --resume --yes --offline
	[[ $status = 0 || $status = 4 ]]
	run states
	[[ $output != *iHR* && $output != *iU* && $output != *iF* ]]
	in_world dpkg -s nvidia-container-toolkit
	in_world dlenv setup --undo --yes
	run in_world dpkg -s nvidia-container-toolkit
	[ "$status" != 0 ]
}

@test "dpkg dies while it removes: what is half there is put back, and goes" {
	new_world debian-13
	in_world dlenv setup toolkit --user dev --yes --offline || [ $? = 4 ]
	cut_dpkg 5
	run in_world dlenv setup --undo --yes
	[ "$status" = 137 ]
	whole_dpkg
	run states
	[[ $output == *H* ]]
	in_world dlenv setup --undo --yes
	run in_world dpkg --audit
	[ -z "$output" ]
	run in_world dpkg -s nvidia-container-toolkit
	[ "$status" != 0 ]
}
