#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A container runtime with every mistake in it, as the control of the scenarios in
# this folder: `weak.sh run --bundle DIR ID`, `weak.sh exec --cwd DIR PID CMD...`.
# Paths are joined as text and looked up on the host, symlinks and all; descriptors,
# capabilities and dumpability are inherited; the mask source is the image's own /dev/null.
set -u

args=() place=() mounts=() masks=() sysctl=()

# The parts of config.json that are used, as shell arrays.
read_config() {
	eval "$(python3 - "$bundle/config.json" <<-'PY'
		import json, shlex, sys
		c = json.load(open(sys.argv[1]))
		def out(name, values):
		    print(name + "=(" + " ".join(shlex.quote(str(v)) for v in values) + ")")
		out("args", c["process"]["args"])
		out("place", [c["root"]["path"], c["process"]["cwd"]])
		out("mounts", [v for m in c["mounts"] for v in (m["destination"], m["type"], m["source"])])
		out("masks", c["linux"].get("maskedPaths", []))
		out("sysctl", [v for k, v in c["linux"].get("sysctl", {}).items() for v in (k.replace(".", "/"), v)])
	PY
	)"
	root=${place[0]} cwd=${place[1]}
}

nodes() {
	local name
	for name in null zero full console; do
		[ -e "$root/dev/$name" ] || touch "$root/dev/$name"
	done
}

make_root() {
	local i name
	for ((i = 0; i < ${#mounts[@]}; i += 3)); do
		mkdir -p "$root${mounts[i]}"
	done
	nodes
	for ((i = 0; i < ${#mounts[@]}; i += 3)); do
		case ${mounts[i + 1]} in
		bind) mount --rbind "${mounts[i + 2]}" "$root${mounts[i]}" ;;
		*) mount -t "${mounts[i + 1]}" "${mounts[i + 2]}" "$root${mounts[i]}" ;;
		esac
	done
	nodes # again: /dev is a fresh file system now
	for name in "${masks[@]}"; do
		[ ! -f "$root$name" ] || mount --bind "$(readlink -f "$root/dev/null")" "$root$name"
	done
	for ((i = 0; i < ${#sysctl[@]}; i += 2)); do
		echo "${sysctl[i + 1]}" >"/proc/sys/${sysctl[i]}"
	done
}

case ${1-} in
run)
	bundle=$3
	if [ "${WEAK_INSIDE-}" != 1 ]; then
		user=()
		[ "$(id -u)" = 0 ] || user=(--user --map-root-user)
		WEAK_INSIDE=1 exec unshare "${user[@]}" --mount --pid --fork --kill-child "$0" "$@"
	fi
	read_config
	make_root 2>/dev/null
	exec perl -e '
		my ($root, $cwd, @args) = @ARGV;
		chroot($root) or die "chroot: $!\n";
		chdir($cwd) or die "cwd: $!\n";
		exec(@args) or die "exec: $!\n";' "$root" "$cwd" "${args[@]}"
	;;
exec)
	cwd=$3 pid=$4
	shift 4
	# Joins, then dawdles in the container before it becomes the command.
	# shellcheck disable=SC2016 # perl, not shell
	exec "${WEAK_PERL:-perl}" -e '
		my ($pid, $cwd, @args) = @ARGV;
		my %setns = (x86_64 => 308, aarch64 => 268);
		chomp(my $machine = `uname -m`);
		my @ns = map { open(my $f, "<", "/proc/$pid/ns/$_") or die "$_: $!\n"; $f } qw(pid mnt);
		open(my $root, "<", "/proc/$pid/root") or die "root: $!\n";
		syscall($setns{$machine}, fileno($_), 0) == 0 or die "setns: $!\n" for @ns;
		chdir("/proc/self/fd/" . fileno($root)) && chroot(".") or die "chroot: $!\n";
		my $child = fork();
		if ($child == 0) {
			select(undef, undef, undef, 0.05);
			chdir($cwd) or die "cwd: $!\n";
			exec(@args) or die "exec: $!\n";
		}
		waitpid($child, 0);
		exit($? >> 8);' "$pid" "$cwd" "$@"
	;;
*)
	echo "usage: weak.sh run --bundle DIR ID | exec --cwd DIR PID CMD..." >&2
	exit 2
	;;
esac
