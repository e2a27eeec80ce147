#!/usr/bin/env python3
"""Lines of HAProxy's agent protocol as seeds for agent_check_fuzz.

    agent_check_seeds.py CAPTURES FOLDER

CAPTURES, which every target's seeds are given, is not read.
"""
import hashlib, pathlib, sys

LINES = (b'75%\n', b'0%\r\n', b'100%\n', b'256%\n', b'25600%\n', b'25601%\n', b'99999999999999999999999%\n', b'-1%\n', b'%\n', b'up\n', b'down\n', b'fail#why\n',
         b'stopped #no disk\n', b'ready\n', b'drain\n', b'maint\n', b'UP, Ready\t50%,maxconn:100\n', b'down up\n',
         b'drain 0% 10% # 20%\n', b'error\n', b'\n', b'', b'up', b'5%\0\n', b'\n75%\n', b'\xff%\n', 100 * b'1% ')

if len(sys.argv) != 3:
    sys.exit(__doc__)
folder = pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
for line in LINES:
    (folder / hashlib.sha256(line).hexdigest()[:16]).write_bytes(line)
