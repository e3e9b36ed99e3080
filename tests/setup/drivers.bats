#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What routes.bats does not ask of the driver: that its branch and kind are those that were chosen, where the source has newer ones too;
# Debian's older branches; nouveau; Secure Boot. The module that runs in the end is asked.
# shellcheck disable=SC2154,SC2030,SC2031 # status, output: set by bats; GPU: exported for a test at a time

bats_require_minimum_version 1.5.0
load ../e2e/helpers
load ../bed/setup/world

setup() { need net; }
teardown() { drop_world; }

pascal='--gpus 1 --device-id 1b06'

# module: "595 open" or "580 proprietary", of what the machine has loaded after a reboot
module() {
	in_world cat /proc/driver/nvidia/version |
		sed -nE '/^NVRM/{s/.*Open Kernel Module.*  ([0-9]+)\..*/\1 open/;s/^NVRM.*  ([0-9]+)\..*/\1 proprietary/;p}'
}

# gives SKIN "BRANCH FLAVOUR" ARGUMENTS...: KEY:NAME is the fingerprint of a test key
gives() {
	local wanted=$2 word words=()
	new_world "$1"
	for word in "${@:3}"; do
		case $word in KEY:*) word=--trust-key=$(fingerprint "${word#KEY:}") ;; esac
		words+=("$word")
	done
	packages >"$WORLD/packages.before"
	set_up driver --user dev "${words[@]}"
	echo "$output"
	assert_status 0
	refute_output FAILS
	[ "$(module)" = "$wanted" ] || { echo "$1: loaded is $(module)" && return 1; }
	back
	rm -rf "$WORLD"
}

@test "apt stays at the branch that was chosen" {
	gives ubuntu-22.04 "580 open" --route cuda-repo --driver 580
	gives debian-12 "595 open" --route cuda-repo
}

@test "dnf stays at the branch that was chosen" {
	gives fedora-43 "595 open" --route cuda-repo KEY:cuda-1940c73e
	gives rocky-10 "595 open" KEY:cuda-cdf6ba43
	gives rhel-9 "580 open" --driver 580
}

@test "a board that ends with 580 gets it where there are newer ones" {
	GPU=$pascal gives rocky-10 "580 proprietary" KEY:cuda-cdf6ba43
	GPU=$pascal gives opensuse-leap-15.6 "580 proprietary" KEY:suse-graphics
}

@test "zypper stays at the branch that was chosen" {
	gives opensuse-leap-15.6 "595 open" --route cuda-repo
	gives sles-15.7 "595 open" --route cuda-repo
}

@test "a kernel that the archive has left behind: a newer one comes with its module, and a reboot is asked for" {
	new_world ubuntu-24.04
	# shellcheck disable=SC2016 # expanded inside
	run in_world sh -c 'echo 6.8.0-40-generic >/tmp/kernel && mount --bind /tmp/kernel /proc/sys/kernel/osrelease &&
		mkdir -p /usr/lib/modules/6.8.0-40-generic && dlenv setup driver --user dev --yes'
	assert_status 7
	run in_world dlenv setup --resume --yes
	assert_status 0
	[ "$(module)" = "595 open" ]
}

@test "Debian's older branches" {
	gives debian-12 "535 proprietary" --route tesla-535
	GPU=$pascal gives debian-12 "470 proprietary" --route tesla-470
}

@test "nouveau has the card: it is kept away, and a reboot asked for" {
	# It is made anew when the machine is as before: with another date.
	left+='|^(added|changed) /boot/initr'
	NOUVEAU=1 gives debian-13 "595 open"
	NOUVEAU=1 gives rhel-9 "595 open"
	NOUVEAU=1 gives fedora-43 "595 open"
}

@test "Secure Boot: the key is made, enrolled and used, by each that compiles modules" {
	SECURE_BOOT=1 gives debian-13 "595 open"
	SECURE_BOOT=1 gives fedora-43 "595 open"
	SECURE_BOOT=1 gives rocky-9 "595 open"
	SECURE_BOOT=1 gives ubuntu-24.04 "595 open" --route cuda-repo
}

@test "Secure Boot: what Canonical signed needs no key" {
	export SECURE_BOOT=1
	new_world ubuntu-24.04
	run in_world dlenv setup driver --user dev --yes
	assert_status 0
	refute_output "Enroll MOK"
}

@test "every route of the table is taken in a test" {
	local missing=''
	while read -r name; do
		grep -qE -- "--route $name\b" "$E2E_STAGE"/tests/setup/{routes,drivers}.bats || missing+=" $name"
	done < <(cut -f3 "$E2E_STAGE/data/routes.tsv" | grep -vE '^(#.*|route|archive|rpmfusion-580xx|suse-G0[67]|windows)$' | sort -u)
	[ "$missing" = '' ] || { echo "no test of:$missing" && return 1; }
}
