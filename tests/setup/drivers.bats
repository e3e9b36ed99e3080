#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Every way to the driver, by the real package managers: from a bare machine to the proof, again without work, and taken back, package by
# package and file by file. What the packages of a route have to be is asked of the loaded module: its branch, open or not.
# shellcheck disable=SC2154,SC2030,SC2031 # status, output: set by bats; GPU: exported for a test at a time

bats_require_minimum_version 1.5.0
load ../e2e/helpers
load ../bed/setup/world

setup() { need root; }
teardown() { drop_world; }

pascal='--gpus 1 --device-id 1b06'

# module: "595 open" or "580 proprietary", of what the machine has loaded after a run
module() {
	in_world sh -c 'modprobe nvidia; cat /proc/driver/nvidia/version' |
		sed -nE '/^NVRM/{s/.*Open Kernel Module.*  ([0-9]+)\..*/\1 open/;s/^NVRM.*  ([0-9]+)\..*/\1 proprietary/;p}'
}

# route SKIN "BRANCH FLAVOUR" ARGUMENTS...
route() {
	local wanted=$2
	new_world "$1"
	shift 2
	packages >"$WORLD/packages.before"
	set_up driver --user dev "$@"
	echo "$output"
	assert_status 0
	refute_output FAILS
	[ "$(module)" = "$wanted" ] || { echo "loaded: $(module)" && return 1; }
	forget_requests
	run in_world dlenv setup driver --user dev "$@" --yes
	assert_status 0
	assert_output "nothing to do"
	[ "$(fetched '\.(deb|rpm) 200')" = 0 ]
	back
}

trust() { for key in "$@"; do echo "--trust-key $(fingerprint "$key")"; done; }

@test "Ubuntu: its archive, with modules that Canonical signed" {
	route ubuntu-22.04 "595 open"
	drop_world
	SECURE_BOOT=1 route ubuntu-24.04 "595 open"
	drop_world
	GPU=$pascal route ubuntu-24.04 "580 proprietary"
}

@test "Ubuntu: the CUDA repository, and a branch of it" {
	route ubuntu-24.04 "595 open" --route cuda-repo
	drop_world
	route ubuntu-22.04 "580 open" --route cuda-repo --driver 580
}

@test "Debian: its own drivers" {
	route debian-13 "550 proprietary" --route distro
	drop_world
	route debian-12 "535 proprietary" --route distro
	drop_world
	route debian-12 "535 proprietary" --route tesla-535
	drop_world
	GPU=$pascal route debian-12 "470 proprietary" --route tesla-470
}

@test "Debian: the CUDA repository" {
	route debian-12 "595 open"
	drop_world
	GPU=$pascal route debian-13 "580 proprietary" --route cuda-repo
}

@test "Fedora: RPM Fusion" {
	route fedora-43 "595 open"
	drop_world
	route fedora-40 "595 open" --route rpmfusion-tainted
	drop_world
	GPU=$pascal route fedora-42 "580 proprietary"
}

@test "Fedora: the CUDA repository, held at the branch that was chosen" {
	# shellcheck disable=SC2046 # words
	route fedora-43 "595 open" --route cuda-repo $(trust cuda-fedora43)
}

@test "RHEL and its kin: module streams, or a branch that is held" {
	local skin
	for skin in rhel-8 rocky-8 rhel-9 almalinux-9 centos-9; do
		route "$skin" "595 open"
		drop_world
	done
	GPU=$pascal route rocky-9 "580 proprietary"
	drop_world
	# shellcheck disable=SC2046 # words
	route rhel-10 "595 open" $(trust cuda-rhel10)
	drop_world
	# A board that ends with 580, where newer branches are for the taking.
	# shellcheck disable=SC2046
	GPU=$pascal route rocky-10 "580 proprietary" $(trust cuda-rhel10)
}

@test "RHEL's kin: RPM Fusion" {
	# shellcheck disable=SC2046 # words
	route rocky-9 "595 open" --route rpmfusion $(trust rpmfusion-free-el-9 rpmfusion-nonfree-el-9)
}

@test "SUSE: the graphics repository, of both generations" {
	local skin
	for skin in opensuse-leap-15.6 opensuse-leap-16.0 opensuse-tumbleweed sles-15.7; do
		# shellcheck disable=SC2046 # words
		route "$skin" "595 open" $(trust suse-graphics)
		drop_world
	done
	# shellcheck disable=SC2046
	GPU=$pascal route opensuse-leap-15.6 "580 proprietary" $(trust suse-graphics)
}

@test "SUSE: the CUDA repository, held at the branch that was chosen" {
	route opensuse-leap-15.6 "595 open" --route cuda-repo
	drop_world
	route sles-15.7 "595 open" --route cuda-repo
}

@test "nouveau has the card: it is kept away, and a reboot asked for" {
	local skin
	for skin in debian-13 rhel-9 fedora-43; do
		NOUVEAU=1 route "$skin" "595 open"
		drop_world
	done
}

@test "Secure Boot: the key is made, enrolled and used, by each that compiles modules" {
	local skin
	for skin in debian-13 fedora-43 rocky-9; do
		SECURE_BOOT=1 route "$skin" "595 open"
		drop_world
	done
	SECURE_BOOT=1 route ubuntu-24.04 "595 open" --route cuda-repo
}

@test "every route of the table that a machine here can take is taken" {
	local missing=''
	while read -r name; do
		grep -qE -- "route .*--route $name\b" "$BATS_TEST_FILENAME" || missing+=" $name"
	done < <(cut -f3 "$E2E_STAGE/data/routes.tsv" | grep -vE '^(#.*|route|archive|rpmfusion-580xx|suse-G0[67]|windows)$' | sort -u)
	[ "$missing" = '' ] || { echo "no test of:$missing" && return 1; }
}
