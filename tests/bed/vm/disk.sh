#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/bed/vm/disk.sh ROOT DISK [MIB]
#
# A disk to boot under Secure Boot: GPT, an ESP with Debian's signed shim, MokManager and grub, and ext4 with what is in ROOT. Nothing is mounted.
# To be run in the root `qemu` of root.sh (sgdisk, mtools, mkfs.vfat, mke2fs).
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C MTOOLS_SKIP_CHECK=1
root=$1 disk=$2 size=${3:-1400}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

newest() {
	find "$root/boot" -name "$1-*" -printf '%f\n' | sort -V | tail -n 1
}

cat >"$work/grub.cfg" <<GRUB
serial --unit=0 --speed=115200
terminal_output serial
set timeout=0
search --no-floppy --label --set=root vmroot
linux /boot/$(newest vmlinuz) root=LABEL=vmroot rw console=ttyS0,115200 quiet panic=-1
initrd /boot/$(newest initrd.img)
boot
GRUB
rm -f "$disk"
truncate -s $((size + 66))M "$disk"
sgdisk -n 1:2048:+64M -t 1:ef00 -n 2:0:0 -t 2:8300 "$disk" >/dev/null
mkfs.vfat -F 32 -n ESP -C "$work/esp" 65536 >/dev/null
mmd -i "$work/esp" ::/EFI ::/EFI/BOOT ::/EFI/debian
mcopy -i "$work/esp" "$root/usr/lib/shim/shimx64.efi.signed" ::/EFI/BOOT/BOOTX64.EFI
mcopy -i "$work/esp" "$root/usr/lib/shim/mmx64.efi.signed" ::/EFI/BOOT/mmx64.efi
mcopy -i "$work/esp" "$root/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" ::/EFI/BOOT/grubx64.efi
mcopy -i "$work/esp" "$work/grub.cfg" ::/EFI/debian/grub.cfg
mcopy -i "$work/esp" "$work/grub.cfg" ::/EFI/BOOT/grub.cfg
dd if="$work/esp" of="$disk" bs=1M seek=1 conv=notrunc status=none
read -r first last < <(sgdisk -i 2 "$disk" | awk '/First sector/ { f = $3 } /Last sector/ { print f, $3 }')
mke2fs -q -t ext4 -L vmroot -E "offset=$((first * 512))" -d "$root" "$disk" $(((last - first + 1) / 2))k
