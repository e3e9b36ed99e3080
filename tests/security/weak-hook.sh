#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# An injector of GPU files with every mistake in it, as the control of inject.bats: called like
# `nvidia-cdi-hook apply`, with the container's state on stdin. Paths are joined as text and looked up
# on the host, files of the image are read, copied and executed, the environment is kept.
set -u

# shellcheck disable=SC2016 # python's
root=$(python3 -c 'import json, sys; b = json.load(sys.stdin)["bundle"]
print(json.load(open(b + "/config.json"))["root"]["path"])')

link() { # link TARGET::PLACE
	mkdir -p "$(dirname "$root${1#*::}")"
	ln -sf "${1%%::*}" "$root${1#*::}"
}
cache() {
	echo "$1" >"$root/etc/ld.so.conf.d/00-weak.conf"
	[ ! -x "$root/sbin/ldconfig" ] || "$root/sbin/ldconfig" -r "$root"
	cat "$root/etc/ld.so.cache" >/dev/null
	echo weak >"$root/etc/ld.so.cache"
}
compat() {
	local lib
	for lib in "$root"/usr/local/cuda/compat/libcuda.so.*.*; do
		[ ! -e "$lib" ] || cp -L "$lib" "$root/usr/local/"
	done
}
profile() {
	mkdir -p "$root/etc/nvidia/nvidia-application-profiles-rc.d"
	echo weak >"$root/etc/nvidia/nvidia-application-profiles-rc.d/10-container.conf"
}
mode() { chmod "${1%%::*}" "$root${1#*::}"; }

shift # apply
while [ $# -gt 0 ]; do
	case $1 in
	--link) link "$2" ;;
	--folder) cache "$2" ;;
	--chmod) mode "$2" ;;
	--host-driver-version=*) compat ;;
	--profile) profile ;;
	esac
	case $1 in
	--link | --folder | --chmod) shift 2 ;;
	*) shift ;;
	esac
done
