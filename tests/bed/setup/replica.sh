#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/bed/setup/replica.sh
#
# Prints the path of the replica of vendors and distributions that replica.py writes: made once, below
# ${DLENV_TEST_CACHE:-/var/tmp/dlenv-bed}, under a lock; the folder's name ends with a sum of what it was made from. Nobody may change it.
#
# Exit status: 77 when it cannot be made here (no openssl or cc, not made yet and not root), 1 otherwise.
set -u
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
cache=${DLENV_TEST_CACHE:-/var/tmp/dlenv-bed}

die() {
	echo "replica: $2" >&2
	exit "$1"
}

# shellcheck source=tests/bed/kept.sh
. "$here/../kept.sh"
sum=$(cat "$here"/{replica.py,stock.py,packages.py,openpgp.py,libcuda.c,skins.tsv} "$here"/../../../data/{keys,distros,branches}.tsv |
	cksum | cut -d' ' -f1)
replica=$cache/setup-replica-$sum
if [ ! -e "$replica" ]; then
	[ "$(id -u)" = 0 ] || die 77 "'$replica' is made by root: run the tests as root once"
	command -v openssl >/dev/null || die 77 "openssl is not installed"
	command -v cc >/dev/null || die 77 "cc is not installed"
	mkdir -p "$cache"
	exec 8>"$cache/setup-replica.lock"
	flock -w 1800 8 || die 1 "another run makes '$replica' and does not finish"
	if [ ! -e "$replica" ]; then
		rm -rf "$replica.new"
		PYTHONDONTWRITEBYTECODE=1 python3 "$here/replica.py" "$replica.new" >&2 8>&- || die 1 "replica.py failed"
		mv "$replica.new" "$replica" || exit 1
	fi
	exec 8>&-
fi
kept "$cache/setup-replica" "$replica"
echo "$replica"
