#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `dlenv setup --script`: shell that people can read, that shellcheck has nothing to say of, and that does what dlenv does.
# More of it: tests/setup/script.bats.

bats_require_minimum_version 1.5.0
load helpers
load ../bed/setup/world
load ../bed/setup/script

setup() { fresh_state; }
teardown() {
	drop_world
	drop_state
}

# bats test_tags=rootless
@test "scripts for recorded machines are clean" {
	local name
	need command shellcheck
	for name in ubuntu-24.04-bare debian-13-blackwell fedora-44-mok-pending rhel-8-volta opensuse-leap-16.0; do
		"$E2E_STAGE/tests/bed/host.sh" "$E2E_STAGE/tests/hosts/$name/machine" "$E2E_TEST_STATE/$name"
		dlenv --root "$E2E_TEST_STATE/$name" setup driver toolkit docker podman dlenv --user user \
			--script "$E2E_TEST_STATE/$name.sh"
		shellcheck "$E2E_TEST_STATE/$name.sh"
	done
}

@test "a script leaves the machine that dlenv leaves" {
	need root
	need net
	same_by_script debian-13 toolkit docker
}
