#!/usr/bin/env python3
"""Answers that `top` may hear as seeds for top_fuzz.

    top_seeds.py CAPTURES FOLDER

CAPTURES, which every target's seeds are given, is not read.
"""
import hashlib, pathlib, sys

INFO = "Name: spoa-redirect\nVersion: 0.1.0\nPid: %d\nUptime: 0d 0h00m01s\nCurrConns: 3\nDecisions_loop: 1\nDecisions_redirect: %d\n\n"
LOADS = "# be_name srv_name status load age u q est under_way mu dir m redirects source A C B\n%s\n"
STATES = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight\n%s\n"
ROWS = ("web a UP known 0.5 0.25 3 0.0 3.0 0.01 0.00 1.00 %d agent - - -\n", "web b DOWN unknown - - - 0.0 0.0 0 0 1 %d - - - -\n",
        "other c MAINT none - nan - 0 -1 0 0 1 18446744073709551616 %d\n", "web \x1b[2J \x7f known - - - 0 1e999 0 0 1 %d\n")
WEIGHTS = "1 web 1 a 192.0.2.1 2 0 40 40\n1 web 2 b 192.0.2.2 0 0 256 9\n"


def answer(pid, n, rows):
    return (INFO % (pid, n) + LOADS % "".join(row % n for row in ROWS[:rows]) + STATES % WEIGHTS).encode()


SEEDS = (answer(5, 1, 2), answer(5, 1, 2) + b"\f" + answer(5, 9, 3), answer(5, 7, 4) + b"\f" + answer(6, 3, 1),
         answer(5, 1, 4) + b"\f\x1b[Bj\x1b[6~ss\x1b[Fk\x1bOAq", b"Unknown command.\n", b"\x1b[", b"")

if len(sys.argv) != 3:
    sys.exit(__doc__)
folder = pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
for seed in SEEDS:
    (folder / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
