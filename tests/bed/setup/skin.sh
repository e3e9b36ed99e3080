#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/bed/setup/skin.sh SKIN            (run by world.sh inside a root, with the replica at /replica)
#
# Turns a Debian root into a look-alike of a distribution of skins.tsv: os-release, its own repositories, a running kernel with
# modules and without headers, a user, and on rpm systems a database with the distribution's release package and neither apt
# nor dpkg. Also what a world adds to any machine: the replica's authority and hosts, and the test keys' fingerprints, as an administrator's
# own table.
#
# How this works: the rpm database of such a root is empty, so `distro-base` provides what packages ask of any system;
# $releasever comes from that database (dnf) or from /etc/products.d (zypper).
set -eu
here=/bed/setup

field() { # field COLUMN: of this skin's row
	awk -F'\t' -v skin="$skin" -v column="$1" '/^#/ { next } !n { for (i = 1; i <= NF; i++) if ($i == column) n = i; next }
		$1 == skin { print $n }' $here/skins.tsv
}

os_release() {
	rm -f /etc/os-release /usr/lib/os-release
	{
		echo "NAME=\"${name%% [0-9]*}\""
		echo "PRETTY_NAME=\"$name\""
		echo "ID=$id"
		[ -z "$like" ] || echo "ID_LIKE=\"$like\""
		echo "VERSION_ID=\"$version\""
		[ -z "$codename" ] || echo "VERSION_CODENAME=$codename"
		[ "$id" != ubuntu ] || echo "UBUNTU_CODENAME=$codename"
		case $id in
		fedora) echo "PLATFORM_ID=\"platform:f$version\"" ;;
		rhel | rocky | almalinux | centos) echo "PLATFORM_ID=\"platform:el${version%.*}\"" ;;
		esac
	} >/usr/lib/os-release
	ln -s ../usr/lib/os-release /etc/os-release
}

# A kernel with its modules; no headers, and nothing of NVIDIA's.
kernel() {
	local dir=/usr/lib/modules/$kernel
	mkdir -p "$dir/kernel/drivers/gpu/drm/nouveau" /boot
	cp /replica/nouveau.ko "$dir/kernel/drivers/gpu/drm/nouveau/nouveau.ko"
	: >"$dir/modules.builtin"
	: >"$dir/modules.builtin.modinfo"
	: >"$dir/modules.order"
	depmod "$kernel"
	echo "kernel $kernel" >"/boot/vmlinuz-$kernel"
}

# Programs of a machine that boots, outwardly: a chroot has no use for the real ones.
programs() {
	local initrd=/boot/initrd.img-$kernel
	case $root in
	dnf* | zypp)
		initrd=/boot/initramfs-$kernel.img
		printf '#!/bin/sh\n# dracut, outwardly\nfind /usr/lib/modules/%s /etc/modprobe.d -name "*nvidia*" | sort >%s\n' "$kernel" "$initrd" >/usr/bin/dracut
		chmod 755 /usr/bin/dracut
		dracut
		# Where rpms have their libraries, which the loader of this root does not know.
		echo /usr/lib64 >/etc/ld.so.conf.d/lib64.conf
		;;
	*)
		printf '#!/bin/sh\n# update-initramfs, outwardly\nfind /usr/lib/modules/%s /etc/modprobe.d -name "*nvidia*" | sort >%s\n' "$kernel" "$initrd" >/usr/sbin/update-initramfs
		chmod 755 /usr/sbin/update-initramfs
		update-initramfs
		;;
	esac
	cp $here/modprobe.sh /usr/local/sbin/modprobe
	# Where another one is asked for by its path.
	ln -sf /usr/local/sbin/modprobe /usr/sbin/modprobe
}

machine() {
	local n
	{ echo "127.0.0.1 localhost" && cat /replica/hosts; } >/etc/hosts
	rm -f /etc/resolv.conf
	find /etc/apt/sources.list.d -type f ! -name local.list -delete 2>/dev/null || true
	: >/etc/resolv.conf
	mkdir -p /usr/local/share/ca-certificates /etc/dlenv/facts /usr/local/libexec/dlenv /usr/local/bin
	cp /replica/keys/ca.pem /usr/local/share/ca-certificates/dlenv-test.crt
	! command -v update-ca-certificates >/dev/null || update-ca-certificates >/dev/null 2>&1
	mkdir -p /etc/pki/tls/certs
	ln -sf /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt
	cp /replica/keys.tsv /etc/dlenv/facts/keys.tsv
	: >/usr/local/bin/dlenv
	useradd --create-home --uid 1000 --shell /bin/bash dev
	for n in subuid subgid; do : >/etc/$n; done
}

no_apt() { # nobody can be led astray by what is not there
	rm -rf /usr/bin/apt* /usr/bin/dpkg* /usr/lib/apt /etc/apt /var/lib/dpkg /var/lib/apt /var/cache/apt
	rm -f /etc/debian_version
}

rpm_install() { # Debian's rpm asks for a flag before it touches /
	rpm -i --force-debian "$@" 2>/dev/null || rpm -i "$@"
}

repo() { # repo ID BASEURL [enabled]
	printf '[%s]\nname=%s\nbaseurl=https://%s\nenabled=%s\ngpgcheck=1\ngpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-distro\n\n' \
		"$1" "$1" "$2" "${3:-1}"
}

el_repos() {
	local r=${version%.*} top crb=crb
	[ "$r" != 8 ] || crb=powertools
	case $id in
	rocky) top=dl.rockylinux.org/pub/rocky/$r ;;
	almalinux) top=repo.almalinux.org/almalinux/$r ;;
	centos) top=mirror.stream.centos.org/$r-stream ;;
	rhel)
		subscriptions
		top=cdn.redhat.com/content/dist/rhel$r/$r
		{
			repo "rhel-$r-for-x86_64-baseos-rpms" "$top/baseos/x86_64/os"
			repo "rhel-$r-for-x86_64-appstream-rpms" "$top/appstream/x86_64/os"
			repo "codeready-builder-for-rhel-$r-x86_64-rpms" "$top/crb/x86_64/os" 0
		} >/etc/yum.repos.d/redhat.repo
		return
		;;
	esac
	repo baseos "$top/baseos/x86_64/os" >"/etc/yum.repos.d/$id.repo"
	repo appstream "$top/appstream/x86_64/os" >>"/etc/yum.repos.d/$id.repo"
	repo $crb "$top/crb/x86_64/os" 0 >"/etc/yum.repos.d/$id-$crb.repo"
}

skin_dnf() {
	local plugin base
	mkdir -p /usr/lib/rpm/macros.d /etc/yum.repos.d /etc/pki/rpm-gpg /etc/dnf
	cp /replica/keys/distro.asc /etc/pki/rpm-gpg/RPM-GPG-KEY-distro
	rpm --import /etc/pki/rpm-gpg/RPM-GPG-KEY-distro
	if [ "$id" = fedora ]; then
		printf '%%fedora %s\n%%dist .fc%s\n' "$version" "$version" >/usr/lib/rpm/macros.d/macros.dist
		repo fedora "dl.fedoraproject.org/pub/fedora/linux/releases/\$releasever/Everything/\$basearch/os/" >/etc/yum.repos.d/fedora.repo
	else
		printf '%%rhel %s\n%%dist .el%s\n' "${version%.*}" "${version%.*}" >/usr/lib/rpm/macros.d/macros.dist
		el_repos
	fi
	echo "$name" >/etc/redhat-release
	ln -sf redhat-release /etc/system-release
	[ -e /usr/bin/dnf ] || ln -s "$(basename "$(ls /usr/bin/dnf5 /usr/bin/dnf-3 2>/dev/null | head -n 1)")" /usr/bin/dnf
	ln -sf dnf /usr/bin/yum
	# Debian switches plugins on that Fedora does not.
	rm -f /usr/lib/python3/dist-packages/dnf-plugins/{local,system_upgrade}.py
	for plugin in local system_upgrade; do
		[ ! -e /etc/dnf/plugins/$plugin.conf ] || printf '[main]\nenabled=0\n' >/etc/dnf/plugins/$plugin.conf
	done
	[ ! -e /etc/dnf/libdnf5-plugins/local.conf ] || sed -i 's/^enabled.*/enabled = 0/' /etc/dnf/libdnf5-plugins/local.conf
	for base in /replica/www/*/; do
		find "$base" -path "*/$(release_folder)/*" -name "$id-release-*.rpm" -o \
			-path "*/$(release_folder)/*" -name 'distro-base-*.rpm'
	done | sort -u >/tmp/release
	# shellcheck disable=SC2046 # names without spaces
	rpm_install $(cat /tmp/release)
	rm /tmp/release
}

release_folder() {
	case $id in
	fedora) echo "releases/$version" ;;
	rocky) echo "rocky/${version%.*}" ;;
	almalinux) echo "almalinux/${version%.*}" ;;
	centos) echo "${version%.*}-stream" ;;
	rhel) echo "rhel${version%.*}" ;;
	esac
}

# Subscriptions, outwardly.
subscriptions() {
	cat >/usr/bin/subscription-manager <<-'PROGRAM'
		#!/bin/sh
		# subscription-manager, outwardly: `repos --enable NAME`, `repos --disable NAME`
		case "$1 $2" in
		"repos --enable") value=1 ;;
		"repos --disable") value=0 ;;
		*) exit 64 ;;
		esac
		grep -qxF "[$3]" /etc/yum.repos.d/redhat.repo || { echo "Error: '$3' does not match a valid repository ID." >&2 && exit 1; }
		sed -i "/^\\[$3\\]/,/^$/s/^enabled=.*/enabled=$value/" /etc/yum.repos.d/redhat.repo
	PROGRAM
	chmod 755 /usr/bin/subscription-manager
	mkdir -p /etc/pki/consumer
	: >/etc/pki/consumer/cert.pem
}

suse_connect() {
	cat >/usr/bin/SUSEConnect <<-'PROGRAM'
		#!/bin/sh
		# SUSEConnect, outwardly: switches a module on or, with -d, off; its packages lie in the one repository of this world.
		off=false
		while [ $# -gt 1 ]; do
			case $1 in
			-d | --de-register) off=true ;;
			-p | --product) product=${2%%/*} && shift ;;
			esac
			shift
		done
		if $off; then rm -f "/etc/products.d/$product.prod"; else echo "<product/>" >"/etc/products.d/$product.prod"; fi
	PROGRAM
	chmod 755 /usr/bin/SUSEConnect
}

skin_zypp() {
	local top
	ln -sf certs/ca-certificates.crt /etc/ssl/ca-bundle.pem
	[ "$id" != sles ] || suse_connect
	mkdir -p /etc/zypp/repos.d /etc/products.d /etc/pki/rpm-gpg
	cp /replica/keys/distro.asc /etc/pki/rpm-gpg/RPM-GPG-KEY-distro
	rpm --import /replica/keys/distro.asc
	case $id in
	sles) top=updates.suse.com/SUSE/Products/SLE-Product-SLES/$version/x86_64/product ;;
	opensuse-tumbleweed) top=download.opensuse.org/tumbleweed/repo/oss ;;
	*) top=download.opensuse.org/distribution/leap/$version/repo/oss ;;
	esac
	rpm_install "/replica/www/$top"/distro-base-*.rpm
	printf '[repo-oss]\nname=Main Repository\nbaseurl=https://%s/\nenabled=1\nautorefresh=1\ngpgcheck=1\n' "$top" >/etc/zypp/repos.d/repo-oss.repo
	cat >/etc/products.d/this.prod <<-PRODUCT
		<?xml version="1.0" encoding="UTF-8"?>
		<product schemeversion="0"><vendor>SUSE</vendor><name>$id</name><version>$version</version>
		<release>1</release><arch>x86_64</arch></product>
	PRODUCT
	ln -sf this.prod /etc/products.d/baseproduct
}

skin_apt() {
	local ring=/usr/share/keyrings/$id-archive-keyring.asc # as the real ones are called
	mkdir -p /etc/apt/sources.list.d /usr/share/keyrings
	cp /replica/keys/distro.asc $ring
	rm -f /etc/apt/sources.list
	if [ "$id" = ubuntu ]; then
		printf 'Types: deb\nURIs: https://archive.ubuntu.com/ubuntu/\nSuites: %s\nComponents: main restricted universe\nSigned-By: %s\n' \
			"$codename" $ring >/etc/apt/sources.list.d/ubuntu.sources
	elif [ "$version" -ge 13 ]; then
		# Without certificates there is only http, which is what installers write.
		printf '# The suite and nothing else.\nTypes: deb\nURIs: %s://ftp.debian.org/debian/\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
			"$([ "$root" = bare ] && echo http || echo https)" "$codename" $ring >/etc/apt/sources.list.d/debian.sources
	else
		echo "deb [signed-by=$ring] https://ftp.debian.org/debian $codename main" >/etc/apt/sources.list
	fi
	rm -f /etc/debian_version
	[ "$id" = ubuntu ] || echo "$version" >/etc/debian_version
}

skin=$1
root=$(field root) id=$(field id) version=$(field version) codename=$(field codename) kernel=$(field kernel)
like=$(field like) name=$(field name)
os_release
kernel
programs
machine
case $root in
dnf*) skin_dnf && no_apt ;;
zypp) skin_zypp && no_apt ;;
*) skin_apt ;;
esac
