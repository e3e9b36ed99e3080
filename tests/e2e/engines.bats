#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Other engines get GPUs through NVIDIA's program names: crun, runc, podman, dockerd and containerd of Debian 12 to 14. The machine is
# played (gpu-host.sh), the driver's files and the engines are real.

bats_require_minimum_version 1.5.0
load helpers

bed=$E2E_STAGE/tests/bed

# The programs, the played machine and what a container runs, for all tests of the file.
setup_file() {
	export ENG=$E2E_STATE/engines
	rm -rf "$ENG"
	mkdir -p "$ENG"/{bin,src,world}
	cp "$E2E_STAGE/build/src/hook/dlenv-toolkit" "$E2E_STAGE/build/src/nvml/dlenv-nvml" "$ENG/bin/"
	local name
	for name in nvidia-cdi-hook nvidia-container-runtime{,.cdi,.legacy,-hook} nvidia-ctk; do
		ln -s dlenv-toolkit "$ENG/bin/$name"
	done
	"$bed/gpu-host.sh" "$ENG/world/gpu" --gpus 2
	made DRIVER "$bed/driver-root.sh" trixie
	made IMAGE "$bed/engine-root.sh" image
	export DRIVER IMAGE
	bundle >"$ENG/src/config.json"
}

teardown_file() { rm -rf "$ENG"; }

# A bundle's configuration, with what no reader of ours knows and numbers of 64 bits.
bundle() {
	cat <<-'JSON'
		{"ociVersion":"1.0.2","future":{"x":[1,2.50,18446744073709551615]},
		 "process":{"user":{"uid":0,"gid":0},"cwd":"/","args":["bash","/look"],
		  "env":["PATH=/usr/sbin:/usr/bin:/sbin:/bin","NVIDIA_VISIBLE_DEVICES=1","NVIDIA_VISIBLE_DEVICES=0"],
		  "capabilities":{"bounding":["CAP_KILL"],"effective":["CAP_KILL"],"permitted":["CAP_KILL"]},
		  "rlimits":[{"type":"RLIMIT_CORE","hard":18446744073709551615,"soft":0}]},
		 "root":{"path":"rootfs"  ,  "readonly":false},
		 "mounts":[{"destination":"/proc","type":"proc","source":"proc"},
		  {"destination":"/dev","type":"tmpfs","source":"tmpfs","options":["nosuid","mode=755"]},
		  {"destination":"/dev/pts","type":"devpts","source":"devpts","options":["newinstance"]}],
		 "linux":{"resources":{"devices":[{"allow":false,"access":"rwm"}]},
		  "namespaces":[{"type":"pid"},{"type":"mount"},{"type":"network"},{"type":"ipc"},{"type":"uts"}]}}
	JSON
}

# What a container looks at: a line for each thing that matters.
look() {
	cat <<-'LOOK'
		for n in nvidiactl nvidia0 nvidia1 nvidia-uvm; do
			[ -e /dev/$n ] && echo "$n: $(cat /dev/$n 2>&1 >/dev/null)"
		done
		ldconfig -p | grep -o 'libcuda.so.1 (libc6,x86-64)' | head -n 1
		[ -L /usr/lib/x86_64-linux-gnu/nvidia/current/libcuda.so ] && echo "libcuda.so: link"
		nvidia-smi 2>&1 | head -n 1
		env | grep -c ^NVIDIA_VISIBLE_DEVICES=
		echo "visible: $NVIDIA_VISIBLE_DEVICES"
	LOOK
}

# world SUITE SCRIPT: run it in a throw-away machine, with the GPUs of $ENG/${MACHINE:-world}. /b is a bundle.
world() {
	local suite=$1 _
	need root
	made _ "$bed/engine-root.sh" "$suite"
	rm -rf "$ENG/${MACHINE:-world}"/{up,work,var}
	look >"$ENG/src/look"
	cat >"$ENG/src/lib" <<-'LIB'
		export PATH=/opt/dlenv:$PATH
		conf() { # conf RUNTIME [MORE]: config.toml
			mkdir -p /etc/nvidia-container-runtime /etc/cdi
			printf '%s\n[nvidia-container-cli]\nroot = "/run/driver"\n[nvidia-container-runtime]\nruntimes = ["%s"]\n' \
				"${2-}" "$1" >/etc/nvidia-container-runtime/config.toml
		}
		bundle() { # bundle [SED]: a fresh one in /b
			rm -rf /b && mkdir -p /b && cp -a /image /b/rootfs && cp /src/look /b/rootfs/
			sed "${1-}" /src/config.json >/b/config.json
		}
		dockerd_start() {
			dockerd --iptables=false --ip6tables=false --bridge=none >/tmp/dockerd.log 2>&1 &
			for _ in $(seq 300); do docker version >/dev/null 2>&1 && break; sleep 0.1; done
			docker version >/dev/null 2>&1 || { tail -n 5 /tmp/dockerd.log; return 1; }
			tar -C /image -c . | docker import - img >/dev/null
		}
	LIB
	run timeout 120 "$bed/engine-world.sh" "$ENG/${MACHINE:-world}" "$suite" "$ENG/bin:/opt/dlenv" "$DRIVER:/run/driver" \
		"$ENG/src:/src" "$bed:/bed" "$IMAGE:/image" -- bash -c ". /src/lib; $2" </dev/null
}

# The container had the driver and GPU 0, and not GPU 1. Opening says ENXIO: only the device itself is missing.
assert_gpu_0() {
	assert_output "nvidiactl: cat: /dev/nvidiactl: No such device or address"
	assert_output "nvidia0: cat: /dev/nvidia0: No such device or address"
	refute_output "nvidia1:"
	assert_output "libcuda.so.1 (libc6,x86-64)"
	assert_output "libcuda.so: link"
	assert_output "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver"
}

@test "crun and runc run a bundle through the runtime, described at that moment" {
	local runtime
	for runtime in crun runc; do
		world trixie "conf $runtime; bundle; cp /b/config.json /before
			nvidia-container-runtime run -b /b c || echo status \$?
			grep -c '18446744073709551615' /b/config.json; grep -o '\"path\":\"rootfs\"  ,  \"readonly\":false' /b/config.json"
		assert_gpu_0
		refute_output status
		assert_output "visible: void"
		[[ $'\n'$output$'\n' == *$'\n1\nvisible'* ]] || { echo "several variables: $output" >&2; return 1; }
		assert_output $'2\n"path":"rootfs"  ,  "readonly":false'
	done
}

@test "the runtime takes devices from specifications" {
	world trixie "conf crun; bundle; nvidia-ctk cdi generate --output /etc/cdi/nvidia.yaml
		nvidia-container-runtime.cdi run -b /b c
		bundle 's|\"NVIDIA_VISIBLE_DEVICES=1\"|\"NVIDIA_DRIVER_CAPABILITIES=utility\"|'
		nvidia-container-runtime.cdi run -b /b c | sed 's/^/utility /'
		bundle 's|NVIDIA_VISIBLE_DEVICES=0|NVIDIA_VISIBLE_DEVICES=nvidia.com/gpu=0|'
		nvidia-container-runtime run -b /b c2 | sed 's/^/auto /'
		bundle 's|NVIDIA_VISIBLE_DEVICES=0|NVIDIA_VISIBLE_DEVICES=nvidia.com/gpu=9|'
		nvidia-container-runtime run -b /b c3; echo status \$?"
	assert_gpu_0
	refute_output "utility libcuda.so.1"
	assert_output "utility NVIDIA-SMI has failed"
	assert_output "auto nvidia0: cat: /dev/nvidia0: No such device or address"
	refute_output "auto nvidia1"
	assert_output "nvidia.com/gpu=9"
	refute_output "status 0"
}

@test "legacy mode: the prestart hook fills a container that exists" {
	local runtime
	for runtime in crun runc; do
		world trixie "conf $runtime; bundle; nvidia-container-runtime.legacy run -b /b c
			grep -c nvidia-container-runtime-hook /b/config.json; ls -A /b/rootfs/dev"
		assert_gpu_0
		assert_output "visible: 0"
	done
}

@test "a container with a user namespace of its own gets them, too" {
	local name ids='[{"containerID":0,"hostID":100000,"size":65536}]' runtime
	for runtime in crun runc; do
		for name in nvidia-container-runtime nvidia-container-runtime.legacy; do
			world trixie "conf $runtime
				bundle 's|{\"type\":\"pid\"}|&,{\"type\":\"user\"}|; s|\"linux\":{|&\"uidMappings\":$ids,\"gidMappings\":$ids,|'
				chown -R 100000:100000 /b/rootfs
				$name run -b /b c"
			assert_gpu_0
		done
	done
}

hook_opens_cgroup() {
	world trixie "conf runc; bundle; echo 'mknod /dev/other c 195 1; cat /dev/other' >>/b/rootfs/look
		cp /usr/bin/mknod /b/rootfs/usr/bin/; sed -i 's/CAP_KILL/CAP_MKNOD/g' /b/config.json
		nvidia-container-runtime.legacy run -b /b c"
	assert_gpu_0
	assert_output "/dev/other: Operation not permitted"
}

need_cgroup_v1() { grep -q '^[^ ]* [^ ]* cgroup [^ ]*devices' /proc/mounts || skip "no cgroup v1 hierarchy with devices is mounted"; }

@test "the hook opens the cgroup for the devices that were asked for, and for no other" { hook_opens_cgroup; }
@test "the hook opens a cgroup of v1 likewise" {
	need_cgroup_v1
	ENGINE_CGROUPS=v1 hook_opens_cgroup
}

@test "what asks for no GPU stays as it was, byte by byte" {
	world trixie "conf crun
		for value in void '' ; do
			bundle \"s|\\\"NVIDIA_VISIBLE_DEVICES=.\\\"|\\\"NVIDIA_VISIBLE_DEVICES=\$value\\\"|g; s|/look|-c|; s|\\\"args\\\":.\\\"bash\\\"|\\\"args\\\":[\\\"true\\\"|\"
			cp /b/config.json /before
			nvidia-container-runtime run -b /b c && cmp /before /b/config.json && echo same
		done
		nvidia-container-runtime --version | head -n 1"
	assert_output $'same\nsame'
	assert_output "crun version"
}

@test "no GPU but the driver: NVIDIA_VISIBLE_DEVICES=none" {
	world trixie "conf crun; bundle 's|NVIDIA_VISIBLE_DEVICES=0|NVIDIA_VISIBLE_DEVICES=none|'
		nvidia-container-runtime run -b /b c"
	refute_output "nvidiactl:"
	refute_output "nvidia0:"
	assert_output "libcuda.so.1 (libc6,x86-64)"
	assert_output "NVIDIA-SMI has failed"
}

@test "capabilities and requirements of the image count" {
	world trixie "conf crun; bundle 's|\"NVIDIA_VISIBLE_DEVICES=1\"|\"NVIDIA_DRIVER_CAPABILITIES=utility\"|'
		nvidia-container-runtime run -b /b c | sed 's/^/utility /'
		bundle 's|\"NVIDIA_VISIBLE_DEVICES=1\"|\"NVIDIA_REQUIRE_CUDA=cuda>=99 driver>=999\"|'
		for name in nvidia-container-runtime nvidia-container-runtime.legacy; do
			\$name --log /log --log-format json create -b /b c2; echo status \$?
		done
		cat /log
		conf crun 'disable-require = true'
		nvidia-container-runtime run -b /b c3 | sed 's/^/free /'"
	refute_output "utility libcuda"
	assert_output "utility NVIDIA-SMI has failed"
	assert_output "the requirement 'cuda>=99 driver>=999' is not met"
	assert_output $'switches requirements off\nstatus 5'
	refute_output "status 255" # which a failed hook is to crun
	assert_output '{"level":"error","msg":"nvidia-container-runtime: the requirement '
	assert_output "free nvidia0:"
}

podman_has_gpus() { # podman_has_gpus SUITE
	local flags="run --rm --network none --cgroups disabled --pids-limit 0 --runtime"
	world "$1" "conf crun; nvidia-ctk --quiet cdi generate --output /etc/cdi/nvidia.yaml || exit
		head -n 3 /etc/cdi/nvidia.yaml | grep cdiVersion
		cp -a /image /i; cp /src/look /i/; mkdir -p /etc/containers
		printf '[engine]\nruntime_supports_nocgroup=[\"crun\",\"nvidia-container-runtime\"]\n[engine.runtimes]\nnvidia-container-runtime=[\"/opt/dlenv/nvidia-container-runtime\"]\n' >/etc/containers/containers.conf
		podman $flags crun --device nvidia.com/gpu=0 --rootfs /i bash /look
		podman $flags crun --device nvidia.com/gpu=all --rootfs /i ls /dev | tr '\n' ' '
		podman $flags nvidia-container-runtime -e NVIDIA_VISIBLE_DEVICES=0 --rootfs /i bash /look | sed 's/^/shim /'
		podman $flags crun --device nvidia.com/gpu=\$(nvidia-ctk --quiet cdi list | grep -o 'GPU-.*' | head -n 1) --rootfs /i ls /dev"
	assert_gpu_0
	assert_output "visible: void"
	assert_output "nvidia0 nvidia1 nvidiactl"
	assert_output "shim nvidia0: cat: /dev/nvidia0: No such device or address"
	refute_output "shim nvidia1"
}

@test "podman of Debian 12 resolves specifications and starts containers with them" { podman_has_gpus bookworm; }
@test "podman of Debian 13 does" { podman_has_gpus trixie; }
@test "podman of Debian 14 does" { podman_has_gpus forky; }

@test "an ordinary user's podman has the GPU, also under the user's own id" {
	local suite flags="run --rm --network none --cgroups disabled --pids-limit 0 --runtime crun --device nvidia.com/gpu=0" all part
	for suite in bookworm trixie forky; do
		world $suite "conf crun; nvidia-ctk --quiet cdi generate --output /etc/cdi/nvidia.yaml
			mount --make-rshared /; chmod 1777 /tmp
			echo kim:x:1000:1000::/home/kim:/bin/bash >>/etc/passwd; echo kim:x:1000: >>/etc/group; echo kim:100000:65536 | tee -a /etc/subuid >>/etc/subgid
			mkdir -p /home/kim /run/user/1000; mount -t tmpfs home /home/kim
			cp -a /image /home/kim/root; cp /src/look /home/kim/root/; chown -R kim: /home/kim /run/user/1000
			cd /home/kim; export HOME=/home/kim XDG_RUNTIME_DIR=/run/user/1000
			for more in '' '--userns keep-id'; do
				echo == \"\$more\"
				setpriv --reuid 1000 --regid 1000 --init-groups --inh-caps=-all podman $flags \$more --rootfs /home/kim/root bash /look
			done"
		all=$output
		for part in '' '--userns keep-id'; do
			output=$(part_of "$part" "$all")
			assert_gpu_0
		done
	done
}

@test "podman gives a container ids of its own, and a GPU" {
	# Debian 13's crun runs no hook at all there: it cannot enter the bundle's folder.
	local suite
	for suite in bookworm forky; do
		world $suite "conf crun; nvidia-ctk --quiet cdi generate --output /etc/cdi/nvidia.yaml
			tar -C /image -c . | podman --log-level error import - localhost/image >/dev/null 2>&1
			podman run --rm --network none --cgroups disabled --pids-limit 0 --runtime crun --uidmap 0:100000:65536 \
				--device nvidia.com/gpu=0 -v /src/look:/look:ro localhost/image bash /look"
		assert_gpu_0
	done
}

# Docker's ways to a GPU, with what its daemon is told. docker_has_gpus SUITE DAEMON.JSON
docker_has_gpus() {
	world "$1" "conf runc; nvidia-ctk --quiet cdi generate --output /etc/cdi/nvidia.yaml
		mkdir -p /etc/docker; echo '$2' >/etc/docker/daemon.json
		echo remap:x:5000:5000::/:/bin/false >>/etc/passwd; echo remap:x:5000: >>/etc/group; echo remap:100000:65536 | tee /etc/subuid >/etc/subgid
		nvidia-ctk runtime configure --runtime=docker --cdi.enabled
		dockerd_start || exit
		try() { echo \"== \$1\"; shift; docker run --rm --network none -v /src/look:/look:ro \"\$@\" 2>&1; }
		try gpus --gpus device=0 img bash /look
		try runtime --runtime nvidia -e NVIDIA_VISIBLE_DEVICES=0 img bash /look
		try both --runtime nvidia --gpus device=0 img bash /look
		try cdi --device nvidia.com/gpu=0 img bash /look
		try wrong --gpus device=7 img true
		try wrong-runtime --runtime nvidia -e NVIDIA_VISIBLE_DEVICES=7 img true"
	local all=$output part
	case $all in *"failed to start daemon"*) skip "dockerd does not start here: $all" ;; esac
	for part in gpus runtime both cdi; do
		output=$(part_of "$part" "$all")
		assert_gpu_0
	done
	output=$all
	assert_output "nvidia-container-runtime-hook: this machine has no GPU '7'"
	assert_output "nvidia-container-runtime: this machine has no GPU '7'"
}

@test "dockerd: --gpus, --runtime=nvidia and --device" { docker_has_gpus trixie '{}'; }
@test "dockerd of Debian 14 does" { docker_has_gpus forky '{}'; }
@test "dockerd with cgroup v1 does" {
	need_cgroup_v1
	ENGINE_CGROUPS=v1 docker_has_gpus trixie '{}'
}
@test "dockerd with userns-remap does" { docker_has_gpus trixie '{"userns-remap":"remap"}'; }
@test "dockerd of Debian 14 with userns-remap does" { docker_has_gpus forky '{"userns-remap":"remap"}'; }

# What Kubernetes asks of containerd: devices by name or annotation, or a runtime class and the image's variables.
containerd_has_gpus() { # containerd_has_gpus SUITE
	world "$1" ". /bed/cri.sh; export IDS=${IDS-}; pod_network; conf /tmp/runc; nvidia-ctk --quiet cdi generate --output /etc/cdi/nvidia.yaml
		containerd_config
		nvidia-ctk runtime configure --runtime=containerd --cdi.enabled
		containerd_start || exit
		try() { echo \"== \$1\"; shift; pod \"\$@\"; }
		try cdi '' 'cdi_devices{name:\"nvidia.com/gpu=0\"}'
		try annotation '' 'annotations{key:\"cdi.k8s.io/plugin\" value:\"nvidia.com/gpu=0\"}'
		try class nvidia 'envs{key:\"NVIDIA_VISIBLE_DEVICES\" value:\"0\"}'
		try none '' ''
		try wrong nvidia 'envs{key:\"NVIDIA_VISIBLE_DEVICES\" value:\"7\"}'"
	local all=$output part
	for part in cdi annotation class; do
		output=$(part_of "$part" "$all")
		assert_gpu_0
	done
	output=$(part_of none "$all")
	assert_output "nvidia-smi: command not found"
	refute_output "nvidiactl:"
	output=$all
	assert_output "nvidia-container-runtime: this machine has no GPU '7'"
}

@test "containerd of Debian 13: a pod's GPU, by name, annotation and runtime class" { containerd_has_gpus trixie; }
@test "containerd 2 of Debian 14: the same" { containerd_has_gpus forky; }
@test "containerd 2 of Debian 14: the same for pods with users of their own" {
	IDS=100000 containerd_has_gpus forky
}

@test "dockerd with a GPU in MIG devices: all of them without NVML, one of them with its words" {
	need command cc
	local gpu info
	"$bed/gpu-host.sh" "$ENG/mig/gpu" --mig 1:0,5:0
	cc -shared -fPIC -D_GNU_SOURCE -o "$ENG/src/ml.so" "$E2E_STAGE/tests/nvml/libnvidia-ml.c" -ldl
	info=$(echo "$ENG"/mig/gpu/proc/driver/nvidia/gpus/*/information)
	gpu=$(basename "$(dirname "$info")")
	cat >"$ENG/src/nvml-standin" <<-STANDIN
		driver 550.163.01
		cuda 12040
		gpu $(sed -n 's/^GPU UUID:[ \t]*//p' "$info") $gpu $(sed -n 's/^Device Minor:[ \t]*//p' "$info")
		name NVIDIA A100
		cc 8 0
		memory 85899345920 0
		mig 1 0 MIG-11111111-1111 9856 1g.10gb
		mig 5 0 MIG-55555555-5555 9856 1g.10gb
	STANDIN
	MACHINE=mig world trixie "conf runc; dockerd_start || exit
		try() { echo \"== \$1\"; shift; docker run --rm --network none \"\$@\" img bash -c 'for f in /dev/nvidia0 /dev/nvidia-caps/*; do cat \$f; done' 2>&1; }
		nvidia-ctk --quiet runtime configure --runtime=docker
		try all --gpus all
		try unnamed --gpus '\"device=0:1\"'
		mkdir /mnt/d /mnt/u; mount -t tmpfs u /mnt/u; mkdir /mnt/u/u /mnt/u/w
		mount -t overlay -o lowerdir=/run/driver,upperdir=/mnt/u/u,workdir=/mnt/u/w driver /mnt/d
		cp /src/ml.so /mnt/d/usr/lib/x86_64-linux-gnu/nvidia/current/libnvidia-ml.so.550.163.01
		cp /src/nvml-standin /mnt/d/usr/lib/x86_64-linux-gnu/nvidia/current/
		sed -i 's|root = .*|root = \"/mnt/d\"|' /etc/nvidia-container-runtime/config.toml
		try named --gpus '\"device=0:1\"'
		try uuid --gpus '\"device=MIG-55555555-5555\"'"
	local all=$output part instances=4 # for each a GPU instance and a compute instance
	for part in all named uuid; do
		output=$(part_of "$part" "$all")
		assert_output "cat: /dev/nvidia0: No such device or address"
		refute_output "not permitted"
		[ "$(grep -c 'nvidia-cap[0-9]*: No such device' <<<"$output")" = $instances ] || { echo "$output" && false; }
		instances=2
	done
	output=$all
	assert_output "NVML alone knows MIG devices"
}

@test "WSL: a container has what Windows shares, whichever GPU it names" {
	"$bed/gpu-host.sh" "$ENG/wsl/gpu" --wsl
	MACHINE=wsl world trixie "conf runc; sed -i 's|root = .*|root = \"/\"|' /etc/nvidia-container-runtime/config.toml
		lib=/run/driver/usr/lib/x86_64-linux-gnu/nvidia/current store=/usr/lib/wsl/drivers/nv_dispi.inf_amd64_1
		mkdir -p /usr/lib/wsl/lib \$store
		cp \$lib/libcuda.so.550* \$store/libcuda.so.1.1; cp \$lib/libnvidia-ptxjitcompiler.so.550* /usr/lib/wsl/lib/libdxcore.so
		install -m 0755 /usr/bin/true \$store/nvidia-smi
		nvidia-ctk --quiet cdi generate --output /etc/cdi/nvidia.yaml
		nvidia-ctk runtime configure --runtime=docker --cdi.enabled
		dockerd_start || exit
		for asked in '--gpus all' '--gpus device=0' '--runtime nvidia -e NVIDIA_VISIBLE_DEVICES=all' '--device nvidia.com/gpu=all'; do
			docker run --rm --network none \$asked img bash -c 'ls /dev/dxg; ldconfig -p | grep -o \"libcuda.so.1 .*\"; nvidia-smi && echo started'
		done"
	local once=$'/dev/dxg\nlibcuda.so.1 (libc6,x86-64) => /usr/lib/wsl/drivers/nv_dispi.inf_amd64_1/libcuda.so.1.1\nstarted\n'
	assert_output "$(printf '%s' "$once$once$once$once")"
}

@test "a Jetson's lists are followed, by themselves and in mode csv" {
	local mode
	"$bed/gpu-host.sh" "$ENG/tegra/gpu" --tegra
	for mode in auto csv; do
		MACHINE=tegra world trixie "conf crun; echo R36 >/etc/nv_tegra_release
			sed -i 's|root = .*|root = \"/\"|; s|^runtimes|mode = \"$mode\"\n&|' /etc/nvidia-container-runtime/config.toml
			lists=/etc/nvidia-container-runtime/host-files-for-container.d lib=/usr/lib/x86_64-linux-gnu
			mkdir -p \$lists \$lib/tegra /lib/firmware/tegra21x; : >/lib/firmware/tegra21x/fw
			cp /run/driver\$lib/nvidia/current/libcuda.so.550* \$lib/tegra/libcuda.so.1.1
			ln -s libcuda.so.1.1 \$lib/tegra/libcuda.so; ln -s tegra/libcuda.so.1.1 \$lib/libcuda.so.1
			mknod -m 0666 /dev/nvhost-ctrl c 195 0
			printf '%s, %s\n' dev '/dev/nvhost-*' dir /lib/firmware/tegra21x lib \$lib/tegra/libcuda.so.1.1 \
				sym \$lib/tegra/libcuda.so sym \$lib/libcuda.so.1 >\$lists/l4t.csv
			bundle; echo 'cat /dev/nvhost-ctrl; ls /lib/firmware/tegra21x; readlink '\$lib/tegra/libcuda.so \$lib/libcuda.so.1 >>/b/rootfs/look
			nvidia-container-runtime run -b /b c"
		assert_output "libcuda.so.1 (libc6,x86-64)"
		assert_output "cat: /dev/nvhost-ctrl: No such device or address"
		assert_output $'fw\nlibcuda.so.1.1\ntegra/libcuda.so.1.1'
	done
}

@test "an image with links everywhere writes nothing outside its root" {
	local name
	for name in nvidia-container-runtime nvidia-container-runtime.legacy; do
		world trixie "conf crun; bundle; cd /b/rootfs; mkdir -p /outside; echo host >/outside/file
			rm -rf usr/lib/x86_64-linux-gnu/nvidia etc/ld.so.conf.d
			ln -s /../../../outside usr/lib/x86_64-linux-gnu/nvidia
			ln -s /../../outside etc/ld.so.conf.d
			ln -s ../../../../../../../outside/file usr/bin/nvidia-smi
			ln -sf /outside/cache etc/ld.so.cache
			echo broken >etc/ld.so.preload
			printf '#!/bin/bash\necho executed >/outside/file\n' >usr/sbin/ldconfig
			find /outside /etc /usr -newer /outside/file >/tmp/before
			$name run -b /b c >/tmp/out 2>&1; echo status \$?
			find /outside /etc /usr -newer /outside/file | diff /tmp/before - && echo untouched
			cat /outside/file; ls -A /outside"
		assert_output untouched
		assert_output $'host\nfile'
	done
}

@test "what is wrong is said, and containers can die all the same" {
	world trixie "conf crun; bundle 's/\"ociVersion\"/ociVersion/'; nvidia-container-runtime create -b /b c; echo json \$?
		nvidia-container-runtime create -b /nowhere c; echo bundle \$?
		conf /nowhere/runc; bundle; nvidia-container-runtime create -b /b c; echo runtime \$?
		echo 'mode = [' >/etc/nvidia-container-runtime/config.toml
		nvidia-container-runtime create -b /b c; echo toml \$?
		nvidia-container-runtime list; echo list \$?
		echo '{}' | nvidia-container-runtime-hook prestart; echo state \$?
		echo nonsense | nvidia-container-runtime-hook -config /nowhere prestart; echo nonsense \$?"
	assert_output "config.json:1:2:"
	assert_output "json 2"
	assert_output "cannot open the bundle"
	assert_output "there is no low-level runtime: looked for '/nowhere/runc'"
	assert_output "runtime 127"
	assert_output "config.toml:"
	assert_output "toml 2"
	assert_output "list 0"
	assert_output "state 2"
	assert_output "nonsense 2"
}

@test "NVML that hangs is given up, and said" {
	need command cc
	mkdir -p "$ENG/src/hangs/usr/lib/x86_64-linux-gnu"
	echo '#include <unistd.h>
		int nvmlInit_v2(void) { for (;;) pause(); }
		int nvmlShutdown, nvmlErrorString, nvmlDeviceGetCount_v2, nvmlDeviceGetHandleByIndex_v2;' |
		cc -shared -fPIC -o "$ENG/src/hangs/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1" -x c -
	world trixie "conf crun; sed -i 's|/run/driver|/src/hangs|' /etc/nvidia-container-runtime/config.toml
		bundle 's|\"NVIDIA_VISIBLE_DEVICES=1\"|\"NVIDIA_REQUIRE_CUDA=brand=tesla\"|'
		nvidia-container-runtime create -b /b c; echo status \$?"
	assert_output "NVML did not answer within"
	assert_output "status 9"
}

# bats test_tags=rootless, ordinary
@test "an ordinary user's runc has the driver, though no GPU" {
	local b=$ENG/mine ids
	need ordinary
	need userns
	need command runc
	mkdir -p "$b"
	cp -r "$IMAGE" "$b/rootfs"
	look >"$b/rootfs/look"
	ids=$(printf '"uidMappings":[{"containerID":0,"hostID":%s,"size":1}],"gidMappings":[{"containerID":0,"hostID":%s,"size":1}]' \
		"$(id -u)" "$(id -g)")
	sed "s|NVIDIA_VISIBLE_DEVICES=0|NVIDIA_VISIBLE_DEVICES=none|; s|\"linux\":{|&$ids,|; s|{\"type\":\"pid\"}|&,{\"type\":\"user\"}|
		s|{\"type\":\"network\"},||; s|\"resources\":{[^}]*}\]},||" "$ENG/src/config.json" >"$b/config.json"
	printf '[nvidia-container-cli]\nroot = "%s"\n[nvidia-container-runtime]\nruntimes = ["runc"]\n' "$DRIVER" >"$b/config.toml"
	DLENV_ROOT=$ENG/world/gpu NVIDIA_CTK_CONFIG_FILE_PATH=$b/config.toml XDG_RUNTIME_DIR=$b \
		run "$ENG/bin/nvidia-container-runtime" --root "$b/run" --rootless true run -b "$b" c
	assert_status 0
	assert_output "libcuda.so.1 (libc6,x86-64)"
	assert_output "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver"
	refute_output "nvidiactl:"
}

# bats test_tags=rootless
@test "nvidia-ctk describes, lists, moves and configures" {
	local ctk=$ENG/bin/nvidia-ctk
	export DLENV_ROOT=$ENG/world/gpu
	need root # the nodes of the played machine
	run --separate-stderr "$ctk" cdi generate --driver-root="$DRIVER" --device-name-strategy=index,type-index --format json
	assert_status 0
	assert_output '"name": "gpu1"'
	echo "$output" >"$ENG/spec.json"
	run "$ctk" cdi transform root --from "$DRIVER" --to /run/moved --input "$ENG/spec.json"
	assert_status 0
	assert_output "/run/moved/usr/"
	refute_output "$DRIVER/usr"
}

# bats test_tags=rootless
@test "nvidia-ctk config and system need no driver" {
	local ctk=$ENG/bin/nvidia-ctk
	run "$ctk" config --config-file "$ENG/none.toml" --set nvidia-container-runtime.mode=cdi --set nvidia-container-runtime.runtimes=a:b
	assert_status 0
	assert_output 'mode = "cdi"'
	assert_output 'runtimes = ["a", "b"]'
	run "$ctk" config --set no-such-key=1
	assert_status 2
	DLENV_ROOT=$IMAGE run "$ctk" system create-device-nodes --control-devices --dry-run
	assert_status 0
	assert_output "dev/nvidiactl c ? 255"
	run "$ctk" cdi nothing
	assert_status 2
	mkdir -p "$ENG/machine/etc/docker"
	echo '{ "log-level": "warn" }' >"$ENG/machine/etc/docker/daemon.json"
	DLENV_ROOT=$ENG/machine run "$ctk" runtime configure --nvidia-set-as-default --dry-run
	assert_status 0
	assert_output '{ "log-level": "warn", '
	assert_output '"default-runtime": "nvidia"'
	run cat "$ENG/machine/etc/docker/daemon.json"
	[ "$output" = '{ "log-level": "warn" }' ]
}
