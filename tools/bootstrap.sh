#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# tools/bootstrap.sh [--print] SET...
#
# Makes sure that what dlenv needs from the system is there. SET: build (compile
# it), run (use it), test (make test), bench (make bench). The list is the table
# at the end: a row is found missing by its probe, so a program that does not
# come from a package counts too.
#
# Debian and its kin: missing packages are installed, as root or through
# `sudo -n`; otherwise the one command that an administrator must run is printed.
# Elsewhere the missing programs are named.
# --print: only print the missing packages, one a line.
#
# Exit status: 0 all there, 6 somebody with privileges is needed, 1 apt failed.
set -u
export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

say() { printf '  %-9s %s\n' bootstrap "$1" >&2; }

# have KIND WHAT: is it there? Alternatives are separated by `|`.
have() {
	_kind=$1 _ifs=$IFS IFS='|'
	# shellcheck disable=SC2086 # splitting at | is meant
	set -- $2
	IFS=$_ifs
	for _w; do
		case $_kind in
		cmd) command -v "$_w" >/dev/null 2>&1 && return 0 ;;
		file) for _f in $_w; do [ -e "$_f" ] && return 0; done ;;
		# Of the other folders only the architecture's: linux/seccomp.h is not libseccomp's.
		inc) for _f in "/usr/include/$_w" "/usr/local/include/$_w" /usr/include/*-linux-*/"$_w"; do
			[ -e "$_f" ] && return 0
		done ;;
		# Debian's modules belong to Debian's Python; another one may come first in PATH.
		py) /usr/bin/python3 -c "import $_w" >/dev/null 2>&1 && return 0 ;;
		esac
	done
	return 1
}

# Rows of the wanted sets whose probe fails: `need|want package what`.
missing() {
	table | while read -r set level package kind what; do
		case " $sets " in *" $set "*) ;; *) continue ;; esac
		have "$kind" "$what" || echo "$level $package $what"
	done | sort -u
}

install_with() { # install_with PREFIX PACKAGES...: run apt, quietly
	_prefix=$1
	shift
	_log=$(mktemp) || return 1
	say "installing $# packages with apt: $*"
	# shellcheck disable=SC2086 # the prefix is empty or two words
	if $_prefix env DEBIAN_FRONTEND=noninteractive apt-get -q \
		-o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update >"$_log" 2>&1 &&
		$_prefix env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
			-o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
			-o Dpkg::Options::=--force-confold install "$@" >>"$_log" 2>&1; then
		rm -f "$_log"
		return 0
	fi
	tail -n 15 "$_log" >&2
	say "apt-get failed; its whole output is in $_log"
	return 1
}

main() {
	print=false
	if [ "${1-}" = --print ]; then
		print=true
		shift
	fi
	sets=${*:-build run}
	rows=$(missing)
	packages=$(printf '%s\n' "$rows" | awk 'NF { print $2 }' | sort -u | tr '\n' ' ')
	packages=${packages% }
	if $print; then
		printf '%s' "$packages" | tr ' ' '\n'
		return 0
	fi
	[ -n "$packages" ] || return 0
	needed=$(printf '%s\n' "$rows" | awk '$1 == "need" { print $2 }' | sort -u | tr '\n' ' ')
	needed=${needed% }

	if ! command -v apt-get >/dev/null 2>&1; then
		[ -n "$needed" ] || return 0
		say "this is not a Debian system; please install what provides:"
		printf '%s\n' "$rows" | awk '$1 == "need" { printf "    %s  (Debian: %s)\n", $3, $2 }' >&2
		return 6
	fi
	# shellcheck disable=SC2086 # package names are split on purpose
	if [ "$(id -u)" = 0 ]; then
		install_with "" $packages || return 1
	elif [ -z "$needed" ]; then
		return 0 # what is left is only a fallback: not worth a password
	elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
		install_with "sudo -n" $packages || return 1
	else
		say "packages are missing; an administrator must run:"
		printf '\n    apt-get update && apt-get install -y --no-install-recommends %s\n\n' \
			"$packages" >&2
		return 6
	fi
	rows=$(missing | awk '$1 == "need"')
	[ -z "$rows" ] || {
		say "still missing after the installation: $(printf '%s' "$rows" | awk '{ print $3 }' | tr '\n' ' ')"
		return 1
	}
}

# set, need (or want: a fallback that is installed only along with others),
# Debian package (the same names in 12 and 13), probe, what it looks for.
table() {
	cat <<'ROWS'
build need gcc cmd cc|gcc|clang
build need libc6-dev file /usr/lib/*/libc.a|/usr/lib64/libc.a|/usr/lib/libc.a
build need meson cmd meson
build need ninja-build cmd ninja
build need pkg-config cmd pkg-config|pkgconf
build need libyaml-dev inc yaml.h
build need libjansson-dev inc jansson.h
build need libseccomp-dev inc seccomp.h
build need nettle-dev inc nettle/sha2.h
build need python3 cmd python3
build want gettext cmd xgettext
run need mmdebstrap cmd mmdebstrap
run need debian-archive-keyring file /usr/share/keyrings/debian-archive-keyring.gpg|/usr/share/keyrings/debian-archive-keyring.pgp
run need uidmap cmd newuidmap
run need openssh-client cmd ssh
run need tar cmd tar
run need zstd cmd zstd
run need passt cmd pasta|slirp4netns
run want slirp4netns cmd slirp4netns
run want fuse-overlayfs cmd fuse-overlayfs
run want ca-certificates file /etc/ssl/certs/ca-certificates.crt
test need libcmocka-dev inc cmocka.h
test need gettext cmd xgettext
test need bats cmd bats
test need clang cmd clang
test need clang-format cmd clang-format
test need clang-tidy cmd clang-tidy
test need scdoc cmd scdoc
test need shellcheck cmd shellcheck
test need git cmd git
test need rsync cmd rsync
test need curl cmd curl
test need tmux cmd tmux
test need expect cmd expect
test need strace cmd strace
test need procps cmd pgrep
test need iproute2 cmd ip
test need mount cmd mount
test need e2fsprogs cmd mkfs.ext4
test need passwd cmd useradd
test need chromium cmd chromium
test need chromium-driver cmd chromedriver
test need python3-selenium py selenium
test need crun cmd crun
test need runc cmd runc
bench need crun cmd crun
bench need runc cmd runc
bench need bubblewrap cmd bwrap
bench need podman cmd podman
bench need pciutils cmd lspci
fuzz need clang cmd clang
fuzz need libclang-rt-dev file /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a
ROWS
}

main "$@"
