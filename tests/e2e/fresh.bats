#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A Debian on which nothing was installed but make: the sources build there, with what they
# install themselves and without a warning, and the program runs.

load helpers

setup() {
	need root
	need command mmdebstrap
	need net
}

builds_on() {
	run mmdebstrap --quiet --variant=apt --include=make --format=null \
		--customize-hook='mkdir "$1/src"' --customize-hook="tar-in $E2E_STAGE/source.tar /src" \
		--customize-hook='chroot "$1" make -C /src V=1' \
		--customize-hook='chroot "$1" sh -c "cd /src && tools/bootstrap.sh run && build/src/cli/dlenv version"' \
		"$1" - "$(debian_mirror)"
	assert_status 0
	[[ $(tail -n 1 <<<"$output") =~ ^dlenv\ [0-9] ]] || assert_output "dlenv VERSION as the last line"
	refute_output "warning:"
}

@test "the sources build on a bare Debian 12" {
	builds_on bookworm
}

@test "the sources build on a bare Debian 13" {
	builds_on trixie
}
