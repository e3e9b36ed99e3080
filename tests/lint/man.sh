#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every command has a page and every page a command; a page's options are the option rows; exit
# statuses are those of codes.def. DLENV names the program that prints the rows.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0
for dlenv in "${DLENV-}" build/src/cli/dlenv build-dev/src/cli/dlenv; do
	[ -z "$dlenv" ] || [ ! -x "$dlenv" ] || break
done
[ -x "$dlenv" ] || { echo "no dlenv to ask: build it, or name it with DLENV" && exit 1; }
rows=$("$dlenv" help --dump) || exit 1

bad() {
	echo "$1"
	failed=1
}

# The page of a command: that of its group where it has one.
page_of() { echo "doc/dlenv${1:+-${1%% *}}.1.scd"; }

# Commands that only dlenv itself or the tests run, and those that dlenv(1) explains.
has_no_page() {
	case $1 in
	help | version | completion | runtime | "runtime "*) return 0 ;;
	*) return 1 ;;
	esac
}

# Not split at tabs: read takes two of them for one, and fields may be empty.
while IFS='|' read -r command option letter arg hidden; do
	page=$(page_of "$command")
	if [ -n "$command" ] && has_no_page "$command"; then
		page=doc/dlenv.1.scd
		[ -z "$option" ] && ! grep -qF "*${command%% *}*" $page && bad "$page: nothing about '$command'"
		continue
	fi
	[ -e "$page" ] || { [ -n "$option" ] || bad "$page is missing (for '$command')"; continue; }
	if [ -z "$option" ]; then # a group is named by its commands
		grep -q "^\*dlenv${command:+ $command}\*" "$page" || grep -q "^$command " <<<"$rows" ||
			bad "$page: the synopsis lacks '*dlenv $command*'"
		continue
	fi
	[ -z "$hidden" ] || continue
	line="*--$option*"
	[ -z "$letter" ] || line="*-$letter*, $line"
	[ -z "$arg" ] || line="$line _${arg}_"
	grep -qxF "$line" "$page" || bad "$page: no line '$line'"
done < <(tr '\t' '|' <<<"$rows")

# The other way round: no page explains an option or a command that is gone.
while read -r page; do
	command=$(basename "$page" .1.scd)
	command=${command#dlenv}
	command=${command#-}
	[ "$command" != toolkit ] || continue # a program of its own, with NVIDIA's options
	[ -z "$command" ] || cut -f1 <<<"$rows" | grep -qx "$command" || bad "$page: there is no such command"
	while read -r option; do
		awk -F'\t' -v c="$command" -v o="$option" \
			'($1 == c || index($1, c " ") == 1) && $2 == o { ok = 1 } END { exit !ok }' <<<"$rows" ||
			bad "$page: there is no option --$option"
	done < <(grep -E '^\*-' "$page" | grep -oE -- '\*--[a-z-]+\*' | tr -d '*' | sed 's/^--//')
done < <(find doc -name 'dlenv*.1.scd')

# Exit statuses: a line "*STATUS*" each, and none that is not in the table.
want=$(sed -nE 's/^CODE\([A-Z]+, ([0-9]+),.*/\1/p' src/base/codes.def | sort -nu)
have=$(sed -nE '/^# EXIT STATUS/,/^# /s/^\*([1-9][0-9]*)\*$/\1/p' doc/dlenv.1.scd | sort -nu)
[ "$want" = "$have" ] ||
	bad "doc/dlenv.1.scd: its exit statuses (${have//$'\n'/ }) are not those of codes.def (${want//$'\n'/ })"
exit $failed
