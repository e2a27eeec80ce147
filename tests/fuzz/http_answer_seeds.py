#!/usr/bin/env python3
"""Answers of HTTP as seeds for http_answer_fuzz: the first byte says whether they are to a HEAD.

    http_answer_seeds.py CAPTURES FOLDER

CAPTURES, which every target's seeds are given, is not read.
"""
import hashlib, pathlib, sys

OK = b"HTTP/1.1 200 OK\r\n"
ANSWERS = (
    OK + b"Content-Length: 3\r\n\r\nabc", OK + b"\r\nabc", b"HTTP/1.0 200 OK\nConnection: keep-alive\ncontent-length: 1\n\na",
    OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n002;x=y\r\nde\r\n0\r\nA: b\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 1\r\nConnection: close\r\n\r\na", b"HTTP/1.1 204 None\r\n\r\n",
    OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", OK + b"a: b\r\nContent-Length: 99999999999999999999\r\n\r\n",
    OK + b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"",
)

if len(sys.argv) != 3:
    sys.exit(__doc__)
folder = pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
for answer in ANSWERS:
    for first in b"01":
        seed = bytes([first]) + answer
        (folder / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
