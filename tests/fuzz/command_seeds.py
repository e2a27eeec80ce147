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
add server a/n 192.0.2.9:80 redir http://n.example weight 5 check
add server b/n 192.0.2.9:80 redir https://n.example backup
add server b/m 192.0.2.9:80 redir http://m.example standby-of u
enable server a/n
disable server a/n
del server a/n
del server b/u
disable server b/t
disable health a/s
enable health a/s
disable agent b/s
enable agent b/s
show acl
show acl #0
show map
add acl #0 /new
add acl #0 /newer
del acl #0 /a
get acl #0 /a/b
clear acl #0
prepare acl #0
add acl @1 #0 /a
commit acl @1 #0
show acl @1 #0
add acl #1 10.0.0.0/8
get acl #1 10.1.2.3
del acl #1 #0x1
add acl #2 ^/x
get acl #2 /x
add map #9 a b
set timeout cli 5s
explain /a
explain --header x:\\ y --src 192.0.2.1 --method POST --arg n=v --json http://h/a?b""".split("\n")

for i, line in enumerate(LINES):
    with open(os.path.join(sys.argv[2], "%02d" % i), "wb") as file:
        file.write(bytes([2]) + line.encode())
    with open(os.path.join(sys.argv[2], "%02d-after" % i), "wb") as file:
        file.write(bytes([i % 3]) + (LINES[i - 7] + "\n" + line + "\n").encode())
