#!/usr/bin/env python3
"""command_seeds.py CAPTURES FOLDER: each command, alone and after another."""
import os
import sys

LINES = """help
help show
show info
show stat
show stat up no-maint
show stat -1 4 -1
show stat b 7 1
show stat b 7 1 typed no-maint
show stat json -1 6 1
show info typed
show info json
show rules
show rules f
show errors
clear counters
clear counters all
show servers state
show servers state b
show backend
show version
show load a
show cli level
prompt
quit
user
operator
reload
set server b/s state drain
set server b/s state maint
set server b/s state ready
set server b/s weight 50%
set server b/s weight 256
set server a/s health down
set server a/s health up
set server b/s agent down
set server b/s load {"q": 3, "u": 0.5}
set server a/s load {"state":"drain"}
set weight a/s 0
get weight a/s
enable server b/u
disable server b/t
disable health a/s
enable health a/s
disable agent b/s
enable agent b/s
set timeout cli 5s
explain /a
explain --header x:\\ y --src 192.0.2.1 --method POST --arg n=v --json http://h/a?b""".split("\n")

for i, line in enumerate(LINES):
    with open(os.path.join(sys.argv[2], "%02d" % i), "wb") as file:
        file.write(bytes([2]) + line.encode())
    with open(os.path.join(sys.argv[2], "%02d-after" % i), "wb") as file:
        file.write(bytes([i % 3]) + (LINES[i - 7] + "\n" + line + "\n").encode())
