#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""cdi-list.py [PREFIX=WORD]...: a CDI specification (JSON on stdin) as sorted lines, one thing each, to be
compared and read: `common mount HOST AT OPTIONS`, `0 node PATH MAJOR:MINOR MODE GID`. Host paths that begin
with a PREFIX get WORD instead."""
import json
import sys

prefixes = [a.rsplit("=", 1) for a in sys.argv[1:]]


def host(path):
    for prefix, word in prefixes:
        if path.startswith(prefix + "/"):
            return word + path[len(prefix):]
    return path


def hook_lines(hook):
    args = hook["args"][1:]
    if hook["hookName"] != "createContainer" or hook.get("env") != ["NVIDIA_CTK_DEBUG=false"]:
        yield "odd hook " + json.dumps(hook)
    while args:
        word = args.pop(0)
        if word == "--link":
            target, at = args.pop(0).split("::")
            yield f"link {target} <- {at}"
        elif word in ("--folder", "--mode", "--path", "--chmod", "--ldconfig-path"):
            yield f"{word[2:]} {args.pop(0)}"
        else:
            yield f"hook {word}"


def lines(edits):
    for text in edits.get("env", []):
        yield f"env {text}"
    for n in edits.get("deviceNodes", []):
        yield "node {} {} {}:{} {:o} {} gid={}".format(
            n["path"], host(n.get("hostPath", "-")), n.get("major", "-"), n.get("minor", "-"),
            n.get("fileMode", 0), n.get("permissions", ""), n.get("gid", "-"))
    for m in edits.get("mounts", []):
        same = host(m["hostPath"]).replace("DRIVER", "", 1) == m["containerPath"]
        yield "mount {}{} {}".format(
            "" if same else host(m["hostPath"]) + " on ", m["containerPath"], ",".join(m["options"]))
    for h in edits.get("hooks", []):
        yield from hook_lines(h)
    for gid in edits.get("additionalGids", []):
        yield f"gid {gid}"


spec = json.load(sys.stdin)
print("version", spec["cdiVersion"])
print("kind", spec["kind"])
for who, edits in [("common", spec["containerEdits"])] + [
        (d["name"], d["containerEdits"]) for d in spec["devices"]]:
    for line in sorted(lines(edits)):
        print(who, line)
