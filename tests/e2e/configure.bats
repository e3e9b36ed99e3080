# SPDX-License-Identifier: Apache-2.0
# bats file_tags=rootless
#
# `dlenv configure` on machines that are played in a folder, and what real engines read of the result.

load helpers

setup() {
	fresh_state
	HOST=$E2E_TEST_STATE/host
	mkdir -p "$HOST/etc/docker" "$HOST/etc/containerd"
	CONFIGS=$E2E_STAGE/tests/configs
}

teardown() { drop_state; }

@test "a diff first, then the change, then the very bytes back" {
	cp "$CONFIGS/docker/09-numbers.json" "$HOST/etc/docker/daemon.json"
	run dlenv --root "$HOST" configure docker --dry-run
	assert_status 0
	[[ $output == *'+++ /etc/docker/daemon.json'*'+    "cdi": true'* ]]
	cmp "$CONFIGS/docker/09-numbers.json" "$HOST/etc/docker/daemon.json"
	[ ! -e "$HOST/var" ]

	run dlenv --root "$HOST" configure docker
	assert_status 0
	[[ $output == *"dlenv configure docker --undo"* ]]
	grep -q '"max-concurrent-downloads": 12345678901234567890,' "$HOST/etc/docker/daemon.json"
	grep -qF '"a<b>&c", "caf\u00e9"' "$HOST/etc/docker/daemon.json"
	[ -L "$HOST/usr/local/bin/nvidia-container-runtime" ]
	run dlenv --root "$HOST" configure docker
	assert_status 0
	[[ $output == *"nothing has to be changed for docker"* ]]

	run dlenv --root "$HOST" configure docker --undo
	assert_status 0
	cmp "$CONFIGS/docker/09-numbers.json" "$HOST/etc/docker/daemon.json"
	[ -z "$(ls "$HOST/usr/local/bin")" ]
	run dlenv --root "$HOST" configure docker --undo
	assert_status 12
}

@test "the JSON answer names files, links and the diff" {
	cp "$CONFIGS/containerd/06-v3-imports.toml" "$HOST/etc/containerd/config.toml"
	local answer
	answer=$(dlenv --root "$HOST" --json configure containerd)
	python3 - "$answer" <<-'PY'
		import json, sys
		a = json.loads(sys.argv[1])
		assert a["ok"] and a["schema"] == "dlenv.configure/1", a
		d = a["data"]
		assert d["files"] == [{"change": "create", "path": "/etc/containerd/conf.d/99-nvidia.toml"}], d
		assert len(d["links"]) == 4 and d["diff"].startswith("--- /dev/null"), d
	PY
}

@test "nvidia-ctk runtime configure does the same, and is undone the same" {
	ln -s "$E2E_STAGE/build/src/hook/dlenv-toolkit" "$HOST/nvidia-ctk"
	cp "$CONFIGS/docker/08-features.json" "$HOST/etc/docker/daemon.json"
	DLENV_ROOT=$HOST run "$HOST/nvidia-ctk" runtime configure --runtime=docker --cdi.enabled --dry-run
	assert_status 0
	assert_output '"path": "/usr/local/bin/nvidia-container-runtime"'
	cmp "$CONFIGS/docker/08-features.json" "$HOST/etc/docker/daemon.json"
	DLENV_ROOT=$HOST run "$HOST/nvidia-ctk" runtime configure --nvidia-set-as-default --nvidia-runtime-name=gpu
	assert_status 0
	grep -q '"default-runtime": "gpu"' "$HOST/etc/docker/daemon.json"
	run grep '"cdi"' "$HOST/etc/docker/daemon.json"
	assert_status 1
	DLENV_ROOT=$HOST run "$HOST/nvidia-ctk" runtime configure --runtime=lxc
	assert_status 2
	run dlenv --root "$HOST" configure docker --undo
	assert_status 0
	cmp "$CONFIGS/docker/08-features.json" "$HOST/etc/docker/daemon.json"
}

@test "what cannot be read is said with its place, and stays" {
	printf '{\n  // the lab\n  "mtu": 1450\n}\n' >"$HOST/etc/docker/daemon.json"
	run dlenv --root "$HOST" configure docker
	assert_status 2
	[[ $output == *"/etc/docker/daemon.json:2:3: JSON has no comments"*"mend it first"* ]]
	[ ! -e "$HOST/var" ]
	run dlenv --root "$HOST" configure nerdctl
	assert_status 2
	assert_output "name one of: docker"
	run dlenv --root "$HOST" configure docker --cdi --no-cdi
	assert_status 2
}

@test "without the privilege nothing is done at all" {
	need ordinary
	run dlenv configure crio
	assert_status 6
	[[ $output == *"run this as root"* ]]
	[ ! -e "$DLENV_DATA/configure/crio.json" ]
	# A rootless Docker's file is its user's own.
	run dlenv configure docker --config "$E2E_TEST_STATE/daemon.json"
	assert_status 0
	grep -q '"nvidia"' "$E2E_TEST_STATE/daemon.json"
	run dlenv configure docker --undo
	assert_status 0
	[ ! -e "$E2E_TEST_STATE/daemon.json" ]
}

@test "a read-only file system is said, and leaves no record" {
	need root
	mount -t tmpfs none "$HOST/etc/docker"
	echo '{}' >"$HOST/etc/docker/daemon.json"
	mount -o remount,ro "$HOST/etc/docker"
	run dlenv --root "$HOST" configure docker
	umount "$HOST/etc/docker"
	assert_status 1
	[[ $output == *"read-only"* ]]
	[ ! -e "$HOST/var" ]
}

@test "without systemd a restart is refused in words" {
	run dlenv --root "$HOST" configure docker --restart
	assert_status 12
	[[ $output == *"systemd does not run here"* ]]
	grep -q nvidia "$HOST/etc/docker/daemon.json"
}

@test "Debian's dockerd and containerd read every file that was changed" {
	need root
	local root file out
	made root "$E2E_STAGE/tests/bed/engine-root.sh" trixie
	for file in "$CONFIGS"/docker/*.json; do
		[[ $file != *09-numbers* ]] || continue # has keys that no Docker knows
		cp "$file" "$HOST/etc/docker/daemon.json"
		dlenv --root "$HOST" --quiet configure docker --default >/dev/null
		out=$("$root/usr/sbin/dockerd" --validate --userland-proxy=false \
			--config-file="$HOST/etc/docker/daemon.json" 2>&1) || { echo "$file: $out" && false; }
		dlenv --root "$HOST" --quiet configure docker --undo >/dev/null
	done
	for file in "$CONFIGS"/containerd/*.toml; do
		! grep -q '^version = 3\|^disabled_plugins' "$file" || continue # 1.7 reads 1 and 2
		cp "$file" "$HOST/etc/containerd/config.toml"
		dlenv --root "$HOST" --quiet configure containerd >/dev/null
		out=$("$root/usr/bin/containerd" -c "$HOST/etc/containerd/config.toml" config dump 2>/dev/null)
		[[ $out == *'containerd.runtimes.nvidia.options]'*'BinaryName = "/usr/local/bin/nvidia-container-runtime"'* &&
			$out == *'enable_cdi = true'* ]] || { echo "$file: $out" && false; }
		# Runtimes that were there, or built in, still are.
		[[ $file == *kata* || $out == *'containerd.runtimes.runc]'* ]] || { echo "$file: $out" && false; }
		dlenv --root "$HOST" --quiet configure containerd --undo >/dev/null
		cmp "$file" "$HOST/etc/containerd/config.toml"
	done
}

@test "containerd 2 of Debian 14 reads what was changed" {
	need root
	local bed=$E2E_STAGE/tests/bed file name part
	made _ "$bed/engine-root.sh" forky
	for file in "$CONFIGS"/containerd/*.toml; do
		name=${file##*/}
		[[ $name != 04-v1* ]] || continue # containerd 2 reads 2 and 3
		cp "$file" "$HOST/etc/containerd/config.toml"
		dlenv --root "$HOST" --quiet configure containerd >/dev/null
		mkdir -p "$E2E_TEST_STATE/changed"
		cp -a "$HOST/etc/containerd" "$E2E_TEST_STATE/changed/$name"
		dlenv --root "$HOST" --quiet configure containerd --undo >/dev/null
		cmp "$file" "$HOST/etc/containerd/config.toml"
	done
	# Their imports name /etc/containerd.
	# shellcheck disable=SC2016 # the world's shell expands it
	run "$bed/engine-world.sh" "$E2E_TEST_STATE/world" forky "$E2E_TEST_STATE/changed:/changed" -- bash -c '
		for dir in /changed/*; do
			rm -rf /etc/containerd && cp -a "$dir" /etc/containerd && echo "== ${dir##*/}" || exit
			: >/etc/containerd/certs.toml # one of them imports it
			containerd config dump 2>&1
		done' </dev/null
	assert_status 0
	for file in "$E2E_TEST_STATE"/changed/*; do
		name=${file##*/}
		part=$(part_of "$name" "$output")
		[[ $part == *"runtimes.nvidia.options]"*"BinaryName = '/usr/local/bin/nvidia-container-runtime'"* &&
			$part == *'enable_cdi = true'* ]] || { echo "$name: $part" && false; }
		# Runtimes that were there, or built in, still are.
		[[ $name == *kata* || $part == *'containerd.runtimes.runc]'* ]] || { echo "$name: $part" && false; }
	done
}
