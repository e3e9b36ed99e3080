#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compile the fact tables of data/ into the C tables of src/compat/table.h.

usage: tsv2c.py OUTPUT TSV...

A table is a line "# date YYYY-MM-DD", a line of column names and rows of as
many cells, separated by tabs. A table that is not stops the build. Equal cells
are stored once.
"""
import os
import re
import sys


def c_string(text):
    """A C string literal. Octal escapes cannot run into the digit that follows."""
    out = []
    for byte in text.encode("utf-8"):
        if byte in b'"\\?' or byte < 32 or byte > 126:
            out.append(f"\\{byte:03o}")
        else:
            out.append(chr(byte))
    return '"' + "".join(out) + '"'


def read_table(path):
    """The date, the column names and the rows of a table."""
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    if lines.pop() != "":
        raise SystemExit(f"{path}: the last line has no end")
    date = re.fullmatch(r"# date (\d{4}-\d{2}-\d{2})", lines[0])
    if not date:
        raise SystemExit(f"{path}:1: not a line '# date YYYY-MM-DD'")
    columns = lines[1].split("\t")
    rows = []
    for number, line in enumerate(lines[2:], 3):
        cells = line.split("\t")
        if len(cells) != len(columns):
            raise SystemExit(f"{path}:{number}: {len(cells)} cells instead of {len(columns)}")
        rows.append(cells)
    return date.group(1), columns, rows


class Pool:
    """Texts, each once, one behind the other."""

    def __init__(self):
        self.at, self.texts, self.size = {}, [], 0

    def add(self, text):
        if text not in self.at:
            self.at[text] = self.size
            self.texts.append(text)
            self.size += len(text.encode("utf-8")) + 1
        return self.at[text]


def main():
    output, files = sys.argv[1], sys.argv[2:]
    out = ["/* Made by tools/tsv2c.py from data/. */", '#include "compat/table.h"', ""]
    rows_out = []
    for path in files:
        name = os.path.splitext(os.path.basename(path))[0]
        date, columns, rows = read_table(path)
        pool = Pool()
        cells = [pool.add(cell) for row in rows for cell in row]
        out.append(f"static const char *const {name}_columns[] = {{")
        out.append("\t" + ", ".join(c_string(c) for c in columns) + ",\n};")
        out.append(f"static const char {name}_pool[] =")
        out += [f"\t{c_string(t)} \"\\0\"" for t in pool.texts]
        out.append("\t;")
        out.append(f"static const uint32_t {name}_cells[] = {{")
        for i in range(0, len(cells), len(columns)):
            out.append("\t" + ", ".join(str(c) for c in cells[i : i + len(columns)]) + ",")
        out.append("};\n")
        rows_out.append(
            f'\t{{"{name}", "{date}", {name}_columns, {len(columns)}, {name}_cells, {len(rows)}, {name}_pool}},'
        )
    out.append("const struct table tables[] = {")
    out += rows_out
    out += ["};", f"const size_t tables_n = {len(files)};", ""]
    with open(output, "w", encoding="ascii") as f:
        f.write("\n".join(out))


if __name__ == "__main__":
    main()
