#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bats file_tags=rootless
# What a container inherits: descriptors, capabilities, a working folder.

load lib
setup() { scene; }
teardown() { scene_end; }

# The caller has a host folder open on 3 to 20, as a careless daemon would.
with_leaks() {
	"$@" 3<"$OUTSIDE" 4<"$OUTSIDE" 5<"$OUTSIDE" 6<"$OUTSIDE" 7<"$OUTSIDE" 8<"$OUTSIDE" \
		9<"$OUTSIDE" 10<"$OUTSIDE" 11<"$OUTSIDE" 12<"$OUTSIDE" 13<"$OUTSIDE" \
		14<"$OUTSIDE" 15<"$OUTSIDE" 16<"$OUTSIDE" 17<"$OUTSIDE" 18<"$OUTSIDE" \
		19<"$OUTSIDE" 20<"$OUTSIDE"
}

LIST_FDS='opendir(D, "/proc/self/fd") or die "fd: $!";
	for my $n (readdir D) { my $l = readlink("/proc/self/fd/$n") // next;
		print "exposed: descriptor $n is $l\n" if $n > 2 && $l !~ m{^/proc/\d+/fd$}; }'

try_descriptors() {
	bundle -- /bin/perl -e "$LIST_FDS"
	with_leaks rt_run
}

try_descriptors_exec() {
	bundle -- /bin/sh -c 'touch /ready; exec sleep 60'
	rt_background
	with_leaks rt_exec / /bin/perl -e "$LIST_FDS"
}

@test "the first process has no descriptors but its three" {
	works
	safe try_descriptors
}
@test "a process of exec has no descriptors but its three" { safe try_descriptors_exec; }
@test "control: leaked descriptors are seen" { RT=$WEAK exposed try_descriptors; }

CAPS='open(S, "/proc/self/status"); while (<S>) { print "exposed: $_" if /^CapInh:\s*0*[1-9a-f]/ }'

try_inheritable() {
	bundle -- /bin/perl -e "$CAPS"
	RT="setpriv --inh-caps=+chown,+net_raw,+sys_admin $RT" rt_run
}
try_inheritable_exec() {
	bundle -- /bin/sh -c 'touch /ready; exec sleep 60'
	rt_background
	rt_exec / /bin/perl -e "$CAPS"
}

@test "no capability is inheritable" {
	need root
	safe try_inheritable
	safe try_inheritable_exec
}
@test "control: inheritable capabilities are seen" {
	need root
	RT=$WEAK exposed try_inheritable
}

try_cwd() {
	local n
	for n in $(seq 3 20); do
		bundle --cwd "/proc/self/fd/$n" -- \
			/bin/perl -e 'print "exposed: a host folder is the working folder\n" if -e "secret"'
		with_leaks rt_run || true
	done
}
try_cwd_exec() {
	local n
	bundle -- /bin/sh -c 'touch /ready; exec sleep 60'
	rt_background
	for n in $(seq 3 20); do
		with_leaks rt_exec "/proc/self/fd/$n" /bin/perl -e \
			'print "exposed: a host folder is the working folder\n" if -e "secret"' || true
	done
}
try_cwd_link() { # the same through a symbolic link of the image
	ln -s /proc/self/fd/7 "$ROOT/work"
	bundle --cwd /work -- /bin/perl -e 'print "exposed: a host folder is the working folder\n" if -e "secret"'
	with_leaks rt_run
}

@test "a descriptor is no way to a working folder outside" {
	safe try_cwd
	safe try_cwd_link
}
@test "exec takes no working folder outside" { safe try_cwd_exec; }
@test "control: a working folder outside is seen" { RT=$WEAK exposed try_cwd; }
@test "control: a working folder outside is seen in exec" {
	need root
	RT=$WEAK exposed try_cwd_exec
}

@test "without newer system calls: no descriptors but three, no working folder outside" {
	export DLENV_NO=openat2,newmount,clone3,closerange,pidfd
	works
	safe try_descriptors
	safe try_cwd_link
}
