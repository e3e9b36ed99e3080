#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What must not stand in the project's files; each rule says why.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0

files() { git ls-files -co --exclude-standard -- "$@" | while read -r f; do [ ! -f "$f" ] || echo "$f"; done; }

# refuse WHY PATTERN FILES...: no line of the files may match.
refuse() {
	local why=$1 pattern=$2 found
	shift 2
	[ $# -gt 0 ] || return 0
	if found=$(grep -nHE -e "$pattern" -- "$@"); then
		printf '%s\n  %s\n' "$found" "$why"
		failed=1
	fi
}

mapfile -t sources < <(files 'src/*.[ch]' 'bench/*.[ch]')
mapfile -t above_base < <(files 'src/*.[ch]' | grep -v '^src/base/')
mapfile -t all < <(files | grep -v '^tests/lint/forbidden\.sh$')

numbers='atoi|atol|atof|strtol|strtoll|strtoul|strtoull|strtod|sscanf'
texts='strcpy|strcat|stpcpy|sprintf|vsprintf|gets|strtok'
refuse 'numbers through parse_uint and parse_size' "\\b($numbers)\\(" "${above_base[@]}"
refuse 'texts through str_fmt and struct buf' "\\b($texts)\\(" "${above_base[@]}"
refuse 'programs through proc_run: never a shell' '\b(system|popen)\(' "${sources[@]}"
refuse 'err_* translate their format themselves' \
	'\berr_(set|sys|wrap|hint)\([^"]*[ (]_\("' "${sources[@]}"

# Names and places of the machine that the project is written on.
mirrors() {
	{
		cat /etc/apt/sources.list /etc/apt/sources.list.d/* /etc/apt/apt.conf /etc/apt/apt.conf.d/*
		printenv http_proxy https_proxy HTTP_PROXY HTTPS_PROXY
	} 2>/dev/null |
		sed -nE 's|.*https?://([^/:"; ]+).*|\1|p' | sort -u |
		grep -vE '(^|\.)(debian\.org|ubuntu\.com|nvidia\.com|github\.com)$|^(localhost|127\.)'
}
while read -r host; do
	refuse "the name of this machine's mirror" "${host//./\\.}" "${all[@]}"
done < <(mirrors)
for place in "$PWD" "$(dirname "$PWD")" "$HOME"; do
	case $place in
	/ | /root | /home | /tmp | /src | /usr/*) continue ;; # too common to mean this machine
	esac
	refuse 'a path of this machine' "(^|[[:space:]\"'\`=(:])${place//./\\.}/" "${all[@]}"
done

# One SPDX line on top (below the line that names the interpreter).
while read -r file; do
	head -n 2 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || {
		echo "$file: no SPDX line on top"
		failed=1
	}
done < <(files '*.[ch]' '*.sh' '*.py' '*.bats' '*.bash')
exit $failed
