#!/usr/bin/env python3
"""Clients that never stop asking, and that write down what they get.

    fleet_load.py HOST:PORT CLIENTS FILE

Each of the CLIENTS sends GETs on a connection that it keeps, 5 ms after the last answer, until SIGTERM. FILE gets a line for each
answer, in order of arrival: what it was ("302", "200") and, after a blank, the reason header. Whatever is no answer is a
line "error …", and the client connects anew.
"""
import http.client
import signal
import sys
import threading
import time


def ask(address, out, lock):
    conn = http.client.HTTPConnection(address, timeout=10)
    while True:
        try:
            conn.request("GET", "/x")
            response = conn.getresponse()
            response.read()
            line = f"{response.status} {response.getheader('reason') or ''}"
        except (OSError, http.client.HTTPException) as error:
            line = f"error {error!r}"
            conn.close()
        with lock:
            print(line, file=out, flush=True)
        time.sleep(0.005)


def main(address, clients, file):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
    lock = threading.Lock()
    with open(file, "w") as out:
        for _ in range(int(clients)):
            threading.Thread(target=ask, args=(address, out, lock), daemon=True).start()
        signal.sigwait([signal.SIGTERM, signal.SIGINT])
        lock.acquire()


if __name__ == "__main__":
    if len(sys.argv) != 4:
        print(__doc__)
        sys.exit(2)
    main(*sys.argv[1:])
