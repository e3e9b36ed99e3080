#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Bad input and bad luck: the real fault each time, one clear error, and `up` just continues.
# bats file_tags=rootless

bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	need net
	need disk 4
}

setup() { fresh_state; }
teardown() {
	[ -z "${server-}" ] || kill "$server" 2>/dev/null || true
	drop_state
}

up() { dlenv up --yes --preset base "$@"; }

@test "unknown keys are named with their place and the nearest key" {
	printf 'name: x\nprset: torch\n' >dlenv.yaml
	run up
	assert_status 2
	assert_output "dlenv.yaml:2:1"
	assert_output "preset"
	printf 'name: [\n' >dlenv.yaml
	run up
	assert_status 2
	[ -z "$(dlenv ls --quiet)" ]
}

@test "an unknown package is named before anything is fetched" {
	printf 'name: x\npreset: base\npackages:\n  apt: [no-such-package-xyz, sl]\n' >dlenv.yaml
	run dlenv up --yes
	assert_status 12
	assert_output no-such-package-xyz
	[ -z "$(dlenv ls --quiet)" ]
}

@test "two ups at once both end well" {
	up --wait >one 2>&1 &
	first=$!
	up --wait >two 2>&1
	wait $first
	[ "$(dlenv ls --quiet)" = default ]
	dlenv exec -- true
}

@test "an up that is killed anywhere is continued by the next" {
	up && dlenv stop && dlenv rm --yes
	for ms in 5 15 30 60 100 150 220 300 400; do
		timeout -s KILL "$(printf '0.%03d' $ms)" "$DLENV" up --yes --preset base >/dev/null 2>&1 || true
	done
	run up
	assert_status 0
	run dlenv exec -- echo alive
	assert_output alive
}

@test "a killed init is found out, and up starts again" {
	up
	pid=$(dlenv status --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["data"]["processes"][0]["pid"])')
	kill -9 "$pid"
	wait_until 10 sh -c "! kill -0 $pid 2>/dev/null"
	run dlenv status
	assert_output "is stopped"
	run up
	assert_status 0
	dlenv exec -- true
}

@test "a taken port: the next free one, or an error that says whose wish it was" {
	python3 -m http.server --bind 127.0.0.1 8888 >/dev/null 2>&1 &
	server=$!
	wait_until 10 curl -fsS http://127.0.0.1:8888/
	run dlenv up --yes --preset torch
	assert_status 0
	refute_output "127.0.0.1:8888/"
	dlenv stop
	dlenv rm --yes
	run dlenv up --yes --preset torch --set jupyter.port=8888
	assert_status 9
	assert_output "jupyter.port"
}

@test "an unreadable project folder is named" {
	need ordinary
	mkdir locked
	printf 'name: locked\npreset: base\n' >locked/dlenv.yaml
	cd locked
	chmod 0300 .
	run dlenv up --yes
	chmod 0700 .
	[ "$status" != 0 ]
	assert_output locked
}

@test "no subordinate ids: the command that grants them is said" {
	need user
	other=dlenv-e2e-nosub
	useradd -M -K SUB_UID_COUNT=0 -K SUB_GID_COUNT=0 -d "$E2E_TEST_STATE/home" $other
	sed -i "/^$other:/d" /etc/subuid /etc/subgid
	mkdir -p "$E2E_TEST_STATE/home"
	chown $other "$E2E_TEST_STATE/home"
	chmod 0755 "$E2E_TEST_STATE"
	cd "$E2E_TEST_STATE/home"
	run setpriv --reuid $other --regid $other --clear-groups --inh-caps=-all \
		env -u DLENV_DATA -u DLENV_CACHE -u DLENV_RUN -u DLENV_CONFIG -u XDG_RUNTIME_DIR HOME="$E2E_TEST_STATE/home" "$DLENV" up --yes
	userdel $other
	assert_status 6
	assert_output "usermod --add-subuids"
}

@test "forbidden user namespaces: said, with what forbids them" {
	need user
	# The kernel makes none for a process whose root was changed by chroot.
	mkdir "$E2E_TEST_STATE/jail"
	mount --rbind / "$E2E_TEST_STATE/jail"
	mount --make-rslave "$E2E_TEST_STATE/jail"
	run chroot --userspec="$E2E_USER" "$E2E_TEST_STATE/jail" env DLENV_DATA="$E2E_USER_STATE/data" \
		DLENV_CACHE="$E2E_USER_STATE/cache" DLENV_RUN="$E2E_USER_STATE/xdg" DLENV_CONFIG="$E2E_USER_STATE/xdg" \
		"$DLENV" up --yes
	umount -l "$E2E_TEST_STATE/jail"
	assert_status 6
	assert_output "user namespace"
	assert_output "fix:"
}

@test "a full disk: nothing half made, and up continues when there is room" {
	need loop
	up
	dlenv stop
	dlenv rm --yes
	with_small_disk "$E2E_TEST_STATE/small" 1M
	mkdir -p "$DLENV_DATA/envs"
	mount --bind "$E2E_TEST_STATE/small" "$DLENV_DATA/envs"
	# ext4 keeps room for folders: fill what there is.
	dd if=/dev/zero of="$DLENV_DATA/envs/filler" bs=1k count=1000 2>/dev/null || true
	run up
	[ "$status" != 0 ]
	assert_output "space"
	[ -z "$(dlenv ls --quiet)" ]
	rm "$DLENV_DATA/envs/filler"
	run up
	umount_after=$status
	dlenv rm --yes --force || true
	umount -l "$DLENV_DATA/envs"
	[ "$umount_after" = 0 ]
}

@test "sshd missing from an image is said, with the cure" {
	up
	dlenv exec --root -- mv /usr/sbin/sshd /usr/sbin/sshd.away
	run -127 dlenv ssh-proxy default </dev/null
	assert_output openssh-server
}

@test "rm asks, and without a terminal says which flag answers" {
	up
	dlenv stop
	run dlenv rm </dev/null
	assert_status 3
	assert_output "--yes"
	[ "$(dlenv ls --quiet)" = default ]
}

@test "the ssh config gets one line, keeps all others, and gives it back" {
	mkdir -p ~/.ssh
	printf 'Host box\n\tUser me # mine\n' >~/.ssh/config
	cp ~/.ssh/config before
	run dlenv ssh setup --dry-run
	assert_status 0
	cmp ~/.ssh/config before
	dlenv ssh setup --yes
	dlenv ssh setup --yes
	[ "$(grep -c dlenv ~/.ssh/config)" = 1 ]
	[ "$(tail -n 2 ~/.ssh/config)" = "$(cat before)" ]
	dlenv ssh setup --remove --yes
	cmp ~/.ssh/config before
	rm ~/.ssh/config
}

@test "the administrator's settings are for everybody, also in a folder of an older dlenv" {
	need root
	need user
	mkdir "$E2E_TEST_STATE"/{upper,work}
	chmod go+x "$E2E_TEST_STATE"
	export -f as_user
	export DLENV E2E_USER E2E_USER_STATE
	run unshare --mount --propagation private bash -c '
		mount -t overlay -o "lowerdir=/etc,upperdir=$1/upper,workdir=$1/work" none /etc || exit 90
		rm -rf /etc/dlenv
		mkdir -m 0700 /etc/dlenv
		env -u DLENV_CONFIG "$DLENV" ls || exit 91
		printf "run:\n  tz: Asia/Taipei\n" >/etc/dlenv/config.yaml
		cd /tmp && as_user env -u DLENV_RUN -u DLENV_CONFIG "$DLENV" config' _ "$E2E_TEST_STATE"
	assert_status 0
	assert_output "Asia/Taipei"
}
