#!/usr/bin/env python3
"""Answers to HTTP checks as seeds for http_status_fuzz.

    http_status_seeds.py CAPTURES FOLDER

CAPTURES, which every target's seeds are given, is not read.
"""
import hashlib, pathlib, sys

ANSWERS = (b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', b'HTTP/1.0 302 Found\r\n', b'HTTP/1.1 404 Not Found\r\n',
           b'HTTP/1.1 503 Service Unavailable\r\n\r\nbusy', b'HTTP/1.1 204\r\n', b'HTTP/1.1 399', b'HTTP/2 200\r\n',
           b'HTTP/1.1  200 OK\r\n', b'http/1.1 200 OK\r\n', b'HTTP/1.1 2000\r\n', b'HTTP/1.1 20x\n', b'200 OK\n', b'\n', b'')

if len(sys.argv) != 3:
    sys.exit(__doc__)
folder = pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
for answer in ANSWERS:
    (folder / hashlib.sha256(answer).hexdigest()[:16]).write_bytes(answer)
