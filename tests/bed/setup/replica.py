#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""replica.py OUT

Writes what the vendors and distributions serve, as far as a set-up asks for it: OUT/www/HOST/PATH, signed with test keys
(OUT/keys; with an authority and server certificates, one of them out of date), OUT/hosts for /etc/hosts, and
OUT/keys.tsv, which takes the place of the project's table of fingerprints.

How this works: packages are stand-ins whose maintainer scripts do outwardly what the real ones do: a kernel module lies
where it belongs when there are headers to build it with, a group is made, a unit lies there. Distributions,
directories, branches and keys come from data/*.tsv, kernels from skins.tsv."""
import os
import shutil
import subprocess
import sys

import stock
from openpgp import Key
from packages import deb_flat, deb_suite, put, rpm, rpm_repo

HERE = os.path.dirname(os.path.abspath(__file__))


def table(path):
    rows = [line.rstrip("\n").split("\t") for line in open(path, encoding="utf-8") if not line.startswith("#")]
    return [dict(zip(rows[0], row + [""] * (len(rows[0]) - len(row)))) for row in rows[1:]]


class Replica:
    def __init__(self, out):
        self.out, self.www = out, f"{out}/www"
        self.data = os.path.join(HERE, "../../../data")
        self.skins = table(f"{HERE}/skins.tsv")
        self.keys = {}

    def key(self, name):
        if name not in self.keys:
            self.keys[name] = Key(name)
            put(f"{self.out}/keys/{name}.asc", self.keys[name].asc())
            put(f"{self.out}/keys/{name}.fpr", self.keys[name].fingerprint + "\n")
        return self.keys[name]

    def kernels(self, *ids):
        return [s["kernel"] for s in self.skins if s["id"] in ids]

    # --- keys and certificates -------------------------------------------------------------------------------

    def signer(self, row):
        """The test key that stands for a row of keys.tsv: the same one where the true one is the same."""
        name = row["id"]
        if name.startswith("cuda-"):
            return "cuda-" + os.path.basename(row["url"]).split(".")[0].lower()
        if name.startswith("rpmfusion-"):
            return "-".join(name.split("-")[:3])
        return name

    def write_keys(self):
        rows = table(f"{self.data}/keys.tsv")
        lines = ["id\turl\tfingerprint\tsource\tnote"]
        for row in rows:
            key = self.key(self.signer(row))
            pinned = row["fingerprint"]
            # As much as the true table knows: all, the end, or nothing.
            pinned = key.fingerprint[-len(pinned):] if pinned else ""
            lines.append("\t".join((row["id"], row["url"], pinned, "the test bed", "")))
            for os_id in ("ubuntu", "debian") if row["id"] == "docker-deb" else \
                    ("fedora", "centos", "rhel", "rocky", "sles") if row["id"] == "docker-rpm" else ("",):
                host, path = row["url"].replace("/OS/", f"/{os_id}/").removeprefix("https://").split("/", 1)
                put(f"{self.www}/{host}/{path}", key.asc())
        put(f"{self.out}/keys.tsv", "\n".join(lines) + "\n")
        self.key("evil")

    def write_certificates(self):
        hosts = sorted(os.listdir(self.www)) + ["mirror.invalid"]
        put(f"{self.out}/hosts", "".join(f"127.0.0.1 {h}\n" for h in hosts))
        folder = f"{self.out}/keys"
        names = ",".join("DNS:" + h for h in hosts)

        def openssl(*words):
            subprocess.run(("openssl",) + words, check=True, cwd=folder, stderr=subprocess.DEVNULL)

        ec = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        openssl("req", "-x509", *ec, "-keyout", "ca.key", "-out", "ca.pem", "-days", "3650", "-subj", "/CN=dlenv test CA",
                "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
        put(f"{folder}/extensions", f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
        put(f"{folder}/ca.conf", "[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\nnew_certs_dir=.\n"
            "default_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n")
        put(f"{folder}/index", "")
        put(f"{folder}/serial", "01\n")
        for name, dates in (("server", ("20240101000000Z", "20440101000000Z")),
                            ("expired", ("20240101000000Z", "20240201000000Z"))):
            openssl("req", *ec, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=replica")
            openssl("ca", "-batch", "-notext", "-config", "ca.conf", "-in", f"{name}.csr", "-cert", "ca.pem", "-keyfile",
                    "ca.key", "-out", f"{name}.pem", "-extfile", "extensions", "-startdate", dates[0], "-enddate", dates[1])

    # --- vendors ---------------------------------------------------------------------------------------------------

    def toolkit(self):
        top, key = f"{self.www}/nvidia.github.io/libnvidia-container", self.key("nvidia-container-toolkit")
        for channel, versions in (("stable", ("1.18.2", "1.19.1", "1.20.0")), ("experimental", ("1.21.0~rc.1",))):
            packages = [p for v in versions for p in stock.toolkit(v)]
            deb_flat(f"{top}/{channel}/deb/amd64", key, packages, "nvidia")
            rpm_repo(f"{top}/{channel}/rpm/x86_64", packages, None, key)
        url = "https://nvidia.github.io/libnvidia-container"
        put(f"{top}/stable/deb/nvidia-container-toolkit.list",
            f"deb {url}/stable/deb/$(ARCH) /\n#deb {url}/experimental/deb/$(ARCH) /\n")
        put(f"{top}/stable/rpm/nvidia-container-toolkit.repo",
            f"[nvidia-container-toolkit]\nname=nvidia-container-toolkit\nbaseurl={url}/stable/rpm/$basearch\n"
            f"repo_gpgcheck=1\ngpgcheck=0\nenabled=1\ngpgkey={url}/gpgkey\nsslverify=1\n"
            "sslcacert=/etc/pki/tls/certs/ca-bundle.crt\n")

    def docker(self):
        top = f"{self.www}/download.docker.com/linux"
        for os_id, suites in (("ubuntu", ("focal", "jammy", "noble", "questing", "resolute")),
                              ("debian", ("bullseye", "bookworm", "trixie"))):
            for suite in suites:
                deb_suite(f"{top}/{os_id}", suite, self.key("docker-deb"), {"stable": stock.docker("deb", os_id, suite)},
                          "Docker")
        packages = stock.docker("rpm")
        for os_id, releases in (("fedora", range(39, 45)), ("centos", (8, 9, 10)), ("rhel", (8, 9, 10)),
                                ("rocky", (8, 9, 10))):
            for release in releases:
                rpm_repo(f"{top}/{os_id}/{release}/x86_64/stable", packages, self.key("docker-rpm"))
            put(f"{top}/{os_id}/docker-ce.repo",
                "[docker-ce-stable]\nname=Docker CE Stable - $basearch\nenabled=1\ngpgcheck=1\n"
                f"baseurl=https://download.docker.com/linux/{os_id}/$releasever/$basearch/stable\n"
                f"gpgkey=https://download.docker.com/linux/{os_id}/gpg\n")

    def cuda(self):
        """Each directory that the tables name, with the three branches that are alive."""
        top = f"{self.www}/developer.download.nvidia.com/compute/cuda/repos"
        signers = {r["id"].removeprefix("cuda-"): self.signer(r) for r in table(f"{self.data}/keys.tsv")
                   if r["id"].startswith("cuda-")}
        newest = {r["branch"]: r["newest"] for r in table(f"{self.data}/branches.tsv")}
        for name in sorted({r["cuda_repo_dir"] for r in table(f"{self.data}/distros.tsv")} - {"", "wsl-ubuntu"}):
            key, folder = self.key(signers[name]), f"{top}/{name}/x86_64"
            branches = ["470", "535", "550"] if name in ("ubuntu1804", "debian11") else \
                ["570", "575"] if name == "fedora39" else ["580", "590", "595", "610"]
            drivers = tuple((b, newest[b]) for b in branches)
            if name.startswith(("ubuntu", "debian")):
                keyring = stock.cuda_keyring(name, key)
                deb_flat(folder, key, stock.cuda_debs(drivers) + [keyring] + stock.toolkit("1.20.0"), "NVIDIA")
                continue
            kernels = [s["kernel"] for s in self.skins if stock.cuda_folder(s) == name]
            if "suse" in name or "sles" in name:
                packages, modules = stock.cuda_suse(drivers, kernels), None
            else:
                packages, modules = stock.cuda_rpms(drivers, streams=name in ("rhel8", "rhel9"))
            rpm_repo(folder, packages + stock.toolkit("1.20.0"), key, key, modules)
            put(f"{folder}/cuda-{name}.repo",
                f"[cuda-{name}-x86_64]\nname=cuda-{name}-x86_64\nenabled=1\ngpgcheck=1\n"
                f"baseurl=https://developer.download.nvidia.com/compute/cuda/repos/{name}/x86_64\n"
                f"gpgkey=https://developer.download.nvidia.com/compute/cuda/repos/{name}/x86_64/"
                f"{signers[name].removeprefix('cuda-').upper()}.pub\n")

    def rpmfusion(self):
        newest = {r["branch"]: r["newest"] for r in table(f"{self.data}/branches.tsv")}
        for family, releases in (("fedora", range(39, 45)), ("el", (8, 9, 10))):
            for release in releases:
                for channel in ("free", "nonfree"):
                    key = self.key(f"rpmfusion-{channel}-{family}")
                    top = f"{self.www}/download1.rpmfusion.org/{channel}/{family}"
                    os_ = f"{top}/releases/{release}/Everything/x86_64/os" if family == "fedora" else \
                        f"{top}/updates/{release}/x86_64"
                    releases_, tainted = stock.rpmfusion_release(channel, family, release, key)
                    packages = stock.rpmfusion(newest["595"], newest["580"]) if channel == "nonfree" else []
                    rpm_repo(os_, [releases_, tainted] + packages, key)
                    if family == "fedora":
                        rpm_repo(f"{top}/updates/{release}/x86_64", [], key)
                    opened = stock.rpmfusion_tainted(newest["595"]) if channel == "nonfree" else []
                    rpm_repo(f"{top}/tainted/{release}/x86_64", opened, key)
                    for host in ("mirrors.rpmfusion.org", "download1.rpmfusion.org"):
                        put(f"{self.www}/{host}/{channel}/{family}/rpmfusion-{channel}-release-{release}.noarch.rpm",
                            rpm(releases_, key)[0])

    def suse_graphics(self):
        newest = {r["branch"]: r["newest"] for r in table(f"{self.data}/branches.tsv")}
        top, key = f"{self.www}/download.nvidia.com", self.key("suse-graphics")
        for path, ids in (("opensuse/leap/15.5", ()), ("opensuse/leap/15.6", ("opensuse-leap-15.6",)),
                          ("opensuse/leap/16.0", ("opensuse-leap-16.0",)), ("opensuse/leap/16.1", ()),
                          ("opensuse/tumbleweed", ("opensuse-tumbleweed",)), ("suse/sle15sp6", ()),
                          ("suse/sle15sp7", ("sles-15.7",)), ("suse/sle16", ())):
            kernels = [s["kernel"] for s in self.skins if s["skin"] in ids]
            rpm_repo(f"{top}/{path}", stock.suse_graphics(newest["595"], newest["580"], kernels), key, key)

    # --- distributions -----------------------------------------------------------------------------------------------

    def archives(self):
        newest = {r["branch"]: r["newest"] for r in table(f"{self.data}/branches.tsv")}
        key = self.key("distro")
        for skin in self.skins:
            if skin["id"] == "ubuntu":
                deb_suite(f"{self.www}/archive.ubuntu.com/ubuntu", skin["codename"], key,
                          {"main": stock.common("deb", skin["kernel"]),
                           "restricted": stock.ubuntu_drivers(skin["kernel"], newest),
                           "universe": stock.common_more("deb", skin["version"]), "multiverse": []}, "Ubuntu")
            elif skin["id"] == "debian" and skin["skin"] != "debian-13-bare":
                deb_suite(f"{self.www}/ftp.debian.org/debian", skin["codename"], key,
                          {"main": stock.common("deb", skin["kernel"]) + stock.common_more("deb", skin["version"]),
                           "contrib": [], "non-free": stock.debian_drivers(skin["version"]),
                           "non-free-firmware": stock.debian_firmware()}, "Debian")
            elif skin["root"] in ("dnf4", "dnf5"):
                release = skin["version"].split(".")[0]
                epel = None if skin["id"] == "fedora" else self.key(f"epel-{release}")
                for repo, packages in stock.rpm_distribution(skin, epel).items():
                    rpm_repo(f"{self.www}/{stock.rpm_base(skin, repo)}", packages, epel if repo == "epel" else key)
                    if repo == "epel":
                        put(f"{self.www}/dl.fedoraproject.org/pub/epel/epel-release-latest-{release}.noarch.rpm",
                            rpm(packages[0], epel)[0])
            elif skin["root"] == "zypp":
                rpm_repo(f"{self.www}/{stock.suse_base(skin)}", stock.suse_distribution(skin), key, key)


def main():
    out = os.path.abspath(sys.argv[1])
    shutil.rmtree(out, ignore_errors=True)
    r = Replica(out)
    r.write_keys()
    put(f"{out}/nouveau.ko", stock.module("1.0", True))
    for part in (r.toolkit, r.docker, r.cuda, r.rpmfusion, r.suse_graphics, r.archives):
        part()
    r.write_certificates()


if __name__ == "__main__":
    main()
