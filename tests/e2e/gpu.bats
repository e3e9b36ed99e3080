#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# GPUs in containers of our own engine: on machines that are played below a folder (bed/gpu-host.sh), with the real
# driver files of Debian. There is no GPU: programs find and load the driver, and fail for want of a device only.
# Only root can make a machine's nodes, so root's part also acts as the ordinary user.

bats_require_minimum_version 1.5.0
load helpers

bed=$E2E_STAGE/tests/bed

# What of a driver's root is the driver's; as links, where both are on one disk. copy_driver ROOT DIR
copy_driver() {
	mkdir "$2" "$2/etc"
	cp -al "$1"/{usr,lib,lib64,bin,sbin} "$2" 2>/dev/null || cp -a "$1"/{usr,lib,lib64,bin,sbin} "$2"
	cp -a "$1"/etc/{alternatives,ld.so.*,group,os-release} "$2/etc"
	cp -a "$1"/etc/{OpenCL,vulkan,nvidia,glvnd} "$2/etc" 2>/dev/null || true
}

setup_file() {
	need net
	need disk 4
	[ "$(id -u)" = 0 ] || return 0
	local root
	made root "$bed/driver-root.sh" trixie
	MACHINES=$(mktemp -d "$E2E_STATE/machines.XXXXXX")
	chmod 0755 "$E2E_STATE" "$MACHINES"
	copy_driver "$root" "$MACHINES/550"
	"$bed/gpu-host.sh" "$MACHINES/550" --gpus 2
	export MACHINES
}

teardown_file() {
	[ -z "${MACHINES-}" ] || remove_tree "$MACHINES"
}

setup() {
	fresh_state
	export DLENV_ROOT=${MACHINES-}/550 DLENV_SSH=false
	who=root
}

teardown() {
	[ ! -d "${E2E_USER_STATE-}/gpu" ] || { be user; dl rm --yes --force gpu >/dev/null 2>&1 || true; rm -rf "$E2E_USER_STATE/gpu"; }
	drop_state
}

# be root|user: what dl does from here on, in a project folder of theirs.
be() {
	who=$1
	case $who in
	root) cd "$PROJECT" || return 1 ;;
	user)
		[ -d "$E2E_USER_STATE/gpu" ] || install -d -o "$E2E_USER" -g "$(id -g "$E2E_USER")" "$E2E_USER_STATE/gpu"
		cd "$E2E_USER_STATE/gpu" || return 1
		;;
	esac
}
identities() { echo root; [ -z "${E2E_USER-}" ] || echo user; }
dl() {
	case $who in
	root) dlenv "$@" ;;
	user) as_user env -u DLENV_RUN -u DLENV_CONFIG "$DLENV" "$@" ;;
	esac
}

# Another machine, without a driver's files. machine NAME OPTIONS...
machine() {
	local dir=$E2E_TEST_STATE/$1
	shift
	mkdir -p "$dir"
	"$bed/gpu-host.sh" "$dir" "$@"
	export DLENV_ROOT=$dir
}

@test "the driver's programs start, the loader finds the driver, a program links to it" {
	need root
	local each
	for each in $(identities); do
		be "$each"
		cat >probe.py <<-'PY'
			import ctypes
			print("cuInit", ctypes.CDLL("libcuda.so.1").cuInit(0))
			print("nvml", ctypes.CDLL("libnvidia-ml.so.1").nvmlInit_v2())
		PY
		run dl run base -- sh -c 'nvidia-smi; echo "status $?"; ldconfig -p | grep "libcuda.so.1 "; python3 probe.py'
		assert_status 0
		# 9: the driver is not loaded. 100: no CUDA-capable device.
		assert_output "NVIDIA-SMI has failed"
		assert_output "status 9"
		assert_output "libcuda.so.1 (libc6,x86-64) => /"
		assert_output "cuInit 100"
		assert_output "nvml 9"
	done
}

# What a container has of the driver, and the loader's cache; as text. view [WITHOUT]
view() {
	DLENV_NO=${1-} dl run --gpu all --set 'run.env.NVIDIA_DRIVER_CAPABILITIES=all' base -- sh -c '
		find /etc/ld.so* /etc/nvidia* /etc/vulkan /etc/OpenCL /etc/glvnd /usr /dev \( -path "*nvidia*" -o -name "lib*cuda*" -o \
			-path "*/ld.so*" -o -path "*vulkan*" -o -path "*gbm*" -o -path "*/dri/*" \) -printf "%p %y %l %m %U:%G\n" 2>/dev/null
		cat /etc/ld.so.conf.d/00-dlenv-nvidia.conf /etc/nvidia/nvidia-application-profiles-rc.d/10-container.conf
		sha256sum </etc/ld.so.cache' | sort
}
data_of() { case $who in root) echo "$DLENV_DATA" ;; user) echo "$E2E_USER_STATE/data" ;; esac; }
layers() { grep -l '"title": "gpu"' "$(data_of)"/layers/*/meta.json; }
forget_layers() { local one; for one in $(layers); do remove_tree "${one%/meta.json}" || rm -rf "${one%/meta.json}"; done; }

@test "the driver's place in an image is prepared once, and is what a start would make" {
	need root
	local each without with
	for each in $(identities); do
		be "$each"
		forget_layers
		without=$(view gpulayer)
		[[ $without == *libcuda.so.1* && $without == */dev/dri/by-path* && $without == *EGLVisibleDGPUDevices* ]]
		run layers
		[ -z "$output" ]
		with=$(view)
		[ "$with" = "$without" ] || diff <(echo "$without") <(echo "$with")
		[ "$(layers | wc -l)" = 1 ]
		# Found again; and by a start that cannot write one.
		[ "$(view)" = "$without" ]
		[ "$(layers | wc -l)" = 1 ]
		# Other GPUs, other programs: others.
		dl run --gpu 1 base true
		[ "$(layers | wc -l)" = 2 ]
		# Damaged: made again.
		remove_tree "$(dirname "$(layers | head -n 1)")/fs"
		: >"$(layers | tail -n 1)"
		[ "$(view)" = "$without" ]
		dl run --gpu 1 base -- sh -c 'nvidia-smi; [ $? = 9 ]'
		[ "$(layers | wc -l)" = 2 ]
	done
}

@test "starts at once prepare one layer; without space each start makes its own" {
	need root
	local each i pids
	for each in $(identities); do
		be "$each"
		forget_layers
		pids=()
		for i in 1 2 3 4; do
			dl run base -- sh -c 'ldconfig -p | grep "libcuda.so.1 "' >"$E2E_TEST_STATE/out.$i" 2>&1 3>&- &
			pids+=($!)
		done
		wait "${pids[@]}"
		for i in 1 2 3 4; do
			grep -q 'libcuda.so.1 (libc6,x86-64) => /' "$E2E_TEST_STATE/out.$i"
		done
		[ "$(layers | wc -l)" = 1 ]
	done
	be root
	forget_layers
	mount -t tmpfs -o nr_inodes=12,mode=0700 tmpfs "$DLENV_DATA/tmp"
	run dl run base -- sh -c 'ldconfig -p | grep "libcuda.so.1 "'
	umount "$DLENV_DATA/tmp"
	assert_status 0
	assert_output 'libcuda.so.1 (libc6,x86-64) => /'
	run layers
	[ -z "$output" ]
	rm "$DLENV_CACHE/gpu-layer-refused" # it would not be tried for a while
}

@test "the layer goes with its image, and with the driver that nobody uses any more" {
	need root
	local old
	# A store of its own, whose files are the other's: no other image has base's layers.
	mkdir -m 0700 "$E2E_TEST_STATE/data" "$E2E_TEST_STATE/data/images"
	cp -al "$DLENV_DATA/layers" "$E2E_TEST_STATE/data/"
	cp -al "$DLENV_DATA/images/base.json" "$E2E_TEST_STATE/data/images/"
	export DLENV_DATA=$E2E_TEST_STATE/data
	be root
	forget_layers
	dl run base true
	old=$(layers)
	touch -d '40 days ago' "$old"
	dl run base true # it is used: not idle
	dl run --gpu 1 --set run.env.NVIDIA_DRIVER_CAPABILITIES=all base true
	[ "$(layers | wc -l)" = 2 ]
	touch -d '40 days ago' "$old"
	dl run --set run.env.NVIDIA_DRIVER_CAPABILITIES=video base true
	[ ! -e "$old" ]
	[ "$(layers | wc -l)" = 2 ]
	dl image rm base
	[ -z "$(layers 2>/dev/null)" ]
}

@test "what an environment changed stays, and the driver is found all the same" {
	need root
	local each lib=/usr/lib/x86_64-linux-gnu/nvidia/current
	for each in $(identities); do
		be "$each"
		printf 'name: gpu\npreset: base\n' >dlenv.yaml
		dl up --yes
		dl exec -- test ! -e /etc/ld.so.cache.mine
		run find "$(data_of)/envs/gpu/upper" -name 'libcuda*' -o -name ld.so.cache
		[ -z "$output" ] # all of it is in the layer
		# As apt does after each package; and things that go and come.
		dl exec --root -- sh -c "echo /opt/mine >/etc/ld.so.conf.d/mine.conf; ldconfig; rm $lib/libcuda.so.1; touch $lib/mine"
		run dl exec -- ldconfig -p
		assert_output 'libnvidia-ml.so.1 (libc6,x86-64) => /'
		dl stop
		dl up --yes
		run dl exec -- sh -c "cat /etc/ld.so.conf.d/mine.conf; ls $lib/mine; ldconfig -p; python3 -c 'import ctypes; print(ctypes.CDLL(\"libcuda.so.1\").cuInit(0))'"
		assert_status 0
		assert_output /opt/mine
		assert_output $lib/mine
		assert_output 'libcuda.so.1 (libc6,x86-64) => /'
		assert_output 100
		dl rm --yes --force gpu
	done
}

@test "a program that was linked to libcuda starts with the real one" {
	need root
	need command cc
	echo 'int cuInit(unsigned f) { return f ? 1 : 2; }' >stub.c
	echo 'int cuInit(unsigned); int main(void) { return cuInit(0); }' >main.c
	cc -shared -Wl,-soname,libcuda.so.1 -o libcuda.so stub.c
	cc -o linked main.c -L. -lcuda
	run dlenv run base ./linked
	assert_status 100
}

@test "only what is asked for comes in" {
	need root
	local list='ls /usr/lib/x86_64-linux-gnu/nvidia/current /dev'
	run dlenv run base -- sh -c "$list"
	assert_status 0
	assert_output "libcuda.so.550"
	refute_output "libnvidia-glcore.so"
	refute_output "libnvcuvid.so"
	run dlenv run --set 'run.env.NVIDIA_DRIVER_CAPABILITIES=video' base -- sh -c "$list"
	assert_output "libnvcuvid.so"
	refute_output "libnvidia-glcore.so"
	run dlenv run --gpu none base -- sh -c "$list"
	refute_output "libcuda"
	refute_output "nvidia0"
}

@test "nodes are those of the chosen GPUs, for an ordinary user as well" {
	need root
	local each
	for each in $(identities); do
		be "$each"
		run dl run --gpu 1 base -- sh -c 'cd /dev; stat -c "%n %t:%T" nvidia*'
		assert_status 0
		assert_output "nvidiactl c3:ff"
		assert_output "nvidia1 c3:1"
		refute_output "nvidia0"
		run dl run base -- sh -c 'ls /dev/nvidia0 /dev/nvidia1 /dev/nvidia-uvm'
		assert_status 0
	done
}

@test "a node for a group: the ordinary user's stays, another's is named" {
	need root
	need user
	need command ssh
	machine group
	mkdir -p "$DLENV_ROOT/etc/cdi"
	echo video:x:44: >"$DLENV_ROOT/etc/group"
	mknod -m 0660 "$DLENV_ROOT/dev/thing" c 1 5 # the zero device
	printf '%s\n' 'cdiVersion: 0.5.0' 'kind: example.com/thing' 'devices:' ' - name: one' '   containerEdits:' \
		'    deviceNodes: [{path: /dev/thing}]' >"$DLENV_ROOT/etc/cdi/thing.yaml"
	chmod go+rx "$E2E_TEST_STATE"
	be user
	usermod -aG video "$E2E_USER"
	chgrp video "$DLENV_ROOT/dev/thing"
	run dl run --gpu none --device example.com/thing=one base -- sh -c 'head -c 3 /dev/thing | wc -c'
	assert_status 0
	assert_output 3
	# A service of an environment has it, too.
	cat >dlenv.yaml <<-'YAML'
		name: gpu
		preset: base
		gpu: none
		devices: [example.com/thing=one]
		services: [{name: reads, run: [sh, -c, "head -c 3 /dev/thing | wc -c >~/got; exec sleep 60"]}]
	YAML
	DLENV_SSH=true dl up --yes
	# So has a session over ssh: sshd runs as the user and sets no groups.
	run as_user env -u DLENV_RUN -u DLENV_CONFIG ssh -o BatchMode=yes -F "$E2E_USER_STATE/home/.config/dlenv/ssh_config" \
		dlenv.gpu 'id; head -c 3 /dev/thing | wc -c'
	assert_status 0
	[ "${lines[-1]}" = 3 ]
	dl ssh setup --remove --yes
	gpasswd -d "$E2E_USER" video
	run wait_until 20 grep -qx 3 "$E2E_USER_STATE/data/envs/gpu/home/got"
	assert_status 0
	dl rm --yes --force gpu
	run dl run --gpu none --device example.com/thing=one base -- sh -c 'id -G; head -c 3 /dev/thing | wc -c'
	assert_output "usermod -aG video"
	assert_output "Permission denied"
}

@test "a GPU that is not there, by name and by what it has" {
	need root
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
	need root
	local each root old=$E2E_TEST_STATE/535 now=$DLENV_ROOT
	made root "$bed/driver-root.sh" bookworm
	copy_driver "$root" "$old"
	"$bed/gpu-host.sh" "$old" --driver 535.261.03
	chmod go+rx "$E2E_TEST_STATE"
	for each in $(identities); do
		be "$each"
		printf 'name: gpu\npreset: base\n' >dlenv.yaml
		export DLENV_ROOT=$old
		run dl up --gpu 0 --yes
		assert_status 0
		assert_output "(driver 535.261.03)"
		run dl exec -- find /usr/lib -name 'libcuda.so.*' -size +0
		assert_output "libcuda.so.535"
		run dl exec --gpu 0 -- sh -c 'echo "$CUDA_VISIBLE_DEVICES"'
		assert_status 0
		assert_output "GPU-"
		run dl status
		assert_output "(driver 535.261.03)"
		dl stop
		# The update: other files, another module, and a second GPU.
		export DLENV_ROOT=$now
		run dl up --yes
		assert_status 0
		assert_output "(driver 550.163.01)"
		run dl exec --gpu 1 -- true
		assert_status 12
		assert_output "does not have GPU 1"
		run dl exec -- sh -c 'nvidia-smi; ldconfig -p | grep libcuda.so.1; find /usr -name "*.so.*" -size 0'
		assert_output "NVIDIA-SMI has failed"
		assert_output "libcuda.so.1 (libc6,x86-64) => /"
		refute_output "535"
		dl stop
		run dl up --gpu none --yes
		run dl exec -- find /usr -name '*[ln]*.so.5*' -size 0
		[ -z "$output" ]
	done
}

@test "MIG devices, and GPUs by what they have" {
	need root
	need command cc
	local play=$MACHINES/play ml
	cp -al "$MACHINES/550" "$play"
	rm -rf "${play:?}"/{proc,dev,sys}
	"$bed/gpu-host.sh" "$play" --gpus 2 --mig
	# NVML does not answer without a GPU: another one stands in.
	ml=$(readlink -f "$play/usr/lib/x86_64-linux-gnu/nvidia/current/libnvidia-ml.so.1")
	rm "$ml"
	cc -shared -fPIC -D_GNU_SOURCE -o "$ml" "$E2E_STAGE/tests/nvml/libnvidia-ml.c" -ldl
	local gpus
	mapfile -t gpus < <(cd "$play/proc/driver/nvidia/gpus" && for g in *; do
		echo "$(sed -n 's/^GPU UUID:[ \t]*//p' "$g/information") $g $(sed -n 's/^Device Minor:[ \t]*//p' "$g/information")"
	done)
	cat >"${ml%/*}/nvml-standin" <<-STANDIN
		driver 550.163.01
		cuda 12040
		gpu ${gpus[0]}
		name NVIDIA A100
		cc 8 0
		memory 85899345920 0
		mig 1 0 MIG-11111111-1111 9856 1g.10gb
		mig 5 0 MIG-55555555-5555 9856 1g.10gb
		mig 13 0 MIG-dddddddd-dddd 9856 1g.10gb
		gpu ${gpus[1]}
		name NVIDIA A100
		cc 8 0
		memory 42949672960 0
		process 4242 - compute
	STANDIN
	export DLENV_ROOT=$play
	run dlenv run --gpu 0:1 base -- sh -c 'ls /dev /dev/nvidia-caps'
	assert_status 0
	assert_output "nvidia0"
	refute_output "nvidia1"
	[ "$(grep -c 'nvidia-cap[0-9]' <<<"$output")" = 2 ] # the GPU instance's and the compute instance's
	run dlenv run --gpu 'memory>=40G' base -- find /dev
	assert_status 0
	assert_output "nvidia1"
	refute_output "nvidia-cap1"
	run dlenv run --gpu 'memory>=90G' base true
	assert_status 5
	assert_output "no GPU has 90 GiB of memory"
	run dlenv run --gpu 'free:1' base -- ls /dev
	assert_status 0
	refute_output "nvidia1" # somebody works on it
	run dlenv run --gpu 'arch>=9.0' base true
	assert_status 5
}

@test "a driver that lies elsewhere" {
	need root
	"$bed/gpu-host.sh" "$MACHINES" # /proc, /dev and so on beside the folder 550
	DLENV_ROOT=$MACHINES DLENV_DRIVER_ROOT=/550 run dlenv run --gpu all base -- nvidia-smi
	assert_status 9
	assert_output "NVIDIA-SMI has failed"
}

# bats test_tags=rootless
@test "WSL and Tegra list no GPUs: whatever is asked for, what there is comes in" {
	need root
	local lib=usr/lib/x86_64-linux-gnu/nvidia/current store=usr/lib/wsl/drivers/nv_dispi.inf_amd64_1 asked each
	machine wsl --wsl
	mkdir -p "$DLENV_ROOT"/{usr/lib/wsl/lib,$store}
	cp "$MACHINES"/550/$lib/libcuda.so.550* "$DLENV_ROOT/$store/libcuda.so.1.1"
	cp "$MACHINES"/550/$lib/libnvidia-ptxjitcompiler.so.550* "$DLENV_ROOT/usr/lib/wsl/lib/libdxcore.so"
	machine tegra --tegra
	mkdir -p "$DLENV_ROOT"/{etc/nvidia-container-runtime/host-files-for-container.d,usr/lib/tegra}
	cp "$MACHINES"/550/$lib/libcuda.so.550* "$DLENV_ROOT/usr/lib/tegra/libcuda.so.1.1"
	mknod -m 0666 "$DLENV_ROOT/dev/nvhost-ctrl" c 195 0
	printf 'dev, /dev/nvhost-*\nlib, /usr/lib/tegra/libcuda.so.1.1\n' >"$DLENV_ROOT/etc/nvidia-container-runtime/host-files-for-container.d/l4t.csv"
	chmod -R go+rX "$E2E_TEST_STATE"
	for each in $(identities); do
		be "$each"
		for asked in all 0; do
			DLENV_ROOT=$E2E_TEST_STATE/wsl run dl run --gpu "$asked" base -- sh -c 'ls /dev/dxg; ldconfig -p | grep "libcuda.so.1 "'
			assert_status 0
			assert_output "/usr/lib/wsl/drivers/nv_dispi.inf_amd64_1/libcuda.so.1.1"
		done
		DLENV_ROOT=$E2E_TEST_STATE/tegra run dl run --gpu 0 base -- sh -c 'ls /dev/nvhost-ctrl; ldconfig -p | grep "libcuda.so.1 "'
		assert_status 0
		assert_output "/usr/lib/tegra/libcuda.so.1"
	done
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

# bats test_tags=rootless
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
