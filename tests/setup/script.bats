#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `dlenv setup --script`: the script leaves the machine that dlenv leaves, without dlenv, and can be run twice.

bats_require_minimum_version 1.5.0
load ../e2e/helpers
load ../bed/setup/world
load ../bed/setup/script

setup() { need net; }
teardown() { drop_world; }

@test "debian-13: everything" { same_by_script debian-13 driver toolkit docker podman dlenv; }
@test "ubuntu-24.04: everything" { same_by_script ubuntu-24.04 driver toolkit docker podman dlenv; }
@test "fedora-40: driver, toolkit, Docker" { same_by_script fedora-40 driver toolkit docker; }
@test "fedora-43: driver, toolkit, podman" { same_by_script fedora-43 driver toolkit podman; }
@test "rhel-9: driver, toolkit, Docker" { same_by_script rhel-9 driver toolkit docker; }
@test "opensuse-leap-15.6: toolkit and Docker" { same_by_script opensuse-leap-15.6 toolkit docker; }
