#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/hosts/plans.sh DLENV DIR
#
# What DLENV (a path) would do to each tests/hosts/*/machine: files NAME.plan in DIR, to be compared with
# tests/golden/plans: the driver and our own engine (without a target), Docker, Podman with NVIDIA's toolkit, and what
# cases() asks of it besides.
set -euo pipefail
# shellcheck source=tests/hosts/each.sh
. "$(dirname "$0")/each.sh"

plan() { # plan TARGET...: the plan, what is said besides it, and the status
	local status=0
	echo "\$ dlenv setup --plan${*:+ $*}"
	"$dlenv" --root "$temp/root" setup --plan "$@" >"$temp/said" 2>&1 || status=$?
	sed "s,$temp/root,,g" "$temp/said"
	echo "status $status"
}

# Routes and flavours that nobody would get unasked: NAME ARGUMENT...
cases() {
	cat <<-'CASES'
		debian-12-no-headers driver --route distro
		debian-12-no-headers driver --route tesla-535
		debian-13-blackwell driver --route distro
		debian-13-no-gpu driver
		debian-13-runfile driver --driver 595
		fedora-43-sources-kept-apart driver --route rpmfusion-tainted
		fedora-43-two-sources driver --route rpmfusion
		fedora-43-two-sources driver --route cuda-repo
		fedora-44-mok-pending driver --driver 595-open
		opensuse-leap-15.6-locked driver --route cuda-repo
		opensuse-leap-15.6-locked driver --driver 580-proprietary
		rhel-10-hopper driver --driver 595
		rhel-8-volta driver --driver 570
		rocky-8 driver --route rpmfusion
		ubuntu-20.04-turing driver --driver 595
		ubuntu-24.04-bare driver --route cuda-repo
		ubuntu-24.04-bare driver --driver 580-proprietary
		wsl-ubuntu-22.04 driver
	CASES
}

plans() { # plans NAME: of that machine
	local words
	{
		plan
		plan docker
		plan toolkit podman
		while read -r -a words; do
			[ "${words[0]}" != "$1" ] || plan "${words[@]:1}"
		done < <(cases)
	} >"$out/$1.plan"
}

each_machine plans
