#!/usr/bin/env python3
"""One agent tells two programs line after line; after each, both have to say the same of their servers.

    agent_beside.py HAPROXY-VERSION NAME SOCKET SOCKET

NAME is that of a server of fleet_servers.py, which runs in this folder; the sockets are HAProxy's and the agent's. Compared
are, of `show servers state`, operational and administrative state, weights and the agent's state, and of `show stat` the
weight, the limit and all columns of agents.
"""
import csv
import io
import os
import socket
import sys
import time

LINES = [
    "100%", "50%", "up", "up 30%", "drain", "ready", "ready 75%", "maint", "75%", "ready", "down", "down #disk full", "25%",
    "up", "error", "50% error", "error busy 20% worse", "fail # bad", "maint", "ready", "stopped", "75%", "drain", "up", "ready",
    "0%", "up", "100%", "1%", "300%", "256%", "75% maxconn:20", "MAXCONN:7", "maxconn:x", "maxconn:5x", "maxconn:", "maxconn:0 up", "UP,99%",
    "", "up\tready, 40%", "Down,\tDRAIN", "rEaDy uP", "down up", "up down", "maint ready drain", "ready up", "10% 20%", "5.5%",
    "20% 5x%", "up # all is well", "up strange # all is well", "down strange # not well", "down strange", "up", "stopped#x", "# down",
    "down,#50% up", "up 100%", "maint down", "ready", "up", "maint", "up", "drain", "ready", "fail 33%", "66% up ready maxconn:0",
    "25600%", "25601%", "100%", "99999999999999999999999%", "50%", "down #" + "x" * 600, "up 30% #" + "why " * 1000, "w" * 1000 + " 60%",
    "drain #" + "y" * 16000, "ready", "100%",
]
FROM_3_1 = ["weight:40", "up weight:40%", "weight:", "weight:x", "weight:300", "weight:3x", "WEIGHT:0", "weight:256", "weight:30 60%", "60% weight:30", "weight:100"]
STATE = ["srv_op_state", "srv_admin_state", "srv_uweight", "srv_iweight", "srv_agent_state"]
STAT = ["weight", "slim", "agent_status", "agent_code", "agent_desc", "last_agt", "agent_rise", "agent_fall", "agent_health"]
PATIENCE = 5


def ask(path, command):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(path)
        sock.sendall(command.encode() + b"\n")
        return b"".join(iter(lambda: sock.recv(65536), b"")).decode()


def states(path):
    lines = ask(path, "show servers state").splitlines()
    names = lines[1][2:].split()
    for line in lines[2:]:
        if line:
            yield dict(zip(names, line.split()))


def seen(path):
    both = {}
    for row in states(path):
        row["srv_agent_state"] = int(row["srv_agent_state"]) & ~1  # being asked just now
        both[row["be_name"]] = [row[name] for name in STATE]
    for row in csv.DictReader(io.StringIO(ask(path, "show stat"))):
        if row["svname"] == "w1":
            row["agent_status"] = row["agent_status"].removeprefix("* ")
            row["slim"] = row["slim"] or "0"
            row["last_agt"] = row["last_agt"].rstrip("\n")  # one text of 2.6 has an end
            both[row["# pxname"]] += [row[name] for name in STAT]
    return both


def said(name):
    with open(name + ".said") as file:
        return len(file.readlines())


def until(what, message):
    end = time.monotonic() + PATIENCE
    while not what():
        if time.monotonic() > end:
            sys.exit(message())
        time.sleep(0.01)


def main(version, name, haproxy, ours):
    lines = list(LINES)
    if tuple(map(int, version.split("."))) >= (3, 1):
        lines += FROM_3_1
    for line in lines:
        before = said(name)
        with open(name + ".new", "w") as file:
            print(line, file=file)
        os.rename(name + ".new", name)
        # four are asking, each of them at the same beat
        until(lambda: said(name) >= before + 12, lambda: f"{line[:100]!r}: nobody asks")
        until(lambda: seen(haproxy) == seen(ours),
              lambda: f"{line[:100]!r}:\nHAProxy says {seen(haproxy)['web']}\nand we say  {seen(ours)['web']}\nand of films {seen(ours)['films']}")
        print(repr(line[:100]), seen(ours)["web"])


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
