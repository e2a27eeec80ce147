#!/usr/bin/env python3
"""Asks an agent as HAProxy would, with arguments that HAProxy would never send.

    spop_client.py ADDRESS MESSAGE [NAME=VALUE]... [-- [NAME=VALUE]...]...

ADDRESS is unix@PATH or HOST:PORT. HAProxy's HELLO, then a NOTIFY with the message; the variables of the ACK are
printed, one a line: `reason=redirect`, `sess.x=1` in another scope than txn. `--` begins the next NOTIFY.

VALUE is a string with Python's escapes: 'path=/a\\r\\nb', 'path=/\\xff', or stands behind a type:
    NAME:null   NAME:bool=true   NAME:int=-5   NAME:ip=192.0.2.7   NAME:bin=\\x00   NAME:str=x

Exit status: 0 after an ACK, 1 if the agent ended the connection instead (AGENT-DISCONNECT is printed as
`disconnect=STATUS MESSAGE`), 2 for a wrong call.
"""
import ipaddress
import socket
import struct
import sys

HAPROXY_HELLO, NOTIFY, AGENT_HELLO, AGENT_DISCONNECT, ACK = 1, 3, 101, 102, 103
SCOPES = ["proc.", "sess.", "", "req.", "res."]


def varint(number):
    if number < 240:
        return bytes([number])
    out = [number & 0xFF | 0xF0]
    number = (number - 240) >> 4
    while number >= 128:
        out.append(number & 0xFF | 0x80)
        number = (number - 128) >> 7
    return bytes(out + [number])


def string(text):
    return varint(len(text)) + text


def typed(kind, text):
    if kind == "null":
        return b"\x00"
    if kind == "bool":
        return b"\x11" if text == b"true" else b"\x01"
    if kind == "int":
        return b"\x04" + varint(int(text) & 2**64 - 1)
    if kind == "ip":
        address = ipaddress.ip_address(text.decode())
        return bytes([6 if address.version == 4 else 7]) + address.packed
    return (b"\x09" if kind == "bin" else b"\x08") + string(text)


def argument(word):
    name, _, text = word.partition("=")
    name, _, kind = name.partition(":")
    if kind not in ("", "null", "bool", "int", "ip", "bin", "str"):
        print(f"spop_client.py: unknown type '{kind}'", file=sys.stderr)
        sys.exit(2)
    return string(name.encode()) + typed(kind, text.encode().decode("unicode_escape").encode("latin-1"))


class Reader:
    def __init__(self, payload):
        self.payload, self.at = payload, 0

    def take(self, length):
        self.at += length
        if self.at > len(self.payload):
            raise ValueError("a frame that ends too early")
        return self.payload[self.at - length : self.at]

    def varint(self):
        number = self.take(1)[0]
        shift, byte = 4, 128 if number >= 240 else 0
        while byte >= 128:
            byte = self.take(1)[0]
            number += byte << shift
            shift += 7
        return number

    def string(self):
        return self.take(self.varint())

    def typed(self):
        kind = self.take(1)[0]
        if kind & 15 == 0:
            return b""
        if kind & 15 == 1:
            return b"true" if kind & 16 else b"false"
        if kind & 15 <= 5:
            return str(self.varint()).encode()
        return self.take(4 if kind & 15 == 6 else 16) if kind & 15 <= 7 else self.string()


def connect(address):
    if address.startswith("unix@"):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(5)
        sock.connect(address[5:])
        return sock
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), 5)


def exchange(stream, kind, stream_id, frame_id, payload, wanted):
    """One frame there, and what is in the one that comes back."""
    frame = struct.pack(">BI", kind, 1) + varint(stream_id) + varint(frame_id) + payload
    stream.write(struct.pack(">I", len(frame)) + frame)
    stream.flush()
    length = stream.read(4)
    if len(length) < 4:
        sys.exit("spop_client.py: the agent closed the connection")
    reader = Reader(stream.read(struct.unpack(">I", length)[0]))
    kind = struct.unpack(">BI", reader.take(5))[0]
    reader.varint(), reader.varint()
    if kind == AGENT_DISCONNECT:
        items = {reader.string(): reader.typed() for _ in range(2)}
        print("disconnect=" + (items[b"status-code"] + b" " + items[b"message"]).decode())
        sys.exit(1)
    assert kind == wanted
    return reader


def print_ack(ack):
    while ack.at < len(ack.payload):
        action, _, scope = ack.take(3)
        name = SCOPES[scope].encode() + ack.string()
        sys.stdout.buffer.write(name + (b"=" + ack.typed() if action == 1 else b" unset") + b"\n")


def main(address, message, *words):
    hello = string(b"supported-versions") + b"\x08" + string(b"2.0") + string(b"max-frame-size") + b"\x03"
    hello += varint(16380) + string(b"capabilities") + b"\x08" + string(b"pipelining")
    requests = [[]]
    for word in words:
        if word == "--":
            requests.append([])
        else:
            requests[-1].append(argument(word))
    with connect(address) as sock, sock.makefile("rwb") as stream:
        exchange(stream, HAPROXY_HELLO, 0, 0, hello, AGENT_HELLO)
        for number, request in enumerate(requests, 1):
            payload = string(message.encode()) + bytes([len(request)]) + b"".join(request)
            print_ack(exchange(stream, NOTIFY, number, 1, payload, ACK))


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        sys.exit(0 if sys.argv[1:2] in (["-h"], ["--help"]) else 2)
    main(*sys.argv[1:])
