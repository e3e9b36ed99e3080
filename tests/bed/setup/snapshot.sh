#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# snapshot.sh: inside a world, everything by which two machines are compared: packages with versions and marks, files with
# digests, links, folders with modes. Left out: what differs between two runs by nature (keys and what is signed with them, depmod's and the
# loader's files, passwords with dates, backups) and what the world lays out itself.
export LC_ALL=C
if [ -d /var/lib/dpkg ]; then
	dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\n' | sort
	apt-mark showmanual | sed 's/^/manual /'
	apt-mark showhold | sed 's/^/hold /'
else
	rpm -qa --qf '%{NAME} %{VERSION}-%{RELEASE}\n' | grep -v ^gpg-pubkey | sort
fi
find /etc /usr/local /usr/share/keyrings /usr/lib/modules /var/spool \
	\( -path '/usr/lib/modules/*/modules.*' -o -name '*-' -o -name .pwd.lock -o -path '/etc/pki/akmods/*' \
	-o -path '/etc/pki/ca-trust/*' -o -path '/usr/local/libexec/dlenv' -o -path /usr/local/bin/dlenv -o -path /etc/ld.so.cache \
	-o -path /etc/hostname -o -path /etc/shadow -o -path /etc/gshadow -o -name nvidia.ko \) -prune \
	-o -type f -exec sha256sum {} + -o -type l -printf '%p -> %l\n' -o -type d -printf '%p/ %m\n' | sort -k2
