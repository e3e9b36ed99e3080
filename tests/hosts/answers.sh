#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/hosts/answers.sh DLENV DIR
#
# What DLENV (a path) says of each tests/hosts/*/machine: files NAME.txt in DIR, to be compared with
# tests/golden/hosts; and in doctor.shape, which keys and types its JSON has, over all of them.
set -euo pipefail
# shellcheck source=tests/hosts/each.sh
. "$(dirname "$0")/each.sh"

ask() { # ask COMMAND: what it says, on both streams, and its status
	local status=0
	echo "\$ dlenv $1"
	"$dlenv" --root "$temp/root" "$1" 2>&1 | sed "s,$temp/root,,g" || status=${PIPESTATUS[0]}
	echo "status $status"
}

shape() { # the keys of JSON texts, a line each, and their types
	python3 -c '
import json, sys
def walk(value, at, seen):
    kinds = {type(None): "null", bool: "bool", int: "number", float: "number", str: "text", list: "list", dict: "map"}
    seen.add(at + " " + kinds[type(value)])
    for key, below in value.items() if isinstance(value, dict) else [("[]", v) for v in value] if isinstance(value, list) else []:
        walk(below, at + "." + key, seen)
seen = set()
for line in sys.stdin:
    walk(json.loads(line), "", seen)
print("\n".join(sorted(seen)))'
}

answers() { # answers NAME: of that machine
	{ ask doctor; ask solve; } >"$out/$1.txt"
	"$dlenv" --root "$temp/root" doctor --json >>"$temp/doctor" 2>/dev/null || [ $? = 4 ]
}

each_machine answers
shape <"$temp/doctor" >"$out/doctor.shape"
