#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# A set-up that is cut off goes on and can be taken back: one of each kind. All of them: tests/setup/kill.bats.

load helpers
load ../bed/setup/world
load ../bed/setup/cut

setup() {
	need root
	need net
	export GPU=none
	reference debian-13 docker dlenv --user dev
	new_world debian-13
}

teardown() { drop_world; }

@test "dlenv is killed before and after an operation, and the run goes on" {
	local status=0
	DLENV_FAULT=killed:4 in_world dlenv setup docker dlenv --user dev --yes >"$WORLD/first" 2>&1 || status=$?
	[ "$status" = 137 ]
	status=0
	DLENV_FAULT=kill:3 in_world dlenv setup --resume --yes >"$WORLD/first" 2>&1 || status=$?
	[ "$status" = 137 ]
	goes_on "killed twice"
}

@test "an operation fails: the run says how to go on, and can be taken back at once" {
	DLENV_FAULT=fail:5 run in_world dlenv setup docker dlenv --user dev --yes
	[ "$status" = 1 ]
	[[ $output == *"dlenv setup --resume"*"dlenv setup --undo"* ]]
	in_world sh -c 'dlenv setup --undo --yes && /bed/setup/snapshot.sh >/world/undone'
	# shellcheck disable=SC2154 # set by reference
	diff "$ref.undone" "$WORLD/undone"
}
