#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compile texts into C: each file becomes `const char text_NAME[]`, with '_' for what C does not have.

usage: text2c.py OUTPUT FILE...
"""
import os
import re
import sys

out = ["/* Made by tools/text2c.py. */\n"]
for path in sys.argv[2:]:
    with open(path, encoding="utf-8") as f:
        lines = f.read().splitlines(keepends=True)
    name = re.sub(r"\W", "_", os.path.basename(path).removesuffix(".in"))
    out.append(f"extern const char text_{name}[];\nconst char text_{name}[] =\n")
    for line in lines:
        escaped = line.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        out.append(f'\t"{escaped}"\n')
    out.append("\t;\n")
with open(sys.argv[1], "w", encoding="utf-8") as f:
    f.write("".join(out))
