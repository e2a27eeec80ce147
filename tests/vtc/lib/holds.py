#!/usr/bin/env python3
"""holds.py SOCKET PATH EXPRESSION: waits until it holds of what the agent tells there over HTTP, at most five seconds.

In the expression a is the JSON that came, and r the sum of the redirects of each of its servers by name.
"""
import http.client
import json
import socket
import sys
import time

SOCKET, PATH, EXPRESSION = sys.argv[1:4]


def ask():
    connection = http.client.HTTPConnection("agent")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(SOCKET)
    connection.request("GET", PATH)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


end = time.monotonic() + 5
while True:
    a = ask()
    r = {s["name"]: sum(n or 0 for n in s["redirects"]) for s in a.get("servers", []) if isinstance(s["redirects"], list)}
    if eval(EXPRESSION):  # the scenario's own
        break
    if time.monotonic() > end:
        sys.exit("holds.py: %s: never was %s\n%s" % (PATH, EXPRESSION, json.dumps(a)))
    time.sleep(0.05)
