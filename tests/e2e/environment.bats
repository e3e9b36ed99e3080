#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# An environment as its user has it: up, ssh, training, packages, JupyterLab. Run as root and as an ordinary user.
# bats file_tags=rootless

bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	need net
	need disk 8
}

setup() {
	fresh_state
	cp "$BATS_TEST_DIRNAME/train.py" "$PROJECT/"
}

teardown() {
	[ -z "${forward-}" ] || kill "$forward" 2>/dev/null || true
	drop_state
}

up() { dlenv up --yes; }
inside() { ssh -o BatchMode=yes dlenv.default "$@"; }

@test "up ends with the two links, and again in a moment" {
	run up
	assert_status 0
	assert_output "ssh dlenv.default"
	assert_output "http://127.0.0.1:"
	run inside true
	assert_status 0
	run up
	assert_status 0
	assert_output "http://127.0.0.1:"
}

@test "a network trains over ssh and its plot belongs to the user" {
	up
	run inside "cd workspace && python3 train.py plot.png"
	assert_status 0
	assert_output "network 0.9"
	[ -s plot.png ]
	[ "$(stat -c %u:%g plot.png)" = "$(id -u):$(id -g)" ]
	run inside "cd $PROJECT && stat -c %U plot.png"
	assert_output "$(id -un)"
}

@test "the account inside is the caller's" {
	up
	run inside 'id -u; id -g; id -un; echo $HOME; hostname'
	assert_status 0
	[ "${lines[0]}" = "$(id -u)" ]
	[ "${lines[1]}" = "$(id -g)" ]
	[ "${lines[2]}" = "$(id -un)" ]
	[ "${lines[3]}" = "$(getent passwd "$(id -u)" | cut -d: -f6)" ]
	[ "${lines[4]}" = default ]
	run inside sudo -n id -u
	[ "$output" = 0 ]
}

@test "ssh passes exit codes, files and ports" {
	up
	run inside 'exit 37'
	assert_status 37
	head -c 300000 /dev/urandom >sent
	scp -q sent dlenv.default:workspace/by-scp
	cmp sent by-scp
	echo 'put sent workspace/by-sftp' | sftp -q -b - dlenv.default
	cmp sent by-sftp
	rsync -e ssh sent dlenv.default:workspace/by-rsync
	cmp sent by-rsync
	inside 'cd /tmp && echo forwarded >page && exec python3 -m http.server --bind 127.0.0.1 18999' &
	wait_until 20 inside 'python3 -c "import socket; socket.create_connection((\"127.0.0.1\", 18999))"'
	ssh -N -o ExitOnForwardFailure=yes -L 18998:127.0.0.1:18999 dlenv.default &
	forward=$!
	wait_until 20 curl -fsS http://127.0.0.1:18998/page
	run curl -fsS http://127.0.0.1:18998/page
	assert_output forwarded
}

@test "ssh gives a terminal, and refuses another host key" {
	up
	run ssh -tt dlenv.default 'tty; stty size' </dev/null
	assert_status 0
	assert_output /dev/pts/
	known=$(ssh -G dlenv.default | awk '$1 == "userknownhostsfile" { print $2 }')
	ssh-keygen -q -t ed25519 -N '' -f other
	echo "dlenv.default $(cut -d' ' -f1,2 other.pub)" >"$known"
	run inside true
	assert_status 255
}

@test "nothing of dlenv listens for ssh" {
	up
	run ss -Hltnp
	refute_output sshd
}

@test "attach's tmux session survives disconnection" {
	up
	ssh -tt dlenv.default 'tmux new-session -d -s main "echo kept >/tmp/kept; sleep 600"'
	run inside tmux list-sessions
	assert_output main
	run inside cat /tmp/kept
	assert_output kept
}

@test "installed packages survive stop and start; rm gives a fresh one; rebuild keeps the files" {
	up
	inside 'sudo apt-get update -q && sudo apt-get install -q -y --no-install-recommends sl && echo mine >notes' >&2
	dlenv stop
	run inside /usr/games/sl --version # starts it again by itself
	[ "$status" != 127 ]
	run inside 'test -x /usr/games/sl && cat notes'
	assert_output mine
	dlenv stop
	dlenv rebuild --yes
	run inside 'test -x /usr/games/sl || cat notes'
	assert_output mine
	run dlenv rm --yes
	assert_status 9
	dlenv stop
	echo stays >kept-in-project
	dlenv rm --yes
	[ "$(cat kept-in-project)" = stays ]
	up
	run inside 'ls notes'
	assert_status 2
}

@test "exec and run pass the command's status and folder" {
	up
	mkdir sub
	cd sub
	run dlenv exec -- sh -c 'pwd; exit 5'
	assert_status 5
	assert_output "/sub"
	run -127 dlenv exec -- no-such-command
	run dlenv run --rm torch python -c 'import torch; print(torch.ones(2).sum().item())'
	assert_status 0
	assert_output 2.0
	run dlenv run --rm torch sh -c 'exit 9'
	assert_status 9
}

@test "adding a package reuses the layers below it" {
	up
	before=$(ls "$DLENV_DATA/layers" | wc -l)
	printf 'name: default\npackages:\n  apt: [sl]\n' >dlenv.yaml
	run up
	assert_status 0
	after=$(ls "$DLENV_DATA/layers" | wc -l)
	# The running one keeps its image until `rebuild`; the new image has one layer more, and a user's.
	[ "$after" -le $((before + 2)) ]
	dlenv stop
	dlenv rebuild --yes
	run inside 'test -x /usr/games/sl && echo there'
	assert_output there
}

@test "where the kernel forbids overlay, fuse-overlayfs does it" {
	need fuse
	need command fuse-overlayfs
	DLENV_NO=overlay dlenv up --yes --preset base
	run dlenv exec -- sh -c 'grep " / " /proc/self/mountinfo; sudo -n touch /usr/kept'
	assert_status 0
	assert_output fuse-overlayfs
	dlenv stop
	dlenv start
	run dlenv exec -- sh -c 'grep " / " /proc/self/mountinfo; ls /usr/kept'
	assert_status 0
	refute_output fuse-overlayfs
}

# 2.5 GB are not fetched here: that apt would take them all, at the versions meant, is what can break.
@test "the CUDA builds are chosen and resolve" {
	packages=$(dlenv image build --dry-run --json --set accelerator=cuda | python3 -c 'import json, sys
data = json.load(sys.stdin)["data"]
assert data["cuda"]
print(*[p for layer in data["layers"] for p in layer["packages"]])')
	[[ $packages == *python3-torch-cuda* ]]
	run dlenv run --rm --root base sh -c "sed -i 's/^Components:.*/Components: main contrib non-free non-free-firmware/' \
		/etc/apt/sources.list.d/*.sources && apt-get update -q && apt-get install -s -y --no-install-recommends $packages"
	assert_status 0
	assert_output "Inst python3-torch-cuda (2.6"
	assert_output "Inst nvidia-cuda-toolkit (12.4"
}

@test "status shows what stays, and it is small" {
	up
	run dlenv status --json
	assert_status 0
	private=$(python3 -c 'import json,sys; print(sum(p["private_bytes"] for p in json.load(sys.stdin)["data"]["processes"] if p["process"] == "dlenv-init"))' <<<"$output")
	[ "$private" -lt $((512 * 1024)) ]
}

@test "JupyterLab runs a cell in a real browser; a wrong token is refused" {
	need command chromedriver
	up
	link=$(dlenv jupyter --no-browser)
	export BROWSER_DATA=$E2E_TEST_STATE/browser
	run timeout 400 /usr/bin/python3 "$BATS_TEST_DIRNAME/jupyter.py" "$link" "$PROJECT/digits.ipynb"
	assert_status 0
	assert_output "the plot is in the notebook"
	run stat -c %a "$DLENV_DATA/envs/default/jupyter/token"
	assert_output 600
}
