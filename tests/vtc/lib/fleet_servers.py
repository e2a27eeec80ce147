#!/usr/bin/env python3
"""Servers and agent-check agents that say what a file tells them to.

    fleet_servers.py FOLDER NAME...

Each NAME has a port of its own on 127.0.0.1, written to FOLDER/NAME.port; FOLDER/ready appears when all are there.
A connection to it gets the next line of FOLDER/NAME, and the last line again and again: `503` as an answer of HTTP,
anything else as it stands. While there is no such file, connections are refused, and the port stays reserved;
FOLDER/NAME.open is there while they are accepted.
What was said is added to FOLDER/NAME.said, a line each. fleet.sh has the functions that write these files.
"""
import os
import signal
import socket
import sys
import threading

PATIENCE = 0.01  # seconds between two looks at whether the file is there


def open_socket(port):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("127.0.0.1", port))
    return sock


class Server(threading.Thread):
    def __init__(self, folder, name):
        super().__init__(daemon=True)
        self.path = os.path.join(folder, name)
        self.reserved = open_socket(0)  # never listens
        self.port = self.reserved.getsockname()[1]
        self.listener = None
        self.told, self.lines = None, []
        open(self.path + ".said", "w").close()
        with open(self.path + ".port", "w") as file:
            print(self.port, file=file)

    def next_line(self):
        with open(self.path) as file:
            told = os.fstat(file.fileno()).st_ino, os.fstat(file.fileno()).st_mtime_ns
            if told != self.told:
                self.told, self.lines = told, file.read().splitlines()
        return self.lines.pop(0) if len(self.lines) > 1 else self.lines[0]

    def answer(self, conn):
        line = self.next_line()
        with open(self.path + ".said", "a") as file:
            print(line, file=file)
        conn.settimeout(1)
        if len(line) == 3 and line.isdigit():
            line = f"HTTP/1.0 {line} told so\r\nconnection: close\r\n\r"
        conn.sendall(line.encode() + b"\n")
        conn.shutdown(socket.SHUT_WR)
        while conn.recv(4096):  # what it asked: unread, it would destroy the answer
            pass

    def run(self):
        while True:
            if not os.path.exists(self.path):
                if self.listener:
                    self.listener.close()
                    os.unlink(self.path + ".open")
                self.listener = None
                threading.Event().wait(PATIENCE)
                continue
            if not self.listener:
                self.listener = open_socket(self.port)
                self.listener.listen()
                self.listener.settimeout(PATIENCE)
                open(self.path + ".open", "w").close()
            try:
                with self.listener.accept()[0] as conn:
                    self.answer(conn)
            except OSError:  # nobody came, or went away early, as a TCP check does
                pass


def main(folder, *names):
    servers = [Server(folder, name) for name in names]
    for server in servers:
        server.start()
    open(os.path.join(folder, "ready"), "w").close()
    signal.sigwait([signal.SIGTERM, signal.SIGINT])


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        sys.exit(0 if sys.argv[1:2] in (["-h"], ["--help"]) else 2)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
    main(*sys.argv[1:])
