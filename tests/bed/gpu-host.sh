#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/bed/gpu-host.sh DIR [OPTIONS]
#
# Writes a machine with NVIDIA GPUs below DIR, to be read with `dlenv --root DIR`: /proc, /sys and
# /etc as the kernel modules print them, and as root the nodes in /dev. A driver root
# (driver-root.sh) may be laid over it. The same options give the same bytes.
#
#   --gpus N            how many (1). Eight are a DGX A100: the minors are in another order than the
#                       PCI addresses, as there
#   --driver V          version of the loaded modules (550.163.01); `none`: nothing is loaded
#   --open              NVIDIA's open kernel modules
#   --model NAME --device-id ID    another product (from four GPUs on: NVIDIA A100-SXM4-80GB, 20b2;
#                       else NVIDIA GeForce RTX 4090, 2684)
#   --mig [LAYOUT]      MIG instances GI:CI,... (1:0,5:0,13:0) on the first GPU; the product is an A100
#   --mig-gpus N        on the first N GPUs
#   --excluded I        the GPU of that number (by PCI address, from 0) is excluded
#   --unknown-uuid I    the module does not know that GPU's UUID yet
#   --no-nodes          no nodes in /dev, also as root
#   --recorded          the nodes are files that say their numbers, as tools/record-host.sh writes them
#   --without NAME      this node (nvidia-uvm ...) is missing; repeatable
#   --char-links        /dev/char has its links
#   --render-gid N      group of the render nodes (105)
#   --imex N            N channels in /dev/nvidia-caps-imex-channels
#   --nvswitch          /dev/nvidia-nvswitchctl and two switches
#   --nouveau           the GPUs are bound to nouveau (implies --driver none)
#   --wsl               WSL2: /dev/dxg and nothing of the modules
#   --tegra             an integrated GPU: /etc/nv_tegra_release
#   --boot-id UUID
set -euo pipefail

die() { echo "gpu-host.sh: $*" >&2; exit 2; }

dir=${1:?usage: gpu-host.sh DIR [OPTIONS]}
shift
gpus=1 driver=550.163.01 open='' model='' id='' mig='' mig_gpus=1 excluded='' unknown='' nodes=1 recorded=''
without=' ' char_links='' render_gid=105 imex=0 nvswitch='' nouveau='' wsl='' tegra=''
boot_id=3f2c8a5e-6a0b-4d53-9b3e-52c1c1a0f7d4
while [ $# -gt 0 ]; do
	case $1 in
	--gpus) gpus=$2; shift ;;
	--driver) driver=$2; shift ;;
	--open) open=1 ;;
	--model) model=$2; shift ;;
	--device-id) id=$2; shift ;;
	--mig)
		mig=1:0,5:0,13:0
		case ${2-} in [0-9]*:*) mig=$2; shift ;; esac
		;;
	--mig-gpus) mig_gpus=$2; shift ;;
	--excluded) excluded=$2; shift ;;
	--unknown-uuid) unknown=$2; shift ;;
	--no-nodes) nodes='' ;;
	--recorded) recorded=1 ;;
	--without) without+="$2 "; shift ;;
	--char-links) char_links=1 ;;
	--render-gid) render_gid=$2; shift ;;
	--imex) imex=$2; shift ;;
	--nvswitch) nvswitch=1 ;;
	--nouveau) nouveau=1 driver=none ;;
	--wsl) wsl=1 driver=none gpus=0 ;;
	--tegra) tegra=1 driver=none gpus=0 ;;
	--boot-id) boot_id=$2; shift ;;
	*) die "unknown option '$1'" ;;
	esac
	shift
done
[ "$(id -u)" = 0 ] || [ -n "$recorded" ] || nodes=''
if [ "$gpus" -ge 4 ] || [ -n "$mig" ]; then
	model=${model:-NVIDIA A100-SXM4-80GB} id=${id:-20b2}
fi
model=${model:-NVIDIA GeForce RTX 4090} id=${id:-2684}

# Majors: 195 is NVIDIA's own, the others are given by the kernel.
uvm_major=510 caps_major=235 imex_major=234 switch_major=236
dgx_minors=(2 3 0 1 6 7 4 5)
buses=(07 0f 47 4e 87 90 b7 bd)
uuids=(5f1d3a86-0c4e-7b92-4d1f-8e0a6b5c2d17 9b24e7c0-51aa-3f68-b0c3-14d7f29e8a55
	c3a90f12-7de4-48b1-95f6-2b8c6d0e7a34 0e6d52b8-a917-4c3e-8f20-d5b1947c6e83
	7a15c84d-2f3b-e096-1c47-b9e8053fa6d2 e48f06b3-9d72-15ca-7e5b-3a60c1f8d294
	21cb7e95-4af8-d603-b281-6f9d0e3c57ba b6903dfa-e815-724c-3d9e-c7042a1b8f65)

address() { # address I
	if [ "$gpus" -gt 8 ]; then
		printf -v REPLY '0000:%02x:00.0' $((1 + $1))
	elif [ "$gpus" -gt 2 ]; then
		REPLY=0000:${buses[$1]}:00.0
	else
		printf -v REPLY '0000:%02x:00.0' $((1 + $1 * 0x40))
	fi
}
minor() { REPLY=$1; [ "$gpus" != 8 ] || REPLY=${dgx_minors[$1]}; }
uuid() {
	if [ "$1" -lt 8 ]; then REPLY=GPU-${uuids[$1]}; else printf -v REPLY 'GPU-%08x-7e57-7e57-7e57-%012x' "$1" "$1"; fi
}
render() { REPLY=$((128 + $1)); }
card() { REPLY=$1; [ "$gpus" -lt 4 ] || REPLY=$(($1 + 1)); } # a server's first card is its BMC

put() { # put PATH TEXT: a file, with a newline at its end
	[ -d "$dir/${1%/*}" ] || mkdir -p "$dir/${1%/*}"
	printf '%s\n' "$2" >"$dir/$1"
}

machine() {
	put etc/os-release 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
ID=debian'
	put proc/sys/kernel/random/boot_id "$boot_id"
	put proc/meminfo 'MemTotal:       65783432 kB'
	{
		printf 'Character devices:\n  1 mem\n  5 /dev/tty\n 10 misc\n 13 input\n'
		if [ "$driver" != none ]; then
			printf '195 nvidia\n195 nvidia-modeset\n195 nvidiactl\n226 drm\n'
			printf '%d nvidia-caps-imex-channels\n%d nvidia-caps\n' "$imex_major" "$caps_major"
			[ -z "$nvswitch" ] || printf '%d nvidia-nvswitch\n' "$switch_major"
			printf '%d nvidia-uvm\n' "$uvm_major"
		fi
		printf '\nBlock devices:\n  8 sd\n259 blkext\n'
	} >"$dir/proc/devices"
}

module() {
	local m
	put sys/module/nvidia/version "$driver"
	put sys/module/nvidia/initstate live
	for m in nvidia_uvm nvidia_modeset nvidia_drm; do put sys/module/$m/initstate live; done
	if [ -n "$open" ]; then
		put proc/driver/nvidia/version "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  $driver  Release Build  (root@build)  Tue Apr  8 12:41:17 UTC 2025
GCC version:  gcc version 12.2.0 (Debian 12.2.0-14+deb12u1) "
	else
		put proc/driver/nvidia/version "NVRM version: NVIDIA UNIX x86_64 Kernel Module  $driver  Tue Apr  8 12:41:17 UTC 2025
GCC version:  gcc version 12.2.0 (Debian 12.2.0-14+deb12u1) "
	fi
	put proc/driver/nvidia/params 'ResmanDebugLevel: 4294967295
RmLogonRC: 1
ModifyDeviceFiles: 1
DeviceFileUID: 0
DeviceFileGID: 0
DeviceFileMode: 438
InitializeSystemMemoryAllocations: 1
UsePageAttributeTable: 4294967295
EnableMSI: 1
EnablePCIeGen3: 0
MemoryPoolSize: 0
KMallocHeapMaxSize: 0
VMallocHeapMaxSize: 0
IgnoreMMIOCheck: 0
EnableStreamMemOPs: 0
EnableUserNUMAManagement: 1
NvLinkDisable: 0
RmProfilingAdminOnly: 1
PreserveVideoMemoryAllocations: 0
EnableS0ixPowerManagement: 0
S0ixPowerManagementVideoMemoryThreshold: 256
DynamicPowerManagement: 3
DynamicPowerManagementVideoMemoryThreshold: 200
RegisterPCIDriver: 1
EnablePCIERelaxedOrderingMode: 0
EnableResizableBar: 0
EnableGpuFirmware: 18
EnableGpuFirmwareLogs: 2
RmNvlinkBandwidthLinkCount: 0
EnableDbgBreakpoint: 0
OpenRmEnableUnsupportedGpus: 1
DmaRemapPeerMmio: 1
ImexChannelCount: 2048
CreateImexChannel0: 0
GrdmaPciTopoCheckOverride: 0
RegistryDwords: ""
RegistryDwordsPerDevice: ""
RmMsg: ""
GpuBlacklist: ""
TemporaryFilePath: ""
ExcludedGpus: ""'
	put proc/driver/nvidia/registry 'Binary: ""'
	mkdir -p "$dir/proc/driver/nvidia/gpus" "$dir/proc/driver/nvidia/capabilities/mig"
	capability mig/config 1 256
	capability mig/monitor 2 256
}

capability() { # capability PATH MINOR MODE
	put "proc/driver/nvidia/capabilities/$1" "DeviceFileMinor: $2
DeviceFileMode: $3
DeviceFileModify: 1"
}

# The module lists what could be: 32 GPUs with 15 GPU instances of 8 compute instances.
mig_minors() {
	mkdir -p "$dir/proc/driver/nvidia-caps"
	awk -v gpus="$1" 'BEGIN {
		print "config 1\nmonitor 2"; m = 3
		for (g = 0; g < gpus; g++) for (i = 0; i < 15; i++) {
			printf "gpu%d/gi%d/access %d\n", g, i, m++
			for (c = 0; c < 8; c++) printf "gpu%d/gi%d/ci%d/access %d\n", g, i, c, m++
		}
	}' >"$dir/proc/driver/nvidia-caps/mig-minors"
	put proc/driver/nvidia-caps/nvlink-minors 'fabric-mgmt 0'
	put proc/driver/nvidia-caps/sys-minors 'fabric-imex-mgmt 1'
}

information() { # information I: as the module prints it
	local bus m id no=No
	address "$1"; bus=$REPLY
	minor "$1"; m=$REPLY
	uuid "$1"; id=$REPLY
	[ "$1" != "$unknown" ] || id='GPU-????????-????-????-????-????????????'
	[ "$1" != "$excluded" ] || no=Yes
	mkdir -p "$dir/proc/driver/nvidia/gpus/$bus"
	printf 'Model: \t\t %s\nIRQ:   \t\t %d\nGPU UUID: \t %s\nVideo BIOS: \t %s\nBus Type: \t PCIe\nDMA Size: \t 47 bits\nDMA Mask: \t 0x7fffffffffff\nBus Location: \t %s\nDevice Minor: \t %d\nGPU Firmware: \t %s\nGPU Excluded:\t %s\n' \
		"$model" $((140 + $1)) "$id" 92.00.9e.00.1d "$bus" "$m" "$driver" "$no" \
		>"$dir/proc/driver/nvidia/gpus/$bus/information"
}

pci_device() { # pci_device ADDRESS VENDOR DEVICE CLASS [DRIVER]
	local at=sys/devices/pci0000:00/$1
	put "$at/vendor" "0x$2"
	put "$at/device" "0x$3"
	put "$at/class" "0x$4"
	[ -z "${5-}" ] || { mkdir -p "$dir/sys/bus/pci/drivers/$5"; ln -s "../../../bus/pci/drivers/$5" "$dir/$at/driver"; }
	ln -s "../../../devices/pci0000:00/$1" "$dir/sys/bus/pci/devices/$1"
}

pci_gpu() { # pci_gpu I
	local bus by='' class=030000
	address "$1"; bus=$REPLY
	[ "$driver" = none ] || by=nvidia
	[ -z "$nouveau" ] || by=nouveau
	[ "$gpus" -lt 4 ] || class=030200
	pci_device "$bus" 10de "$id" "$class" "$by"
	put "sys/devices/pci0000:00/$bus/current_link_speed" '16.0 GT/s PCIe'
	put "sys/devices/pci0000:00/$bus/max_link_speed" '16.0 GT/s PCIe'
	put "sys/devices/pci0000:00/$bus/current_link_width" 16
	put "sys/devices/pci0000:00/$bus/max_link_width" 16
	[ -z "$by" ] || {
		card "$1"
		put "sys/devices/pci0000:00/$bus/drm/card$REPLY/dev" "226:$REPLY"
		render "$1"
		put "sys/devices/pci0000:00/$bus/drm/renderD$REPLY/dev" "226:$REPLY"
	}
	[ "$class" != 030000 ] || pci_device "${bus%.0}.1" 10de 22ba 040300 snd_hda_intel
}

mig_instances() { # mig_instances I
	local m pair gi ci
	minor "$1"; m=$REPLY
	for pair in ${mig//,/ }; do
		gi=${pair%:*} ci=${pair#*:}
		capability "gpu$m/mig/gi$gi/access" $((3 + m * 135 + gi * 9)) 292
		capability "gpu$m/mig/gi$gi/ci$ci/access" $((4 + m * 135 + gi * 9 + ci)) 292
	done
}

node() { # node PATH MAJOR MINOR MODE [GID]
	case $without in *" ${1##*/} "*) return 0 ;; esac
	mkdir -p "$dir/dev/${1%/*}"
	if [ -n "$recorded" ]; then
		printf 'c %d:%d\n' "$2" "$3" >"$dir/dev/$1"
	else
		mknod -m "$4" "$dir/dev/$1" c "$2" "$3"
	fi
	[ -z "${5-}" ] || [ -n "$recorded" ] || chown "0:$5" "$dir/dev/$1"
	[ -z "$char_links" ] || { mkdir -p "$dir/dev/char"; ln -s "../${1#./}" "$dir/dev/char/$2:$3"; }
}

gpu_nodes() { # gpu_nodes I
	local bus pair m gi ci n
	address "$1"; bus=$REPLY
	minor "$1"; m=$REPLY
	mkdir -p "$dir/dev/dri/by-path"
	[ "$1" = "$excluded" ] || node ./nvidia"$m" 195 "$m" 0666
	card "$1"; n=$REPLY
	node dri/card"$n" 226 "$n" 0660 44
	ln -s "../card$n" "$dir/dev/dri/by-path/pci-$bus-card"
	render "$1"; n=$REPLY
	node dri/renderD"$n" 226 "$n" 0660 "$render_gid"
	ln -s "../renderD$n" "$dir/dev/dri/by-path/pci-$bus-render"
	[ -n "$mig" ] && [ "$1" -lt "$mig_gpus" ] || return 0
	for pair in ${mig//,/ }; do
		gi=${pair%:*} ci=${pair#*:}
		n=$((3 + m * 135 + gi * 9))
		[ -e "$dir/dev/nvidia-caps/nvidia-cap$n" ] || node "nvidia-caps/nvidia-cap$n" $caps_major $n 0444
		node "nvidia-caps/nvidia-cap$((n + 1 + ci))" $caps_major $((n + 1 + ci)) 0444
	done
}

control_nodes() {
	local i
	node ./nvidiactl 195 255 0666
	node ./nvidia-modeset 195 254 0666
	node ./nvidia-uvm $uvm_major 0 0666
	node ./nvidia-uvm-tools $uvm_major 1 0666
	node nvidia-caps/nvidia-cap1 $caps_major 1 0400
	node nvidia-caps/nvidia-cap2 $caps_major 2 0444
	for ((i = 0; i < imex; i++)); do node "nvidia-caps-imex-channels/channel$i" $imex_major $i 0666; done
	[ -z "$nvswitch" ] || {
		node ./nvidia-nvswitchctl $switch_major 255 0666
		node ./nvidia-nvswitch0 $switch_major 0 0666
		node ./nvidia-nvswitch1 $switch_major 1 0666
	}
}

mkdir -p "$dir/proc" "$dir/sys/bus/pci/devices" "$dir/dev"
machine
pci_device 0000:00:1f.3 8086 a323 0c0500
[ "$driver" = none ] || { module; mig_minors "${GPU_HOST_MINORS:-32}"; }
for ((i = 0; i < gpus; i++)); do
	[ "$driver" = none ] || information "$i"
	pci_gpu "$i"
	if [ -n "$mig" ] && [ "$i" -lt "$mig_gpus" ]; then mig_instances "$i"; fi
	if [ -n "$nodes" ] && [ "$driver" != none ]; then gpu_nodes "$i"; fi
done
[ -z "$nodes" ] || [ "$driver" = none ] || control_nodes
[ -z "$wsl" ] || {
	put proc/version 'Linux version 5.15.167.4-microsoft-standard-WSL2 (root@build) (gcc 11.2.0)'
	mkdir -p "$dir/usr/lib/wsl/lib" "$dir/usr/lib/wsl/drivers"
	if [ "$(id -u)" = 0 ] && [ -z "$recorded" ]; then mknod -m 0666 "$dir/dev/dxg" c 10 125; else : >"$dir/dev/dxg"; fi
}
[ -z "$tegra" ] || {
	put etc/nv_tegra_release '# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64'
	put sys/devices/soc0/family Tegra
}
