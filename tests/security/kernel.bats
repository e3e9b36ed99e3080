#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bats file_tags=rootless
# What a container may ask of the kernel.

load lib
setup() { scene; }
teardown() { scene_end; }

# Name, number on x86_64 and on aarch64, three arguments: each is harmless if it is let through.
# shellcheck disable=SC2016
SYSCALLS='my @calls = (
	["unshare", 272, 97, 0x10000000], ["setns", 308, 268, -1], ["mount", 165, 40],
	["umount2", 166, 39], ["pivot_root", 155, 41], ["fsopen", 430, 430], ["fsmount", 432, 432, -1],
	["open_tree", 428, 428, -1], ["move_mount", 429, 429, -1], ["mount_setattr", 442, 442, -1],
	["keyctl", 250, 219, -1], ["add_key", 248, 217], ["request_key", 249, 218],
	["bpf", 321, 280, -1], ["perf_event_open", 298, 241], ["userfaultfd", 323, 282, -1],
	["kexec_load", 246, 104, 0, 99, 0], ["init_module", 175, 105], ["finit_module", 313, 273, -1],
	["delete_module", 176, 106], ["open_by_handle_at", 304, 265, -1], ["io_uring_setup", 425, 425],
	["swapon", 167, 224], ["reboot", 169, 142], ["acct", 163, 89, -1],
	["clone3", 435, 435, 0, 0], ["clone", 56, 220, 0x10000011]);
	my $arm = -e "/lib/ld-linux-aarch64.so.1" ? 2 : 1;
	for my $c (@calls) {
		my ($name, $nr, @args) = ($c->[0], $c->[$arm], @$c[3 .. $#$c]);
		push @args, 0 while @args < 5;
		$! = 0; my $r = syscall($nr, @args); my $e = $! + 0;
		exit 0 if $name eq "clone" && $r == 0;
		print "exposed: $name gives $r, error $e\n" if $r != -1 || ($e != 1 && $e != 38);
	}'

try_syscalls() { # try_syscalls [--seccomp FILE]
	bundle --all-caps "$@" -- /bin/perl -e "$SYSCALLS"
	rt_run
}

@test "the default filter stops dangerous system calls even with all capabilities" {
	local profile
	profile=$(seccomp_profile)
	works --all-caps --seccomp "$profile"
	safe try_syscalls --seccomp "$profile"
}
@test "control: without the filter they are seen" { exposed try_syscalls; }

try_sysctl() {
	local same
	same=$(python3 -c 'import json; print(json.dumps(open("/proc/sys/kernel/core_pattern").read().strip()))')
	for pair in "\"kernel.core_pattern\": $same" "\"kernel/core_pattern\": $same" \
		"\"net/../kernel/core_pattern\": $same" "\"net.../kernel.core_pattern\": $same" \
		'"net.ipv4.ip_forward": "0\nkernel.x=1"' '"net.ipv4.ip_forward=0+kernel.x": "1"' \
		'"vm.overcommit_memory": "0"'; do
		bundle --merge "{\"linux\": {\"sysctl\": {$pair}}}" -- /bin/true
		if rt_run; then echo "exposed: accepted $pair"; fi
	done
}
try_sysctl_host_net() { # with the host's network its settings are the host's
	bundle --without network --merge '{"linux": {"sysctl": {"net.ipv4.ip_forward": "0"}}}' -- /bin/true
	if rt_run; then echo "exposed: accepted a setting of the host's network"; fi
}

@test "settings of the host, and smuggled ones, are refused" {
	works
	safe try_sysctl
	safe try_sysctl_host_net
}
@test "control: an accepted setting of the host is seen" { RT=$WEAK exposed try_sysctl; }

# shellcheck disable=SC2016
CGROUPS='sub walk { my ($d, $depth) = @_;
		if (-e "$d/cgroup.procs" && mkdir("$d/exposed")) { rmdir("$d/exposed"); print "exposed: cgroups can be made in $d\n"; }
		for my $f ("release_agent", "notify_on_release", "cgroup.procs") {
			open(my $h, "+<", "$d/$f") and print "exposed: $d/$f can be written\n"; }
		opendir(my $h, $d) or return; my @in = readdir $h;
		for (@in) { walk("$d/$_", $depth + 1) if !/^\./ && $depth < 3 && -d "$d/$_" && !-l "$d/$_"; } }
	walk("/sys/fs/cgroup", 0);'

try_cgroup() { # try_cgroup TYPE SOURCE OPTION...: with the host's cgroup namespace
	local options
	options=$(printf '"%s",' "${@:3}")
	bundle --without cgroup --merge "{\"mounts\": [{\"destination\": \"/sys/fs/cgroup\",
		\"type\": \"$1\", \"source\": \"$2\", \"options\": [${options%,}]}]}" -- /bin/perl -e "$CGROUPS"
	rt_run
}

@test "cgroups of the host cannot be written" {
	safe try_cgroup cgroup cgroup nosuid noexec nodev relatime ro
}
@test "control: writable cgroups are seen" {
	need root
	exposed try_cgroup bind /sys/fs/cgroup rbind rw
}

try_abstract() { # abstract sockets are reachable for who shares the host's network
	awk '$8 ~ /^@/ { print $8 }' /proc/net/unix | sort -u >"$ROOT/before"
	[ -z "${1-}" ] || "$1"
	# shellcheck disable=SC2016
	bundle --without network --without masks -- /bin/perl -e 'open(B, "/before"); my %old = map { chomp; $_ => 1 } <B>;
		open(U, "/proc/net/unix"); while (<U>) { my $n = (split)[7] // ""; next if $n !~ /^@/;
		print "exposed: abstract socket $n\n" if !$old{$n}; }'
	rt_run
}
listen_abstract() {
	# shellcheck disable=SC2016
	perl -e 'socket(S, 1, 1, 0); bind(S, pack("S a*", 1, "\0weak-runtime-$$")); listen(S, 1); sleep 20' 3>&- >/dev/null &
	echo $! >>"$SCENE/pids"
	wait_until 5 grep -q "weak-runtime-$!" /proc/net/unix
}

@test "the runtime listens on no abstract socket" { safe try_abstract; }
@test "control: an abstract socket is seen" { exposed try_abstract listen_abstract; }

try_mappings() {
	python3 -c 'import json; m = [{"containerID": i + 1, "hostID": i + 200000, "size": 1} for i in range(5000)]
print(json.dumps({"linux": {"uidMappings": m, "gidMappings": m}}))' >"$SCENE/mappings"
	bundle --rootless --merge "@$SCENE/mappings" -- \
		/bin/sh -c 'echo exposed: started though 5000 mappings cannot be'
	rt_run
}

@test "a list of mappings that the kernel cannot take is refused" { safe try_mappings; }
@test "control: a start that drops mappings is seen" { RT=$WEAK exposed try_mappings; }
