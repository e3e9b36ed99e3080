#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write an OCI bundle's config.json, for the benchmark and the security tests.

usage: bundle.py BUNDLE --root DIR [options] -- CMD [ARG...]

The default is the `full` configuration: all namespaces, the usual fourteen
capabilities, masked and read-only paths, limits, /proc, /sys, /dev with its
file systems. Every runtime that is compared gets the same file.
"""
import argparse
import json
import os
import platform

CAPS = ["CAP_" + c for c in (
    "CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE "
    "NET_RAW SYS_CHROOT MKNOD AUDIT_WRITE SETFCAP").split()]
MASKED = ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
          "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware"]
READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
ARCH = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}


def mount(destination, kind, source, *options):
    return {"destination": destination, "type": kind, "source": source, "options": list(options)}


def mounts(rootless, sysfs):
    gid = [] if rootless else ["gid=5"]  # group 5 exists only where it is mapped
    yield mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev")
    yield mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k")
    yield mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance",
                "ptmxmode=0666", "mode=0620", *gid)
    yield mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k")
    yield mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev")
    if sysfs:
        yield mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro")


def config(a):
    rootless = a.rootless
    namespaces = [n for n in ("mount", "pid", "ipc", "uts", "network", "cgroup") if n not in a.without]
    if rootless:
        namespaces.append("user")
    caps = CAPS if not a.all_caps else CAPS + ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_SYS_MODULE",
                                               "CAP_SYS_BOOT", "CAP_DAC_READ_SEARCH", "CAP_SYS_RAWIO"]
    c = {
        "ociVersion": "1.0.2",
        "hostname": "full",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": a.command,
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"] + a.env,
            "cwd": a.cwd,
            "capabilities": {"bounding": caps, "effective": caps, "permitted": caps},
            "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 1024}],
            "noNewPrivileges": not a.all_caps,
        },
        "root": {"path": os.path.abspath(a.root), "readonly": a.readonly},
        "mounts": [] if "mounts" in a.without else list(mounts(rootless, "network" not in a.without)),
        "linux": {
            "namespaces": [{"type": n} for n in namespaces],
            "maskedPaths": [] if "masks" in a.without else MASKED + a.mask,
            "readonlyPaths": [] if "masks" in a.without else READONLY,
        },
    }
    if rootless:
        c["linux"]["uidMappings"] = [{"containerID": 0, "hostID": os.getuid(), "size": 1}]
        c["linux"]["gidMappings"] = [{"containerID": 0, "hostID": os.getgid(), "size": 1}]
    if a.overlay:
        c["root"] = {"path": "rootfs"} if a.readonly else c["root"]
        c["annotations"] = {"dlenv.overlay.lower": os.path.abspath(a.root),
                            "dlenv.overlay.upper": a.overlay}
        if a.overlay != "tmpfs":
            c["annotations"]["dlenv.overlay.work"] = os.path.join(os.path.dirname(a.overlay), "work")
    if a.seccomp:
        with open(a.seccomp, encoding="utf-8") as f:
            c["linux"]["seccomp"] = json.load(f)
        c["linux"]["seccomp"].setdefault("architectures", [ARCH.get(platform.machine(), "SCMP_ARCH_NATIVE")])
    return c


def merge(into, what):
    """Objects are merged, lists are appended to, anything else replaces."""
    for key, value in what.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        elif isinstance(value, list) and isinstance(into.get(key), list):
            into[key] += value
        else:
            into[key] = value


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("bundle")
    p.add_argument("--root", required=True, help="the root folder")
    p.add_argument("--readonly", action="store_true")
    p.add_argument("--rootless", action="store_true", default=os.getuid() != 0,
                   help="a user namespace with only the caller's id")
    p.add_argument("--overlay", help="dlenv's annotations: an upper folder, or tmpfs, over the root")
    p.add_argument("--without", action="append", default=[],
                   help="a namespace, `mounts` (all of them) or `masks` to leave out")
    p.add_argument("--mask", action="append", default=[], help="a further masked path")
    p.add_argument("--seccomp", help="a file with the linux.seccomp section")
    p.add_argument("--all-caps", action="store_true")
    p.add_argument("--cwd", default="/")
    p.add_argument("--env", action="append", default=[])
    p.add_argument("--merge", action="append", default=[], help="JSON, or @FILE with it, to merge into the result")
    p.add_argument("command", nargs="+")
    a = p.parse_args()
    c = config(a)
    for text in a.merge:
        if text.startswith("@"):
            with open(text[1:], encoding="utf-8") as f:
                text = f.read()
        merge(c, json.loads(text))
    os.makedirs(a.bundle, exist_ok=True)
    with open(os.path.join(a.bundle, "config.json"), "w", encoding="utf-8") as f:
        json.dump(c, f, indent=2, sort_keys=True)


main()
