#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/hosts/plans.sh DLENV DIR
#
# What DLENV (a path) would do to each tests/hosts/*/machine: files NAME.plan in DIR, to be compared with
# tests/golden/plans: the driver and our own engine (without a target), Docker, and Podman with NVIDIA's toolkit.
set -euo pipefail
export LC_ALL=C LANGUAGE=C
dlenv=${1:?usage: plans.sh DLENV DIR} out=${2:?usage: plans.sh DLENV DIR}
hosts=$(cd "$(dirname "$0")" && pwd)
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
for place in data cache run config; do
	mkdir -p "$temp/$place"
	export "DLENV_${place^^}=$temp/$place"
done
unset DLENV_ROOT

plan() { # plan TARGET...: the plan, what is said besides it, and the status
	local status=0
	echo "\$ dlenv setup --plan${*:+ $*}"
	"$dlenv" --root "$temp/root" setup --plan "$@" >"$temp/said" 2>&1 || status=$?
	sed "s,$temp/root,,g" "$temp/said"
	echo "status $status"
}

mkdir -p "$out"
for machine in "$hosts"/*/machine; do
	name=$(basename "$(dirname "$machine")")
	rm -rf "$temp/root"
	"$hosts/../bed/host.sh" "$machine" "$temp/root"
	{
		plan
		plan docker
		plan toolkit podman
	} >"$out/$name.plan"
done
