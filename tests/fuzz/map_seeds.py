#!/usr/bin/env python3
"""map_seeds.py CAPTURES FOLDER: maps of every kind, each with a value."""
import os
import sys

FILES = [
    (0, b"/a web\n/a/b  video\n# no\n\n /c\tlast one \r\n", b"/a/b"),
    (1, b"x one\nx two\n", b"x"),
    (2, b"/ root\n/a/b long\n/a short\n/a/b late\n", b"/a/b/c"),
    (3, b".mp4 film\n4 four\n", b"/x.mp4"),
    (4, b"films one\nlm two\nabcdefg three\n", b"/films/a"),
    (5, b"a/b dir\nb late\n", b"/a/b/c"),
    (6, b"example.com site\nwww label\n", b"www.example.com:80"),
    (7, b"^/z one\n/[a-c]+ two\n(x|y)*z three\n", b"/abc"),
    (8, b"10.0.0.0/8 wide\n10.1.0.0/16 narrow\nfd00::/8 six\n::/0 all\n", b"10.1.2.3"),
    (9, b"1:5 low\n3 three\n6: high\n:0 none\n", b"3"),
]

for i, (method, lines, value) in enumerate(FILES):
    with open(os.path.join(sys.argv[2], "%02d" % i), "wb") as file:
        file.write(bytes([method]) + lines + b"\xff" + value)
