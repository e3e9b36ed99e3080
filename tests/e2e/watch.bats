#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What dlenv says of GPUs: gpu ls, gpu health, top and doctor, on machines that are played below a folder. NVML is
# the stand-in of tests/nvml, and NVIDIA's own library where the test is about that.
# bats file_tags=rootless
# shellcheck disable=SC2154 # stderr, status, output: set by bats

bats_require_minimum_version 1.5.0
load helpers

bed=$E2E_STAGE/tests/bed

setup() {
	fresh_state
	HOST=$E2E_TEST_STATE/host
	LIBS=$HOST/usr/lib/x86_64-linux-gnu
	export DLENV_ROOT=$HOST
	mkdir -p "$LIBS"
}

teardown() { drop_state; }

# standin: NVML on the played machine says what is on standard input.
standin() {
	cc -shared -fPIC -O1 -D_GNU_SOURCE -o "$LIBS/libnvidia-ml.so.1" "$E2E_STAGE/tests/nvml/libnvidia-ml.c"
	cat >"$LIBS/nvml-standin"
}

# The files of a whole driver, and its daemon, so that nothing is found of those.
whole_driver() {
	touch "$LIBS/libcuda.so.550.163.01" "$LIBS/libnvidia-ml.so.550.163.01"
	mkdir -p "$HOST/run/nvidia-persistenced"
	touch "$HOST/run/nvidia-persistenced/socket"
}

@test "gpu ls tells memory, load, MIG devices and processes" {
	"$bed/gpu-host.sh" "$HOST" --gpus 2 --mig 1:0,5:0
	standin <<-EOF
		cuda 12040
		gpu GPU-a 0000:01:00.0 0
		name NVIDIA A100-SXM4-80GB
		memory 85899345920 1073741824
		percent 37 2
		mig 5 0 MIG-b 20480 2g.20gb
		mig 1 0 MIG-a 40960 3g.40gb
		process 4242 1048576 compute 1 0
	EOF
	run --separate-stderr dlenv gpu ls
	assert_status 0
	[[ ${lines[1]} == "0 "*"1.0 GiB"*"80 GiB"*" 37 "*0000:01:00.0* ]]
	[[ ${lines[2]} == "0:0 "*"MIG 2g.20gb"*MIG-b ]]
	[[ ${lines[4]} == "1 "*"- "*GPU-9b24e7c0-* ]]
	[[ ${lines[6]} == "0:1 "*"4242 "*"1.0 MiB"* ]]
	run dlenv gpu ls --json
	assert_output '"cuda":"12.4"'
	assert_output '"index":"0:1","product":"MIG 3g.40gb"'
	run dlenv top --once
	assert_output 4242
}

@test "without NVML the GPUs are listed all the same, and why is said" {
	"$bed/gpu-host.sh" "$HOST" --gpus 8 --excluded 3
	run --separate-stderr dlenv gpu ls
	assert_status 0
	[ ${#lines[@]} = 9 ]
	[[ ${lines[4]} == "- "* && ${lines[5]} == "3 "* ]]
	[[ $stderr == *"libnvidia-ml.so.1 cannot be loaded"* ]]
	standin <<<'fail nvmlInit_v2 18'
	run --separate-stderr dlenv gpu ls
	assert_status 0
	[[ $stderr == *"Driver/library version mismatch"* ]]
	run dlenv gpu health
	assert_status 4
	assert_output GPU109
}

@test "NVIDIA's own library is asked, and refuses without a driver" {
	need net
	local root
	made root "$bed/driver-root.sh" trixie
	"$bed/gpu-host.sh" "$HOST" --gpus 1
	cp -L "$root/usr/lib/x86_64-linux-gnu/nvidia/current/libnvidia-ml.so.1" "$LIBS/"
	run --separate-stderr dlenv gpu ls
	assert_status 0
	[[ ${lines[1]} == "0 "*"RTX 4090"* ]]
	[[ $stderr == *"Driver Not Loaded"* ]]
}

@test "gpu health finds errors, heat, a narrow slot and Xid messages" {
	"$bed/gpu-host.sh" "$HOST" --gpus 1
	whole_driver
	standin <<-EOF
		gpu GPU-a 0000:01:00.0 0
		throttle 0x40
		pcie 8 16 4 4
		ecc 0 3
	EOF
	printf '6,1,2,-;NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus.\n' >"$HOST/dev/kmsg"
	run dlenv gpu health
	assert_status 4
	for id in GPU101 GPU103 GPU105 GPU106; do assert_output "$id"; done
	run dlenv gpu health --json
	assert_status 4
	assert_output '"ecc_uncorrected":3'
}

@test "doctor tells a whole machine from a broken one" {
	"$bed/gpu-host.sh" "$HOST" --gpus 0 --driver none
	run dlenv doctor
	assert_status 0
	assert_output "no NVIDIA GPU"
	rm -rf "${HOST:?}" && mkdir -p "$LIBS"
	"$bed/gpu-host.sh" "$HOST" --nouveau
	run dlenv doctor --json
	assert_status 4
	assert_output '"id":"GPU010","level":"error"'
}

@test "doctor finds a stale and a wrong specification" {
	need root # a specification is not made for GPUs without nodes
	"$bed/gpu-host.sh" "$HOST" --gpus 1
	whole_driver
	mkdir -p "$HOST/usr/bin"
	touch "$HOST/usr/bin/nvidia-cdi-hook"
	dlenv cdi generate --nvidia-cdi-hook-path /usr/bin/nvidia-cdi-hook --output "$HOST/etc/cdi/nvidia.yaml"
	run dlenv doctor
	refute_output CDI
	printf '{}\n' >"$HOST/etc/cdi/broken.yaml"
	echo another-boot >"$HOST/proc/sys/kernel/random/boot_id"
	run dlenv doctor
	assert_status 4
	assert_output "CDI001  warning: the CDI specification '/etc/cdi/nvidia.yaml' is stale"
	assert_output CDI002
	assert_output broken.yaml
}

@test "doctor finds that another program's specification needs what is gone" {
	"$bed/gpu-host.sh" "$HOST" --gpus 0 --driver none
	mkdir -p "$HOST/etc/cdi" "$HOST/usr/lib"
	ln -s /usr/lib/there "$HOST/usr/lib/link" # a link inside the machine
	touch "$HOST/usr/lib/there"
	spec() {
		printf '{"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "containerEdits": {"mounts": [%s]},
			"devices": [{"name": "0", "containerEdits": {"env": ["A=b"]}}]}' \
			"{\"hostPath\": \"$1\", \"containerPath\": \"/x\"}" >"$HOST/etc/cdi/other.json"
	}
	spec /usr/lib/link
	run dlenv doctor
	assert_status 0
	spec /usr/lib/libcuda.so.535.1
	run dlenv doctor
	assert_status 4
	assert_output "CDI004  warning: the CDI specification '/etc/cdi/other.json' needs '/usr/lib/libcuda.so.535.1'"
}

@test "doctor --fix makes nodes and links, and nothing with --dry-run" {
	"$bed/gpu-host.sh" "$HOST" --gpus 1 --without nvidia-uvm
	whole_driver
	mkdir -p "$HOST/run/systemd/system" "$HOST/usr/bin"
	touch "$HOST/usr/bin/dockerd"
	run dlenv doctor
	assert_status 4
	assert_output "GPU001"
	run dlenv doctor --fix --dry-run
	assert_output "make the device node '/dev/nvidia-uvm' (510:0)"
	[ ! -e "$HOST/dev/nvidia-uvm" ]
	run dlenv doctor --fix
	if [ "$(id -u)" = 0 ]; then
		assert_status 0
		[ "$(stat -c %t:%T:%a "$HOST/dev/nvidia-uvm")" = 1fe:0:666 ]
		[ "$(readlink "$HOST/dev/char/510:0")" = ../nvidia-uvm ]
	else
		assert_status 6
		assert_output "sudo dlenv doctor --fix"
	fi
}

@test "a process on the GPU belongs to its environment" {
	need net
	need disk 8
	local init pid p
	printf 'name: gpu\npreset: base\n' >dlenv.yaml
	env -u DLENV_ROOT "$DLENV" up --yes >/dev/null
	env -u DLENV_ROOT "$DLENV" exec gpu -- sleep 300 &
	init=$(env -u DLENV_ROOT "$DLENV" status gpu --json | grep -o '"pid":[0-9]*' | head -n 1 | tr -dc 0-9)
	wait_until 20 pgrep -x -f "sleep 300"
	pid=$(pgrep -x -f "sleep 300" | head -n 1)
	"$bed/gpu-host.sh" "$HOST" --gpus 1
	for p in "$init" "$pid"; do # what the kernel says of the two, on the played machine
		mkdir -p "$HOST/proc/$p/ns"
		cat "/proc/$p/status" >"$HOST/proc/$p/status"
		cat "/proc/$p/comm" >"$HOST/proc/$p/comm"
		ln -s "$(readlink "/proc/$p/ns/pid")" "$HOST/proc/$p/ns/pid"
	done
	standin <<<"gpu GPU-a 0000:01:00.0 0
		process $pid 1048576 compute"
	run dlenv gpu ls
	assert_status 0
	[[ $output =~ $pid\ +gpu\ +[a-z0-9-]+\ +.*sleep ]]
}

@test "top draws until q and gives the terminal back" {
	need command script
	"$bed/gpu-host.sh" "$HOST" --gpus 1
	standin <<<'gpu GPU-a 0000:01:00.0 0'
	run bash -c '(sleep 1; printf q) | timeout 20 script -qec "$1 top; stty -a" /dev/null' - "$DLENV"
	assert_status 0
	assert_output GPU-a
	[[ $output == *$'\033[?1049l'* && $output == *" icanon"* && $output == *" echo "* ]]
}
