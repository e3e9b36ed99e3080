# SPDX-License-Identifier: Apache-2.0
"""Test keys and signatures in OpenPGP's form (RFC 4880, RSA and SHA-256), a thousand times faster than a gpg for each.

Only what repositories need: a certificate with one user, signatures of bytes and of text. The clients that check
them are the real gpg, sqv and rpm."""
import base64
import hashlib
import struct
import subprocess
import time

SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")
MADE = 1704067200  # 2024-01-01, so that the same numbers give the same fingerprint


def der_integers(pem):
    """The integers of an RSA private key: version, n, e, d, p, q, dp, dq, qinv."""
    der = base64.b64decode("".join(pem.split("-----")[2].split()))

    def length(at):
        n = der[at]
        if n < 128:
            return n, at + 1
        return int.from_bytes(der[at + 1:at + 1 + (n & 127)], "big"), at + 1 + (n & 127)

    _, at = length(1)
    found = []
    while at < len(der):
        n, at = length(at + 1)
        found.append(int.from_bytes(der[at:at + n], "big"))
        at += n
    return found


def mpi(n):
    return struct.pack(">H", n.bit_length()) + n.to_bytes((n.bit_length() + 7) // 8, "big")


def packet(tag, body):
    return bytes([0x80 | tag << 2 | 2]) + struct.pack(">I", len(body)) + body


def subpacket(kind, body):
    return bytes([len(body) + 1, kind]) + body


def armor(kind, data, extra=""):
    crc = 0xB704CE
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1864CFB
    text = base64.b64encode(data).decode()
    lines = "\n".join(text[i:i + 64] for i in range(0, len(text), 64))
    check = base64.b64encode((crc & 0xFFFFFF).to_bytes(3, "big")).decode()
    return f"-----BEGIN PGP {kind}-----\n{extra}\n{lines}\n={check}\n-----END PGP {kind}-----\n"


class Key:
    def __init__(self, name):
        pem = subprocess.run(["openssl", "genrsa", "-traditional", "2048"], check=True, capture_output=True,
                             text=True).stdout
        _, self.n, self.e, self.d, self.p, self.q, self.dp, self.dq, self.qinv = der_integers(pem)
        self.body = b"\4" + struct.pack(">IB", MADE, 1) + mpi(self.n) + mpi(self.e)
        self.frame = b"\x99" + struct.pack(">H", len(self.body)) + self.body
        self.print = hashlib.sha1(self.frame).digest()
        self.user = f"dlenv test {name} <{name}@test.invalid>".encode()
        certified = self.frame + b"\xb4" + struct.pack(">I", len(self.user)) + self.user
        own = self.signature(certified, 0x13, subpacket(27, b"\3") + subpacket(11, b"\x09") + subpacket(21, b"\x08"),
                             MADE)
        self.public = packet(6, self.body) + packet(13, self.user) + own

    @property
    def fingerprint(self):
        return self.print.hex().upper()

    def asc(self):
        return armor("PUBLIC KEY BLOCK", self.public)

    def signature(self, data, kind=0, more=b"", when=None):
        """A signature packet: kind 0 of bytes, 1 of text, 0x13 of a user of one's own."""
        hashed = subpacket(2, struct.pack(">I", int(when or time.time()))) + subpacket(33, b"\4" + self.print) + more
        head = bytes([4, kind, 1, 8]) + struct.pack(">H", len(hashed)) + hashed
        digest = hashlib.sha256(data + head + b"\4\xff" + struct.pack(">I", len(head))).digest()
        size = (self.n.bit_length() + 7) // 8
        block = SHA256_PREFIX + digest
        m = int.from_bytes(b"\0\1" + b"\xff" * (size - 3 - len(block)) + b"\0" + block, "big")
        a, b = pow(m % self.p, self.dp, self.p), pow(m % self.q, self.dq, self.q)
        s = b + self.q * ((a - b) * self.qinv % self.p)
        issuer = subpacket(16, self.print[-8:])
        return packet(2, head + struct.pack(">H", len(issuer)) + issuer + digest[:2] + mpi(s))

    def detached(self, data):
        return armor("SIGNATURE", self.signature(data))

    def clearsigned(self, text):
        lines = [line.rstrip(" \t") for line in text.rstrip("\n").split("\n")]
        signed = self.signature("\r\n".join(lines).encode(), 1)
        shown = "\n".join("- " + line if line.startswith("-") else line for line in lines)
        return f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{shown}\n" + armor("SIGNATURE", signed)
