#!/usr/bin/env python3
"""Stands between HAProxy and an agent, and counts.

    fleet_relay.py PATH AGENTS-PATH FILE [OLD NEW]

Listens at the UNIX socket PATH, hands on what comes to AGENTS-PATH and back, and adds a line to FILE for every connection.
OLD is replaced by NEW, of the same length, in what HAProxy sends first: its HELLO.
"""
import socket
import sys
import threading


def pump(source, to, old=b"", new=b""):
    try:
        while data := source.recv(65536):
            to.sendall(data.replace(old, new) if old else data)
            old = b""
    except OSError:
        pass
    for sock in source, to:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def relay(conn, path, old, new):
    with conn, socket.socket(socket.AF_UNIX) as agent:
        agent.connect(path)
        back = threading.Thread(target=pump, args=(agent, conn), daemon=True)
        back.start()
        pump(conn, agent, old, new)
        back.join()


def main(path, agents_path, file, old="", new=""):
    with socket.socket(socket.AF_UNIX) as listener, open(file, "w") as out:
        listener.bind(path)
        listener.listen(4096)
        while True:
            conn = listener.accept()[0]
            print("connection", file=out, flush=True)
            threading.Thread(
                target=relay, args=(conn, agents_path, old.encode(), new.encode()), daemon=True
            ).start()


if __name__ == "__main__":
    if len(sys.argv) not in (4, 6):
        print(__doc__)
        sys.exit(2)
    main(*sys.argv[1:])
