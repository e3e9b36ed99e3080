#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bats file_tags=rootless
# An image whose paths point elsewhere, also while the container starts.

load lib
setup() { scene; }
teardown() { scene_end; }

# What the scenario's host folder has now that it did not have before.
new_outside() {
	find "$OUTSIDE" -mindepth 1 ! -path "$OUTSIDE/secret" ! -path "$OUTSIDE/here*" -printf 'exposed: made outside: %P\n'
	find "$OUTSIDE" -mindepth 2 -path "$OUTSIDE/here*" -printf 'exposed: made outside: %P\n'
}

try_dev_link() { # try_dev_link TARGET
	rm -rf "${ROOT:?}/dev"
	ln -s "$1" "$ROOT/dev"
	mkdir -p "$ROOT/tmp"
	bundle -- /bin/true
	rt_run || true
	new_outside
}

@test "/dev as a link to a neighbour of the root touches nothing outside" {
	works
	safe try_dev_link ../outside
}
@test "/dev as an absolute link touches nothing outside" { safe try_dev_link "$OUTSIDE"; }
@test "control: things made outside through /dev are seen" { RT=$WEAK exposed try_dev_link "$OUTSIDE"; }
@test "control: an old runc makes things outside through /dev" {
	need root
	need command runc
	[[ $(runc --version) == *"version 1.1."* ]] || skip "this runc is not one with the hole"
	RT=runc exposed try_dev_link ../outside
}

try_proc_link() {
	rm -rf "${ROOT:?}/proc"
	ln -s /run "$ROOT/proc"
	bundle -- /bin/sh -c 'echo exposed: started with /proc on a link'
	rt_run
}

@test "/proc as a link is refused" { safe try_proc_link; }
@test "control: a start with /proc as a link is seen" { RT=$WEAK exposed try_proc_link; }

try_targets() { # every mount target a link out of the root
	local name
	for name in dev proc sys; do
		rm -rf "${ROOT:?}/$name"
		mkdir "$OUTSIDE/here-$name"
		ln -s "../../../../../../../../../..$OUTSIDE/here-$name" "$ROOT/$name"
	done
	bundle -- /bin/true
	rt_run || true
	new_outside
}

@test "mount targets that climb out of the root stay inside" { safe try_targets; }
@test "control: climbing mount targets are seen" { RT=$WEAK exposed try_targets; }

try_mask_source() {
	rm -f "$ROOT/dev/null"
	ln -s "$OUTSIDE/secret" "$ROOT/dev/null"
	echo hidden-secret >"$ROOT/hidden"
	bundle --without mounts --mask /hidden --merge \
		'{"mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}]}' -- \
		/bin/sh -c 'while read -r line; do echo "exposed: $line"; done </hidden'
	rt_run
}

@test "a mask is never the image's own /dev/null" { safe try_mask_source; }
@test "control: a mask made of the image's /dev/null is seen" { RT=$WEAK exposed try_mask_source; }

try_console() {
	ln -sf "$OUTSIDE/console" "$ROOT/dev/console"
	bundle --without mounts --merge '{"process": {"terminal": true},
		"mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}]}' -- /bin/true
	rt_run || true
	new_outside
}

@test "/dev/console as a link touches nothing outside" { safe try_console; }
@test "control: a console made outside is seen" { RT=$WEAK exposed try_console; }

# A neighbour exchanges a folder and a link to the outside while containers start.
swap() {
	# shellcheck disable=SC2016
	exec perl -e 'my %nr = (x86_64 => 316, aarch64 => 276); chomp(my $m = `uname -m`);
		my ($x, $y) = @ARGV; my $end = time + 120;
		while (time < $end) { syscall($nr{$m}, -100, $x, -100, $y, 2) for 1 .. 1000 }' \
		"$ROOT/vol/a" "$ROOT/vol/b"
}

try_swap() {
	local i swapper
	mkdir -p "$ROOT/vol/a"
	ln -s "$OUTSIDE" "$ROOT/vol/b"
	swap 3>&- >/dev/null &
	swapper=$!
	echo $swapper >>"$SCENE/pids"
	bundle --merge '{"mounts": [
		{"destination": "/vol/a/new", "type": "tmpfs", "source": "tmpfs"},
		{"destination": "/vol/a/deep/er", "type": "tmpfs", "source": "tmpfs"}]}' -- /bin/true
	for i in $(seq "${SWAPS:-200}"); do
		rt_run >/dev/null 2>&1 || true
		[ $((i % 10)) != 0 ] || [ -z "$(new_outside)" ] || break
	done
	kill -KILL $swapper
	new_outside
}

@test "a mount target exchanged for a link while starting never leads outside" { safe try_swap; }
@test "control: a mount target that led outside is seen" { SWAPS=60 RT=$WEAK exposed try_swap; }

# The same on an old kernel: each newer system call is replaced by what there was before.
OLD_KERNEL=openat2,newmount,clone3,closerange,pidfd

@test "without newer system calls: it works, and links stay inside" {
	export DLENV_NO=$OLD_KERNEL
	works
	safe try_dev_link ../outside
}
@test "without newer system calls: climbing mount targets stay inside" {
	DLENV_NO=$OLD_KERNEL safe try_targets
}
@test "without newer system calls: a mask is never the image's own /dev/null" {
	DLENV_NO=$OLD_KERNEL safe try_mask_source
}
@test "without newer system calls: an exchanged mount target never leads outside" {
	DLENV_NO=$OLD_KERNEL safe try_swap
}
