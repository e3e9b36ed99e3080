#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Take the messages of the sources into po/dlenv.pot and merge them into po/*.po.
#   tools/update-po.sh            rewrite both; then translate what is empty or fuzzy
#   tools/update-po.sh --pot FILE only write the template to FILE (tests/lint/po.sh)
set -eu
cd "$(dirname "$0")/.."

extract() {
	# dlenv-init and the hook write logs, which stay English.
	find src -path src/init -prune -o -path src/hook -prune -o -name '*.[ch]' -print |
		LC_ALL=C sort |
		xgettext --files-from=- --from-code=UTF-8 --language=C --output="$1" \
			--add-comments=TRANSLATORS --no-wrap --add-location=file \
			--package-name=dlenv --foreign-user \
			--keyword --keyword=_ --keyword=N_ --keyword=err_set:3 \
			--keyword=err_sys:2 --keyword=err_wrap:2 --keyword=err_hint:2 \
			--keyword=doc_err:4 --keyword=doc_err_key:4 --keyword=def_unsat:3 \
			--flag=_:1:pass-c-format --flag=err_set:3:c-format --flag=err_sys:2:c-format \
			--flag=err_wrap:2:c-format --flag=err_hint:2:c-format \
			--flag=doc_err:4:c-format --flag=doc_err_key:4:c-format \
			--flag=def_unsat:3:c-format --flag=cli_print:2:c-format \
			--flag=cli_note:2:c-format --flag=cli_warn:2:c-format \
			--flag=cli_step:3:c-format --flag=cli_ask:3:c-format
	# A date would make every run a change.
	sed -i -e '/^"POT-Creation-Date:/d' -e 's/CHARSET/UTF-8/' "$1"
}

if [ "${1:-}" = --pot ]; then
	extract "$2"
	exit
fi
extract po/dlenv.pot
for po in po/*.po; do
	msgmerge --quiet --update --backup=none --no-wrap --add-location=file "$po" po/dlenv.pot
done
for po in po/*.po; do
	printf '%s: ' "$po"
	msgfmt --check-format --statistics --output=/dev/null "$po"
done
