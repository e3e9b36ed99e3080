#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""changes.py UPPER LOWER...

What an overlay's upper folder changes in the folders below it (the topmost first): a line each, "added PATH", "changed
PATH", "removed PATH", sorted. What was written and is again as it was is no change; times do not count, contents, types,
modes and owners do. An added folder is one line, without what is in it."""
import os
import stat
import sys

upper, lowers = sys.argv[1], sys.argv[2:]


def look(path):
    try:
        return os.lstat(path)
    except OSError:
        return None


def opaque(path):
    try:
        return os.getxattr(path, "trusted.overlay.opaque") == b"y"
    except OSError:
        return False


def is_whiteout(s):
    return stat.S_ISCHR(s.st_mode) and s.st_rdev == 0


def below(rel):
    """What lies there in the folders below, as the overlay of them shows it."""
    for i, lower in enumerate(lowers):
        s = look(lower + rel)
        if s:
            return (None, None) if is_whiteout(s) else (lower + rel, s)
        # A parent that was removed or replaced hides what is further down.
        parent = os.path.dirname(rel)
        while parent not in ("", "/"):
            p = look(lower + parent)
            if p and (is_whiteout(p) or not stat.S_ISDIR(p.st_mode) or opaque(lower + parent)):
                return None, None
            parent = os.path.dirname(parent)
    return None, None


def same(a, sa, b, sb):
    if (sa.st_mode, sa.st_uid, sa.st_gid) != (sb.st_mode, sb.st_uid, sb.st_gid):
        return False
    if stat.S_ISLNK(sa.st_mode):
        return os.readlink(a) == os.readlink(b)
    if stat.S_ISREG(sa.st_mode):
        if sa.st_size != sb.st_size:
            return False
        with open(a, "rb") as fa, open(b, "rb") as fb:
            return fa.read() == fb.read()
    return True


def names_below(rel):
    names = set()
    for lower in lowers:
        if os.path.isdir(lower + rel) and not os.path.islink(lower + rel):
            names.update(os.listdir(lower + rel))
    return sorted(n for n in names if below(f"{rel}/{n}")[0])


def walk(rel):
    for name in sorted(os.listdir(upper + rel)):
        path = f"{rel}/{name}"
        s = os.lstat(upper + path)
        old, was = below(path)
        if is_whiteout(s):
            if was:
                yield f"removed {path}"
        elif not was:
            yield f"added {path}"
        elif not same(upper + path, s, old, was):
            yield f"changed {path}"
            if stat.S_ISDIR(s.st_mode) and stat.S_ISDIR(was.st_mode):
                yield from walk(path)
        elif stat.S_ISDIR(s.st_mode):
            if opaque(upper + path):
                yield from (f"removed {path}/{n}" for n in names_below(path) if not look(f"{upper}{path}/{n}"))
            yield from walk(path)


for line in sorted(walk("")):
    print(line)
