#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `dlenv setup` on a machine that boots (bed/setup/machine.sh): systemd is PID 1, dockerd and podman are real, and containers of a registry get a
# played GPU by the description that dlenv writes.
# shellcheck disable=SC2154 # output, status: set by bats

bats_require_minimum_version 1.5.0
load ../e2e/helpers

machine=$E2E_STAGE/tests/bed/setup/machine.sh

setup() {
	need root
	need net
	WORLD=$(mktemp -d "$E2E_STATE/machine.XXXXXX")
	export WORLD BUILD=$E2E_STAGE/build
	"$machine" start debian-13
}

teardown() { [ -z "${WORLD-}" ] || "$machine" clean; }

on_it() { timeout --kill-after=10 "${DLENV_TIMEOUT:-300}" "$machine" exec "$@"; }
as_dev() { USER_NAME=dev on_it "$@"; }
# A session of dev's, which stays.
log_in() {
	on_it loginctl enable-linger dev
	wait_until 20 on_it test -S /run/user/1000/bus
}

@test "driver, Docker and podman: up to the GPU in a container, over a reboot, and back" {
	run on_it dlenv setup driver docker podman dlenv --route distro --user dev --yes
	[[ $output == *"docker gives a container the GPU"*"GPU 0"* && $output == *"docker does so for the user"*"GPU 0"* ]]
	[[ $output == *"podman gives a container the GPU"*"GPU 0"* && $output == *"dev is not logged in"* ]]
	[ "$status" = 0 ]
	log_in
	run on_it dlenv setup driver docker podman dlenv --route distro --user dev --verify
	[ "$status" = 0 ]
	as_dev docker run --rm hello-world | grep -qF 'Hello from Docker!'
	as_dev docker run --rm --gpus all ubuntu nvidia-smi | grep -qF 'GPU 0'
	as_dev podman run --rm --device nvidia.com/gpu=all docker.io/library/ubuntu nvidia-smi | grep -qF 'GPU 0'

	"$machine" stop
	"$machine" start debian-13
	on_it systemctl is-active docker.service containerd.service dlenv-cdi.path
	on_it docker run --rm --device nvidia.com/gpu=all ubuntu nvidia-smi | grep -qF 'GPU 0'
	run on_it dlenv setup driver docker podman dlenv --route distro --user dev --plan
	[[ $output != *$'\n    1  '* ]] # nothing is left to do

	on_it dlenv setup --undo --yes
	run ! on_it sh -c 'dpkg -l | grep -E "^ii +(docker|containerd|podman|nvidia)"'
	run ! on_it sh -c 'ls -d /etc/docker /etc/cdi /var/run/cdi/nvidia.yaml 2>/dev/null | grep .'
	[ "$(on_it systemctl is-enabled docker.service 2>/dev/null)" != enabled ]
	run ! on_it sh -c 'id dev | grep docker'
}

@test "Docker without root is the user's own daemon, with the GPU, also after a reboot" {
	run on_it dlenv setup driver docker --rootless --route distro --user dev --yes
	[ "$status" = 0 ]
	[[ $output == *"docker gives a container the GPU"*"GPU 0"* ]]
	on_it test -e /var/lib/systemd/linger/dev
	as_dev docker --context rootless info --format '{{.SecurityOptions}}' | grep -qF rootless
	run ! on_it sh -c 'id dev | grep docker'
	run on_it dlenv setup driver docker --rootless --route distro --user dev --plan
	[[ $output != *$'\n    1  '* ]]

	"$machine" stop
	"$machine" start debian-13
	wait_until 30 as_dev docker --context rootless info
	as_dev docker --context rootless run --rm --device nvidia.com/gpu=all ubuntu nvidia-smi | grep -qF 'GPU 0'

	on_it dlenv setup --undo --yes
	on_it test ! -e /home/dev/.config/systemd/user/docker.service
	on_it test ! -e /var/lib/systemd/linger/dev
	run ! on_it dpkg -s docker-ce
}
