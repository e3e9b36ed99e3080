#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `dlenv setup` on each distribution and route, with the real package managers: from a bare machine to the proof in a container,
# again (nothing changes), and back (package by package, file by file).

bats_require_minimum_version 1.5.0
load ../e2e/helpers
load ../bed/setup/world

setup() { need net; }
teardown() { drop_world; }

# on SKIN ARGS...: the whole story; KEY:NAME is that test key's fingerprint.
on() {
	local word words=()
	new_world "$1"
	shift
	for word; do
		case $word in KEY:*) word=$(fingerprint "${word#KEY:}") ;; esac
		words+=("$word")
	done
	story "${words[@]}" --user dev
}
# GPUs of other kinds than the world's own (Ada): Pascal has proprietary modules, and 580 is its last branch; Blackwell has open ones.
pascal() { GPU='--gpus 1 --device-id 1b80' && export GPU && on "$@"; }
blackwell() { GPU='--gpus 1 --device-id 2b85' && export GPU && on "$@"; }

@test "ubuntu-22.04: the archive's driver and Docker" { on ubuntu-22.04 driver docker toolkit; }
@test "ubuntu-24.04: the archive's driver and Docker" { on ubuntu-24.04 driver docker; }
@test "ubuntu-24.04: NVIDIA's repository and podman" { on ubuntu-24.04 driver podman --route cuda-repo; }
@test "ubuntu-24.04: a Pascal's driver" { pascal ubuntu-24.04 driver; }
@test "ubuntu-26.04: the archive's driver and podman" { on ubuntu-26.04 driver podman toolkit; }
@test "ubuntu-26.04: NVIDIA's repository" { on ubuntu-26.04 driver --route cuda-repo --trust-key KEY:cuda-8793f200; }
@test "debian-12: Debian's own driver" { on debian-12 driver docker --route distro; }
@test "debian-12: NVIDIA's repository" { blackwell debian-12 driver docker toolkit; }
@test "debian-13: Debian's own driver" { on debian-13 driver podman dlenv --route distro; }
@test "debian-13: everything" { blackwell debian-13 driver toolkit docker podman dlenv; }
@test "debian-13: a Pascal's driver" { pascal debian-13 driver; }
@test "debian-13: a machine without curl, gpg, certificates and systemd" {
	new_world debian-13-bare
	packages >"$WORLD/packages.before"
	set_up driver docker --user dev
	assert_status 0
	refute_output FAILS
	packages | grep ' gpg '
	back
}
@test "fedora-43: RPM Fusion and Docker" { on fedora-43 driver docker; }
@test "fedora-44: RPM Fusion, podman and the toolkit" { on fedora-44 driver podman toolkit; }
@test "fedora-43: RPM Fusion's tainted module" { on fedora-43 driver --route rpmfusion-tainted; }
@test "fedora-43: RPM Fusion's 580" { pascal fedora-43 driver; }
@test "fedora-44: NVIDIA's repository" { on fedora-44 driver docker --route cuda-repo; }
@test "fedora-40: RPM Fusion by dnf 4" { on fedora-40 driver docker toolkit; }
@test "rocky-8: module streams" { on rocky-8 driver docker; }
@test "rocky-9: module streams" { on rocky-9 driver docker podman; }
@test "rhel-9: a Pascal's module stream" { pascal rhel-9 driver toolkit docker; }
@test "rhel-8: module streams and EPEL by its key" { on rhel-8 driver; }
@test "rocky-10: plain packages" { on rocky-10 driver podman --trust-key KEY:cuda-cdf6ba43; }
@test "rhel-10: plain packages" { on rhel-10 driver docker --trust-key KEY:cuda-cdf6ba43; }
@test "almalinux-9: module streams" { on almalinux-9 driver docker; }
@test "centos-9: module streams" { on centos-9 driver docker; }
@test "rocky-9: RPM Fusion" { on rocky-9 driver --route rpmfusion --trust-key KEY:rpmfusion-free-el --trust-key KEY:rpmfusion-nonfree-el; }
@test "opensuse-leap-15.6: SUSE's signed G07" { on opensuse-leap-15.6 driver docker --trust-key KEY:suse-graphics; }
@test "opensuse-leap-15.6: G06 of a Pascal" { pascal opensuse-leap-15.6 driver --trust-key KEY:suse-graphics; }
@test "opensuse-leap-15.6: NVIDIA's repository" { on opensuse-leap-15.6 driver toolkit podman --route cuda-repo; }
@test "opensuse-leap-16.0: SUSE's signed G07" { on opensuse-leap-16.0 driver podman --trust-key KEY:suse-graphics; }
@test "opensuse-tumbleweed: SUSE's signed G07" { on opensuse-tumbleweed driver docker toolkit --trust-key KEY:suse-graphics; }
@test "opensuse-tumbleweed: NVIDIA's repository" { on opensuse-tumbleweed driver --route cuda-repo; }
@test "sles-15.7: SUSE's signed G07 and a module of SLES" { on sles-15.7 driver docker --trust-key KEY:suse-graphics; }
