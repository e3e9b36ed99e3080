# SPDX-License-Identifier: Apache-2.0
"""Packages and repositories for the replica: .deb, .rpm, and the indexes of apt, dnf and zypper, written directly.

A package is described once (Package) and can become either. No dpkg-deb, rpmbuild or createrepo is started: a replica of
hundreds of packages takes a second or two. That what is written is right, the real clients say."""
import gzip
import hashlib
import io
import os
import re
import stat
import struct
import tarfile
import time
from xml.sax.saxutils import escape, quoteattr

NOW = int(time.time())


# Folders that are there on any system, and belong to no package of ours.
SYSTEM = {"/boot", "/etc", "/usr", "/usr/bin", "/usr/lib", "/usr/lib64", "/usr/sbin", "/usr/share", "/usr/src", "/var", "/var/lib",
          "/etc/apt", "/etc/apt/preferences.d", "/etc/apt/sources.list.d", "/etc/pki", "/etc/pki/rpm-gpg", "/etc/yum.repos.d",
          "/etc/zypp", "/etc/zypp/repos.d", "/usr/lib/modprobe.d", "/usr/lib/modules", "/usr/lib/systemd",
          "/usr/lib/systemd/system", "/usr/lib/x86_64-linux-gnu", "/usr/share/keyrings"}


class Package:
    """files: {path: text or bytes, or (mode, text or bytes), or ("->", target)}. Relations are lists of "name", "name OP
    version" with OP one of = >= <= > <. Scripts are shell: post, preun, postun."""

    def __init__(self, name, version, release="1", files=None, arch=None, **more):
        self.name, self.version, self.release, self.arch = name, version, release, arch
        self.files = files or {f"/usr/share/{name}/stub": f"{name} {version}\n"}
        self.epoch = more.pop("epoch", None)
        self.requires, self.recommends = more.pop("requires", []), more.pop("recommends", [])
        self.conflicts, self.provides = more.pop("conflicts", []), more.pop("provides", [])
        self.obsoletes = more.pop("obsoletes", [])
        self.post, self.preun, self.postun = more.pop("post", ""), more.pop("preun", ""), more.pop("postun", "")
        self.section = more.pop("section", None)
        self.module = more.pop("module", None)  # NAME:STREAM:VERSION:CONTEXT of dnf's module streams
        assert not more, more
        if any(".so." in f for f in self.files):  # as libc's triggers do
            self.post, self.postun = "ldconfig\n" + self.post, "ldconfig\n" + self.postun
        self.cache = {}

    def entries(self):
        """Path, mode, contents (or the target of a link), of folders too."""
        folders = set()
        for path in self.files:
            for i, c in enumerate(path):
                if c == "/" and i and path[:i] not in SYSTEM and not re.match(r"/usr/lib/modules/[^/]+(/kernel)?$", path[:i]):
                    folders.add(path[:i])
        for path in sorted(folders):
            yield path, stat.S_IFDIR | 0o755, b""
        for path, what in sorted(self.files.items()):
            if isinstance(what, tuple) and what[0] == "->":
                yield path, stat.S_IFLNK | 0o777, what[1].encode()
                continue
            mode, data = what if isinstance(what, tuple) else (0o644, what)
            yield path, stat.S_IFREG | mode, data.encode() if isinstance(data, str) else data

    def shown(self):
        return f"{self.epoch}:" * (self.epoch is not None) + f"{self.version}-{self.release}"


# --- Debian's form ---------------------------------------------------------------------------------------------

def deb_relation(r):
    if "|" in r:
        return r
    name, *rest = r.split(None, 1)
    if not rest:
        return name
    op, version = rest[0].split()
    return f"{name} ({ {'>': '>>', '<': '<<'}.get(op, op)} {version})"


def tar_of(entries):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path, mode, data in entries:
            t = tarfile.TarInfo("." + path)
            t.mode, t.mtime, t.uname, t.gname = stat.S_IMODE(mode), NOW, "root", "root"
            if stat.S_ISDIR(mode):
                t.type = tarfile.DIRTYPE
            elif stat.S_ISLNK(mode):
                t.type, t.linkname = tarfile.SYMTYPE, data.decode()
            else:
                t.size = len(data)
            tar.addfile(t, io.BytesIO(data) if t.size else None)
    return gzip.compress(raw.getvalue(), 1, mtime=0)


def deb(p):
    """(control fields, the file)."""
    if "deb" in p.cache:
        return p.cache["deb"]
    version = p.shown()
    fields = [("Package", p.name), ("Version", version), ("Architecture", p.arch or "amd64"),
              ("Maintainer", "dlenv test <t@test.invalid>")]
    if p.section:
        fields.append(("Section", p.section))
    for name, relations in (("Depends", p.requires), ("Recommends", p.recommends), ("Conflicts", p.conflicts),
                            ("Replaces", p.obsoletes), ("Provides", p.provides)):
        if relations:
            fields.append((name, ", ".join(map(deb_relation, relations))))
    fields.append(("Description", f"test stand-in for {p.name}"))
    control = "".join(f"{k}: {v}\n" for k, v in fields)
    parts = [("/control", stat.S_IFREG | 0o644, control.encode())]
    conffiles = [f for f in p.files if f.startswith("/etc/")]
    if conffiles:
        parts.append(("/conffiles", stat.S_IFREG | 0o644, "".join(f + "\n" for f in conffiles).encode()))
    for name, script, guard in (("postinst", p.post, '[ "$1" = configure ] || exit 0\n'),
                                ("prerm", p.preun, '[ "$1" = remove ] || exit 0\n'),
                                ("postrm", p.postun, '[ "$1" != upgrade ] || exit 0\n')):
        if script:
            parts.append(("/" + name, stat.S_IFREG | 0o755, f"#!/bin/sh\nset -e\n{guard}{script}".encode()))
    members = (("debian-binary", b"2.0\n"), ("control.tar.gz", tar_of(parts)), ("data.tar.gz", tar_of(p.entries())))
    data = b"!<arch>\n"
    for name, body in members:
        data += f"{name:<16}{NOW:<12}{0:<6}{0:<6}{100644:<8}{len(body):<10}`\n".encode() + body + b"\n" * (len(body) % 2)
    p.cache["deb"] = fields, data
    return p.cache["deb"]


def put(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data.encode() if isinstance(data, str) else data)


class Blobs:
    """Files that lie in many repositories are written once and linked."""
    made = {}

    @classmethod
    def put(cls, path, data):
        digest = hashlib.sha256(data).hexdigest()
        if os.path.exists(path):
            return digest
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if digest in cls.made:
            os.link(cls.made[digest], path)
        else:
            put(path, data)
            cls.made[digest] = path
        return digest


def deb_name(p):
    return f"{p.name}_{p.shown().split(':')[-1]}_{p.arch or 'amd64'}.deb"


def deb_index(top, pool, packages):
    text = []
    for p in packages:
        fields, data = deb(p)
        name = f"{pool}/{deb_name(p)}" if pool else deb_name(p)
        digest = Blobs.put(f"{top}/{name}", data)
        text.append("".join(f"{k}: {v}\n" for k, v in fields[:-1]) +
                    f"Filename: {'' if pool else './'}{name}\nSize: {len(data)}\nSHA256: {digest}\n"
                    f"{fields[-1][0]}: {fields[-1][1]}\n")
    return "\n".join(text)


def deb_release(folder, key, files, **fields):
    lines = [f"{k}: {v}" for k, v in fields.items()]
    lines.append("Date: " + time.strftime("%a, %d %b %Y %H:%M:%S UTC", time.gmtime(NOW)))
    lines.append("SHA256:")
    for name, data in files:
        put(f"{folder}/{name}", data)
        lines.append(f" {hashlib.sha256(data).hexdigest()} {len(data)} {name}")
    text = "\n".join(lines) + "\n"
    put(f"{folder}/Release", text)
    put(f"{folder}/InRelease", key.clearsigned(text))
    put(f"{folder}/Release.gpg", key.detached(text.encode()))


def with_gzip(name, text):
    return [(name, text.encode()), (name + ".gz", gzip.compress(text.encode(), 1, mtime=0))]


def deb_flat(folder, key, packages, origin):
    deb_release(folder, key, with_gzip("Packages", deb_index(folder, "", packages)), Origin=origin)


def deb_suite(top, suite, key, components, origin, **more):
    """components: {name: packages}. The pool is the suite's own, as Docker's is."""
    files = []
    for name, packages in components.items():
        files += with_gzip(f"{name}/binary-amd64/Packages", deb_index(top, f"pool/{suite}/{name}", packages))
    deb_release(f"{top}/dists/{suite}", key, files, Origin=origin, Label=origin, Suite=suite, Codename=suite,
                Architectures="amd64", Components=" ".join(components), **more)


# --- rpm's form -------------------------------------------------------------------------------------------------

SENSE = {"<": 2, ">": 4, "=": 8, "<=": 10, ">=": 12}


def rpm_relation(r):
    name, *rest = r.split(None, 1)
    op, version = rest[0].split() if rest else ("", "")
    return name, SENSE.get(op, 0), version


class Header:
    """A header structure: an index of tags before a store of values."""

    def __init__(self):
        self.tags = []

    def add(self, tag, kind, value):
        """kind: s string, S strings, i string with translations, h and l lists of numbers, b bytes."""
        if kind in "SShl" and not value:
            return
        if kind in "si":
            body, n = value.encode() + b"\0", 1
        elif kind == "S":
            body, n = b"".join(v.encode() + b"\0" for v in value), len(value)
        elif kind == "h":
            body, n = struct.pack(f">{len(value)}H", *value), len(value)
        elif kind == "l":
            body, n = struct.pack(f">{len(value)}I", *value), len(value)
        else:
            body, n = value, len(value)
        self.tags.append((tag, {"s": 6, "S": 8, "i": 9, "h": 3, "l": 4, "b": 7}[kind], n, body))

    def bytes(self, region):
        index, store = b"", b""
        for tag, kind, n, body in sorted(self.tags):
            align = {3: 2, 4: 4}.get(kind, 1)
            store += b"\0" * (-len(store) % align)
            index += struct.pack(">IIiI", tag, kind, len(store), n)
            store += body
        count = len(self.tags) + 1
        trailer = struct.pack(">IIiI", region, 7, -count * 16, 16)
        index = struct.pack(">IIiI", region, 7, len(store), 16) + index
        store += trailer
        return b"\x8e\xad\xe8\1\0\0\0\0" + struct.pack(">II", count, len(store)) + index + store


def cpio_of(entries):
    out = io.BytesIO()

    def member(name, mode, data, inode):
        name = name.encode() + b"\0"
        fields = (inode, mode, 0, 0, 1, NOW, len(data), 0, 0, 0, 0, len(name), 0)
        out.write(b"070701" + b"".join(b"%08x" % f for f in fields) + name)
        out.write(b"\0" * (-out.tell() % 4))
        out.write(data)
        out.write(b"\0" * (-out.tell() % 4))

    for i, (path, mode, data) in enumerate(entries):
        member("." + path, mode, b"" if stat.S_ISDIR(mode) else data, i + 1)
    member("TRAILER!!!", 0, b"", 0)
    return out.getvalue()


def rpm_header(p):
    entries = list(p.entries())
    raw = cpio_of(entries)
    payload = gzip.compress(raw, 1, mtime=0)
    h = Header()
    for tag, kind, value in (
            (1000, "s", p.name), (1001, "s", p.version), (1002, "s", p.release), (1004, "i", f"stand-in for {p.name}"),
            (1005, "i", "test"), (1006, "l", [NOW]), (1007, "s", "test.invalid"),
            (1009, "l", [sum(len(d) for _, _, d in entries)]), (1014, "s", "MIT"), (1016, "i", "Unspecified"),
            (1021, "s", "linux"), (1022, "s", p.arch or "x86_64"), (1044, "s", f"{p.name}-{p.version}-{p.release}.src.rpm"),
            (1064, "s", "4.18.0"), (1124, "s", "cpio"), (1125, "s", "gzip"), (1126, "s", "9"), (5011, "l", [8]),
            (5092, "S", [hashlib.sha256(payload).hexdigest()]), (5093, "l", [8]),
            (5097, "S", [hashlib.sha256(raw).hexdigest()])):
        h.add(tag, kind, value)
    h.add(100, "S", ["C"])
    if p.epoch is not None:
        h.add(1003, "l", [p.epoch])
    if p.module:
        h.add(5096, "s", p.module)
    own = f"{p.name} = {p.shown()}"
    for relations, names, flags, versions in (
            (p.requires + ["rpmlib(CompressedFileNames) <= 3.0.4-1", "rpmlib(PayloadFilesHavePrefix) <= 4.0-1"],
             1049, 1048, 1050), (p.provides + [own], 1047, 1112, 1113), (p.conflicts, 1054, 1053, 1055),
            (p.obsoletes, 1090, 1114, 1115), (p.recommends, 5046, 5048, 5047)):
        rows = [rpm_relation(r) for r in relations]
        h.add(names, "S", [r[0] for r in rows])
        h.add(flags, "l", [r[1] | (1 << 24 if r[0].startswith("rpmlib(") else 0) for r in rows])
        h.add(versions, "S", [r[2] for r in rows])
    for tag, program, script in ((1024, 1086, p.post), (1025, 1087, p.preun and "[ $1 = 0 ] || exit 0\n" + p.preun),
                                 (1026, 1088, p.postun and "[ $1 = 0 ] || exit 0\n" + p.postun)):
        if script:
            h.add(tag, "s", script)
            h.add(program, "s", "/bin/sh")
    rpm_files(h, entries)
    return h.bytes(63), payload, len(raw)


def rpm_files(h, entries):
    n = len(entries)
    folders = sorted({os.path.dirname(path).rstrip("/") + "/" for path, _, _ in entries})
    regular = [stat.S_ISREG(mode) for _, mode, _ in entries]
    h.add(1028, "l", [0 if stat.S_ISDIR(m) else len(d) for _, m, d in entries])
    h.add(1030, "h", [m for _, m, _ in entries])
    h.add(1033, "h", [0] * n)
    h.add(1034, "l", [NOW] * n)
    h.add(1035, "S", [hashlib.sha256(d).hexdigest() if r else "" for (_, _, d), r in zip(entries, regular)])
    h.add(1036, "S", [d.decode() if stat.S_ISLNK(m) else "" for _, m, d in entries])
    h.add(1037, "l", [1 if path.startswith("/etc/") and r else 0 for (path, _, _), r in zip(entries, regular)])
    h.add(1039, "S", ["root"] * n)
    h.add(1040, "S", ["root"] * n)
    h.add(1045, "l", [0xffffffff] * n)
    h.add(1095, "l", [1] * n)
    h.add(1096, "l", list(range(1, n + 1)))
    h.add(1097, "S", [""] * n)
    h.add(1116, "l", [folders.index(os.path.dirname(path).rstrip("/") + "/") for path, _, _ in entries])
    h.add(1117, "S", [os.path.basename(path) for path, _, _ in entries])
    h.add(1118, "S", folders)


def rpm(p, key):
    """The file, signed when there is a key, and where its header lies."""
    made = p.cache.setdefault("rpm", {})
    if key in made:
        return made[key]
    if "header" not in p.cache:
        p.cache["header"] = rpm_header(p)
    header, payload, size = p.cache["header"]
    s = Header()
    s.add(1000, "l", [len(header) + len(payload)])
    s.add(1004, "b", hashlib.md5(header + payload).digest())
    s.add(1007, "l", [size])
    s.add(269, "s", hashlib.sha1(header).hexdigest())
    s.add(273, "s", hashlib.sha256(header).hexdigest())
    if key:
        s.add(268, "b", key.signature(header))
    signature = s.bytes(62)
    signature += b"\0" * (-len(signature) % 8)
    name = f"{p.name}-{p.version}-{p.release}".encode()[:65]
    lead = b"\xed\xab\xee\xdb\3\0" + struct.pack(">hh66shh16x", 0, 1, name, 1, 5)
    start = len(lead) + len(signature)
    made[key] = lead + signature + header + payload, start, start + len(header)
    return made[key]


def rpm_name(p):
    return f"{p.name}-{p.version}-{p.release}.{p.arch or 'x86_64'}.rpm"


def xml_relations(tag, relations):
    names = {2: "LT", 4: "GT", 8: "EQ", 10: "LE", 12: "GE"}
    rows = []
    for name, sense, version in map(rpm_relation, relations):
        row = f"<rpm:entry name={quoteattr(name)}"
        if sense:
            epoch, rest = version.split(":", 1) if ":" in version else ("0", version)
            v, _, r = rest.partition("-")
            row += f' flags="{names[sense]}" epoch="{epoch}" ver={quoteattr(v)}' + (f" rel={quoteattr(r)}" if r else "")
        rows.append(row + "/>")
    return f"<rpm:{tag}>{''.join(rows)}</rpm:{tag}>" if rows else ""


def rpm_repo(folder, packages, key=None, metadata_key=None, modules=None):
    """key signs the packages, metadata_key repomd.xml. modules: YAML of dnf's streams."""
    primary, lists = [], []
    for p in packages:
        data, start, end = rpm(p, key)
        digest = Blobs.put(f"{folder}/{rpm_name(p)}", data)
        version = f'<version epoch="{p.epoch or 0}" ver={quoteattr(p.version)} rel={quoteattr(p.release)}/>'
        paths = [path for path, mode, _ in p.entries() if not stat.S_ISDIR(mode)]
        main = [f"<file>{escape(f)}</file>" for f in paths if re.match(r"/etc/|.*bin/|/usr/lib/sendmail$", f)]
        primary.append(
            f'<package type="rpm"><name>{escape(p.name)}</name><arch>{p.arch or "x86_64"}</arch>{version}'
            f'<checksum type="sha256" pkgid="YES">{digest}</checksum><summary>stand-in</summary><description>test'
            f'</description><packager/><url/><time file="{NOW}" build="{NOW}"/><size package="{len(data)}" '
            f'installed="1000" archive="1000"/><location href="{rpm_name(p)}"/><format><rpm:license>MIT</rpm:license>'
            f'<rpm:vendor/><rpm:group>Unspecified</rpm:group><rpm:buildhost>test.invalid</rpm:buildhost>'
            f'<rpm:sourcerpm>{escape(p.name)}-{p.version}-{p.release}.src.rpm</rpm:sourcerpm>'
            f'<rpm:header-range start="{start}" end="{end}"/>'
            + xml_relations("provides", p.provides + [f"{p.name} = {p.epoch or 0}:{p.version}-{p.release}"])
            + xml_relations("requires", p.requires) + xml_relations("conflicts", p.conflicts)
            + xml_relations("obsoletes", p.obsoletes) + xml_relations("recommends", p.recommends)
            + f'{"".join(main)}</format></package>')
        lists.append(f'<package pkgid="{digest}" name={quoteattr(p.name)} arch="{p.arch or "x86_64"}">{version}'
                     + "".join(f"<file>{escape(f)}</file>" for f in paths) + "</package>")
    xml = '<?xml version="1.0" encoding="UTF-8"?>\n'
    rpms = "http://linux.duke.edu/metadata/rpm"
    parts = [("primary", "primary.xml", f'{xml}<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="{rpms}" '
              f'packages="{len(packages)}">{"".join(primary)}</metadata>'),
             ("filelists", "filelists.xml", f'{xml}<filelists xmlns="http://linux.duke.edu/metadata/filelists" '
              f'packages="{len(packages)}">{"".join(lists)}</filelists>')]
    if modules:
        parts.append(("modules", "modules.yaml", modules))
    rows = []
    for kind, name, text in parts:
        packed = gzip.compress(text.encode(), 1, mtime=0)
        digest = hashlib.sha256(packed).hexdigest()
        put(f"{folder}/repodata/{digest}-{name}.gz", packed)
        rows.append(f'<data type="{kind}"><checksum type="sha256">{digest}</checksum><open-checksum type="sha256">'
                    f'{hashlib.sha256(text.encode()).hexdigest()}</open-checksum>'
                    f'<location href="repodata/{digest}-{name}.gz"/><timestamp>{NOW}</timestamp><size>{len(packed)}'
                    f'</size><open-size>{len(text.encode())}</open-size></data>')
    text = (f'{xml}<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="{rpms}"><revision>{NOW}</revision>'
            f'{"".join(rows)}</repomd>')
    put(f"{folder}/repodata/repomd.xml", text)
    if metadata_key:
        put(f"{folder}/repodata/repomd.xml.asc", metadata_key.detached(text.encode()))
        put(f"{folder}/repodata/repomd.xml.key", metadata_key.asc())
