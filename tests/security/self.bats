#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bats file_tags=rootless
# The runtime's own program and descriptors while it is entering a container.

load lib
setup() { scene; }
teardown() { scene_end; }

# The first process of a hostile image: looks at every process that appears. A program
# file that is not the image's own is kept open and written to as soon as nobody runs it.
# shellcheck disable=SC2016
ATTACKER='open(R, ">", "/report"); select((select(R), $| = 1)[0]); my (%kept, %said);
	open(F, ">", "/ready"); close F; my $end = time + 60;
	while (time < $end && !-e "/stop") {
		opendir(P, "/proc"); my @pids = grep { /^\d+$/ && $_ != 1 } readdir P; closedir P;
		for my $p (@pids) {
			my $exe = readlink("/proc/$p/exe") // "";
			if ($exe =~ /victim/ && !$kept{$p} && open(my $f, "<", "/proc/$p/exe")) {
				print R "seen $exe\n"; $kept{$p} = $f;
			}
			for my $n (3 .. 20) {
				my $l = readlink("/proc/$p/fd/$n") // next;
				next if $l !~ m{/outside} || $said{$l}++;
				print R "exposed: descriptor $n of the runtime is $l\n";
			}
		}
		for my $p (keys %kept) {
			my $n = fileno($kept{$p});
			open(my $w, "+<", "/proc/self/fd/$n") or next;
			print R "exposed: the program of the runtime can be written\n";
			seek($w, 0, 2); print $w "X"; delete $kept{$p};
		}
	}'

# try_self N: a container that watches, N execs into it in each of three ways.
try_self() {
	local before
	before=$(sha256sum <"$VICTIM")
	printf '#!/proc/self/exe\n' >"$ROOT/bin/hash-bang"
	chmod 0755 "$ROOT/bin/hash-bang"
	ln -sf /proc/self/exe "$ROOT/bin/link"
	bundle --merge '{"process": {"capabilities": {"bounding": ["CAP_SYS_PTRACE"],
		"effective": ["CAP_SYS_PTRACE"], "permitted": ["CAP_SYS_PTRACE"]}}}' -- \
		/bin/perl -e "$ATTACKER"
	rt_background || return
	for _ in $(seq "$1"); do
		rt_exec / /bin/true 7<"$OUTSIDE"
		rt_exec / /proc/self/exe
		rt_exec / /bin/hash-bang
		rt_exec / /bin/link
	done >/dev/null 2>&1
	sleep 0.5
	touch "$ROOT/stop"
	sleep 0.2
	cat "$ROOT/report"
	[ "$(sha256sum <"$VICTIM")" = "$before" ] || echo "exposed: the runtime's program was changed"
}

@test "the runtime's program cannot be overwritten, nor its descriptors read, from inside" {
	VICTIM=$SCENE/victim
	cp "$(type -P "${RT%% *}")" "$VICTIM"
	# shellcheck disable=SC2030
	export RT=$VICTIM
	works
	safe try_self 25
	[ -e "$ROOT/report" ]
}
@test "control: a runtime's program that is overwritten is seen" {
	need root # the control's exec joins as root
	VICTIM=$SCENE/victim
	cp "$(command -v perl)" "$VICTIM"
	# shellcheck disable=SC2031
	RT=$WEAK WEAK_PERL=$VICTIM exposed try_self 5
}
