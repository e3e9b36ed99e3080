#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Bad luck with real causes, during `dlenv setup`: each ends with a clear message and the documented status, with nothing half done, and a
# second run completes or an undo restores the machine.
# shellcheck disable=SC2154 # status, output: set by bats

bats_require_minimum_version 1.5.0
load ../e2e/helpers
load ../bed/setup/world

# Without a GPU, so that the proof does not ask for its driver.
setup() {
	need net
	export GPU=none
}
teardown() { drop_world; }

# broken SKIN STATUS TEXT ARGS... < faults: setup fails with that status and says TEXT; undone, the machine is as before; and without the
# fault a second run completes.
broken() {
	local want=$2 text=$3
	new_world "$1"
	shift 3
	packages >"$WORLD/packages.before"
	fault "$(cat)"
	run in_world dlenv setup "$@" --yes
	assert_status "$want"
	assert_output "$text"
	[ "$(grep -c '^dlenv:' <<<"$output")" = 1 ]
	back
	run in_world dlenv setup "$@" --yes
	assert_status "$want"
	fault
	run in_world dlenv setup --resume --yes
	assert_status 0
}

# no_key_of PATH...: nothing of a key that was refused is there, nor what would use it.
absent() {
	local path
	for path; do in_world test ! -e "$path" || { echo "'$path' is there" && return 1; }; done
}

@test "apt: another key than the pinned one is refused, and touches nothing" {
	broken debian-13 11 "fingerprint" docker <<<"debian/gpg evil"
	new_world debian-13
	fault "debian/gpg evil"
	run in_world dlenv setup docker --yes
	absent /etc/apt/keyrings/docker.asc /etc/apt/sources.list.d/docker.sources
}

@test "dnf: another key than the pinned one is refused, and rpm does not know it" {
	new_world fedora-43
	fault "fedora/gpg evil"
	in_world rpm -qa gpg-pubkey | sort >"$WORLD/keys.before"
	run in_world dlenv setup docker --yes
	assert_status 11
	in_world rpm -qa gpg-pubkey | sort | diff "$WORLD/keys.before" -
	absent /etc/yum.repos.d/docker-ce-stable.repo
	fault
	run in_world dlenv setup --resume --yes
	assert_status 0
}

@test "zypper: another key than the pinned one is refused" {
	broken opensuse-leap-15.6 11 "fingerprint" toolkit podman <<<"gpgkey evil"
}

@test "a page of HTML instead of a key" {
	broken debian-13 11 "web page" docker <<<"debian/gpg page"
}

@test "a key that is not there" {
	broken fedora-43 10 "404" docker <<<"fedora/gpg 404"
}

@test "half a key" {
	broken debian-13 10 "cut" docker <<<"debian/gpg trunc=300"
}

@test "a connection that is reset, each time, and once" {
	broken debian-13 10 "debian/gpg" docker <<<"debian/gpg reset"
	new_world debian-13
	fault "debian/gpg 503 1"
	run in_world dlenv setup docker --yes
	assert_status 0
}

@test "apt: a damaged InRelease" {
	broken debian-13 11 "sign" docker <<<"download.docker.com/.*InRelease flip=400"
}

@test "apt: lists that are not there, cut short, reset" {
	local how
	for how in 404 trunc=50 reset; do
		broken debian-13 10 "download.docker.com" docker <<<"download.docker.com/.*(InRelease|Release|Packages.*) $how"
	done
}

@test "apt: a damaged package, one that is gone, one that is cut short" {
	broken debian-13 11 "docker-ce" docker <<<"docker-ce_.*deb flip=300"
	broken debian-13 10 "docker-ce" docker <<<"docker-ce_.*deb 404"
	broken debian-13 10 "docker-ce" docker <<<"docker-ce_.*deb trunc=0"
}

@test "dnf 5: damaged lists, a damaged package, one that is gone" {
	broken fedora-43 10 "docker" docker <<<"docker.com/.*repomd.xml 404"
	broken fedora-43 11 "docker-ce" docker <<<"docker-ce-28.*rpm flip=3000"
	broken fedora-43 10 "docker-ce" docker <<<"docker-ce-28.*rpm 404"
}

@test "dnf 4: lists that are not there, a damaged package" {
	broken rocky-9 10 "docker" docker <<<"docker.com/.*repomd.xml 404"
	broken rocky-9 11 "docker-ce" docker <<<"docker-ce-28.*rpm flip=3000"
}

@test "a damaged signature of NVIDIA's lists, by dnf and zypper" {
	broken fedora-43 11 "nvidia-container-toolkit" toolkit podman <<<"nvidia.github.io/.*repomd.xml$ bit=155"
	broken opensuse-leap-15.6 11 "nvidia-container-toolkit" toolkit podman <<<"nvidia.github.io/.*repomd.xml$ bit=155"
}

@test "zypper: lists that are not there, a damaged package" {
	broken opensuse-leap-15.6 10 "nvidia" toolkit podman <<<"nvidia.github.io/.*repomd.xml 404"
	broken opensuse-leap-15.6 11 "nvidia" toolkit podman <<<"libnvidia-container1.*rpm flip=1500"
}

@test "a certificate that is out of date" {
	broken debian-13 11 "certificate" docker <<<"any expired"
}

@test "no network at all" {
	new_world debian-13
	packages >"$WORLD/packages.before"
	run in_world sh -c ': >/etc/hosts; dlenv setup docker --yes'
	assert_status 10
	assert_output "download.docker.com"
	in_world sh -c '{ echo 127.0.0.1 localhost; cat /replica/hosts; } >/etc/hosts'
	run in_world dlenv setup --resume --yes
	assert_status 0
	back
}

@test "a package that nobody has" {
	unset GPU
	new_world debian-13
	packages >"$WORLD/packages.before"
	run in_world dlenv setup driver --route cuda-repo --driver 570-open --yes
	assert_status 12
	assert_output "570"
	back
}

@test "a full disk" {
	new_world debian-13
	packages >"$WORLD/packages.before"
	export DISK_MB=40
	run in_world bash -c '
		set -eu
		kib=$(df --output=avail / | tail -n 1)
		head -c $(((kib - 300) * 1024)) /dev/zero >/var/tmp/fill
		rc=0
		dlenv setup driver docker --yes || rc=$?
		echo "status $rc"
		rm /var/tmp/fill
		dlenv setup --resume --yes
		dlenv setup --undo --yes
		dpkg-query -W -f "\${db:Status-Abbrev} \${Package} \${Version}\n" | sort | diff /world/packages.before -'
	assert_status 0
	assert_output "status 1"
	assert_output "space"
}

# held FILE SECONDS: as another package manager does it.
held='use Fcntl; open(my $f, "+>>", $ARGV[0]) or die; my $l = pack("s s l! l! i", F_WRLCK, 0, 0, 0, 0); fcntl($f, F_SETLK, $l) or die; print "held\n"; $| = 1; sleep $ARGV[1];'

@test "another package manager at work is waited for" {
	new_world debian-13
	run in_world bash -c 'perl -e "$1" /var/lib/dpkg/lock-frontend 4 & sleep 0.5; dlenv setup docker --yes' - "$held"
	assert_status 0
	new_world fedora-43
	run in_world bash -c 'perl -e "$1" "$(rpm -E %_dbpath)/.rpm.lock" 4 & sleep 0.5; dlenv setup docker --yes' - "$held"
	assert_status 0
	new_world opensuse-leap-15.6
	run in_world bash -c '(echo $BASHPID >/run/zypp.pid; sleep 4; rm /run/zypp.pid) & sleep 0.5; dlenv setup podman --yes'
	assert_status 0
}

@test "two runs at a time: the second is refused and names the first" {
	new_world debian-13
	run in_world bash -c 'perl -e "$1" /var/lib/dpkg/lock-frontend 5 & sleep 0.3; dlenv setup docker --yes >/dev/null 2>&1 &
		for i in $(seq 100); do [ -s /var/lib/dlenv/setup/lock ] && break; sleep 0.1; done
		dlenv setup podman --yes; echo "status $?"; wait' - "$held"
	assert_output "status 9"
	assert_output "process $(sed -n 's/.*process \([0-9]*\).*/\1/p' <<<"$output" | head -n 1)"
}

@test "an operation that fails in the middle: what is done stays, and can be taken back" {
	local n
	unset GPU
	for n in 2 9 14; do
		new_world debian-13
		packages >"$WORLD/packages.before"
		DLENV_FAULT=fail:$n run in_world dlenv setup driver docker --yes
		assert_status 1
		back
		DLENV_FAULT=fail:$n run in_world dlenv setup driver docker --yes
		assert_status 1
		run in_world dlenv setup --resume --yes
		assert_status 0
		back
	done
}

# A machine that cannot be set up that way: says so, with the status 5, and changes nothing.
refused() { # refused TEXT PREPARE ARGS...
	local text=$1 prepare=$2
	shift 2
	run in_world sh -c "$prepare"' && exec dlenv setup "$@" --yes' - "$@"
	assert_status 5
	assert_output "$text"
	[ -z "$(changes | grep -v "${ignored:-^$}")" ] || { changes && return 1; }
}

@test "a container, WSL, a system in an image, a distribution that nobody knows: refused" {
	unset GPU
	new_world debian-13
	refused "container" 'mkdir -p /run/systemd && echo podman >/run/systemd/container' driver
	refused "WSL" 'mknod /dev/dxg c 10 125' driver
	refused "image" 'touch /run/ostree-booted' driver
	ignored='os-release$' refused "distribution" 'sed -i "s/^ID=.*/ID=haiku/" /usr/lib/os-release' driver
}

@test "two sources of one driver: refused with the file and both ways out" {
	unset GPU
	new_world ubuntu-24.04
	in_world sh -c 'echo "deb https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64/ /" >/etc/apt/sources.list.d/a.list'
	ignored='sources.list.d/a.list' refused "/etc/apt/sources.list.d/a.list" true driver
	assert_output "--route cuda-repo"
	assert_output "--route archive"
}

@test "nouveau has the card: a reboot is asked for, and it goes on after that" {
	unset GPU
	export NOUVEAU=1
	new_world debian-13
	packages >"$WORLD/packages.before"
	run in_world dlenv setup driver --yes
	assert_status 7
	assert_output "reboot"
	run in_world dlenv setup --resume --yes
	assert_status 0
	assert_output "holds"
	back
}

@test "Secure Boot: the key is asked for at the console, again when nobody was there, and it goes on after that" {
	unset GPU
	export SECURE_BOOT=1
	new_world debian-13
	run in_world dlenv setup driver --yes
	assert_status 8
	assert_output "Enroll MOK"
	# Nobody pressed a key: the request is gone.
	run in_world dlenv setup --resume --yes
	assert_status 8
	MOK=1 run in_world dlenv setup --resume --yes
	assert_status 0
	refute_output FAILS
	[ "$(in_world sh -c 'modinfo -k "$(cat /proc/sys/kernel/osrelease)" -F signer nvidia')" = "DKMS module signing key" ]
}

@test "Secure Boot: a module that the distribution signed needs nobody" {
	unset GPU
	export SECURE_BOOT=1
	new_world ubuntu-24.04
	run in_world dlenv setup driver --yes
	assert_status 0
	refute_output FAILS
	new_world opensuse-leap-15.6
	run in_world dlenv setup driver --yes --trust-key "$(fingerprint suse-graphics)"
	assert_status 0
	refute_output FAILS
}

@test "the power is cut at each request, and the run goes on after that" {
	local url urls
	unset GPU
	new_world debian-13
	in_world dlenv setup driver docker --yes >/dev/null
	changes >"$E2E_STATE/undisturbed"
	mapfile -t urls < <(awk '$4 == 200 { print $2 $3 }' "$WORLD/access.log" | awk '!seen[$0]++')
	[ "${#urls[@]}" -gt 10 ]
	for url in "${urls[@]}"; do
		new_world debian-13
		fault "^$(sed 's/[][().*+?^$|]/\\&/g' <<<"$url")\$ cut 1"
		run in_world dlenv setup driver docker --yes
		assert_status 137
		[ "$(fetched ' cut$')" = 1 ]
		fault
		run in_world dlenv setup --resume --yes
		assert_status 0
		changes | diff -u "$E2E_STATE/undisturbed" -
	done
}
