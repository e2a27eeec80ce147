#!/usr/bin/env python3
"""automaton_seeds.py CAPTURES FOLDER: regexes of every kind, each with a text."""
import os
import sys

REGEXES = [
    (0, b"^/(a+)+$", b"/aaaa!"),
    (1, b"^/API/v[0-9]{1,2}/", b"/api/v12/users"),
    (0, b"\\.(mp4|webm|m3u8)$", b"/films/a.webm"),
    (0, b"/films/[^/]+/(play|stop)?$", b"/x/films/7/play\n"),
    (0, b"[]a-c-]*x|(|b){2,}\\d\\W\\s$", b"b1- "),
    (0, b"abc.*d(^|e)$", b"abcabcde"),
    (0, b"^/(?=a)(a+)+(?!b)\\b$", b"/" + b"a" * 60 + b"!"),
    (0, b"^/(a*+)-(?>b|bc)\\1$", b"/aa-baa"),
    (0, b"/[a-z0-9]+x$", b"/" + b"q7" * 40),
    (1, b"[^A-Z\\]\\d]+?(?:x|y)??\\n", b"-y\n"),
]

for i, (nocase, regex, text) in enumerate(REGEXES):
    with open(os.path.join(sys.argv[2], "%02d" % i), "wb") as file:
        file.write(bytes([nocase]) + regex + b"\xff" + text)
