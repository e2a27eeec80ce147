#!/usr/bin/env python3
"""states_seeds.py CAPTURES FOLDER: files of states, whole, of old versions, and broken."""
import os
import sys

LINES = ["1", "# be_id be_name srv_id srv_name",
         "3 a 1 s 192.0.2.1 2 8 7 100 5 6 3 4 2 18 0 0 - 80 - 0 0 - - 1",
         "3 a 2 t 192.0.2.2 0 0 4 1 5 1 0 2 0 0 0 0 - 80 - 0 0 - - 0",
         "4 b 1 s 192.0.2.1 0 1 0 1",
         "4 b 9 u 192.0.2.1 2 5 256 256 5 6 3 4 6"]

for i in range(1, len(LINES) + 1):
    with open(os.path.join(sys.argv[2], "%d" % i), "w") as file:
        file.write("\n".join(LINES[:i]) + "\n")
for i, (old, new) in enumerate([(" 8 ", " 257 "), (" 7 ", " x "), ("1\n", "2\n"), (" ", "\0"), ("\n", "\r\n")]):
    with open(os.path.join(sys.argv[2], "broken-%d" % i), "w") as file:
        file.write(("\n".join(LINES) + "\n").replace(old, new))
