# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The Debian mirror of this machine's own apt configuration; DLENV_MIRROR overrides.
# Sourced by the tests and the benchmark, so that no mirror is named in this repository.
debian_mirror() {
	local found
	if [ -n "${DLENV_MIRROR-}" ]; then
		echo "$DLENV_MIRROR"
		return
	fi
	found=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null |
		awk '/^#/ { next } { for (i = 1; i <= NF; i++)
			if ($i ~ /^https?:.*\/debian\/?$/) { sub("/$", "", $i); print $i; exit } }')
	# Elsewhere the one that mmdebstrap has built in, from the list that it writes.
	[ -n "$found" ] || found=$(mmdebstrap --variant=custom --format=null \
		--setup-hook='cat "$1"/etc/apt/sources.list; exit 1' trixie - 2>/dev/null |
		awk '$1 == "deb" { print $2; exit }')
	echo "$found"
}
