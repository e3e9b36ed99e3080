#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compile po files into the C table of src/base/catalogue.h.

usage: po2c.py OUTPUT PO...

Fuzzy and empty entries are left out: their messages stay English. A
translation whose printf conversions differ from the message's would crash, so
it stops the build.
"""
import ast
import os
import re
import sys

CONVERSION = re.compile(r"%(?:(\d+)\$)?[-+ #0']*(\*|\d+)?(?:\.(\*|\d+)?)?(hh|h|ll|l|j|z|t|L)?([a-zA-Z%])")


def conversions(text):
    """The types of the arguments that a format takes, in the order in which it takes them."""
    plain, numbered = [], {}
    for m in CONVERSION.finditer(text):
        number, width, precision, length, kind = m.groups()
        if kind == "%":
            continue
        if number:
            numbered[int(number)] = (length or "") + kind
            continue
        plain += ["*"] * ((width == "*") + (precision == "*"))
        plain.append((length or "") + kind)
    if numbered and plain:
        raise ValueError("numbered and plain conversions are mixed")
    return plain or [numbered.get(i + 1, "?") for i in range(max(numbered, default=0))]


def read_po(path):
    """Yield (line, msgid, msgstr, is_fuzzy) for each entry but the header."""
    entry, field, fuzzy, start = {}, None, False, 0
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n") + [""]
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if line.startswith("#~"):
            continue
        if line.startswith("#,") and "fuzzy" in line:
            fuzzy = True
        m = re.match(r'(msgid|msgstr)\s+(".*")$', line)
        if m and m.group(1) == "msgid":
            entry, start = {}, number
        if m:
            field = m.group(1)
            entry[field] = ast.literal_eval(m.group(2))
        elif line.startswith('"') and field:
            entry[field] += ast.literal_eval(line)
        elif line.startswith("msg"):
            raise SystemExit(f"{path}:{number}: plurals and contexts are not supported")
        elif not line:
            if entry.get("msgid"):
                yield start, entry["msgid"], entry.get("msgstr", ""), fuzzy
            entry, field, fuzzy = {}, None, False


def c_string(text):
    """A C string literal. Octal escapes cannot run into the digit that follows."""
    out = []
    for byte in text.encode("utf-8"):
        if byte in b'"\\' or byte < 32 or byte > 126:
            out.append(f"\\{byte:03o}")
        elif byte == ord("?"):
            out.append("\\?")  # no trigraphs
        else:
            out.append(chr(byte))
    return '"' + "".join(out) + '"'


def catalogue(path):
    """The entries of one file, sorted as strcmp sorts."""
    table = {}
    for line, msgid, msgstr, fuzzy in read_po(path):
        if fuzzy or not msgstr:
            continue
        try:
            same = conversions(msgid) == conversions(msgstr)
        except ValueError as problem:
            raise SystemExit(f"{path}:{line}: {problem}") from None
        if not same:
            raise SystemExit(f"{path}:{line}: the conversions of the translation differ: {msgid!r}")
        if msgid.endswith("\n") != msgstr.endswith("\n"):
            raise SystemExit(f"{path}:{line}: only one of the two ends in a newline: {msgid!r}")
        table[msgid] = msgstr
    return sorted(table.items(), key=lambda item: item[0].encode("utf-8"))


def main():
    output, files = sys.argv[1], sys.argv[2:]
    tables, rows = [], []
    for number, path in enumerate(files):
        entries = catalogue(path)
        lang = os.path.splitext(os.path.basename(path))[0]
        tables.append(f"static const struct tr_entry entries_{number}[] = {{")
        tables += [f"\t{{{c_string(i)}, {c_string(t)}}}," for i, t in entries] or ['\t{"", ""},']
        tables.append("};")
        rows.append(f"\t{{{c_string(lang)}, entries_{number}, {len(entries)}}},")
    text = "\n".join(
        ["/* Made by tools/po2c.py from po/. */", '#include "base/catalogue.h"', ""]
        + tables
        + ["", "const struct tr_catalogue tr_catalogues[] = {"]
        + (rows or ["\t{0},"])
        + ["};", f"const size_t tr_catalogues_n = {len(rows)};", ""]
    )
    with open(output, "w", encoding="ascii") as f:
        f.write(text)


if __name__ == "__main__":
    main()
