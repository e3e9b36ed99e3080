# SPDX-License-Identifier: Apache-2.0
"""tests/bed/vm/archive.py ROOT: puts an archive of Debian with a driver whose module dkms can build into ROOT/srv/debian, its key,
and an entry of apt's sources that has only the component main yet."""
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "setup"))
import stock  # noqa: E402
from openpgp import Key  # noqa: E402
from packages import Package, deb_suite, put  # noqa: E402

VERSION = "550.163.01"


def source(flavour):
    files = {}
    for name in sorted(os.listdir(f"{here}/nvidia")):
        with open(f"{here}/nvidia/{name}", encoding="ascii") as f:
            files[f"/usr/src/nvidia-{VERSION}/{name}"] = f.read().replace("@VERSION@", VERSION).replace("@FLAVOUR@", flavour)
    return files


def dkms(name, flavour, other):
    return Package(name, VERSION, "1", source(flavour), requires=["dkms"], conflicts=[other], provides=[f"nvidia-kernel = {VERSION}-1"],
                   post=f"dkms add nvidia/{VERSION} || true\ndkms install nvidia/{VERSION}\n",
                   preun=f"dkms remove nvidia/{VERSION} --all || true\n")


def main():
    root = sys.argv[1]
    key = Key("archive")
    smi = {k: f for k, f in stock.userland("deb", VERSION).items() if k.endswith("nvidia-smi")}
    libraries = {k: f for k, f in stock.userland("deb", VERSION).items() if not k.endswith("nvidia-smi")}
    drivers = [
        dkms("nvidia-kernel-dkms", "x86_64 Kernel Module", "nvidia-open-kernel-dkms"),
        dkms("nvidia-open-kernel-dkms", "Open Kernel Module for x86_64", "nvidia-kernel-dkms"),
        Package("nvidia-driver", VERSION, "1", stock.BLACKLIST, requires=["nvidia-kernel-dkms | nvidia-open-kernel-dkms"]),
        Package("nvidia-smi", VERSION, "1", smi),
        Package("libcuda1", VERSION, "1", libraries),
        Package("nvidia-persistenced", VERSION, "1"),
    ]
    deb_suite(f"{root}/srv/debian", "trixie", key, {"main": [], "contrib": [], "non-free": drivers, "non-free-firmware": []}, "Debian")
    put(f"{root}/usr/share/keyrings/debian-archive-test.asc", key.asc())
    put(f"{root}/etc/apt/sources.list.d/debian.sources",
        "Types: deb\nURIs: file:/srv/debian\nSuites: trixie\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-test.asc\n")


main()
