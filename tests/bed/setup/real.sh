#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/bed/setup/real.sh
#
# Prints the path of the replica that machine.sh's machines have: real.py's, with Debian's own podman and an engine that runs. Made once, below
# ${DLENV_TEST_CACHE:-/var/tmp/dlenv-bed}, under a lock, by root. The packages come from Debian's mirror, chosen by apt for the root `trixie`;
# apt has folders of its own for that, so that nothing of this machine's is read or changed.
#
# Exit status: 77 when it cannot be had (no network, no apt, not made yet and not root), 1 otherwise.
set -eu
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../../.." && pwd)
# shellcheck source=tools/mirror.sh
. "$repo/tools/mirror.sh" # debian_mirror
cache=${DLENV_TEST_CACHE:-/var/tmp/dlenv-bed}

die() {
	echo "real: $2" >&2
	exit "$1"
}

# What Docker's packages are made of; with --download-only of what the root lacks, and no more.
engine="docker.io docker-cli containerd runc rootlesskit"
podman="podman uidmap dbus-user-session libpam-systemd netavark aardvark-dns passt slirp4netns crun nftables"

fetch() { # fetch ROOT DIR: the packages
	local apt=$2/apt options
	mkdir -p "$apt"/{lists/partial,archives/partial,etc}
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(debian_mirror) trixie main" >"$apt/list"
	options=(-qq -o Dir::Etc::sourcelist="$apt/list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null -o Dir::State::lists="$apt/lists"
		-o Dir::State::status="$1/var/lib/dpkg/status" -o Dir::Cache="$apt" -o Dir::Cache::archives="$apt/archives"
		-o APT::Sandbox::User=root -o Debug::NoLocking=1 -o Acquire::Retries=3 -o APT::Architecture=amd64 -o Acquire::Languages=none)
	apt-get "${options[@]}" update || die 77 "the mirror does not answer: is there a network?"
	# shellcheck disable=SC2086 # lists
	apt-get "${options[@]}" install -y --download-only --no-install-recommends $podman
	# shellcheck disable=SC2086
	(cd "$apt/archives" && apt-get "${options[@]}" download $engine)
	mv "$apt"/archives/*.deb "$2"
	rm -rf "$apt"
}

root=$("$here/root.sh" trixie) || exit
sum=$({ echo "$root $engine $podman" && cat "$0" "$here"/{real.py,real.c,replica.py,stock.py,packages.py,openpgp.py,skins.tsv} "$repo"/data/{keys,distros,branches}.tsv; } |
	cksum | cut -d' ' -f1)
replica=$cache/setup-real-$sum
if [ ! -e "$replica" ]; then
	[ "$(id -u)" = 0 ] || die 77 "'$replica' is made by root: run the tests as root once"
	for program in openssl cc apt-get dpkg-deb; do
		command -v $program >/dev/null || die 77 "$program is not installed"
	done
	exec 8>"$cache/setup-real.lock"
	flock -w 1800 8 || die 1 "another run makes '$replica' and does not finish"
	if [ ! -e "$replica" ]; then
		rm -rf "$cache"/setup-real-*
		mkdir -p "$replica.new"
		debs=$(mktemp -d)
		trap 'rm -rf "$debs"' EXIT
		fetch "$root" "$debs" >&2
		cc -Os -static -s -o "$debs/hello" "$here/real.c"
		PYTHONDONTWRITEBYTECODE=1 python3 "$here/real.py" "$replica.new" "$debs" >&2 8>&- || die 1 "real.py failed"
		mv "$replica.new" "$replica"
	fi
	exec 8>&-
fi
echo "$replica"
