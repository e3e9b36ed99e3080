#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/bed/vm/boot.sh DIR
#
# Starts DIR/disk.img in a machine with Secure Boot (Microsoft's keys are enrolled) and becomes QEMU, with the machine's serial line on stdin and
# stdout. DIR/vars.fd are the firmware's variables, DIR/gpu.sock the GPU of gpu.py. No KVM is needed. To be run in the root `qemu` of root.sh.
set -eu
dir=$1
firmware=/usr/share/OVMF
[ -e "$dir/vars.fd" ] || cp $firmware/OVMF_VARS_4M.ms.fd "$dir/vars.fd"
until [ -S "$dir/gpu.sock" ]; do sleep 0.1; done
exec qemu-system-x86_64 -accel tcg,thread=multi -machine q35,smm=on -m "${VM_MIB:-1536}" -smp 2 -cpu max \
	-global driver=cfi.pflash01,property=secure,value=on -global ICH9-LPC.disable_s3=1 \
	-drive "if=pflash,format=raw,unit=0,readonly=on,file=$firmware/OVMF_CODE_4M.ms.fd" \
	-drive "if=pflash,format=raw,unit=1,file=$dir/vars.fd" \
	-drive "if=none,id=disk,format=raw,cache=unsafe,file=$dir/disk.img" -device virtio-blk-pci,drive=disk,bootindex=1 \
	-device '{"driver":"vfio-user-pci","socket":{"type":"unix","path":"'"$dir"'/gpu.sock"}}' \
	-device virtio-rng-pci -nic none -display none -monitor none -serial stdio
