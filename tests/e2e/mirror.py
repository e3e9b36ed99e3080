#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A proxy that misbehaves between apt and its mirror: mirror.py FAULT.

It passes requests on and prints its port. FAULT is read from that file at each request:
  none     pass everything on
  cut      break the connection off in the middle of every package
  forge    change a byte of each InRelease
  swap     change a byte of each package
"""
import http.server
import sys
import urllib.error
import urllib.request

FAULT = sys.argv[1]

# Not through ourselves.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Mirror(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        with open(FAULT) as file:
            fault = file.read().strip()
        request = urllib.request.Request(self.path)
        if "Range" in self.headers:
            request.add_header("Range", self.headers["Range"])
        try:
            answer = DIRECT.open(request, timeout=60)
        except urllib.error.HTTPError as error:
            self.send_response(error.code)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = answer.read()
        package = self.path.endswith(".deb")
        whole = len(body)
        if fault == "cut" and package:
            body = body[: whole // 2]
        if (fault == "forge" and self.path.endswith("/InRelease")) or (fault == "swap" and package):
            middle = whole // 2
            body = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
        self.send_response(answer.status)
        self.send_header("Content-Length", str(whole))
        for name in ("Last-Modified", "Content-Range"):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.end_headers()
        self.wfile.write(body)
        if len(body) != whole:
            self.close_connection = True

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
print(server.server_port, flush=True)
server.serve_forever()
