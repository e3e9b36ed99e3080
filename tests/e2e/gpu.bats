#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# GPUs in containers of our own engine: on machines that are played below a folder (bed/gpu-host.sh), with the real
# driver files of Debian. There is no GPU: programs find and load the driver, and fail for want of a device only.
# bats file_tags=rootless

bats_require_minimum_version 1.5.0
load helpers

bed=$E2E_STAGE/tests/bed

setup_file() {
	need net
	need disk 4
	local status=0
	# Where everybody may read: the files are another user's for some tests.
	DRIVER_550=$(DLENV_TEST_CACHE=${DLENV_TEST_CACHE-} "$bed/driver-root.sh" trixie) || status=$?
	[ $status = 0 ] || { [ $status != 77 ] || skip "Debian's driver packages cannot be had"; return 1; }
	MACHINES=$(mktemp -d "$E2E_STATE/machines.XXXXXX")
	chmod 0755 "$E2E_STATE" "$MACHINES"
	cp -a --reflink=auto --no-preserve=ownership "$DRIVER_550" "$MACHINES/550"
	"$bed/gpu-host.sh" "$MACHINES/550" --gpus 2
	export DRIVER_550 MACHINES
}

teardown_file() {
	[ -z "${MACHINES-}" ] || remove_tree "$MACHINES"
}

setup() {
	fresh_state
	export DLENV_ROOT=$MACHINES/550 DLENV_SSH=false
	printf 'name: gpu\npreset: base\n' >dlenv.yaml
}

teardown() {
	drop_state
}

# A machine of its own: another kernel's view over the same driver files. machine NAME OPTIONS...
machine() {
	local dir=$E2E_TEST_STATE/$1
	shift
	mkdir -p "$dir"
	"$bed/gpu-host.sh" "$dir" "$@"
	# Its driver is found where a driver container would have it.
	mkdir -p "$dir/run/nvidia"
	export DLENV_ROOT=$dir
}

@test "the driver's programs start, the loader finds the driver, a program links to it" {
	cat >probe.py <<-'PY'
		import ctypes
		print("cuInit", ctypes.CDLL("libcuda.so.1").cuInit(0))
		print("nvml", ctypes.CDLL("libnvidia-ml.so.1").nvmlInit_v2())
	PY
	run dlenv run base -- sh -c 'nvidia-smi; echo "status $?"; ldconfig -p | grep "libcuda.so.1 "; python3 probe.py'
	assert_status 0
	# 9: the driver is not loaded. 100: no CUDA-capable device.
	assert_output "NVIDIA-SMI has failed"
	assert_output "status 9"
	assert_output "libcuda.so.1 (libc6,x86-64) => /"
	assert_output "cuInit 100"
	assert_output "nvml 9"
}

@test "only what is asked for comes in" {
	run dlenv run base -- sh -c 'ls /usr/lib/x86_64-linux-gnu /usr/lib/x86_64-linux-gnu/nvidia/current; env'
	assert_status 0
	assert_output "libcuda.so.550"
	refute_output "libnvidia-glcore.so"
	refute_output "libnvcuvid.so"
	run dlenv run --set 'run.env.NVIDIA_DRIVER_CAPABILITIES=video' base -- \
		sh -c 'ls /usr/lib/x86_64-linux-gnu /usr/lib/x86_64-linux-gnu/nvidia/current'
	assert_output "libnvcuvid.so"
	refute_output "libnvidia-glcore.so"
	run dlenv run --gpu none base -- sh -c 'ls /usr/lib/x86_64-linux-gnu; ls /dev'
	assert_status 0
	refute_output "libcuda"
	refute_output "nvidia"
}

@test "nodes are those of the chosen GPUs" {
	need root
	run dlenv run --gpu 1 base -- sh -c 'cd /dev; stat -c "%n %t:%T" nvidia*'
	assert_status 0
	assert_output "nvidiactl c3:ff"
	assert_output "nvidia1 c3:1"
	refute_output "nvidia0"
	run dlenv run base -- sh -c 'ls /dev/nvidia0 /dev/nvidia1 /dev/nvidia-uvm'
	assert_status 0
}

@test "an ordinary user gets the nodes, too" {
	need root
	need user
	run as_user "$DLENV" --root "$MACHINES/550" run --gpu 0 base -- sh -c 'cd /dev; stat -c "%n %t:%T" nvidia*'
	assert_status 0
	assert_output "nvidia0 c3:0"
	refute_output "nvidia1"
	# A node that a group of the user's opens: the group stays, though it has no number inside.
	cp -a "$MACHINES/550/dev" "$E2E_TEST_STATE/dev.all"
	rm "$MACHINES/550/dev/nvidia0"
	mknod -m 0660 "$MACHINES/550/dev/nvidia0" c 195 0
	chgrp "$(id -g "$E2E_USER")" "$MACHINES/550/dev/nvidia0"
	run as_user "$DLENV" --root "$MACHINES/550" run --gpu 0 base true
	refute_output "may not open"
	chgrp 44 "$MACHINES/550/dev/nvidia0"
	run as_user "$DLENV" --root "$MACHINES/550" run --gpu 0 base true
	assert_status 0
	assert_output "usermod -aG video"
	chmod 0666 "$MACHINES/550/dev/nvidia0"
}

@test "a GPU that is not there, by name and by what it has" {
	run dlenv run --gpu 7 base true
	assert_status 5
	assert_output "this machine has no GPU '7'"
	run dlenv run --gpu GPU- base true
	assert_status 2
	run dlenv run --set run.env.NVIDIA_REQUIRE_CUDA='cuda>=99' base true
	# The default goes on without one; asked for, it is an error.
	assert_status 0
	assert_output "it goes on without a GPU"
	run dlenv run --gpu all --set run.env.NVIDIA_REQUIRE_CUDA='cuda>=99' base true
	assert_status 5
	assert_output "cuda>=99"
}

@test "an environment keeps up with the driver and says what it has" {
	run dlenv up --gpu 0 --yes
	assert_status 0
	assert_output "(driver 550.163.01)"
	run dlenv exec -- sh -c 'ls /usr/lib/x86_64-linux-gnu; readlink -f /usr/lib/x86_64-linux-gnu/libcuda.so.1'
	assert_output "libcuda.so.550"
	run dlenv exec --gpu 0 -- sh -c 'echo "$CUDA_VISIBLE_DEVICES"'
	assert_status 0
	assert_output "GPU-"
	run dlenv exec --gpu 1 -- true
	assert_status 12
	assert_output "does not have GPU 1"
	run dlenv status
	assert_output "(driver 550.163.01)"
	dlenv stop
	# The update: another driver's files, another module.
	local old=$E2E_TEST_STATE/535 root
	root=$("$bed/driver-root.sh" bookworm) || skip "Debian's driver packages cannot be had"
	cp -a --reflink=auto --no-preserve=ownership "$root" "$old"
	"$bed/gpu-host.sh" "$old" --driver 535.261.03
	run dlenv --root "$old" up --yes
	assert_status 0
	assert_output "(driver 535.261.03)"
	run dlenv exec -- sh -c 'nvidia-smi; ldconfig -p | grep libcuda.so.1; find /usr/lib -name "*.so.*" -size 0'
	assert_output "NVIDIA-SMI has failed"
	assert_output "libcuda.so.1 (libc6,x86-64) => /"
	refute_output "550"
}

@test "a machine without a GPU, and one whose driver is broken" {
	machine bare --gpus 0 --driver none
	run dlenv run base -- echo inside
	assert_status 0
	assert_output inside
	refute_output "GPU"
	run dlenv run --gpu all base -- echo inside
	assert_status 12
	assert_output "no NVIDIA driver is loaded"
	machine broken --gpus 1 # the module is there, its files are not
	run dlenv run base -- echo inside
	assert_status 0
	assert_output "it goes on without a GPU"
	assert_output inside
	run dlenv run --gpu 0 base -- echo inside
	[ "$status" != 0 ]
	refute_output inside
}

@test "a driver that lies elsewhere" {
	mkdir -p "$E2E_TEST_STATE/all/run/nvidia"
	"$bed/gpu-host.sh" "$E2E_TEST_STATE/all"
	cp -a --reflink=auto --no-preserve=ownership "$DRIVER_550" "$E2E_TEST_STATE/all/run/nvidia/driver"
	DLENV_ROOT=$E2E_TEST_STATE/all DLENV_DRIVER_ROOT=/run/nvidia/driver run dlenv run --gpu all base -- nvidia-smi
	assert_status 9
	assert_output "NVIDIA-SMI has failed"
}

@test "another device by its name in a CDI file" {
	local cdi=$E2E_TEST_STATE/m/etc/cdi
	mkdir -p "$cdi" "$E2E_TEST_STATE/m/opt"
	echo something >"$E2E_TEST_STATE/m/opt/thing"
	cat >"$cdi/thing.yaml" <<-'YAML'
		cdiVersion: 0.5.0
		kind: example.com/thing
		devices:
		  - name: one
		    containerEdits:
		      env: [THING=1]
		      mounts:
		        - hostPath: /opt/thing
		          containerPath: /opt/thing.txt
		          options: [ro, rbind]
		  - name: hooked
		    containerEdits:
		      hooks:
		        - hookName: createContainer
		          path: /usr/bin/vendor-hook
	YAML
	export DLENV_ROOT=$E2E_TEST_STATE/m
	run dlenv run --device example.com/thing=one base -- sh -c 'cat /opt/thing.txt; echo "<$THING>"; echo x >/opt/thing.txt'
	assert_output something
	assert_output "<1>"
	assert_output "Read-only file system"
	run dlenv run --device example.com/thing=hooked base true
	assert_status 2
	assert_output "/usr/bin/vendor-hook"
	run dlenv run --device example.com/thing=two base true
	assert_status 12
	assert_output "example.com/thing=two"
}
