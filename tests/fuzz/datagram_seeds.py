#!/usr/bin/env python3
"""Datagrams as seeds for datagram_fuzz: the first byte says whether it is signed there.

    datagram_seeds.py CAPTURES FOLDER

CAPTURES, which every target's seeds are given, is not read.
"""
import hashlib, hmac, pathlib, sys

KEY = b"the key of this target"
TEXTS = (
    b'v1 web/a 1 {"q":3}', b'v1 web/a 2 {"q":3,"u":0.5,"A":10,"C":7,"B":4.5,"capacity":8,"t":1}', b'v1 web/a 3 {"state":"down"}',
    b'v1 web/b 1 {"q":3}', b'v1 x/y 1 {"q":3}', b'v1 web/a 18446744073709551615 {}', b'v1 web/a 4 {"q":-1}', b"v1 a", b"",
)

if len(sys.argv) != 3:
    sys.exit(__doc__)
folder = pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
for text in TEXTS:
    mac = hmac.new(KEY, text, hashlib.sha256).hexdigest().encode()
    for seed in (b"1" + text, b"0" + text + b" " + mac, b"0" + text + b" " + mac[::-1] + b"\r\n"):
        (folder / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
