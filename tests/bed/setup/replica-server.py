#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""replica-server.py REPLICA WORLD

Serves REPLICA/www/HOST/PATH, by the Host header, over HTTPS and HTTP, and writes a line to the FIFO WORLD/ready when it
answers. WORLD/access.log has a line for each request: method, host, path, status, bytes, fault. A file below WORLD/www
takes the place of one of the replica.

Faults are lines of WORLD/faults: REGEX ACTION [TIMES], matched with HOST/PATH; the first one counts, for the first TIMES
requests (else always):
  404, 500, 503 ...   that status, with a page of HTML
  page                a page of HTML with status 200
  reset               the connection is reset
  hang                no answer
  trunc=BYTES         that many bytes of it, then the connection ends
  flip=OFFSET         one byte is another
  bit=OFFSET          one bit is another: a text may stay well-formed
  slow=BYTES          bytes a second
  cut                 the power is cut: every program of the world is killed
  evil                a key is replaced by one that nobody trusts
  expired             (any regex) the server's certificate is out of date"""
import hashlib
import http.server
import json
import os
import re
import signal
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse

replica, world = sys.argv[1:3]
places = [f"{world}/www", f"{replica}/www"]
counts, lock = {}, threading.Lock()
PAGE = b"<!DOCTYPE html>\n<html><head><title>Error</title></head><body>replica: no</body></html>\n"


def fault(url):
    try:
        lines = open(f"{world}/faults", encoding="utf-8").read().splitlines()
    except OSError:
        return ""
    for line in lines:
        f = line.split()
        if len(f) < 2 or f[1] == "expired" or not re.search(f[0], url):
            continue
        with lock:
            n = counts[line] = counts.get(line, 0) + 1
        if len(f) == 2 or n <= int(f[2]):
            return f[1]
    return ""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self, code, size, what=""):
        with lock, open(f"{world}/access.log", "a", encoding="utf-8") as f:
            f.write(f"{self.command} {self.host} {self.path} {code} {size} {what}\n")

    def answer(self, code, body, kind="text/html", **headers):
        self.send_response(code)
        for name, value in (("Content-Length", len(body)), ("Content-Type", kind), *headers.items()):
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def send(self, code, body, *rest, **headers):
        self.answer(code, body, *rest, **headers)
        if self.command != "HEAD":
            self.wfile.write(body)
        self.note(code, len(body))

    def find(self):
        """The file: that of the whole query, where there is one, else of the path."""
        for name in (self.path, self.path.split("?")[0]):
            name = os.path.normpath("/" + urllib.parse.unquote(name))
            for place in places:
                if os.path.isfile(f"{place}/{self.host}{name}"):
                    return f"{place}/{self.host}{name}"
        return None

    def broken(self, action):
        """True: the fault was all of the answer."""
        if action == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
        elif action == "cut":
            self.note(0, 0, action)
            os.kill(-1, signal.SIGKILL)
            return True
        elif action == "hang":
            time.sleep(600)
        elif action == "page":
            self.send(200, PAGE)
        elif action.isdigit():
            self.send(int(action), PAGE)
        else:
            return False
        self.note(0, 0, action)
        return True

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        self.host = (self.headers.get("Host") or "none").split(":")[0]
        action = fault(self.host + self.path)
        if self.broken(action):
            return
        if self.path == "/v2/" and os.path.isdir(f"{replica}/www/{self.host}/v2"):
            self.send(200, b"")
            return
        name = self.find()
        if not name:
            self.send(404, PAGE)
            return
        with open(f"{replica}/keys/evil.asc" if action == "evil" else name, "rb") as f:
            data = f.read()
        self.give(name, data, action)

    def give(self, name, data, action):
        when = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(int(os.stat(name).st_mtime)))
        if self.headers.get("If-Modified-Since") == when and not action:
            self.send(304, b"")
            return
        if action.startswith(("flip=", "bit=")):
            o = int(action.split("=")[1]) % max(len(data), 1)
            data = data[:o] + bytes([data[o] ^ (0xff if action.startswith("flip=") else 1)]) + data[o + 1:]
        headers, code, total = {"Last_Modified": when, "Accept_Ranges": "bytes"}, 200, len(data)
        kind = "application/octet-stream"
        if "/manifests/" in name:
            headers["Docker_Content_Digest"] = "sha256:" + hashlib.sha256(data).hexdigest()
            kind = json.loads(data).get("mediaType", "application/json")
        m = re.match(r"bytes=(\d+)-(\d*)$", self.headers.get("Range") or "")
        if m and int(m[1]) < total:
            start, end = int(m[1]), min(int(m[2]) + 1 if m[2] else total, total)
            data, code = data[start:end], 206
            headers["Content_Range"] = f"bytes {start}-{end - 1}/{total}"
        self.answer(code, data, kind, **headers)
        if self.command == "HEAD":
            self.note(code, 0)
            return
        self.body(data, action)
        self.note(code, len(data), action)

    def body(self, data, action):
        if action.startswith("trunc="):
            data = data[:int(action[6:])]
            self.close_connection = True
        step = max(int(action[5:]) // 10, 1) if action.startswith("slow=") else len(data) or 1
        try:
            for i in range(0, len(data), step):
                self.wfile.write(data[i:i + step])
                if step < len(data):
                    time.sleep(.1)
        except OSError:
            self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass


class SecureServer(Server):
    def finish_request(self, request, client_address):
        request.settimeout(60)
        try:
            request = context().wrap_socket(request, server_side=True)
        except (OSError, ssl.SSLError):
            return
        super().finish_request(request, client_address)


def context():
    try:
        expired = " expired" in open(f"{world}/faults", encoding="utf-8").read()
    except OSError:
        expired = False
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    name = f"{replica}/keys/{'expired' if expired else 'server'}"
    made.load_cert_chain(name + ".pem", name + ".key")
    return made


plain, secure = Server(("", 80), Handler), SecureServer(("", 443), Handler)
threading.Thread(target=plain.serve_forever, daemon=True).start()
with open(f"{world}/ready", "w", encoding="utf-8") as f:
    f.write("ready\n")
secure.serve_forever()
