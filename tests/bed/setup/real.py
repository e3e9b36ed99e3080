#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""real.py OUT DEBS

A replica as replica.py's, for a machine that boots: podman and what it needs are Debian 13's own packages (DEBS/*.deb), and Docker's packages
have Debian's dockerd, docker, containerd and runc in them, under Docker's names. registry-1.docker.io has hello-world and ubuntu, whose only
program is real.c."""
import glob
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile

import stock
from packages import Package, deb_suite, put
from replica import Replica


class Deb:
    """A package as it is, for packages.py's indexes."""

    def __init__(self, path):
        text = subprocess.run(["dpkg-deb", "-f", path], check=True, capture_output=True, text=True).stdout
        self.fields = []
        for line in text.splitlines():
            if line[:1].isspace():
                self.fields[-1][1] += "\n" + line
            else:
                self.fields.append(line.split(": ", 1) if ": " in line else [line.rstrip(":"), ""])
        self.fields.sort(key=lambda f: f[0] == "Description")
        values = dict(self.fields)
        self.name, self.version, self.arch = values["Package"], values["Version"], values["Architecture"]
        with open(path, "rb") as f:
            self.cache = {"deb": (self.fields, f.read())}

    def shown(self):
        return self.version


def contents(path, places):
    """Files of a package that places maps to where they go: {a path there: a path here}."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dpkg-deb", "-x", path, folder], check=True)
        for here, there in places.items():
            with open(folder + here, "rb") as f:
                found[there] = (os.stat(folder + here).st_mode & 0o777, f.read())
    return found


def edited(files, path, *changes):
    mode, data = files[path]
    text = data.decode()
    for before, after in changes:
        assert before in text, (path, before)
        text = text.replace(before, after)
    files[path] = (mode, text)


def docker(debs):
    """Debian's engine under Docker's names and at Docker's version: what is asked of the packages is theirs, what runs is Debian's."""
    units = "/usr/lib/systemd/system"
    engine = contents(debs["docker.io"], {"/usr/sbin/dockerd": "/usr/bin/dockerd", "/usr/sbin/docker-proxy": "/usr/bin/docker-proxy",
                                          f"{units}/docker.service": f"{units}/docker.service",
                                          f"{units}/docker.socket": f"{units}/docker.socket"})
    edited(engine, f"{units}/docker.service", ("/usr/sbin/dockerd", "/usr/bin/dockerd"))
    client = contents(debs["docker-cli"], {"/usr/bin/docker": "/usr/bin/docker"})
    shim = "containerd-shim-runc-v2"
    runtime = contents(debs["containerd"], {"/usr/bin/containerd": "/usr/bin/containerd", f"/usr/bin/{shim}": f"/usr/bin/{shim}",
                                            f"{units}/containerd.service": f"{units}/containerd.service"})
    runtime.update(contents(debs["runc"], {"/usr/sbin/runc": "/usr/bin/runc"}))
    edited(runtime, f"{units}/containerd.service", ("ExecStartPre=-/sbin/modprobe overlay\n", ""))
    contrib = "/usr/share/docker.io/contrib"
    rootless = contents(debs["rootlesskit"], {f"/usr/bin/{name}": f"/usr/bin/{name}" for name in ("rootlesskit", "rootlesskit-docker-proxy")})
    rootless.update(contents(debs["docker.io"], {f"{contrib}/{name}": f"/usr/bin/{name}" for name in (
        "dockerd-rootless.sh", "dockerd-rootless-setuptool.sh")}))
    # Docker's own script does so from 28 on; Debian's is older.
    edited(rootless, "/usr/bin/dockerd-rootless.sh", ('\texec "$dockerd" "$@"', """\tfor dir in /etc/cdi /run/cdi; do
\t\t[ -L "$dir" ] || continue
\t\tis=$(realpath "$dir")
\t\trm -f "$dir"
\t\tmkdir "$dir"
\t\tmount --rbind "$is" "$dir"
\tdone
\texec "$dockerd" "$@\""""))
    true = {"docker-ce": engine, "docker-ce-cli": client, "containerd.io": runtime, "docker-ce-rootless-extras": rootless}
    packages = stock.docker("deb", "debian", "trixie")
    for p in packages:
        p.files = true.get(p.name, p.files)
        if p.name in true:
            p.requires = p.requires + {"docker-ce": ["iptables", "libsystemd0"]}.get(p.name, ["libc6"])
    return packages


def registry(www, program):
    """Images of one program, as a registry's answers."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for folder in ("usr", "usr/bin", "etc", "tmp", "proc", "sys", "dev"):
            t = tarfile.TarInfo(folder)
            t.type, t.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(t)
        t = tarfile.TarInfo("bin")
        t.type, t.linkname = tarfile.SYMTYPE, "usr/bin"
        tar.addfile(t)
        for name in ("hello", "usr/bin/sh"):
            t = tarfile.TarInfo(name)
            t.mode, t.size = 0o755, len(program)
            tar.addfile(t, io.BytesIO(program))
    layer = gzip.compress(raw.getvalue(), 6, mtime=0)

    def digest(data):
        return "sha256:" + hashlib.sha256(data).hexdigest()

    kind = "application/vnd.docker."
    for name, tag, command in (("library/hello-world", "latest", "/hello"), ("library/ubuntu", "latest", "/usr/bin/sh")):
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": [command], "Env": ["PATH=/usr/bin:/bin"]},
                             "rootfs": {"type": "layers", "diff_ids": [digest(raw.getvalue())]}}).encode()
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": kind + "distribution.manifest.v2+json",
            "config": {"mediaType": kind + "container.image.v1+json", "size": len(config), "digest": digest(config)},
            "layers": [{"mediaType": kind + "image.rootfs.diff.tar.gzip", "size": len(layer), "digest": digest(layer)}]}).encode()
        top = f"{www}/registry-1.docker.io/v2/{name}"
        put(f"{top}/manifests/{tag}", manifest)
        put(f"{top}/manifests/{digest(manifest)}", manifest)
        for data in (config, layer):
            put(f"{top}/blobs/{digest(data)}", data)


class Real(Replica):
    def make(self, folder):
        debs = {os.path.basename(d).split("_")[0]: d for d in glob.glob(f"{folder}/*.deb")}
        engine = ("docker.io", "docker-cli", "containerd", "runc", "rootlesskit")
        own = [Deb(path) for name, path in sorted(debs.items()) if name not in engine]
        names = {d.name for d in own}
        played = [p for p in stock.common("deb", "6.12.57+deb13-amd64") + stock.common_more("deb", "13") if p.name not in names]
        deb_suite(f"{self.www}/download.docker.com/linux/debian", "trixie", self.key("docker-deb"), {"stable": docker(debs)}, "Docker")
        deb_suite(f"{self.www}/ftp.debian.org/debian", "trixie", self.key("distro"),
                  {"main": own + played, "contrib": [], "non-free": stock.debian_drivers("13"),
                   "non-free-firmware": stock.debian_firmware()}, "Debian")
        self.toolkit()
        with open(f"{folder}/hello", "rb") as f:
            registry(self.www, f.read())


def main():
    r = Real(os.path.abspath(sys.argv[1]))
    r.write_keys()
    put(f"{r.out}/nouveau.ko", stock.module("1.0", True))
    r.make(sys.argv[2])
    r.write_certificates()


main()
