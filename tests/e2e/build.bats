#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Images: built, found again, continued after each fault, checked and removed. Real mirror, real packages.
# bats file_tags=rootless

load helpers

setup_file() {
	need net
	need disk 3
	need command mmdebstrap
}

setup() {
	fresh_state
	forget_packages
	packages sl
}

teardown() {
	[ -z "${server-}" ] || kill "$server" 2>/dev/null || true
	drop_state
}

# The layers of packages that earlier tests made; those of the preset stay.
forget_packages() {
	local meta
	for meta in "$DLENV_DATA"/layers/*/meta.json*; do
		! grep -qs '"title": "packages"' "$meta" || remove_tree "${meta%/*}"
	done
	rm -f "$DLENV_DATA/images/built.json"
}

# packages NAME...: what dlenv.yaml asks for on top of the preset.
packages() {
	local list
	list=$(printf '%s, ' "$@")
	printf 'name: built\npreset: base\npackages:\n  apt: [%s]\n' "${list%, }" >dlenv.yaml
}

build() { dlenv image build; }

# A layer's file by its path in the image: from the topmost layer that has it.
layer_files() { ls -d "$DLENV_DATA"/layers/*/fs/"$1" 2>/dev/null; }

top_layer() {
	python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["layers"][-1])' "$DLENV_DATA/images/built.json"
}

nothing_unfinished() { [ -z "$(ls -A "$DLENV_DATA/tmp")" ]; }

# bad_mirror FAULT: packages come through a mirror that misbehaves so.
bad_mirror() {
	[[ $(debian_mirror) == http://* ]] || skip "the mirror speaks https: nobody can tamper on the way"
	echo "$1" >fault
	python3 "$BATS_TEST_DIRNAME/mirror.py" fault >port &
	server=$!
	wait_until 10 test -s port
	http_proxy=http://127.0.0.1:$(cat port)
	export http_proxy
	unset no_proxy NO_PROXY
}

@test "an image is built, listed, checked, found again and removed" {
	run build
	assert_status 0
	run dlenv image ls
	assert_output built
	run dlenv image verify built
	assert_status 0
	start=$(date +%s%N)
	build
	[ $((($(date +%s%N) - start) / 1000000)) -lt 2000 ]
	dlenv image rm built
	run dlenv image verify built
	assert_status 12
	nothing_unfinished
}

@test "a further package reuses the layers below" {
	build
	ls "$DLENV_DATA/layers" >before
	packages sl cowsay
	build
	ls "$DLENV_DATA/layers" >after
	[ "$(comm -23 before after | wc -l)" = 0 ]
	[ "$(comm -13 before after | wc -l)" = 1 ]
}

@test "an image holds no key, identity, log or cache" {
	build
	found=$(find "$DLENV_DATA"/layers/*/fs/etc/ssh -name 'ssh_host_*' 2>/dev/null) || true
	[ -z "$found" ]
	for path in etc/resolv.conf etc/hostname var/lib/dbus/machine-id; do
		[ -z "$(layer_files $path)" ]
	done
	for id in $(layer_files etc/machine-id); do
		[ ! -s "$id" ]
	done
	found=$(find "$DLENV_DATA"/layers/*/fs/{var/log,var/cache/apt,var/lib/apt/lists,tmp,run} -type f 2>/dev/null) || true
	[ -z "$found" ]
	[ -n "$(layer_files usr/sbin/policy-rc.d)" ]
	[ -n "$(layer_files etc/apt/sources.list.d/dlenv.sources)" ]
}

@test "all unknown packages are named, with a near name" {
	packages cowsey no-such-package-xyz sl
	run build
	assert_status 12
	assert_output cowsey
	assert_output no-such-package-xyz
	assert_output "'cowsay'"
	nothing_unfinished
}

@test "a download that breaks off is continued" {
	packages cmatrix
	build >/dev/null 2>&1 # the layers below
	dlenv image rm built
	rm -rf "$DLENV_CACHE"/apt/archives/*.deb
	packages cmatrix sl
	bad_mirror cut
	run build
	assert_status 10
	nothing_unfinished
	echo none >fault
	run build
	assert_status 0
}

@test "a forged package list is refused" {
	packages figlet
	bad_mirror forge
	run build
	assert_status 11
	nothing_unfinished
}

@test "a forged package is refused" {
	packages sl toilet
	rm -f "$DLENV_CACHE"/apt/archives/toilet*
	bad_mirror swap
	run build
	assert_status 11
	nothing_unfinished
}

@test "no mirror: network, and what to do" {
	packages banner
	DLENV_MIRROR=http://127.0.0.1:9/debian run build
	assert_status 10
	assert_output "network"
}

@test "a password in the mirror's address is refused" {
	packages banner
	DLENV_MIRROR=http://me:secret@127.0.0.1/debian run build
	assert_status 2
	refute_output secret
}

@test "a build that is killed anywhere is continued by the next" {
	packages sl rolldice
	for ms in 200 500 900 1400 2000 3000 4500; do
		timeout -s KILL "$(awk "BEGIN { print $ms / 1000 }")" "$DLENV" image build >/dev/null 2>&1 || true
	done
	run build
	assert_status 0
	nothing_unfinished
	run dlenv image verify built
	assert_status 0
}

@test "two builds at once give one layer" {
	packages sl hello
	ls "$DLENV_DATA/layers" >before
	build >one 2>&1 &
	first=$!
	build >two 2>&1
	wait $first
	ls "$DLENV_DATA/layers" >after
	[ "$(comm -13 before after | wc -l)" -le 1 ]
	nothing_unfinished
}

@test "a disk that is too small is found before the download" {
	need loop
	with_small_disk "$E2E_TEST_STATE/small" 96M
	mkdir -m 0700 "$E2E_TEST_STATE/small/data"
	DLENV_DATA=$E2E_TEST_STATE/small/data run build
	assert_status 1
	assert_output "free"
}

@test "a damaged file is found, and removing the image cures it" {
	need root
	build
	file=$DLENV_DATA/layers/$(top_layer)/fs/usr/games/sl
	touch -r "$file" stamp
	printf X | dd of="$file" bs=1 seek=100 conv=notrunc status=none
	touch -r stamp "$file"
	run dlenv image verify built
	assert_status 11
	assert_output /usr/games/sl
	dlenv image rm built
	build
	run dlenv image verify built
	assert_status 0
}
