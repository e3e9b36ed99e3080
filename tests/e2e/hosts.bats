#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bats file_tags=rootless
# Recorded machines: what dlenv says of each in tests/hosts, and how a machine is recorded.

bats_require_minimum_version 1.5.0
load helpers

setup() { fresh_state; }
teardown() { drop_state; }

record=$E2E_STAGE/tools/record-host.sh

# What doctor finds, but for the free space and a busy package manager: that changes between two looks.
says() { dlenv "$@" doctor | grep -E '^(GPU|CDI|HOST)[0-9]' | grep -vE '^HOST(013|021)' || true; }

@test "what is said of each recorded machine is what was reviewed" {
	"$E2E_STAGE/tests/hosts/answers.sh" "$DLENV" "$E2E_TEST_STATE/answers"
	run diff -ru "$E2E_STAGE/tests/golden/hosts" "$E2E_TEST_STATE/answers"
	echo "$output"
	[ "$status" = 0 ]
	[ "$(find "$E2E_TEST_STATE/answers" -type f | wc -l)" -ge 25 ]
}

@test "what would be done to each recorded machine is what was reviewed" {
	"$E2E_STAGE/tests/hosts/plans.sh" "$DLENV" "$E2E_TEST_STATE/plans"
	run diff -ru "$E2E_STAGE/tests/golden/plans" "$E2E_TEST_STATE/plans"
	echo "$output"
	[ "$status" = 0 ]
	[ "$(find "$E2E_TEST_STATE/plans" -type f | wc -l)" -ge 40 ]
}

@test "this machine, recorded, is found the same" {
	"$record" "$E2E_TEST_STATE/recorded"
	[ "$(says)" = "$(says --root "$E2E_TEST_STATE/recorded" | sed "s/'user'/'$(id -un)'/")" ]
	"$record" "$E2E_TEST_STATE/recorded.tar.gz"
	mkdir "$E2E_TEST_STATE/unpacked"
	tar -C "$E2E_TEST_STATE/unpacked" -xzf "$E2E_TEST_STATE/recorded.tar.gz"
	diff -r -x .recorded "$E2E_TEST_STATE/recorded" "$E2E_TEST_STATE/unpacked"
	local id
	for id in /etc/machine-id /proc/sys/kernel/random/boot_id /sys/class/net/*/address /sys/class/dmi/id/*{serial,uuid}; do
		id=$(cat "$id" 2>/dev/null) || continue
		case $id in '' | 00:00:00:00:00:00 | 'Not Specified') continue ;; esac
		refute_recorded "$id" "$E2E_TEST_STATE/recorded"
	done
	[ "$(uname -n)" = "$(. /etc/os-release && echo "$ID")" ] || refute_recorded "$(uname -n)" "$E2E_TEST_STATE/recorded"
	[ "$(id -u)" = 0 ] || refute_recorded "$(id -un)" "$E2E_TEST_STATE/recorded"
}

refute_recorded() { # refute_recorded TEXT FOLDER
	run grep -rwiF -- "$1" "$2"
	[ "$status" = 1 ] || { echo "'$1' was recorded: $output"; return 1; }
}

@test "a recording says nothing that is a machine's own" {
	local from=$E2E_TEST_STATE/from to=$E2E_TEST_STATE/to
	"$E2E_STAGE/tests/bed/host.sh" "$E2E_STAGE/tests/hosts/ubuntu-22.04-old-docker/machine" "$from"
	rm "$from/.recorded"
	echo "deb https://me:secret@developer.download.nvidia.com/compute/cuda/repos/x /" >"$from/etc/apt/sources.list"
	printf 'somebody:200000:65536\n%s:300000:65536\n' "$(id -un)" >"$from/etc/subuid"
	printf 'docker:x:999:somebody,%s\n' "$(id -un)" >"$from/etc/group"
	mkdir -p "$from/etc/cdi" "$from/sys/class/dmi/id"
	echo "SN-4711" >"$from/sys/class/dmi/id/product_serial"
	printf '# by me at myhost\na: 52:54:00:12:34:56 GPU-5f1d3a86-0c4e-7b92-4d1f-8e0a6b5c2d17\nb: /home/me/lib\n' >"$from/etc/cdi/x.yaml"
	sed -i 's/^NVRM.*/& (me@myhost)/' "$from/proc/driver/nvidia/version"
	DLENV_RECORD_ROOT=$from "$record" "$to"
	local own
	for own in 5f1d3a86-0c4e-7b92-4d1f-8e0a6b5c2d17 9b24e7c0-51aa-3f68-b0c3-14d7f29e8a55 3f2c8a5e-6a0b-4d53-9b3e-52c1c1a0f7d4 \
		52:54:00:12:34:56 SN-4711 secret somebody me myhost; do
		refute_recorded "$own" "$to"
	done
	# The same UUID becomes the same placeholder, of the same form.
	local uuid
	uuid=$(sed -n 's/^GPU UUID: *\t *//p' "$to/proc/driver/nvidia/gpus/0000:01:00.0/information")
	[[ $uuid =~ ^GPU-00000000-0000-4000-8000-[0-9a-f]{12}$ ]]
	grep -q "^a: 02:00:00:00:00:00 $uuid" "$to/etc/cdi/x.yaml"
	from=$E2E_TEST_STATE/stale to=$E2E_TEST_STATE/to-stale
	"$E2E_STAGE/tests/bed/host.sh" "$E2E_STAGE/tests/hosts/debian-12-stale-spec/machine" "$from"
	rm "$from/.recorded"
	DLENV_RECORD_ROOT=$from "$record" "$to"
	run dlenv --root "$to" doctor
	assert_output "libcuda.so.535.261.03"
	mkdir -p "$from/usr/lib/x86_64-linux-gnu" "$E2E_TEST_STATE/again"
	: >"$from/usr/lib/x86_64-linux-gnu/libcuda.so.535.261.03"
	DLENV_RECORD_ROOT=$from "$record" "$E2E_TEST_STATE/again"
	run dlenv --root "$E2E_TEST_STATE/again" doctor
	refute_output CDI004
}

@test "a recording of a recording says what the machine said" {
	local from=$E2E_TEST_STATE/from to=$E2E_TEST_STATE/to
	"$E2E_STAGE/tests/bed/host.sh" "$E2E_STAGE/tests/hosts/ubuntu-22.04-old-docker/machine" "$from"
	DLENV_RECORD_ROOT=$from "$record" "$to"
	run dlenv --root "$to" doctor
	assert_output "docker 24.0.9"
	assert_output HOST020
	assert_output HOST022
	rm "$to/.recorded"
	run "$record" "$to"
	[ "$status" = 2 ]
}

@test "a folder that holds no machine is not taken for a healthy one" {
	mkdir "$E2E_TEST_STATE/empty"
	run dlenv --root "$E2E_TEST_STATE/empty" doctor
	assert_status 2
	assert_output "has no machine's files"
}
