#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bats file_tags=rootless
# shellcheck disable=SC2154 # stderr is set by bats' run
# Specifications in the folders of a played machine: listed, checked, put into a configuration.

bats_require_minimum_version 1.5.0
load helpers

setup() {
	machine=$BATS_TEST_TMPDIR/machine
	mkdir -p "$machine/etc/cdi" "$machine/run/cdi" "$machine/var"
	ln -s /run "$machine/var/run"
	export DLENV_ROOT=$machine
	cp "$E2E_STAGE/tests/cdi/0.5.0.yaml" "$machine/etc/cdi/nvidia.yaml"
}

@test "devices are listed sorted, what cannot be used is a warning" {
	cp "$E2E_STAGE/tests/cdi/0.7.0.json" "$machine/run/cdi/b.json"
	echo 'cdiVersion: 7.0.0' >"$machine/run/cdi/c.yaml"
	run --separate-stderr dlenv cdi list
	[ "$status" = 0 ]
	[ "${lines[*]}" = "nvidia.com/gpu=0 nvidia.com/gpu=0:1 nvidia.com/gpu=GPU-4404041a-04cf-1ccf-9e70-f139a9b1e23c nvidia.com/gpu=all vendor.com/device=gpu0" ]
	[[ $stderr == *"/var/run/cdi/c.yaml:1:13: CDI version 7.0.0 is newer than 1.1.0"* ]]

	cp "$machine/etc/cdi/nvidia.yaml" "$machine/etc/cdi/second.yaml"
	run --separate-stderr dlenv cdi list --json
	[[ $output == *'"data":{"devices":["vendor.com/device=gpu0"]}'* ]]
	[ "$(grep -o "CDI device 'nvidia.com/gpu=" <<<"$output" | wc -l)" = 4 ]

	dlenv cdi list --spec-dir /run/cdi 2>/dev/null | grep -qx vendor.com/device=gpu0
	[ -z "$(dlenv cdi list --spec-dir /none)" ]
}

@test "each mistake is named with its place, and status 4" {
	run --separate-stderr dlenv cdi validate
	[ "$status" = 0 ]
	[[ $output == *"/etc/cdi/nvidia.yaml: CDI 0.5.0"*"podman < 4.3"* ]]
	sed -i 's/permissions: r$/permissions: none/' "$machine/etc/cdi/nvidia.yaml"
	run --separate-stderr dlenv cdi validate
	[[ $output == *"2026 and later"* ]]
	sed -i 's/path: /paht: /; s/A=1/A/' "$machine/etc/cdi/nvidia.yaml"
	run --separate-stderr dlenv cdi validate --json
	[ "$status" = 4 ]
	[[ $output == *"\"/etc/cdi/nvidia.yaml:8:7: unknown key 'paht'\""* ]]
	run dlenv cdi validate "$E2E_STAGE/tests/cdi/1.1.0.json" "$machine/etc" /nonexistent.yaml
	[ "$status" = 4 ]
	[[ $output == *"/nonexistent.yaml"* ]]
}

@test "a configuration gets the devices, and is otherwise the same to the byte" {
	local config=$BATS_TEST_TMPDIR/config.json
	printf '{ "ociVersion":"1.0.2",\n\t"big": 12345678901234567890, "html":"<\\u003c>",\n  "process":{"env":["NVIDIA_VISIBLE_DEVICES=all","A=1","NVIDIA_VISIBLE_DEVICES=0"]} }' >"$config"
	printf '{ "ociVersion":"1.0.2",\n\t"big": 12345678901234567890, "html":"<\\u003c>",\n  "process":{"env":["NVIDIA_VISIBLE_DEVICES=void","A=1"]} }' >"$config.want"
	dlenv cdi apply --device nvidia.com/gpu=all <"$config" | cmp - "$config.want"
	chmod 0640 "$config"
	ln -s config.json "$BATS_TEST_TMPDIR/link.json"
	dlenv cdi apply --dry-run --in-place --device nvidia.com/gpu=all "$config" | cmp - "$config.want"
	run ! cmp -s "$config" "$config.want"
	dlenv cdi apply --in-place --device nvidia.com/gpu=all "$BATS_TEST_TMPDIR/link.json"
	cmp "$config" "$config.want"
	[ "$(stat -c %a "$config")" = 640 ]
	[ -L "$BATS_TEST_TMPDIR/link.json" ]

	run dlenv cdi apply --device nvidia.com/gpu=7 --device nvidia.com/gpu=8 "$config"
	[ "$status" = 12 ]
	[[ $output == *"'nvidia.com/gpu=7', 'nvidia.com/gpu=8'"*"0, 0:1, GPU-"* ]]
}

@test "Python reads the YAML that is written as the JSON that is written" {
	need command python3
	python3 -c 'import yaml' 2>/dev/null || skip "python3-yaml is not installed"
	python3 - "$E2E_STAGE/tests/cdi" <<-'PYTHON'
		import glob, json, sys, yaml
		files = sorted(glob.glob(sys.argv[1] + "/*.yaml"))
		assert len(files) == 8, files
		for f in files:
		    with open(f) as y, open(f[:-4] + "json") as j:
		        assert yaml.safe_load(y) == json.load(j), f
	PYTHON
}
