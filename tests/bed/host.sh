#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/bed/host.sh MACHINE DIR
#
# Lays out a recorded machine of tests/hosts/*/machine below DIR, for `dlenv --root DIR`. Lines of such a file:
#   @gpu-host OPTIONS          what tests/bed/gpu-host.sh writes, first
#   @gpu ADDRESS ID [DRIVER]   a display controller of NVIDIA's on the bus
#   @file PATH                 the lines below, up to the next @, are its text
#   @empty PATH...             files that are there
#   @bytes PATH OCTAL...       a file of these bytes
set -euo pipefail
machine=${1:?usage: host.sh MACHINE DIR} dir=${2:?usage: host.sh MACHINE DIR}
here=$(dirname "$0")

mkdir -p "$dir/sys/bus/pci/devices"
if options=$(grep '^@gpu-host' "$machine"); then
	# shellcheck disable=SC2086 # words
	GPU_HOST_MINORS=2 "$here/gpu-host.sh" "$dir" --recorded ${options#@gpu-host}
fi
file=''
while IFS= read -r line; do
	case $line in
	@*)
		read -r word path rest <<<"$line"
		file=''
		;;
	*)
		[ -z "$file" ] || printf '%s\n' "$line" >>"$dir$file"
		continue
		;;
	esac
	case $word in
	@file) file=$path && mkdir -p "$dir${path%/*}" && : >"$dir$path" ;;
	@empty) for path in $path $rest; do mkdir -p "$dir${path%/*}" && : >"$dir$path"; done ;;
	@bytes)
		mkdir -p "$dir${path%/*}"
		for byte in $rest; do printf '%b' "\\0$byte"; done >"$dir$path"
		;;
	@gpu)
		at=$dir/sys/bus/pci/devices/$path
		mkdir -p "$at"
		echo 0x10de >"$at/vendor" && echo 0x030000 >"$at/class" && echo "0x${rest%% *}" >"$at/device"
		case $rest in *' '*) ln -s "../../../bus/pci/drivers/${rest#* }" "$at/driver" ;; esac
		;;
	esac
done <"$machine"
