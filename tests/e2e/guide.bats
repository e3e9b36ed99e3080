#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# doc/guide.md says which operations take the place of the guide's commands: its tables are read here,
# and each row's machine is asked for its plan.

bats_require_minimum_version 1.5.0
load helpers

setup() {
	fresh_state
	export LC_ALL=C.UTF-8
}

teardown() { drop_state; }

# rows SECTION: GUIDE, MACHINE, WORDS, WANTED of its table, with a unit separator between them
rows() {
	sed -n "/^## $1/,/^## /p" "$E2E_STAGE/doc/guide.md" | sed 's/\\|/¦/g' |
		awk -F' *[|] *' -v OFS=$'\x1f' '/^[|]/ && $3 != "machine" && $3 !~ /^-*$/ { print $2, $3, $4, $5 }'
}

# answer MACHINE WORDS: what dlenv says, in the file $ANSWER, asked once
answer() {
	local host=$E2E_TEST_STATE/$1 bed=$E2E_STAGE/tests
	ANSWER=$E2E_TEST_STATE/$1.$(tr -c 'a-z0-9\n' - <<<"$2")
	[ ! -e "$ANSWER" ] || return 0
	[ -d "$host" ] || { mkdir "$host" && "$bed/bed/host.sh" "$bed/hosts/$1/machine" "$host"; }
	if [[ $2 == setup* ]]; then
		# shellcheck disable=SC2086 # words
		dlenv --root "$host" $2 --plan --json >"$ANSWER"
	else
		dlenv --root "$host" "$2" >"$ANSWER" 2>&1 || true
	fi
}

# wants WANTED: each of it in backquotes is an operation of the plan, by its kind and words in it, or is printed
wants() {
	python3 - "$ANSWER" "$1" <<'PY'
import json, re, sys

def texts(value):
    if isinstance(value, dict):
        return " ".join(texts(v) for k, v in value.items() if k not in ("kind", "why", "summary"))
    return " ".join(texts(v) for v in value) if isinstance(value, list) else str(value)

def operation(want, plan):
    kind, _, words = want.partition(" ")
    return any(o["kind"] == kind and words in texts(o) for o in plan)

answer = open(sys.argv[1]).read()
plan = json.loads(answer)["data"]["plan"]["operations"] if answer.startswith("{") else None
wanted = re.findall("`([^`]*)`", sys.argv[2])
assert wanted
for want in wanted:
    assert operation(want, plan) if plan is not None else want in answer, f"not there: {want}"
PY
}

# holds SECTION LEAST: all of its rows do, and they are at least so many
holds() {
	local guide name words wanted n=0
	while IFS=$'\x1f' read -r guide name words wanted; do
		[ "$name" != - ] || continue
		echo "# $guide: $name, dlenv $words" >&2
		answer "$name" "$words"
		wants "$wanted"
		n=$((n + 1))
	done < <(rows "$1")
	[ "$n" -ge "$2" ]
}

@test "before: what the guide looks at" { holds Before 3; }
@test "the driver's commands have their operations" { holds 1. 14; }
@test "the toolkit's commands have their operations" { holds 2. 12; }
@test "podman's commands have their operations" { holds 3. 3; }
@test "Docker's commands have their operations" { holds 4. 17; }
