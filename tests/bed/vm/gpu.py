# SPDX-License-Identifier: Apache-2.0
"""tests/bed/vm/gpu.py SOCKET [DEVICE]: a PCI device with NVIDIA's identity (2684: an RTX 4090) for QEMU 10.1 and later, which asks for it
by the vfio-user protocol: -device '{"driver":"vfio-user-pci","socket":{"type":"unix","path":"SOCKET"}}'. It has ids, a class and
memory regions, enough for the bus and a driver's probe, and nothing else."""
import json
import os
import socket
import struct
import sys

REGISTERS, CONFIG = 0, 7
SIZES = {REGISTERS: 16 << 20, 1: 256 << 20, 3: 32 << 20, CONFIG: 256}
VERSION, DMA_MAP, DMA_UNMAP, DEVICE_INFO, REGION_INFO, IRQ_INFO, SET_IRQS, READ, WRITE, RESET = 1, 2, 3, 4, 5, 7, 8, 9, 10, 13
REPLY, ERROR, NO_REPLY, NOT_SUPPORTED = 1, 0x20, 0x10, 95
INTERRUPTS = 2  # INTx and MSI


def config(device):
    c = bytearray(256)
    struct.pack_into("<HHHHB", c, 0, 0x10de, device, 0, 0x10, 0xa1)
    c[9:12] = bytes([0, 0, 3])                               # a VGA controller
    struct.pack_into("<IIII", c, 0x10, 0, 0xc, 0, 0xc)       # BAR 0: 32 bits, 1 and 3: 64 bits, prefetchable
    struct.pack_into("<HH", c, 0x2c, 0x10de, 0x1234)
    c[0x34], c[0x3d] = 0x60, 1
    c[0x60:0x68] = bytes([0x01, 0x68, 0x03, 0, 8, 0, 0, 0])  # power management
    c[0x68:0x70] = bytes([0x05, 0x78, 0x80, 0, 0, 0, 0, 0])  # MSI
    struct.pack_into("<BBHIHH", c, 0x78, 0x10, 0, 2, 0x8fe0, 0x2930, 0)  # PCI Express
    struct.pack_into("<IHH", c, 0x84, 0xd04, 0x40, 0x1101)
    return c


class Device:
    def __init__(self, device):
        self.config = config(device)

    def read(self, region, at, n):
        return bytes(self.config[at:at + n]).ljust(n, b"\0") if region == CONFIG else bytes(n)

    def write(self, region, at, data):
        if region == CONFIG and 4 <= at < 6:  # the command register; regions are QEMU's to place
            self.config[at:at + len(data)] = data

    def answer(self, command, body):
        """The reply's body, or None: not supported."""
        if command == VERSION:
            can = {"max_msg_fds": 8, "max_data_xfer_size": 1 << 20, "pgsizes": 4096, "max_dma_maps": 65535}
            return body[:4] + json.dumps({"capabilities": can}).encode() + b"\0"
        if command == DEVICE_INFO:
            return struct.pack("<IIII", 16, 3, 9, 5)
        if command == REGION_INFO:
            index = struct.unpack_from("<I", body, 8)[0]
            size = SIZES.get(index, 0)
            return struct.pack("<IIIIQQ", 32, 3 if size else 0, index, 0, size, 0)
        if command == IRQ_INFO:
            index = struct.unpack_from("<I", body, 8)[0]
            return struct.pack("<IIII", 16, 9 if index < INTERRUPTS else 0, index, int(index < INTERRUPTS))
        if command in (READ, WRITE):
            at, region, n = struct.unpack_from("<QII", body)
            if command == READ:
                return body[:16] + self.read(region, at, n)
            self.write(region, at, body[16:16 + n])
            return body[:16]
        if command == DMA_UNMAP:
            return body[:24]
        return b"" if command in (DMA_MAP, SET_IRQS, RESET) else None


def take(connection, n):
    data = b""
    while len(data) < n:
        more, ancillary, _, _ = connection.recvmsg(n - len(data), 4096)
        for level, kind, fds in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                for fd in struct.unpack(f"{len(fds) // 4}i", fds[:len(fds) // 4 * 4]):
                    os.close(fd)
        if not more:
            raise EOFError
        data += more
    return data


def serve(connection, device):
    while True:
        number, command, size, flags, _ = struct.unpack("<HHIII", take(connection, 16))
        body = device.answer(command, take(connection, size - 16))
        if flags & NO_REPLY:
            continue
        error, body = (NOT_SUPPORTED, b"") if body is None else (0, body)
        connection.sendall(struct.pack("<HHIII", number, command, 16 + len(body), REPLY | (ERROR if error else 0), error) + body)


def main():
    path = sys.argv[1]
    device = int(sys.argv[2] if len(sys.argv) > 2 else "2684", 16)
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path + ".new")
        s.listen(1)
        os.rename(path + ".new", path)  # whoever sees it can connect
        while True:  # each start of the machine is a new connection
            connection, _ = s.accept()
            try:
                serve(connection, Device(device))
            except (EOFError, OSError):
                connection.close()


main()
