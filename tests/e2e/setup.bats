#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `dlenv setup` with the real package managers, one machine of each: from bare to the proof in a container, again, and back; and bad luck.
# All distributions, routes and faults: make test-setup.
# shellcheck disable=SC2154 # status, output: set by bats

bats_require_minimum_version 1.5.0
load helpers
load ../bed/setup/world

# Roots that are not there yet take a minute and a half, side by side; what goes wrong is said when they are asked for again.
setup_file() {
	local name
	[ "$(id -u)" = 0 ] || return 0
	for name in trixie dnf5 zypp; do "$bed/root.sh" $name >/dev/null 2>&1 3>&- & done
	"$bed/replica.sh" >/dev/null 2>&1 3>&- || true
	wait
}

setup() {
	need root
	need net
}
teardown() { drop_world; }

@test "apt, Debian 13: driver, toolkit, Docker; again, and back" {
	new_world debian-13
	story driver toolkit docker --user dev
}

@test "apt, Ubuntu 24.04: the signed driver under Secure Boot, podman and dlenv; again, and back" {
	export SECURE_BOOT=1
	new_world ubuntu-24.04
	story driver podman dlenv --user dev
}

@test "dnf 5, Fedora 43: the akmods' driver and Docker; again, and back" {
	new_world fedora-43
	story driver docker --user dev
}

@test "zypper, Leap 15.6: SUSE's driver and Docker; again, and back" {
	new_world opensuse-leap-15.6
	story driver docker --user dev --trust-key "$(fingerprint suse-graphics)"
}

@test "Secure Boot with a module that is built here: the key is asked for at the console" {
	export SECURE_BOOT=1
	new_world debian-13
	run in_world dlenv setup driver --yes
	assert_status 8
	MOK=1 run in_world dlenv setup --resume --yes
	assert_status 0
	refute_output FAILS
}

# unlucky STATUS TEXT FAULT: Docker's set-up fails so, leaves nothing when it is taken back, and goes on without the fault.
unlucky() {
	export GPU=none
	[ -n "${WORLD-}" ] || new_world debian-13
	[ -s "$WORLD/packages.before" ] || packages >"$WORLD/packages.before"
	fault "$3"
	run in_world dlenv setup docker --yes
	assert_status "$1"
	assert_output "$2"
	back
}

@test "a wrong key, a page instead of one, damaged lists, an expired certificate, a damaged package; then all is well" {
	unlucky 11 "fingerprint" "debian/gpg evil"
	unlucky 11 "web page" "debian/gpg page"
	unlucky 11 "sign" "download.docker.com/.*InRelease flip=400"
	unlucky 11 "certificate" "any expired"
	unlucky 11 "docker-ce" "docker-ce_.*deb flip=300"
	fault
	run in_world dlenv setup docker --yes
	assert_status 0
}
