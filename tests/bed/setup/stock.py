# SPDX-License-Identifier: Apache-2.0
"""What the replica has in stock: the packages of vendors and distributions, as far as a set-up asks for them. Names,
relations and outward behaviour are those of the real ones; what is inside is not."""
import os
import struct
import subprocess
import tempfile
from functools import lru_cache

from packages import Package

K = "k=$(cat /proc/sys/kernel/osrelease)\n"
LIB = {"deb": "/usr/lib/x86_64-linux-gnu", "rpm": "/usr/lib64"}


def module(version, opened, signer=""):
    """nvidia.ko as far as modinfo reads it: an object with .modinfo, and the signer's name where it is signed elsewhere."""
    info = b"\0".join(s.encode() for s in (
        f"version={version}", f"license={'Dual MIT/GPL' if opened else 'NVIDIA'}", "description=test stand-in",
        "alias=pci:v000010DEd*sv*sd*bc03sc00i00*", "name=nvidia")) + b"\0"
    names = b"\0.modinfo\0.shstrtab\0"
    head = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, 64 + len(info) + len(names), 0, 64, 0,
                                                      0, 64, 3, 2)

    def section(name, kind, offset, size):
        return struct.pack("<IIQQQQIIQQ", name, kind, 2 if kind == 1 else 0, 0, offset, size, 0, 0, 1, 0)

    made = head + info + names + bytes(64) + section(1, 1, 64, len(info)) + section(10, 3, 64 + len(info), len(names))
    return made + (elsewhere(signer) if signer else b"")


@lru_cache(maxsize=None)
def elsewhere(signer):
    """What a vendor's signature looks like: that of another file, since only its maker's name is looked at."""
    with tempfile.TemporaryDirectory() as folder:
        for words in (("req", "-new", "-x509", "-nodes", "-newkey", "rsa:2048", "-batch", "-subj", f"/CN={signer}", "-keyout",
                       "key", "-out", "pem"),
                      ("cms", "-sign", "-binary", "-noattr", "-nocerts", "-md", "sha256", "-outform", "DER", "-signer", "pem",
                       "-inkey", "key", "-in", "pem", "-out", "p7")):
            subprocess.run(("openssl",) + words, check=True, cwd=folder, stderr=subprocess.DEVNULL)
        with open(f"{folder}/p7", "rb") as f:
            made = f.read()
    return made + b"\0\0\2\0\0\0\0\0" + struct.pack(">I", len(made)) + b"~Module signature appended~\n"


# Appends a signature as the kernel has them; modinfo shows whose it is.
SIGN = r'''sign_module() { # sign_module KEY CERTIFICATE(DER) MODULE
	openssl x509 -inform DER -in "$2" -out "$3.pem"
	openssl cms -sign -binary -noattr -nocerts -md sha256 -outform DER -signer "$3.pem" -inkey "$1" -in "$3" -out "$3.p7"
	n=$(stat -c %s "$3.p7")
	cat "$3.p7" >>"$3"
	printf '\0\0\2\0\0\0\0\0' >>"$3"
	printf "$(printf '\\%03o\\%03o\\%03o\\%03o' $((n >> 24)) $((n >> 16 & 255)) $((n >> 8 & 255)) $((n & 255)))" >>"$3"
	printf '~Module signature appended~\n' >>"$3"
	rm -f "$3.p7" "$3.pem"
}
'''
MAKE_KEY = '''make_key() { # make_key KEY CERTIFICATE NAME
	[ ! -e "$2" ] || return 0
	mkdir -p "${1%/*}" "${2%/*}"
	openssl req -new -x509 -nodes -newkey rsa:2048 -days 36500 -batch -subj "/CN=$3" -outform DER -out "$2" -keyout "$1" 2>/dev/null
	chmod 600 "$1"
}
'''

DKMS = "#!/bin/sh\n# dkms, outwardly: builds need headers, and are signed with a key that is made for it.\nset -e\n" + SIGN + \
    MAKE_KEY + '''d=/var/lib/dkms
k=$(cat /proc/sys/kernel/osrelease)
mok() { make_key $d/mok.key $d/mok.pub "DKMS module signing key"; }
install_one() { # install_one NAME-VERSION
	if [ ! -e "/lib/modules/$k/build/Makefile" ]; then
		echo "Error! Your kernel headers for kernel $k cannot be found at /lib/modules/$k/build or /lib/modules/$k/source." >&2
		return 21
	fi
	mok
	mkdir -p "/lib/modules/$k/updates/dkms" "$d/${1%-*}/${1##*-}/$k/x86_64"
	cp "/usr/src/$1/nvidia.ko" "/lib/modules/$k/updates/dkms/nvidia.ko"
	sign_module $d/mok.key $d/mok.pub "/lib/modules/$k/updates/dkms/nvidia.ko"
	depmod "$k"
}
case $1 in
generate_mok) mok ;;
install | autoinstall)
	for s in /usr/src/*/dkms.conf; do [ ! -e "$s" ] || install_one "$(basename "${s%/dkms.conf}")"; done ;;
remove)
	rm -rf "/lib/modules/$k/updates/dkms/nvidia.ko" "$d/nvidia"
	rmdir "/lib/modules/$k/updates/dkms" "/lib/modules/$k/updates" 2>/dev/null || true
	depmod "$k" ;;
status)
	for s in $d/nvidia/*; do [ ! -d "$s" ] || echo "nvidia/${s##*/}, $k, x86_64: installed"; done ;;
esac
'''

AKMODS = "#!/bin/sh\n# akmods, outwardly: builds what akmod packages left, and signs it where there is a key.\nset -e\n" + SIGN + '''k=$(cat /proc/sys/kernel/osrelease)
[ -e "/lib/modules/$k/build/Makefile" ] || { echo "akmods: no kernel-devel for $k" >&2; exit 1; }
for s in /usr/src/akmods/nvidia*/nvidia.ko; do
	[ -e "$s" ] || continue
	to=/lib/modules/$k/extra/nvidia
	mkdir -p "$to"
	cp "$s" "$to/nvidia.ko.new"
	p=/etc/pki/akmods
	[ ! -e $p/certs/public_key.der ] || sign_module $p/private/private_key.priv $p/certs/public_key.der "$to/nvidia.ko.new"
	mv "$to/nvidia.ko.new" "$to/nvidia.ko"
	depmod "$k"
done
'''
KMODGENCA = "#!/bin/sh\n# kmodgenca, outwardly: keeps a key that is there.\nset -e\n" + MAKE_KEY + '''p=/etc/pki/akmods
if [ -e $p/certs/public_key.der ]; then echo "kmodgenca: there is a key pair already"; exit 0; fi
n=$(hostname 2>/dev/null || echo test)-1
make_key "$p/private/$n.priv" "$p/certs/$n.der" "$n"
ln -sf "$p/certs/$n.der" $p/certs/public_key.der
ln -sf "$p/private/$n.priv" $p/private/private_key.priv
'''

SMI = '''#!/bin/sh
# nvidia-smi, outwardly: GPUs where the driver is loaded and as new as this.
v=$(sed -n 's/^NVRM version: .*  \\([0-9.]*\\)  .*/\\1/p' /proc/driver/nvidia/version 2>/dev/null)
if [ -z "$v" ]; then
	echo "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running."
	exit 9
fi
[ "$v" = %VERSION% ] || { echo "Failed to initialize NVML: Driver/library version mismatch"; exit 18; }
i=0
for f in /proc/driver/nvidia/gpus/*/information; do
	echo "GPU $i: $(sed -n 's/^Model:[ \t]*//p' $f) (UUID: $(sed -n 's/^GPU UUID:[ \t]*//p' $f))"
	i=$((i + 1))
done
'''
BLACKLIST = {"/usr/lib/modprobe.d/nvidia.conf": "blacklist nouveau\noptions nouveau modeset=0\n"}


@lru_cache(maxsize=None)
def library(name):
    """An empty library, or the one of NAME.c; its version is in the file's name alone."""
    source_ = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}.c")
    with tempfile.TemporaryDirectory() as folder:
        words = [source_] if os.path.exists(source_) else ["-nostdlib", "-x", "c", "/dev/null"]
        subprocess.run(["cc", "-D_GNU_SOURCE", "-Os", "-s", "-shared", "-fPIC", f"-Wl,-soname,{name}.so.1", "-Wl,-z,noseparate-code", "-o",
                        f"{folder}/out", *words], check=True)
        with open(f"{folder}/out", "rb") as f:
            return f.read()


LIBRARIES = ("libcuda", "libnvidia-ml", "libnvidia-ptxjitcompiler")


def userland(form, version):
    lib = LIB[form]
    files = {f"{lib}/{n}.so.{version}": library(n) for n in LIBRARIES}
    files.update({f"{lib}/{n}.so.1": ("->", f"{n}.so.{version}") for n in LIBRARIES})
    files["/usr/bin/nvidia-smi"] = (0o755, SMI.replace("%VERSION%", version))
    return files


def source(version, opened, folder="nvidia-%s"):
    folder = folder % version if "%" in folder else folder
    return {f"/usr/src/{folder}/dkms.conf": 'PACKAGE_NAME="nvidia"\n',
            f"/usr/src/{folder}/nvidia.ko": module(version, opened)}


def dkms_package(name, version, release, opened, **more):
    """A driver's source for dkms. As the real ones, it is installed also where nothing can be built."""
    return Package(name, version, release, files={**source(version, opened), **more.pop("files", {})},
                   post="dkms autoinstall || echo 'no module was built' >&2\n", preun="dkms remove\n", **more)


ENGINE = '''#!/bin/sh
# %NAME%, outwardly, with a daemon that has some images: GPUs are given where they are described and the engine was told.
s=/run/dlenv-%NAME%-images
has_gpu() { grep -qs nvidia.com/gpu /etc/cdi/* /var/run/cdi/* && { [ %NAME% = podman ] || grep -qs nvidia /etc/docker/daemon.json; }; }
image() { echo "$1" | tr / _; }
[ "$1" != --host ] || shift 2
case "$1 $2" in
"--version "* | "version "* | "-v "*) echo "%SAYS%" ;;
"info "*) ;;
"image inspect") for i; do :; done; [ -e $s/$(image "$i") ] || { echo "Error: No such image: $i" >&2; exit 1; } ;;
"image rm") rm -f $s/$(image "$3") ;;
"pull "*) for i; do :; done; mkdir -p -m 1777 $s && : >$s/$(image "$i") ;;
"run "*)
	case " $* " in
	*" --gpus all "* | *" --device nvidia.com/gpu=all "*)
		has_gpu || { echo "could not select device driver \\"\\" with capabilities: [[gpu]]" >&2; exit 125; }
		nvidia-smi -L ;;
	*hello-world*) echo "Hello from Docker!" ;;
	*nvidia-smi*) echo "nvidia-smi: not found" >&2; exit 127 ;;
	esac ;;
esac
'''


def engine_program(name, says):
    return 0o755, ENGINE.replace("%NAME%", name).replace("%SAYS%", says)


# --- the toolkit -------------------------------------------------------------------------------------------------------

CTK = '''#!/bin/sh
case $1 in
--version | -v) echo "NVIDIA Container Toolkit CLI version %VERSION%" ;;
cdi)
	case $2 in
	list) grep -hs "name: all" /var/run/cdi/nvidia.yaml >/dev/null && echo "nvidia.com/gpu=all" ;;
	generate)
		[ -e /proc/driver/nvidia/version ] || exit 1
		mkdir -p /var/run/cdi
		cat >/var/run/cdi/nvidia.yaml <<-SPEC
			cdiVersion: "%CDI%"
			kind: nvidia.com/gpu
			devices:
			- name: all
			  containerEdits:
			    deviceNodes:
			    - path: /dev/nvidia0
			containerEdits:
			  deviceNodes:
			  - path: /dev/nvidiactl
		SPEC
		;;
	esac ;;
runtime) echo "stand-in: configures nothing" ;;
esac
'''


@lru_cache(maxsize=None)  # made and signed once
def toolkit(version):
    v = f"{version}-1"
    unit = "[Unit]\nDescription=Refresh NVIDIA CDI specification file\n[Service]\nType=oneshot\nExecStart=/usr/bin/nvidia-ctk cdi generate\n"
    path = "[Unit]\nDescription=Refresh\n[Path]\nPathChanged=/lib/modules\n[Install]\nWantedBy=multi-user.target\n"
    base = {"/usr/bin/nvidia-ctk": (0o755, CTK.replace("%VERSION%", version).replace(
        "%CDI%", "0.5.0" if version == "1.18.2" else "0.7.0")),
            "/usr/bin/nvidia-cdi-hook": (0o755, "#!/bin/sh\nexit 0\n"),
            "/usr/bin/nvidia-container-runtime": (0o755, "#!/bin/sh\nexit 1\n"),
            "/etc/nvidia-container-toolkit/nvidia-cdi-refresh.env": "# options of the refresh\n",
            "/usr/lib/systemd/system/nvidia-cdi-refresh.service": unit,
            "/usr/lib/systemd/system/nvidia-cdi-refresh.path": path}
    return [Package("libnvidia-container1", version, section="utils"),
            Package("libnvidia-container-tools", version, requires=[f"libnvidia-container1 >= {v}"]),
            Package("nvidia-container-toolkit-base", version, files=base,
                    post="systemctl enable nvidia-cdi-refresh.path >/dev/null 2>&1 || true\nnvidia-ctk cdi generate || true\n",
                    preun="systemctl disable nvidia-cdi-refresh.path >/dev/null 2>&1 || true\n"),
            Package("nvidia-container-toolkit", version, requires=[f"nvidia-container-toolkit-base = {v}",
                                                                 f"libnvidia-container-tools = {v}"])]


# --- Docker --------------------------------------------------------------------------------------------------------------

def unit(program, more=""):
    return f"[Unit]\nDescription={program}\n[Service]\nExecStart=/usr/bin/{program}\n{more}[Install]\nWantedBy=multi-user.target\n"


def docker(form, os_id="", suite=""):
    deb = form == "deb"
    release = f"1~{os_id}.1~{suite}" if deb else "1"
    start = "systemctl enable docker.service containerd.service >/dev/null 2>&1 || true\n" if deb else ""
    stop = "systemctl disable docker.service containerd.service >/dev/null 2>&1 || true\n"
    group = "getent group docker >/dev/null || groupadd --system docker\n"
    version = "28.5.2"
    engine = {"/usr/bin/dockerd": (0o755, f"#!/bin/sh\necho 'Docker version {version}, build 1'\n"),
              "/usr/lib/systemd/system/docker.service": unit("dockerd"),
              "/usr/lib/systemd/system/docker.socket": "[Unit]\nDescription=Docker Socket\n[Socket]\nListenStream=/run/docker.sock\n[Install]\nWantedBy=sockets.target\n"}
    client = {"/usr/bin/docker": engine_program("docker", f"Docker version {version}, build 1")}
    rootless = {"/usr/bin/dockerd-rootless-setuptool.sh": (0o755, "#!/bin/sh\necho stand-in\n"),
                "/usr/bin/rootlesskit": (0o755, "#!/bin/sh\n")}
    with_ = {"conflicts": ["docker.io"], "obsoletes": ["docker.io"]} if deb else {"conflicts": ["docker-engine"]}
    runc = {"conflicts": ["containerd", "runc"], "obsoletes": ["containerd", "runc"],
            "provides": ["containerd", "runc"]} if deb else {"conflicts": ["runc"], "provides": ["containerd", "runc"]}
    return [
        Package("docker-ce", version, release, engine, epoch=5 if deb else 3, post=group + start, preun=stop,
                requires=["containerd.io >= 1.7", "docker-ce-cli"],
                recommends=["docker-buildx-plugin", "docker-compose-plugin", "docker-ce-rootless-extras"], **with_),
        Package("docker-ce-cli", version, release, client, epoch=5 if deb else 1),
        Package("containerd.io", "1.7.29", release,
                {"/usr/bin/containerd": (0o755, "#!/bin/sh\necho containerd github.com/containerd/containerd v1.7.29 1\n"),
                 "/usr/bin/runc": (0o755, "#!/bin/sh\necho runc version 1.3.3\n"),
                 "/usr/lib/systemd/system/containerd.service": unit("containerd"),
                 "/etc/containerd/config.toml": 'disabled_plugins = ["cri"]\n'}, **runc),
        Package("docker-buildx-plugin", "0.29.1", release), Package("docker-compose-plugin", "2.40.3", release),
        Package("docker-ce-rootless-extras", version, release, rootless, epoch=5 if deb else None),
        Package("docker-model-plugin", "0.1.44", release)]


# --- NVIDIA's CUDA repositories ----------------------------------------------------------------------------------------------

def cuda_branch(version, r, names, provides):
    """names: of the metapackages, the modules and the userland."""
    v = f"{version}-{r}"
    opened, closed, open_dkms, dkms_, cuda = names
    return [
        Package(cuda, version, r, {**userland("deb", version), **BLACKLIST}, requires=["nvidia-modprobe"], **provides),
        dkms_package(open_dkms, version, r, True, requires=["dkms"], conflicts=["nvidia-kernel"], provides=["nvidia-kernel"]),
        dkms_package(dkms_, version, r, False, requires=["dkms"], conflicts=["nvidia-kernel"], provides=["nvidia-kernel"]),
        Package(opened, version, r, requires=[f"{open_dkms} = {v}", f"{cuda} = {v}"]),
        Package(closed, version, r, requires=[f"{dkms_} = {v}", f"{cuda} = {v}"])]


@lru_cache(maxsize=None)
def cuda_debs(drivers):
    """Before 590 the branch is part of the names, from then on a package of preferences chooses it."""
    made, names = [Package("nvidia-driver-assistant", "0.20.0", arch="all")], (
        "nvidia-open", "cuda-drivers", "nvidia-kernel-open-dkms", "nvidia-kernel-dkms", "nvidia-driver-cuda")
    own = {"conflicts": ["nvidia-userland"], "provides": ["nvidia-userland"]}
    for branch, version in drivers:
        made += [Package("nvidia-modprobe", version, "1ubuntu1"), Package("nvidia-persistenced", version, "1ubuntu1")]
        made += cuda_branch(version, "1ubuntu1", names, own)
        if int(branch) < 590:
            made += cuda_branch(version, "1ubuntu1", (f"nvidia-open-{branch}", f"cuda-drivers-{branch}",
                                                      f"nvidia-dkms-{branch}-open", f"nvidia-dkms-{branch}",
                                                      f"nvidia-driver-cuda-{branch}"), own)
        pin = "".join(f"Package: {n}\nPin: version {branch}.*\nPin-Priority: 1001\n\n"
                      for n in (*names, "nvidia-modprobe", "nvidia-persistenced"))
        made.append(Package(f"nvidia-driver-pinning-{branch}", branch, "1", arch="all", provides=["nvidia-driver-pinning"],
                            conflicts=["nvidia-driver-pinning"],
                            files={f"/etc/apt/preferences.d/nvidia-driver-pinning-{branch}": pin}))
    return made


def cuda_keyring(name, key):
    url = f"https://developer.download.nvidia.com/compute/cuda/repos/{name}/x86_64/"
    ring = "/usr/share/keyrings/cuda-archive-keyring.gpg"
    return Package("cuda-keyring", "1.1", "1", arch="all", files={
        ring: key.public, f"/etc/apt/sources.list.d/cuda-{name}-x86_64.list": f"deb [signed-by={ring}] {url} /\n"})


@lru_cache(maxsize=None)
def cuda_rpms(drivers, streams):
    """(packages, the YAML of the module streams, or None)."""
    made, documents = [], []

    def stream(name, default, packages):
        rows = "".join(f"      - {p.name}-{p.epoch or 0}:{p.version}-{p.release}.x86_64\n" for p in packages)
        documents.append(f'---\ndocument: modulemd\nversion: 2\ndata:\n  name: nvidia-driver\n  stream: "{name}"\n'
                         "  version: 20251120000000\n  context: 4b5f1a2c\n  arch: x86_64\n  summary: driver\n"
                         "  description: driver\n  license:\n    module:\n      - MIT\n"
                         f"  profiles:\n    default:\n      rpms:\n        - {default}\n    ks:\n      rpms:\n"
                         f"        - {default}\n  artifacts:\n    rpms:\n{rows}...\n")

    for branch, version in drivers:
        r, v = "1", f"3:{version}-1"
        cuda = Package("nvidia-driver-cuda", version, r, {**userland("rpm", version), **BLACKLIST}, epoch=3,
                       requires=[f"nvidia-kmod = {v}"])
        desktop = Package("nvidia-driver", version, r, epoch=3, requires=[f"nvidia-kmod = {v}"])
        common = [cuda, desktop, Package("nvidia-persistenced", version, r, epoch=3),
                  Package("nvidia-modprobe", version, r, epoch=3)]
        both = []
        for kind, name, kmod in (("open", "nvidia-open", "kmod-nvidia-open-dkms"),
                                 ("dkms", "cuda-drivers", "kmod-nvidia-latest-dkms")):
            own = [dkms_package(kmod, version, r, kind == "open", epoch=3, requires=["dkms", "kernel-devel"],
                                provides=[f"nvidia-kmod = {v}"]),
                   Package(name, version, r, epoch=3, requires=[f"{kmod} = {v}", f"nvidia-driver-cuda = {v}",
                                                                f"nvidia-driver = {v}"])]
            if int(branch) < 590:
                own.append(Package(f"{name}-{branch}", version, r, epoch=3, requires=[f"{name} = {v}"]))
            both += own
            names = [f"{branch}-{kind}"]
            if (branch, version) == drivers[-1]:
                names.append({"open": "open-dkms", "dkms": "latest-dkms"}[kind])
            for n in names if streams else ():
                stream(n, name, common + own)
        later = str(int(branch) + 1)
        made += common + both + [
            Package(f"nvidia-driver-pinning-{branch}", branch, "1", arch="noarch", provides=["nvidia-driver-pinning"],
                    conflicts=[f"{n} {op}" for n in ("nvidia-driver-cuda", "nvidia-open", "cuda-drivers")
                               for op in (f">= 3:{later}", f"< 3:{branch}")])]
    return made, "".join(documents) or None


def cuda_folder(skin):
    release = skin["version"].split(".")[0]
    return {"fedora": f"fedora{release}", "rhel": f"rhel{release}", "rocky": f"rhel{release}", "almalinux": f"rhel{release}",
            "centos": f"rhel{release}", "sles": f"sles{release}" if release == "15" else "suse16",
            "opensuse-leap": "opensuse15" if release == "15" else "suse16",
            "opensuse-tumbleweed": "suse16"}.get(skin["id"], "")


# --- SUSE ----------------------------------------------------------------------------------------------------------------------

def kmp(name, version, kernels, opened, **more):
    """Prebuilt modules, for each kernel's folder as weak-modules would link them."""
    files = {f"/usr/lib/modules/{k}/updates/nvidia.ko": module(version, opened, "SUSE Linux Enterprise Secure Boot CA")
             for k in kernels}
    return Package(name, f"{version}_k6.4.0", "1.1", {**files, **BLACKLIST}, post=f"{K}depmod $k || true\n",
                   postun=f"{K}depmod $k || true\nrmdir /usr/lib/modules/* 2>/dev/null || true\n", provides=[f"{name}-module = {version}", f"nvidia-kmp = {version}"], **more)


def suse_userland(generation, version):
    libraries = Package(f"nvidia-compute-{generation}", version, "1", {
        k: v for k, v in userland("rpm", version).items() if "nvidia-smi" not in k})
    utils = Package(f"nvidia-compute-utils-{generation}", version, "1", {
        "/usr/bin/nvidia-smi": userland("rpm", version)["/usr/bin/nvidia-smi"]},
        requires=[f"nvidia-compute-{generation} = {version}"])
    return [libraries, utils, Package(f"nvidia-gl-{generation}", version), Package(f"nvidia-video-{generation}", version),
            Package(f"nvidia-userspace-meta-{generation}", version, requires=[f"nvidia-gl-{generation} = {version}"])]


def cuda_suse(drivers, kernels):
    made = []
    for branch, version in drivers:
        g = "G06" if int(branch) < 590 else "G07"
        made += suse_userland(g, version) + [
            Package("nvidia-persistenced", version),
            kmp(f"nvidia-open-driver-{g}-signed-cuda-kmp-default", version, kernels, True,
                conflicts=[f"nvidia-driver-{g}", f"nvidia-open-driver-{g}"]),
            dkms_package(f"nvidia-open-driver-{g}", version, "1", True, requires=["dkms"]),
            dkms_package(f"nvidia-driver-{g}", version, "1", False, requires=["dkms"]),
            Package("nvidia-open", version, requires=[f"nvidia-open-driver-{g} = {version}",
                                                      f"nvidia-compute-utils-{g} = {version}"]),
            Package("cuda-drivers", version, requires=[f"nvidia-driver-{g} = {version}",
                                                       f"nvidia-compute-utils-{g} = {version}"])]
    return made


def suse_graphics(newest, last, kernels):
    made = []
    for g, version, kinds in (("G07", newest, (True,)), ("G06", last, (True, False))):
        made += suse_userland(g, version) + [Package("nvidia-persistenced", version)]
        for opened in kinds:
            name = f"nvidia-open-driver-{g}-signed-kmp" if opened else f"nvidia-driver-{g}-kmp"
            made += [kmp(f"{name}-default", version, kernels, opened),
                     Package(f"{name}-meta", version, requires=[f"{name}-default", f"nvidia-compute-utils-{g} = {version}"])]
    return made


# --- RPM Fusion --------------------------------------------------------------------------------------------------------------------

def rpmfusion_release(channel, family, release, key):
    ring = f"/etc/pki/rpm-gpg/RPM-GPG-KEY-rpmfusion-{channel}-{family}-{release}"
    url = f"https://download1.rpmfusion.org/{channel}/{family}"
    main = f"{url}/releases/$releasever/Everything/$basearch/os/" if family == "fedora" else f"{url}/updates/{release}/$basearch/"

    def repo(name, base):
        return (f"[rpmfusion-{name}]\nname=RPM Fusion {name}\nbaseurl={base}\nenabled=1\ngpgcheck=1\nrepo_gpgcheck=0\n"
                f"gpgkey=file://{ring}\n")

    return (Package(f"rpmfusion-{channel}-release", str(release), "1", arch="noarch", files={
        ring: key.asc(), f"/etc/yum.repos.d/rpmfusion-{channel}.repo": repo(channel, main)}),
        Package(f"rpmfusion-{channel}-release-tainted", str(release), "1", arch="noarch", files={
            f"/etc/yum.repos.d/rpmfusion-{channel}-tainted.repo":
                repo(f"{channel}-tainted", f"{url}/tainted/{release}/$basearch/")},
            requires=[f"rpmfusion-{channel}-release"]))


def akmod(name, version, opened):
    """Built in the background after the installation, as the real ones are."""
    folder = f"akmods/{name.removeprefix('akmod-')}-kmod-{version}"
    return Package(name, version, "1", epoch=3, files=source(version, opened, folder), requires=["akmods", "kmodtool"],
                   post="(sleep 0.5; exec /usr/sbin/akmods) </dev/null >/dev/null 2>&1 &\n",
                   postun=f"{K}rm -rf /lib/modules/$k/extra/nvidia\nrmdir /lib/modules/$k/extra 2>/dev/null\n"
                          "depmod $k || true\n")


@lru_cache(maxsize=None)  # made and signed once
def rpmfusion(newest, last):
    made = []
    for version, infix in ((newest, ""), (last, "-580xx")):
        made += [akmod(f"akmod-nvidia{infix}", version, not infix),
                 Package(f"xorg-x11-drv-nvidia{infix}", version, epoch=3, files=BLACKLIST),
                 Package(f"xorg-x11-drv-nvidia{infix}-cuda", version, epoch=3, files=userland("rpm", version),
                         requires=[f"xorg-x11-drv-nvidia{infix}"])]
    return made


@lru_cache(maxsize=None)  # made and signed once
def rpmfusion_tainted(version):
    return [akmod("akmod-nvidia-open", version, True)]


# --- distributions -------------------------------------------------------------------------------------------------------------------

@lru_cache(maxsize=None)  # made and signed once
def dkms(form):
    return Package("dkms", "3.2.2", arch="all" if form == "deb" else "noarch", files={"/usr/sbin/dkms": (0o755, DKMS)},
                   requires=["openssl"] if form == "deb" else [])


def common(form, kernel):
    """What an archive has of the kernel that runs, and the tools around it."""
    headers = f"/usr/src/linux-headers-{kernel}"
    flavour = kernel.rsplit("-", 1)[1]
    return [
        Package(f"linux-headers-{kernel}", "1", files={f"{headers}/Makefile": "all:\n",
                                                       f"/usr/lib/modules/{kernel}/build": ("->", headers)}),
        Package(f"linux-headers-{flavour}", "1", requires=[f"linux-headers-{kernel}"]),
        Package(f"linux-image-{kernel}", "1"), dkms(form), Package("mokutil", "0.7.2", files={
            "/usr/bin/mokutil": (0o755, MOKUTIL)}), Package("shim-signed", "1.58", files={
                "/usr/sbin/update-secureboot-policy": (0o755, POLICY)}),
        Package("uidmap", "4.17.4", files={"/usr/bin/newuidmap": (0o4755, "#!/bin/sh\n"),
                                           "/usr/bin/newgidmap": (0o4755, "#!/bin/sh\n")}),
        Package("pciutils", "3.13.0"), Package("software-properties-common", "0.111", arch="all"),
        Package("apt-transport-https", "2.9", arch="all"), Package("gnupg2", "2.4", arch="all")]


PODMAN = {"12": "4.3.1", "13": "5.4.2", "11": "3.0.1", "22.04": "3.4.4", "24.04": "4.9.3", "26.04": "5.7.0", "fedora": "5.8.1",
          "8": "4.9.4", "9": "5.4.0", "10": "5.6.0", "15.6": "4.9.5", "15.7": "4.9.5", "16.0": "5.4.2"}


def program(name, version, path, says=None, **more):
    return Package(name, version, files={path: (0o755, f"#!/bin/sh\necho '{says or name + ' version ' + version}'\n")}, **more)


def common_more(form, release):
    podman = PODMAN.get(release, "5.7.0")
    return [Package("podman", podman, files={"/usr/bin/podman": engine_program("podman", f"podman version {podman}")},
                    recommends=["uidmap", "passt", "fuse-overlayfs"]),
            program("passt", "0.0~git20250503", "/usr/bin/pasta"), program("slirp4netns", "1.2.1", "/usr/bin/slirp4netns"),
            program("fuse-overlayfs", "1.14", "/usr/bin/fuse-overlayfs"), program("crun", "1.21", "/usr/bin/crun"),
            program("mmdebstrap", "1.5.7", "/usr/bin/mmdebstrap", arch="all"), Package("netavark", "1.14"),
            Package("aardvark-dns", "1.14"), Package("nftables", "1.1.3"), Package("debian-archive-keyring", "2025.1", arch="all"), Package("docker-doc", "26.1.5", arch="all"),
            Package("ubuntu-keyring", "2025.1", arch="all"),
            program("docker.io", "26.1.5", "/usr/sbin/dockerd", requires=["containerd", "runc"]),
            program("containerd", "1.7.24", "/usr/bin/containerd"), program("runc", "1.1.15", "/usr/bin/runc"),
            Package("docker-compose", "1.29.2", arch="all"), Package("podman-docker", podman, arch="all"),
            Package("dbus-user-session", "1.16"), Package("ubuntu-drivers-common", "0.10.5")]


def ubuntu_drivers(kernel, newest):
    """nvidia-driver-BRANCH[-server][-open], with modules that Canonical signed for the running kernel."""
    made = []
    for branch in ("470", "535", "550", "570", "580", "590", "595"):
        version, r = newest[branch], "0ubuntu1"
        v = f"{version}-{r}"
        for server in ("", "-server"):
            if server and branch in ("590",):
                continue
            b = branch + server
            made += [Package(f"nvidia-utils-{b}", version, r, {**userland("deb", version), **BLACKLIST},
                             provides=["nvidia-utils"], conflicts=["nvidia-utils"]),
                     Package(f"libnvidia-compute-{b}", version, r), Package(f"nvidia-firmware-{b}", version, r)]
            for opened in ("", "-open"):
                if opened and branch == "470":
                    continue
                ko = {f"/usr/lib/modules/{kernel}/kernel/nvidia-{b}{opened}/nvidia.ko":
                      module(version, bool(opened), "Canonical Ltd. Kernel Module Signing")}
                depmod = f"depmod {kernel} || true\n"
                provides = {"provides": [f"nvidia-dkms-{b}{opened}"]}
                made += [
                    Package(f"linux-modules-nvidia-{b}{opened}-{kernel}", version, r, ko, post=depmod, postun=depmod, **provides),
                    Package(f"linux-modules-nvidia-{b}{opened}-generic", version, r,
                            requires=[f"linux-modules-nvidia-{b}{opened}-{kernel}"]),
                    dkms_package(f"nvidia-dkms-{b}{opened}", version, r, bool(opened), requires=["dkms"]),
                    Package(f"nvidia-headless-no-dkms-{b}{opened}", version, r, requires=[f"libnvidia-compute-{b} = {v}"]),
                    Package(f"nvidia-headless-{b}{opened}", version, r, requires=[f"nvidia-headless-no-dkms-{b}{opened}",
                                                                                 f"nvidia-dkms-{b}{opened}"]),
                    Package(f"nvidia-driver-{b}{opened}", version, r,
                            requires=[f"nvidia-dkms-{b}{opened}", f"nvidia-utils-{b} = {v}", f"libnvidia-compute-{b}"])]
    return made


def debian_drivers(release):
    made = []
    for name, version, last in (("nvidia", {"11": "470.256.02", "12": "535.261.03"}.get(release, "550.163.01"), True),
                                ("nvidia-tesla-470", "470.256.02", False), ("nvidia-tesla-535", "535.261.03", False)):
        r, v = "1", f"{version}-1"
        made += [
            dkms_package(f"{name}-kernel-dkms", version, r, False, requires=["dkms"], provides=[f"{name}-kernel = {v}"],
                         conflicts=[f"{name}-open-kernel-dkms"]),
            Package(f"{name}-smi", version, r, {"/usr/bin/nvidia-smi": userland("deb", version)["/usr/bin/nvidia-smi"]}),
            Package(f"lib{name}-cuda1" if "tesla" in name else "libcuda1", version, r, {
                k: f for k, f in userland("deb", version).items() if "nvidia-smi" not in k}),
            Package(f"{name}-driver", version, r, BLACKLIST, requires=[
                f"{name}-kernel-dkms (= {v}) | {name}-open-kernel-dkms (= {v})"], recommends=[f"{name}-smi"])]
        if "470" not in version:
            made.append(dkms_package(f"{name}-open-kernel-dkms", version, r, True, requires=["dkms"],
                                     conflicts=[f"{name}-kernel-dkms"], provides=[f"{name}-kernel = {v}"]))
    return made + [Package("nvidia-detect", "550.163.01"), Package("nvidia-modprobe", "550.163.01"),
                   Package("nvidia-persistenced", "550.163.01")]


def debian_firmware():
    return [Package("firmware-nvidia-gsp", "550.163.01"), Package("firmware-misc-nonfree", "20250410")]


MOKUTIL = '''#!/bin/sh
# mokutil, outwardly, on the variables of the world's firmware.
e=/sys/firmware/efi/efivars
shim=605dab50-e046-4300-abb6-3dd810dd8b23
[ -d $e ] || { echo "EFI variables are not supported on this system" >&2; exit 1; }
case $1 in
--sb-state)
	if [ "$(od -An -tu1 -j4 $e/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c 2>/dev/null | tr -d ' ')" = 1 ]; then
		echo "SecureBoot enabled"
	else
		echo "SecureBoot disabled"
	fi ;;
--import)
	[ -e "$2" ] || { echo "Failed to open $2" >&2; exit 255; }
	if grep -qaF "$(sha1sum <"$2")" $e/MokListRT-$shim 2>/dev/null; then
		echo "SKIP: $2 is already enrolled"
		exit 0
	fi
	case " $* " in *" --hash-file "* | *" --root-pw "* | *" -P "*) ;; *)
		printf 'input password: ' && read -r a && printf '\\ninput password again: ' && read -r b && echo
		[ "$a" = "$b" ] && [ -n "$a" ] || { echo "Password doesn't match" >&2; exit 255; } ;;
	esac
	sha1sum <"$2" >$e/MokNew-$shim
	echo >$e/MokAuth-$shim ;;
--test-key)
	[ -e "$2" ] || { echo "Failed to open $2" >&2; exit 255; }
	if grep -qaF "$(sha1sum <"$2")" $e/MokListRT-$shim 2>/dev/null; then
		echo "$2 is already enrolled"; exit 1
	elif grep -qaF "$(sha1sum <"$2")" $e/MokNew-$shim 2>/dev/null; then
		echo "$2 is already in the enrollment request"; exit 1
	fi
	echo "$2 is not enrolled" ;;
--list-new) [ ! -e $e/MokNew-$shim ] || { echo "[key 1]"; cat $e/MokNew-$shim; } ;;
--list-enrolled) [ ! -e $e/MokListRT-$shim ] || { echo "[key 1]"; cat $e/MokListRT-$shim; } ;;
--revoke-import) rm -f $e/MokNew-$shim $e/MokAuth-$shim ;;
--delete) sha1sum <"$2" >$e/MokDel-$shim ;;
--timeout) ;;
*) echo "mokutil: what is $1?" >&2; exit 1 ;;
esac
'''
POLICY = "#!/bin/sh\nset -e\n" + MAKE_KEY + '''case $1 in
--new-key) make_key /var/lib/shim-signed/mok/MOK.priv /var/lib/shim-signed/mok/MOK.der "Secure Boot Module Signature key" ;;
--enroll-key) mokutil --import /var/lib/shim-signed/mok/MOK.der ;;
esac
'''


def kernel_rpms(kernel):
    version, rest = kernel.removesuffix(".x86_64").split("-", 1)
    tree = f"/usr/src/kernels/{kernel}"
    devel = Package("kernel-devel", version, rest, {f"{tree}/Makefile": "all:\n"},
                    post=f"[ -e /lib/modules/{kernel}/build ] || ln -s {tree} /lib/modules/{kernel}/build\n",
                    postun=f"rm -f /lib/modules/{kernel}/build\n")
    return [devel, Package("kernel-devel-matched", version, rest, requires=[f"kernel-devel = {version}-{rest}"]),
            Package("kernel-headers", version, rest), Package("kernel-core", version, rest), Package("kernel", version, rest)]


def rpm_common(skin):
    podman = PODMAN["fedora"] if skin["id"] == "fedora" else PODMAN[skin["version"].split(".")[0]]
    return kernel_rpms(skin["kernel"]) + rpm_tools(podman)


@lru_cache(maxsize=None)
def rpm_tools(podman):
    return [
        Package("podman", podman, epoch=5, files={"/usr/bin/podman": engine_program("podman", f"podman version {podman}")}), program("passt", "0^20250919", "/usr/bin/pasta"),
        program("slirp4netns", "1.3.1", "/usr/bin/slirp4netns"), program("fuse-overlayfs", "1.14", "/usr/bin/fuse-overlayfs"),
        program("crun", "1.21", "/usr/bin/crun"), program("runc", "1.2.5", "/usr/bin/runc"),
        Package("mokutil", "0.7.2", epoch=2, files={"/usr/bin/mokutil": (0o755, MOKUTIL)}),
        Package("openssl", "3.5.1", epoch=1), Package("shadow-utils", "4.17.4", epoch=2, files={
            "/usr/bin/newuidmap": (0o4755, "#!/bin/sh\n"), "/usr/bin/newgidmap": (0o4755, "#!/bin/sh\n")}),
        Package("dnf-plugins-core", "4.9.0"), Package("dnf5-plugins", "5.2.16"), Package("pciutils", "3.13.0"),
        Package("python3-dnf-plugin-versionlock", "4.9.0"), Package("gnupg2", "2.4.8"), Package("ca-certificates", "2025.2"),
        Package("curl", "8.15.0"), Package("docker-engine", "1.0"), Package("docker-common", "1.13.1"),
        Package("container-selinux", "2.240.0", epoch=4), Package("dracut", "107"), Package("grubby", "8.40")]


@lru_cache(maxsize=None)  # made and signed once
def builders():
    akmods = {"/usr/sbin/akmods": (0o755, AKMODS), "/usr/sbin/kmodgenca": (0o755, KMODGENCA)}
    return [Package("akmods", "0.6.0", files=akmods, requires=["kmodtool", "kernel-devel"]),
            program("kmodtool", "1.1", "/usr/bin/kmodtool"), dkms("rpm")]


def distro_base(release, provides=()):
    """The rpm database of a Debian root is empty: what packages ask of any system."""
    return Package("distro-base", release, provides=["/bin/sh", "/usr/bin/sh", "systemd", "rpmlib(x)", *provides])


def rpm_distribution(skin, epel_key):
    """{repository: packages}, for rpm_base; EPEL has a key of its own."""
    release = skin["version"].split(".")[0]
    extra = [program("mmdebstrap", "1.5.7", "/usr/bin/mmdebstrap", arch="noarch")]
    if skin["id"] == "fedora":
        own = Package("fedora-release", release, provides=[f"system-release = {release}-1",
                                                           f"system-release(releasever) = {release}"])
        return {"fedora": [distro_base(release), own] + rpm_common(skin) + builders() + extra}
    own = Package(f"{skin['id']}-release", skin["version"], provides=[
        f"system-release = {skin['version']}-1", f"system-release(releasever) = {release}"])
    epel = Package("epel-release", release, "1", arch="noarch", files={
        "/etc/yum.repos.d/epel.repo": f"[epel]\nname=Extra Packages for Enterprise Linux {release}\nenabled=1\ngpgcheck=1\n"
        f"baseurl=https://dl.fedoraproject.org/pub/epel/{release}/Everything/$basearch/\n"
        f"gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-EPEL-{release}\n",
        f"/etc/pki/rpm-gpg/RPM-GPG-KEY-EPEL-{release}": epel_key.asc()})
    return {"baseos": [distro_base(release), own] + rpm_common(skin), "appstream": [epel], "crb": [Package("ninja-build", "1.11")],
            "epel": [epel] + builders() + extra}


def rpm_base(skin, repo):
    """Host and path of a repository."""
    release, os_id = skin["version"].split(".")[0], skin["id"]
    if os_id == "fedora":
        return f"dl.fedoraproject.org/pub/fedora/linux/releases/{release}/Everything/x86_64/os"
    if repo == "epel":
        return f"dl.fedoraproject.org/pub/epel/{release}/Everything/x86_64"
    top = {"rocky": f"dl.rockylinux.org/pub/rocky/{release}", "almalinux": f"repo.almalinux.org/almalinux/{release}",
           "centos": f"mirror.stream.centos.org/{release}-stream",
           "rhel": f"cdn.redhat.com/content/dist/rhel{release}/{release}"}[os_id]
    return f"{top}/{repo}/x86_64/os"


def suse_base(skin):
    if skin["id"] == "sles":
        return f"updates.suse.com/SUSE/Products/SLE-Product-SLES/{skin['version']}/x86_64/product"
    if skin["id"] == "opensuse-tumbleweed":
        return "download.opensuse.org/tumbleweed/repo/oss"
    return f"download.opensuse.org/distribution/leap/{skin['version']}/repo/oss"


def suse_distribution(skin):
    kernel = skin["kernel"]
    version, release, flavour = kernel.split("-")
    tree = f"/usr/src/linux-{version}-{release}-obj"
    podman = PODMAN.get(skin["version"], "5.7.0")
    name = "Tumbleweed" if "tumbleweed" in skin["id"] else "Leap"
    devel = Package(f"kernel-{flavour}-devel", version, release, {
        f"{tree}/Makefile": "all:\n", f"/usr/lib/modules/{kernel}/build": ("->", tree)})
    return [distro_base("15"), devel, Package("kernel-devel", version, release), Package("kernel-macros", version, release),
            Package(f"kernel-{flavour}", version, release), Package("podman", podman, files={"/usr/bin/podman": engine_program("podman", f"podman version {podman}")}),
            Package("docker", "28.5.1", files={
                "/usr/bin/dockerd": (0o755, "#!/bin/sh\n"), "/usr/bin/docker": engine_program("docker", "Docker version 28.5.1-ce, build 1"),
                "/usr/lib/systemd/system/docker.service": unit("dockerd")}, requires=["containerd", "runc"],
                post="getent group docker >/dev/null || groupadd --system docker\n",
                preun="systemctl disable docker.service >/dev/null 2>&1 || true\n"),
            Package("containerd", "1.7.29", files={"/usr/bin/containerd": (0o755, "#!/bin/sh\n"),
                                                   "/usr/lib/systemd/system/containerd.service": unit("containerd")}),
            program("runc", "1.3.3", "/usr/bin/runc"), Package("docker-rootless-extras", "28.5.1"),
            Package("docker-buildx", "0.29.1"), Package("docker-compose", "2.40.3"), Package("ca-certificates-mozilla", "2.74"),
            program("passt", "20250503", "/usr/bin/pasta"), program("slirp4netns", "1.3.1", "/usr/bin/slirp4netns"),
            program("fuse-overlayfs", "1.14", "/usr/bin/fuse-overlayfs"), program("crun", "1.21", "/usr/bin/crun"),
            program("mmdebstrap", "1.5.7", "/usr/bin/mmdebstrap", arch="noarch"), dkms("rpm"),
            Package("mokutil", "0.7.2", files={"/usr/bin/mokutil": (0o755, MOKUTIL)}), Package("openssl", "3.5.0"),
            Package("shadow", "4.17.4", files={"/usr/bin/newuidmap": (0o4755, "#!/bin/sh\n"),
                                               "/usr/bin/newgidmap": (0o4755, "#!/bin/sh\n")}),
            Package("gpg2", "2.4.4"), Package("curl", "8.6.0"), Package("ca-certificates", "2"), Package("dracut", "059"),
            Package(f"openSUSE-repos-{name}-NVIDIA", "1", files={
                "/etc/zypp/repos.d/nvidia.repo": "[repo-non-free]\nname=NVIDIA\nenabled=1\nautorefresh=1\ngpgcheck=1\nbaseurl="
                f"https://download.nvidia.com/opensuse/{'tumbleweed' if name == 'Tumbleweed' else 'leap/' + skin['version']}\n"})]
