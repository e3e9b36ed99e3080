#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every message of the sources is in po/dlenv.pot and translated in every po file, with the same
# printf conversions. tools/update-po.sh mends the first; translating mends the rest.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tools/update-po.sh --pot "$work/new.pot" || exit 1
# What is compared is which messages there are, not where they stand.
for pot in po/dlenv.pot "$work/new.pot"; do
	msgattrib --no-location --no-wrap --sort-output "$pot" >"$work/$(basename "$pot").plain"
done
if ! diff -u "$work/dlenv.pot.plain" "$work/new.pot.plain" >"$work/diff"; then
	grep -E '^[-+]msgid' "$work/diff" | head -n 20
	echo "po/dlenv.pot is not what the sources have: run tools/update-po.sh"
	failed=1
fi
for po in po/*.po; do
	msgfmt --check-format -o /dev/null "$po" || failed=1
	python3 tools/po2c.py "$work/catalogue.c" "$po" || failed=1
	if ! msgcmp "$po" "$work/new.pot" 2>"$work/missing"; then
		grep -c 'untranslated\|not translated\|used but not defined' "$work/missing" |
			sed 's/$/ messages lack a translation:/'
		head -n 30 "$work/missing"
		failed=1
	fi
done
# Characters that Taiwan does not use give away a converted or copied text.
if grep -nP '^(msgstr )?".*[们这为说时会对应该软驱导环损无]' po/zh_TW.po; then
	echo "po/zh_TW.po: simplified characters"
	failed=1
fi
exit $failed
