#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/run.sh SUITE...       lint unit e2e security setup fuzz; all run, even when one fails
# tests/run.sh --summary FILE STATUS
#
# Each suite adds a line `SUITE PASSED FAILED SKIPPED` to $DLENV_TEST_RESULTS
# (build-test/results). The last line printed is their sum.
set -u
cd "$(dirname "$0")/.." || exit 1
export DLENV_TEST_RESULTS=${DLENV_TEST_RESULTS:-$PWD/build-test/results}

count() { printf '%s %d %d %d\n' "$@" >>"$DLENV_TEST_RESULTS"; }

# Print the sum of a results file. A run that ended badly without a failure
# counted (make itself failed) is one failure: never green by accident.
summary() {
	local file=$1 status=$2
	mkdir -p "$(dirname "$file")"
	touch "$file"
	awk -v status="$status" '{ p += $2; f += $3; s += $4 }
		END { if (status != 0 && f == 0) f = 1
		      printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 }' "$file"
}

# check NAME COMMAND...: one lint check; its output is shown when it fails.
check() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'not ok lint %s\n%s\n' "$name" "$out" | head -n 60
	fi
}

sources() { git ls-files -co --exclude-standard -- "$@" | while read -r f; do [ ! -e "$f" ] || echo "$f"; done; }
lint_format() { sources '*.c' '*.h' | xargs -r clang-format --dry-run -Werror; }
lint_shell() { sources '*.sh' '*.bash' '*.bats' .ci/run | xargs -r shellcheck -x -S warning -e SC1091; }
lint_tidy() {
	[ -e .clang-tidy ] || return 0
	sources 'src/*.c' 'bench/*.c' | xargs -r -n 4 -P "$(nproc)" clang-tidy --quiet --warnings-as-errors='*' -p build-dev
}
lint_clang() { # both compilers, no warning
	[ -e build-clang/build.ninja ] ||
		CC=clang meson setup build-clang --native-file dev.ini || return 1
	ninja -C build-clang --quiet
}

suite_lint() {
	local passed=0 failed=0 script
	check format lint_format
	check shell lint_shell
	if make --no-print-directory dev; then
		passed=$((passed + 1))
		check tidy lint_tidy
		check clang lint_clang
	else
		failed=$((failed + 1))
	fi
	for script in tests/lint/*.sh; do
		[ ! -e "$script" ] || check "${script##*/}" "$script"
	done
	echo "lint: $passed passed, $failed failed"
	count lint $passed $failed 0
	[ $failed = 0 ]
}

suite_unit() {
	local log=build-dev/meson-logs/testlog.json
	make --no-print-directory dev || {
		count unit 0 1 0
		return 1
	}
	rm -f $log
	meson test -C build-dev --no-rebuild --print-errorlogs \
		${TESTS:+$TESTS} | grep -Ev '^ *[0-9]+/[0-9]+ .* OK |^ninja: |^$'
	[ -e $log ] || {
		count unit 0 1 0
		return 1
	}
	python3 - $log "$DLENV_TEST_RESULTS" <<-'PY'
		import json, sys
		n = {"OK": 0, "FAIL": 0, "SKIP": 0}
		for line in open(sys.argv[1]):
		    r = json.loads(line)["result"]
		    n[r if r in ("OK", "SKIP") else "FAIL"] += 1
		open(sys.argv[2], "a").write("unit %d %d %d\n" % (n["OK"], n["FAIL"], n["SKIP"]))
		sys.exit(n["FAIL"] > 0)
	PY
}

suite_bats() { # suite_bats e2e|security|setup
	make --no-print-directory release && tests/run-e2e.sh "$1" && return 0
	# A suite that could not even start has to be seen in the sum.
	grep -q "^$1" "$DLENV_TEST_RESULTS" 2>/dev/null || count "$1" 0 1 0
	return 1
}

suite_fuzz() {
	local passed=0 failed=0 fuzzer
	[ -e build-fuzz/build.ninja ] || CC=clang meson setup build-fuzz --native-file dev.ini \
		-Dfuzz=true -Dtests=false >/dev/null || return 1
	ninja -C build-fuzz --quiet || return 1
	for fuzzer in build-fuzz/tests/fuzz/fuzz_*; do
		if [ -d "$fuzzer" ] || [ ! -x "$fuzzer" ]; then
			continue
		elif fuzz_one "$fuzzer"; then
			passed=$((passed + 1))
		else
			failed=$((failed + 1))
		fi
	done
	count fuzz $passed $failed 0
	[ $failed = 0 ]
}

# New inputs go to a folder of the build; the committed corpus is only read.
fuzz_one() {
	local name=${1##*/} found=build-fuzz/corpus/${1##*/}
	mkdir -p "$found" "tests/fuzz/corpus/${name#fuzz_}"
	echo "fuzz: $name for ${FUZZ_SECONDS:-60} s"
	"$1" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=2048 -verbosity=0 \
		-artifact_prefix="build-fuzz/$name." "$found" "tests/fuzz/corpus/${name#fuzz_}" ||
		{ echo "not ok fuzz $name: the input is build-fuzz/$name.*"; return 1; }
}

main() {
	local suite status=0
	if [ "${1-}" = --summary ]; then
		summary "$2" "$3"
		return
	fi
	mkdir -p "$(dirname "$DLENV_TEST_RESULTS")"
	: >"$DLENV_TEST_RESULTS"
	for suite; do
		echo "== $suite"
		case $suite in
		lint | unit | fuzz) "suite_$suite" || status=1 ;;
		e2e | security | setup) suite_bats "$suite" || status=1 ;;
		*) echo "tests/run.sh: no suite '$suite'" >&2 && return 2 ;;
		esac
	done
	summary "$DLENV_TEST_RESULTS" $status
}

main "$@"
