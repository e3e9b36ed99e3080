#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# A driver is installed, and its module is not: dkms fails, as with a kernel that the driver does not know.

load ../e2e/helpers
load ../bed/setup/world

setup() {
	need root
	need net
}

teardown() { drop_world; }

@test "the module does not build: the log's words are shown, and another try goes on" {
	new_world debian-13
	in_world sh -c 'apt-get update && apt-get install -y dkms && cp /usr/sbin/dkms /usr/sbin/dkms.good' >"$WORLD/log" 2>&1
	cat >"$WORLD/up/usr/sbin/dkms" <<-'DKMS'
		#!/bin/sh
		[ "$1" != remove ] || exit 0
		mkdir -p /var/lib/dkms/nvidia/1/build
		printf 'make: start\nx.c:12:5: error: too few arguments to function\nmake: *** [all] Error 2\n' >/var/lib/dkms/nvidia/1/build/make.log
		echo "Error! Bad return status for module build" >&2
		exit 10
	DKMS
	run in_world dlenv setup driver --yes
	[ "$status" = 1 ]
	[[ $output == *"could not be built for kernel"*"x.c:12:5: error: too few arguments"*"/var/lib/dkms/nvidia/1/build/make.log"* ]]
	in_world sh -c 'mv /usr/sbin/dkms.good /usr/sbin/dkms'
	run in_world dlenv setup --resume --yes
	[ "$status" = 0 ]
	in_world test -e /proc/driver/nvidia/version
}
