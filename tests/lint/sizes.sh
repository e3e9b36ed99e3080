#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The sizes of the style guide, read off the layout that clang-format gives: a function's braces
# stand in the first column, and a control word stands as many tabs deep as it is nested.
#   function: 80 lines, 6 parameters and the struct err, 4 levels; file: 1,000 lines (600 is large); header: 150
set -u
cd "$(dirname "$0")/../.." || exit 1

# shellcheck disable=SC2016 # the program is awk's
find src bench tests tools \( -name '*.c' -o -name '*.h' \) | LC_ALL=C sort | xargs awk '
BEGIN {
	LINES = 80; PARAMETERS = 6; LEVELS = 4; FILE = 1000; LARGE = 600; HEADER = 150
}
function bad(line, text) { printf "%s:%d: %s\n", FILENAME, line, text; failed = 1 }
function note(text) { printf "note: %s: %s\n", file, text }

# The commas of the outermost parentheses that close the signature.
function parameters(signature,    i, letter, depth, n) {
	sub(/[^)]*$/, "", signature)
	sub(/, struct err \*e\)$/, ")", signature)
	for (i = length(signature); i > 0; i--) {
		letter = substr(signature, i, 1)
		if (letter == ")") depth++
		else if (letter == "(" && --depth == 0) return n + 1
		else if (letter == "," && depth == 1) n++
	}
	return 0
}
function end_of_file() {
	if (lines > FILE) { printf "%s: %d lines, at most %d\n", file, lines, FILE; failed = 1 }
	else if (lines > LARGE) note(lines " lines: large")
	if (file ~ /\.h$/ && lines > HEADER) {
		printf "%s: %d lines, a header has at most %d\n", file, lines, HEADER; failed = 1
	}
}
FNR == 1 { if (file) end_of_file(); file = FILENAME; signature = ""; start = 0 }
{ lines = FNR }
/^\{$/ {
	start = FNR
	n = parameters(signature)
	if (n > PARAMETERS) bad(FNR, n " parameters, at most " PARAMETERS)
	next
}
start && /^\}/ {
	if (FNR - start + 1 > LINES) bad(start, "a function of " FNR - start + 1 " lines, at most " LINES)
	start = 0
	signature = ""
	next
}
start && /^\t+(if|for|while|switch|do|else)[ ({]/ {
	match($0, /^\t+/)
	if (RLENGTH > LEVELS) bad(FNR, RLENGTH " levels, at most " LEVELS)
}
!start { signature = /^$|[;}]$|\*\/$|^#/ ? "" : signature " " $0 }
END { end_of_file(); exit failed }'
