#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tools/record-host.sh FOLDER|FILE.tar.gz
#
# Records what dlenv reads of this machine, for `dlenv --root FOLDER doctor` and `solve` elsewhere. Needs no root, runs
# nothing of the machine's and is safe to send: only what is named here is copied, and serial numbers, UUIDs, boot and
# machine ids, MAC addresses, names of hosts and users, and passwords in addresses do not come along or become
# placeholders of the same form.
set -euo pipefail
export LC_ALL=C
umask 022

die() { echo "record-host.sh: $*" >&2; exit 2; }

[ $# = 1 ] || die "usage: record-host.sh FOLDER|FILE.tar.gz"
from=${DLENV_RECORD_ROOT-} # for tests: another tree than /
case $1 in
*.tar.gz) out=$(mktemp -d) temporary=$out ;;
*)
	out=$1
	mkdir -p "$out"
	[ -z "$(ls -A "$out")" ] || die "'$1' is not an empty folder"
	;;
esac

uid=$(id -u) name=$(id -un)
as=user as_uid=1000
[ "$uid" != 0 ] || { as=root as_uid=0; }

# Other words for what is this machine's own: the n-th UUID becomes one that ends in n.
clean() {
	sed -E -e 's,//[^/@[:space:]]*@,//,g' -e 's,\<([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}\>,02:00:00:00:00:00,g' |
		awk '
		BEGIN { h = "[0-9A-Fa-f]"; four = h h h h; uuid = four four "-" four "-" four "-" four "-" four four four }
		{
			line = $0; done = ""
			while (match(line, uuid)) {
				id = substr(line, RSTART, RLENGTH)
				# All of a run are numbered by a file that the calls share.
				if (!(id in seen)) {
					while ((getline known < names) > 0) { split(known, k, " "); seen[k[1]] = k[2]; n = k[2] }
					close(names)
					if (!(id in seen)) { seen[id] = ++n; print id, n >> names; close(names) }
				}
				done = done substr(line, 1, RSTART - 1) sprintf("00000000-0000-4000-8000-%012x", seen[id])
				line = substr(line, RSTART + RLENGTH)
			}
			print done line
		}' names="$numbers"
}
numbers=$(mktemp)
trap 'rm -rf "$numbers" ${temporary:+"$temporary"}' EXIT

put() { # put PATH: standard input, cleaned
	mkdir -p "$out${1%/*}"
	clean >"$out$1"
}
copy() { # copy PATH...: files of text that are there
	local p
	for p; do [ ! -f "$from$p" ] || [ ! -r "$from$p" ] || { cat "$from$p" 2>/dev/null || true; } | put "$p"; done
}
mark() { # mark PATH...: that it is there is all that counts
	local p
	for p; do
		[ -e "$from$p" ] || [ -L "$from$p" ] || continue
		mkdir -p "$out${p%/*}"
		[ -e "$out$p" ] || : >"$out$p"
	done
}
some() { # some PATH REGEX: the lines of a file that match
	[ ! -r "$from$1" ] || { grep -E -- "$2" "$from$1" || true; } | put "$1"
}
byte() { # byte PATH: a UEFI variable of one byte
	[ ! -r "$from$1" ] || { mkdir -p "$out${1%/*}" && head -c 5 "$from$1" >"$out$1"; }
}

kernel=$(cat "$from/proc/sys/kernel/osrelease" 2>/dev/null || uname -r)

system() {
	copy /etc/os-release /usr/lib/os-release
	copy /proc/sys/kernel/{osrelease,arch,apparmor_restrict_unprivileged_userns,unprivileged_userns_clone} \
		/proc/sys/user/max_user_namespaces /proc/devices /run/systemd/container /sys/fs/selinux/enforce \
		/sys/kernel/security/lockdown /sys/class/dmi/id/sys_vendor /sys/class/dmi/id/product_name /etc/nv_tegra_release
	grep -m1 '^MemTotal' "$from/proc/meminfo" 2>/dev/null | put /proc/meminfo || true
	grep -q '^flags.* hypervisor' "$from/proc/cpuinfo" 2>/dev/null && printf 'processor\t: 0\nflags\t\t: hypervisor\n' | put /proc/cpuinfo
	copy /proc/sys/kernel/random/boot_id
	mark /.dockerenv /run/.containerenv /run/ostree-booted /usr/bin/bootc /dev/dxg /etc/apparmor.d/dlenv \
		"/lib/modules/$kernel/build/Makefile"
	[ ! -d "$from/lib/modules/$kernel" ] || mkdir -p "$out/lib/modules/$kernel"
	some "/lib/modules/$kernel/modules.dep" '/nvidia\.ko'
	byte /sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c
	byte /sys/firmware/efi/efivars/MokSBStateRT-605dab50-e046-4300-abb6-3dd810dd8b23
	mark /sys/firmware/efi/efivars/{MokListRT,MokNew}-605dab50-e046-4300-abb6-3dd810dd8b23
	copy /sys/fs/cgroup/cgroup.controllers /sys/fs/cgroup/unified/cgroup.controllers
	mark /sys/fs/cgroup/{memory,cpu}
	mark /run/systemd/system
}

gpus() {
	local d dev node
	for d in "$from"/sys/bus/pci/devices/*; do
		case $(cat "$d/vendor" "$d/class" 2>/dev/null | tr '\n' ' ') in "0x10de 0x03"*) ;; *) continue ;; esac
		dev=/sys/bus/pci/devices/${d##*/}
		copy "$dev"/{vendor,device,class,subsystem_vendor,subsystem_device}
		[ ! -L "$d/driver" ] || ln -s "../../../bus/pci/drivers/$(basename "$(readlink "$d/driver")")" "$out$dev/driver"
		for node in "$d"/drm/*; do [ ! -e "$node" ] || mkdir -p "$out$dev/drm/${node##*/}"; done
	done
	for d in nvidia nvidia_uvm nvidia_modeset nvidia_drm nouveau nova_core; do
		[ ! -d "$from/sys/module/$d" ] || mkdir -p "$out/sys/module/$d"
		copy /sys/module/$d/{version,initstate,taint}
	done
	[ ! -d "$from/proc/driver/nvidia" ] || while read -r d; do copy "${d#"$from"}"; done < <(
		find "$from/proc/driver/nvidia" "$from/proc/driver/nvidia-caps" -type f \( -name params -o \
			-name information -o -name access -o -name config -o -name monitor -o -name '*-minors' \) 2>/dev/null)
	# A module that was built here says by whom and where.
	[ ! -r "$from/proc/driver/nvidia/version" ] || sed -E 's/\([^() ]*@[^() ]*\)/(root@host)/g' "$from/proc/driver/nvidia/version" | put /proc/driver/nvidia/version
	for d in "$from"/dev/nvidia* "$from"/dev/nvidia-caps/* "$from"/dev/dri/*; do
		[ -c "$d" ] || continue
		dev=$((16#$(stat -c %t "$d"))):$((16#$(stat -c %T "$d")))
		echo "c $dev" | put "${d#"$from"}"
		[ ! -L "$from/dev/char/$dev" ] || { mkdir -p "$out/dev/char" && ln -sf "$(readlink "$from/dev/char/$dev")" "$out/dev/char/$dev"; }
	done
}

software() {
	local d f
	for d in /usr/lib64 /usr/lib/x86_64-linux-gnu{,/nvidia/current} /usr/lib/aarch64-linux-gnu{,/nvidia/current} /usr/lib /usr/lib/wsl/lib; do
		for f in "$from$d"/lib{cuda,nvidia-ml}.so.* "$from$d"/libdxcore.so; do mark "${f#"$from"}"; done
	done
	mark /usr/bin/{apt-get,zypper,dnf5,dnf,microdnf,pacman,dockerd,podman,containerd,crio,nvidia-ctk,nvidia-uninstall} /sbin/apk \
		/run/nvidia-persistenced/socket
	for d in /var/lib/dkms /usr/src/akmods; do for f in "$from$d"/nvidia*; do mark "${f#"$from"}"; done; done
	[ ! -r "$from/var/lib/dpkg/status" ] || awk 'BEGIN { RS = ""; ORS = "\n\n"; FS = "\n" }
		$1 ~ /^Package: (docker-ce|docker\.io|podman|containerd|containerd\.io|nvidia-container-toolkit|nvidia-driver.*|nvidia-headless.*|nvidia-open.*|cuda-drivers.*)$/ {
			text = $1
			for (i = 2; i <= NF; i++) if ($i ~ /^(Status|Version): /) text = text "\n" $i
			print text
		}' "$from/var/lib/dpkg/status" | put /var/lib/dpkg/status
	some /usr/lib/sysimage/libdnf5/nevras.toml '^"(docker-ce|moby-engine|podman|containerd|containerd\.io|nvidia|cuda-drivers|akmod-nvidia)'
	for f in "$from"/etc/apt/sources.list "$from"/etc/apt/sources.list.d/* "$from"/etc/{yum.repos,zypp/repos,dnf/repos}.d/*; do
		case $f in *.list | *.sources | *.repo) ;; *) continue ;; esac
		[ ! -r "$f" ] || ! grep -qE 'nvidia|graphics-drivers|rpmfusion|negativo17|download\.docker\.com' "$f" ||
			{ grep -E '^$|^\[|^ *(enabled|Enabled|exclude)|nvidia|graphics-drivers|rpmfusion|negativo17|download\.docker\.com' "$f" || true; } |
			sed '/^[#;]/d' | put "${f#"$from"}"
	done
	# Without comments, which may say anything; what the specification needs is there or not.
	for f in "$from"/etc/cdi/*.{yaml,json} "$from"/run/cdi/*.{yaml,json}; do
		[ -r "$f" ] || continue
		sed -E -e '/^ *#/d' -e "s,/home/[^/]*/,/home/user/,g" "$f" | put "${f#"$from"}"
		while read -r d; do mark "$d"; done < <(sed -nE 's,.*"?(hostPath|path)"?: *"?(/[^" ,]+).*,\2,p' "$f" | grep -v '/\.\./' || true)
	done
}

held() { # the lock of the package manager that somebody holds
	local f
	for f in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /run/dnf/rpmtransaction.lock /var/lib/rpm/.rpm.lock \
		/usr/lib/sysimage/rpm/.rpm.lock; do
		[ ! -e "$from$f" ] || ! grep -v -- '->' "$from/proc/locks" 2>/dev/null | grep -q ":$(stat -c %i "$from$f") " || { echo "lock $f"; return; }
	done
	for f in /run/zypp.pid /var/lib/dnf/rpmdb_lock.pid /var/cache/dnf/metadata_lock.pid; do
		[ ! -r "$from$f" ] || [ ! -e "$from/proc/$(tr -dc 0-9 <"$from$f")/stat" ] || { echo "lock $f"; return; }
	done
}

# Whoever records is `user` (1000) there; others are not named.
person() {
	local f g
	{
		echo "arch $(uname -m)"
		echo "user $as $as_uid"
		for f in /usr /boot /var /tmp; do
			[ ! -d "$from$f" ] || echo "free $f $(($(stat -f -c '%a * %S' "$from$f")))"
		done
		held
	} >"$out/.recorded"
	for f in /etc/subuid /etc/subgid; do
		{ awk -F: -v n="$name" -v u="$uid" -v as="$as" '$1 == n || $1 == u { print as ":100000:" $3 }' "$from$f" 2>/dev/null || true; } | put $f
	done
	for g in docker render video; do
		awk -F: -v g=$g -v n="$name" -v as="$as" '$1 == g { m = "," $4 ","; print g ":x:" $3 ":" (index(m, "," n ",") ? as : "") }' \
			"$from/etc/group" 2>/dev/null || true
	done | put /etc/group
	f=/sys/fs/cgroup/user.slice/user-$uid.slice/user@$uid.service/cgroup.controllers
	[ ! -r "$from$f" ] || put "${f//$uid/$as_uid}" <"$from$f"
}

system
gpus
software
person
case $1 in *.tar.gz) tar -C "$out" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -czf "$1" . ;; esac
