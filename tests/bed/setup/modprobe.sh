#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# modprobe, outwardly, inside a world (world.sh): loads nvidia.ko of the running kernel's folder by laying out what the kernel would show.
# The messages are those of kmod and the kernel.
set -eu
kernel=$(cat /proc/sys/kernel/osrelease)
efi=/sys/firmware/efi/efivars
fail() {
	echo "modprobe: $1" >&2
	exit 1
}

remove=false name=
for word; do
	case $word in
	-r | --remove) remove=true ;;
	-*) ;;
	*) name=${name:-$word} ;;
	esac
done
case $name in
nvidia | nvidia-* | nvidia_*) ;;
nouveau) exit 0 ;;
*) exit 0 ;;
esac
if $remove; then
	rm -rf /proc/driver/nvidia /sys/module/nvidia*
	exit 0
fi
[ ! -e /proc/driver/nvidia/version ] || exit 0
ko=$(find "/lib/modules/$kernel/" -name 'nvidia.ko' 2>/dev/null | sort | tail -n 1)
[ -n "$ko" ] || fail "FATAL: Module $name not found in directory /lib/modules/$kernel"
if [ "$(od -An -tu1 -j4 $efi/SecureBoot-* 2>/dev/null | tr -d ' ')" = 1 ] && ! grep -qaE 'Canonical Ltd|SUSE Linux Enterprise' "$ko"; then
	rejected=true
	for key in /var/lib/dkms/mok.pub /var/lib/shim-signed/mok/MOK.der /etc/pki/akmods/certs/public_key.der; do
		[ -e "$key" ] && grep -qa 'Module signature appended' "$ko" || continue
		! grep -qaF "$(sha1sum <"$key")" $efi/MokListRT-* 2>/dev/null || rejected=false
	done
	! $rejected || fail "ERROR: could not insert '$name': Key was rejected by service"
fi
[ ! -e /sys/module/nouveau ] || fail "ERROR: could not insert '$name': No such device"
[ -s /run/bed/gpu-options ] || fail "ERROR: could not insert '$name': No such device"
version=$(grep -ao 'version=[0-9.]*' "$ko" | head -n 1)
opened=
! grep -qa 'license=Dual MIT/GPL' "$ko" || opened=--open
rm -rf /run/bed/loaded
# shellcheck disable=SC2046,SC2086 # options
/bed/gpu-host.sh /run/bed/loaded --driver "${version#*=}" $opened $(cat /run/bed/gpu-options)
cp -a /run/bed/loaded/proc/driver/. /proc/driver/
cp -a /run/bed/loaded/sys/module/. /sys/module/
cp -a /run/bed/loaded/sys/devices/. /sys/devices/
cp -a /run/bed/loaded/sys/bus/pci/. /sys/bus/pci/
cat /run/bed/loaded/proc/devices >/proc/devices
[ ! -d /run/bed/loaded/dev ] || cp -a /run/bed/loaded/dev/. /dev/
# On rpm systems glibc's own trigger does this after each transaction.
[ ! -e /etc/ld.so.conf.d/lib64.conf ] || ldconfig
# The toolkit's service, which waits for that, where systemd does not run.
[ -d /run/systemd/system ] || [ ! -x /usr/bin/nvidia-ctk ] || nvidia-ctk cdi generate
