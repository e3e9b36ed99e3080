#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A folder of src/ includes headers of its own and of lower layers only: never of a neighbour in
# its layer, never upwards. The table is the one of doc/architecture.md and of the style guide.
set -u
cd "$(dirname "$0")/../.." || exit 1

# shellcheck disable=SC2016 # the program is awk's
find src -name '*.[ch]' | LC_ALL=C sort | xargs awk '
BEGIN {
	layer["base"] = 0
	layer["host"] = layer["net"] = 1
	layer["compat"] = layer["pkg"] = layer["cdi"] = layer["oci"] = 2
	layer["setup"] = layer["runtime"] = 3
	layer["engine"] = 4
	layer["env"] = 5
	layer["cli"] = 6
	# Programs of their own: nobody includes them. dlenv-init and dlenv-nvml know base/ alone.
	layer["init"] = layer["nvml"] = 1
	layer["hook"] = 7
	made["config.h"] = 1
}
function bad(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; failed = 1 }
FNR == 1 { split(FILENAME, part, "/"); own = part[2]; if (!(own in layer)) bad("folder " own " has no layer") }
/^#[ \t]*include[ \t]*"/ {
	split($0, quoted, "\"")
	if (quoted[2] in made) next
	if (!index(quoted[2], "/")) { bad("\"" quoted[2] "\" is not written from src/"); next }
	split(quoted[2], to, "/")
	if (to[1] == own) next
	if (to[1] == "init" || to[1] == "hook" || to[1] == "nvml") bad(to[1] "/ is a program, not a library")
	else if (!(to[1] in layer)) bad("folder " to[1] " has no layer")
	else if (layer[to[1]] >= layer[own]) bad(own "/ may not include " to[1] "/")
}
END { exit failed }'
