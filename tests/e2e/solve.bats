#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `dlenv solve` on machines that are played below a folder (bed/gpu-host.sh). What is chosen and why is
# tests/solver's; here it is what is read of a machine, the ways to ask, and how the answer comes out.
# bats file_tags=rootless
# shellcheck disable=SC2154 # stderr, status, output, lines: set by bats

bats_require_minimum_version 1.5.0
load helpers

bed=$E2E_STAGE/tests/bed

setup() {
	fresh_state
	HOST=$E2E_TEST_STATE/host
	mkdir "$HOST"
	export DLENV_ROOT=$HOST LC_ALL=C.UTF-8
}

teardown() { drop_state; }

# holds EXPRESSION: it is true of the JSON answer's data
holds() { python3 -c 'import json, sys; data = json.loads(sys.argv[1])["data"]; assert eval(sys.argv[2])' "$output" "$1"; }

# os ID VERSION: the distribution of the played machine
os() {
	mkdir -p "$HOST/etc"
	printf 'NAME=x\nID=%s\nVERSION_ID="%s"\n' "$1" "$2" >"$HOST/etc/os-release"
}

@test "a machine's GPUs, loaded driver and distribution are read" {
	"$bed/gpu-host.sh" "$HOST" --gpus 2 --driver 580.95.05 --open
	os ubuntu 24.04
	run --separate-stderr dlenv solve
	assert_status 0
	[[ ${lines[0]} == "gpu "*"NVIDIA GeForce RTX 4090: Ada Lovelace, 8.9" && ${lines[1]} == "${lines[0]}" ]]
	assert_output 'driver   580.95.05-open'
	assert_output 'route    installed'
	assert_output 'distro   ubuntu:24.04'
	[ -z "$stderr" ]
}

@test "without a loaded driver one is chosen for the distribution" {
	"$bed/gpu-host.sh" "$HOST" --nouveau --model 'NVIDIA GeForce GTX 1080' --device-id 1b80
	os fedora 44
	run dlenv solve --explain
	assert_status 0
	assert_output 'driver   580-proprietary'
	assert_output 'route    rpmfusion-580xx'
	assert_output '[driver-last: gpus 1B80, 2026-11-23]'
}

@test "no GPU is an answer, and a WSL machine's driver is Windows'" {
	"$bed/gpu-host.sh" "$HOST" --gpus 0 --driver none
	os debian 12
	run dlenv solve
	assert_status 0
	assert_output 'torch    2.14+cpu'
	rm -r "$HOST" && mkdir "$HOST"
	"$bed/gpu-host.sh" "$HOST" --wsl
	run dlenv solve
	assert_status 0
	assert_output 'route    windows'
}

@test "what excludes itself is status 5, with the ways out" {
	run --separate-stderr dlenv solve --gpu 'RTX 5090' --cuda 12.4 --torch 2.6
	assert_status 5
	assert_output 'sm_120 needs CUDA 12.8 or newer'
	[[ $stderr == *"nothing fits: "*"fix: take torch 2.7+cu128, cuda 12.8.1"* ]]
	run --separate-stderr dlenv solve --gpu 'RTX 5090' --cuda 12.4 --json
	assert_status 5
	[ -z "$stderr" ]
	holds 'not data["fits"] and data["conflict"]["members"][0]["id"] == "gpu:0"'
	holds 'data["ways"][0]["take"]["cuda"] == "12.8.1"'
	run dlenv solve --gpu 'RTX 5090' --cuda 12.4 --lang zh_TW
	assert_status 5
	assert_output 'sm_120 需要 CUDA 12.8 以上'
}

@test "the JSON answer has the fact and its date behind each part" {
	run dlenv solve --gpu 2684 --json
	assert_status 0
	assert_output '"schema":"dlenv.solve/1"'
	holds 'data["parts"]["driver"]["choice"] == "595-open"'
	holds '"2026-11-23" in [r["date"] for r in data["parts"]["cuda"]["reasons"] if r["rule"] == "torch-cuda"]'
}

@test "a table of one's own counts, and a mistake in it is named" {
	mkdir "$DLENV_CONFIG/facts"
	printf 'device_id\tproduct\tarchitecture\tcompute_capability\topen_modules\n2FFF\tTest Board\tAda Lovelace\t8.9\ty\n' \
		>"$DLENV_CONFIG/facts/gpus.tsv"
	run dlenv solve --gpu 2fff
	assert_status 0
	assert_output 'Test Board: Ada Lovelace, 8.9'
	printf 'release\tdriver\n13.9\tnew\n' >"$DLENV_CONFIG/facts/cuda.tsv"
	run dlenv solve --gpu 2fff
	assert_status 2
	assert_output "$DLENV_CONFIG/facts/cuda.tsv:2: 'new' in column 'driver' is not a version"
}

@test "what cannot be read is a wrong command line, not a guess" {
	run dlenv solve --gpu 'GT 730'
	assert_status 2
	assert_output 'are several chips'
	run dlenv solve --gpu 'Voodoo 3'
	assert_status 12
	run dlenv solve --gpu none --gpu 2684
	assert_status 2
	run dlenv solve --cuda twelve
	assert_status 2
}
