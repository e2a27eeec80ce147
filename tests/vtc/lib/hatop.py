#!/usr/bin/env python3
"""hatop.py SOCKET TEXT...: runs hatop at a runtime socket, in a terminal of its own, until its screen has had all texts."""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

pid, screen = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 132, 0, 0))
    os.environ.update(TERM="xterm")
    os.execvp("hatop", ["hatop", "-s", sys.argv[1]])
seen = b""
until = time.monotonic() + 10
wanted = [text.encode() for text in sys.argv[2:]]
while not all(text in seen for text in wanted) and time.monotonic() < until:
    if select.select([screen], [], [], 0.1)[0]:
        try:
            seen += os.read(screen, 65536)
        except OSError:
            break
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)
missing = [text.decode() for text in wanted if text not in seen]
if missing:
    sys.exit("hatop does not show %s but %r" % (missing, seen))
