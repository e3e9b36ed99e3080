#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # stderr is set by bats' run
# CDI specifications of played machines (bed/gpu-host.sh) with the real driver files of Debian. What each must hold is in
# tests/golden/cdi, reviewed line by line; DLENV_GOLDEN_OUT=folder writes those lists anew, there.

bats_require_minimum_version 1.5.0
load helpers

bed=$E2E_STAGE/tests/bed
golden=$E2E_STAGE/tests/golden/cdi

setup_file() {
	need root # nodes
	need net
	need disk 4
	local suite
	for suite in trixie bookworm; do
		made "DRIVER_$suite" "$bed/driver-root.sh" $suite
	done
	export DRIVER_trixie DRIVER_bookworm
	MACHINES=$(mktemp -d "$E2E_STATE/machines.XXXXXX")
	export MACHINES
}

teardown_file() { [ -z "${MACHINES-}" ] || rm -rf "$MACHINES"; }

teardown() {
	local at
	for at in "${MOUNTED[@]}"; do umount -R -l "$at"; done
}

# machine NAME OPTIONS...: $M, a machine of its own without a driver's files.
machine() {
	M=$MACHINES/$1
	rm -rf "$M"
	mkdir -p "$M"
	"$bed/gpu-host.sh" "$M" "${@:2}"
}

# The driver of a suite in $1, which may be changed: $D.
MOUNTED=()
changeable() {
	D=$MACHINES/$1
	rm -rf "$D" "$D.up" "$D.work"
	mkdir -p "$D" "$D.up" "$D.work"
	local suite=DRIVER_$2
	mount -t overlay overlay -o "lowerdir=${!suite},upperdir=$D.up,workdir=$D.work" "$D"
	MOUNTED+=("$D")
}

# generate DRIVER OPTIONS...: of the machine $M.
generate() { dlenv --root "$M" cdi generate --driver-root "$1" --dev-root "$M" "${@:2}"; }

# is_golden NAME DRIVER OPTIONS...: the list of what is generated. One GPU's lists are whole; of others what all devices
# have in common must hold all that 550-1gpu has, and only the rest is listed.
is_golden() {
	local now=$BATS_TEST_TMPDIR/$1 whole=$golden/550-1gpu.list
	generate "$2" --format json "${@:3}" >"$now.json" 2>"$now.err" || { cat "$now.err" >&2; return 1; }
	"$bed/cdi-list.py" "$2=DRIVER" "$M=DEV" <"$now.json" >"$now.list"
	if [[ $1 != *-1gpu ]]; then
		[ -z "$(grep ^common "$whole" | grep -vxFf "$now.list")" ]
		grep ^common "$whole" | grep -vxFf - "$now.list" >"$now.rest"
		mv "$now.rest" "$now.list"
	fi
	if [ -n "${DLENV_GOLDEN_OUT-}" ]; then
		mkdir -p "$DLENV_GOLDEN_OUT"
		cp "$now.list" "$DLENV_GOLDEN_OUT/$1.list"
		return
	fi
	diff -u "$golden/$1.list" "$now.list"
}

@test "550 and 535 with one GPU: every mount, node, variable, link and group" {
	machine one
	is_golden 550-1gpu "$DRIVER_trixie"
	machine one --driver 535.261.03
	is_golden 535-1gpu "$DRIVER_bookworm"
}

@test "the driver's daemons and the X server's files come too, where they are" {
	machine one
	changeable x trixie
	mkdir -p "$D"/{run/nvidia-persistenced,tmp/nvidia-mps,usr/lib/nvidia/current,usr/share/X11/xorg.conf.d,usr/lib/xorg/modules/drivers}
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$D/run/nvidia-persistenced/socket"
	touch "$D"/usr/lib/nvidia/current/{nvidia_drv.so,libglxserver_nvidia.so.550.163.01,nvidia-drm-outputclass.conf}
	ln -s /usr/lib/nvidia/current/nvidia_drv.so "$D/usr/lib/xorg/modules/drivers/nvidia_drv.so"
	ln -s /usr/lib/nvidia/current/nvidia-drm-outputclass.conf "$D/usr/share/X11/xorg.conf.d/"
	is_golden 550-x "$D" --device-name-strategy index
}

@test "eight GPUs: each has its own nodes, all has all" {
	machine eight --gpus 8
	is_golden 550-8gpu "$DRIVER_trixie" --device-name-strategy index
}

@test "MIG devices have NVML's names; without NVML it is said" {
	need command cc
	machine mig --mig
	run --separate-stderr generate "$DRIVER_trixie"
	[ "$status" = 12 ]
	[[ $stderr == *"NVML"* ]]
	changeable nvml trixie
	local lib=$D/usr/lib/x86_64-linux-gnu/nvidia/current
	cc -shared -fPIC -w -D_GNU_SOURCE -Wl,-soname,libnvidia-ml.so.1 -o "$BATS_TEST_TMPDIR/ml.so" \
		"$E2E_STAGE/tests/nvml/libnvidia-ml.c" -ldl
	rm "$lib/libnvidia-ml.so.550.163.01"
	cp "$BATS_TEST_TMPDIR/ml.so" "$lib/libnvidia-ml.so.550.163.01"
	printf '%s\n' "driver 550.163.01" "gpu GPU-5f1d3a86-0c4e-7b92-4d1f-8e0a6b5c2d17 0000:01:00.0 0" \
		"mig 1 0 MIG-a 40960 3g.40gb" "mig 5 0 MIG-b 20480 2g.20gb" "mig 13 0 MIG-c 10240 1g.10gb" >"$lib/nvml-standin"
	is_golden 550-mig "$D"
	run --separate-stderr generate "$D" --device-id 0
	[ "$status" = 12 ]
	[[ $stderr == *"divided into MIG devices"* ]]
}

@test "no GPU, no module, no driver: three errors; 'none' is the driver alone" {
	machine none --gpus 0
	run --separate-stderr generate "$DRIVER_trixie"
	[ "$status" = 12 ]
	[[ $stderr == *"sees no GPU"* ]]
	generate "$DRIVER_trixie" --device-id none --format json | "$bed/cdi-list.py" >"$BATS_TEST_TMPDIR/none"
	grep -qx "none env NVCT_EMPTY_DEVICE=" "$BATS_TEST_TMPDIR/none"
	grep -q "^common mount .*libcuda.so" "$BATS_TEST_TMPDIR/none"
	machine none --driver none --gpus 0
	run --separate-stderr generate "$DRIVER_trixie"
	[[ $stderr == *"not loaded"* ]]
	machine none
	mkdir "$MACHINES/empty"
	run --separate-stderr generate "$MACHINES/empty"
	[ "$status" = 12 ]
	[[ $stderr == *"libcuda1"* ]]
}

@test "the machine's own root gives the same as another root" {
	changeable live trixie
	"$bed/gpu-host.sh" "$D"
	cp "$DLENV" "$D/usr/bin/dlenv"
	mkdir "$D/played"
	mv "$D/proc/driver" "$D/proc/devices" "$D/played/"
	mount -t proc proc "$D/proc"
	mount --bind "$D/played/driver" "$D/proc/driver"
	mount --bind "$D/played/devices" "$D/proc/devices"
	DLENV_CACHE=/tmp/c DLENV_DATA=/tmp/d chroot "$D" dlenv cdi generate --format json |
		"$bed/cdi-list.py" >"$BATS_TEST_TMPDIR/live"
	# The kernel follows the links of what is mounted.
	diff <(sed -E 's/DRIVER[^ ]* on //; s/ DEV[^ ]* / - /' "$golden/550-1gpu.list" | sort) \
		<(sed -E 's/ mount [^ ]* on / mount /' "$BATS_TEST_TMPDIR/live" | sort)
	run grep -c " on " "$BATS_TEST_TMPDIR/live"
	[ "$output" -le 4 ] # what lies in another folder than in the container
}

@test "two versions: the loaded one's files alone; half a driver is told" {
	machine one
	changeable two trixie
	local lib=$D/usr/lib/x86_64-linux-gnu
	cp "$DRIVER_bookworm/usr/lib/x86_64-linux-gnu/nvidia/current/libcuda.so.535.261.03" "$lib/"
	cp "$DRIVER_bookworm/usr/lib/x86_64-linux-gnu/libnvidia-glcore.so.535.261.03" "$lib/"
	run --separate-stderr generate "$D"
	[ "$status" = 0 ]
	refute_output 535.261.03
	[[ $stderr == *"several versions"* ]]
	rm "$lib"/*535.261.03 "$lib/nvidia/current/libcuda.so.550.163.01"
	run --separate-stderr generate "$D"
	[ "$status" = 0 ]
	[[ $stderr == *"libcuda.so.550.163.01 is missing"* ]]
	refute_output "libcuda.so"
	rm "$lib/nvidia/current/libnvidia-ml.so.550.163.01"
	run --separate-stderr generate "$D"
	[ "$status" = 12 ]
}

@test "missing nodes are told, and what cannot work is left out" {
	machine eight --gpus 8 --without nvidia3 --without nvidia-uvm
	run --separate-stderr generate "$DRIVER_trixie" --device-name-strategy index
	[ "$status" = 0 ]
	[[ $stderr == *"nvidia-uvm"*"nvidia-modprobe"* ]]
	[[ $stderr == *"/dev/nvidia3"* ]]
	refute_output "path: /dev/nvidia3"
}

@test "capabilities choose, and NVIDIA's own hooks can be had" {
	machine one
	generate "$DRIVER_trixie" --capabilities compute,utility --format json --device-name-strategy index |
		"$bed/cdi-list.py" "$DRIVER_trixie=DRIVER" "$M=DEV" >"$BATS_TEST_TMPDIR/caps"
	run cat "$BATS_TEST_TMPDIR/caps"
	assert_output "libcuda.so.550"
	assert_output "nvidia-smi"
	refute_output "libnvidia-glcore"
	refute_output "/dev/dri"
	refute_output "libnvcuvid"
	generate "$DRIVER_trixie" --peer-hooks --format json | "$bed/cdi-list.py" "$DRIVER_trixie=DRIVER" "$M=DEV" |
		grep '^common hook'
	# The same work, in other words.
	diff <(generate "$DRIVER_trixie" --peer-hooks --format json | "$bed/cdi-list.py" "$DRIVER_trixie=DRIVER" "$M=DEV" |
		grep -v ' hook ') <(grep -v ' hook ' "$golden/550-1gpu.list")
}

@test "a file is written whole, and again only when it no longer holds" {
	need loop
	machine one
	local file=$MACHINES/specs/nvidia.yaml
	refresh() { dlenv --root "$M" cdi refresh --driver-root "$DRIVER_trixie" --dev-root "$M" -o "$file" "$@"; }
	run refresh
	assert_status 0
	[ "$(stat -c %a "$file")" = 644 ]
	dlenv cdi validate "$file"
	local was
	was=$(stat -c %i "$file")
	run refresh
	assert_status 0
	[ "$(stat -c %i "$file")" = "$was" ]
	machine one --boot-id 11111111-2222-3333-4444-555555555555
	run refresh
	[ "$(stat -c %i "$file")" != "$was" ]
	# Without a GPU there is nothing to say, and what was said is taken back; others' files stay.
	machine one --gpus 0
	run refresh
	assert_status 0
	[ ! -e "$file" ]
	run refresh
	assert_status 0
	echo "# another's" >"$file"
	run refresh
	assert_status 0
	[ -e "$file" ]
	machine one
	# On a full disk the old one stays.
	with_small_disk "$MACHINES/small" 1M
	file=$MACHINES/small/nvidia.yaml
	run refresh
	assert_status 0
	cp "$file" "$BATS_TEST_TMPDIR/old"
	head -c 900k /dev/zero >"$MACHINES/small/filler" || true
	dd if=/dev/zero of="$MACHINES/small/filler2" bs=1k 2>/dev/null || true
	run refresh --force
	assert_status 1
	cmp "$file" "$BATS_TEST_TMPDIR/old"
	[ "$(find "$MACHINES/small" -name '.nvidia*' | wc -l)" = 0 ]
	umount "$MACHINES/small"
}

@test "the runtime in mode cdi does not give what a stale file says" {
	local b=$MACHINES/bundle shim=$MACHINES/nvidia-container-runtime
	machine shim --gpus 1
	mkdir -p "$b"
	ln -sf "$E2E_STAGE/build/src/hook/dlenv-toolkit" "$shim"
	printf '[nvidia-container-cli]\nroot = "%s"\n[nvidia-container-runtime]\nmode = "cdi"\nruntimes = ["/bin/true"]\n' \
		"$DRIVER_trixie" >"$b/config.toml"
	create() { # create DEVICES: the nodes that the container gets
		printf '{"ociVersion":"1.0.2","process":{"args":["x"],"cwd":"/","env":["NVIDIA_VISIBLE_DEVICES=%s"]},"linux":{}}' \
			"$1" >"$b/config.json"
		NVIDIA_CTK_CONFIG_FILE_PATH=$b/config.toml DLENV_ROOT=$M "$shim" create -b "$b" x &&
			python3 -c 'import json, sys
for d in json.load(open(sys.argv[1]))["linux"]["devices"]: print(d["path"])' "$b/config.json"
	}
	dlenv --root "$M" cdi refresh --driver-root "$DRIVER_trixie" --dev-root "$M" -o "$M/etc/cdi/nvidia.yaml"
	run create all
	assert_status 0
	assert_output /dev/nvidia0
	refute_output /dev/nvidia1
	# Another card; nobody has refreshed the file.
	rm -rf "${M:?}"/{dev,proc,sys}
	"$bed/gpu-host.sh" "$M" --gpus 2
	run create all
	assert_status 0
	assert_output /dev/nvidia0
	assert_output /dev/nvidia1
	run create 1
	assert_output /dev/nvidia1
	refute_output /dev/nvidia0
	# What it cannot describe, the file may know.
	sed -i 's/name: "0"/name: "mine"/' "$M/etc/cdi/nvidia.yaml"
	run create mine
	assert_status 0
	assert_output /dev/nvidia0
	run create none
	refute_output /dev/nvidia0
}
