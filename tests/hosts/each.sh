# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by what compares the recorded machines, with their arguments DLENV and DIR: $dlenv, $out, a folder $temp that goes at the
# end, and each_machine. dlenv's state folders are in $temp, so that nothing of this machine's is read.

export LC_ALL=C LANGUAGE=C
# shellcheck disable=SC2034 # who sources this uses them
dlenv=${1:?usage: ${0##*/} DLENV DIR} out=${2:?usage: ${0##*/} DLENV DIR}
hosts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
for place in data cache run config; do
	mkdir -p "$temp/$place"
	export "DLENV_${place^^}=$temp/$place"
done
unset DLENV_ROOT

# each_machine FUNCTION: call it with the name of each, while the machine is at $temp/root.
each_machine() {
	local machine
	mkdir -p "$out"
	for machine in "$hosts"/*/machine; do
		rm -rf "$temp/root"
		"$hosts/../bed/host.sh" "$machine" "$temp/root"
		"$1" "$(basename "$(dirname "$machine")")"
	done
}
