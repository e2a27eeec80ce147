"""An engine of HAProxy's, byte by byte: what the scenarios of spop/ are written with.

    agent = Agent("/path/of/spop.sock")      connects
    agent.hello()                            HELLO and its answer, as a dictionary
    agent.notify(1, 1); agent.ack(1, 1)      one request, one answer
    agent.expect_disconnect(4)               AGENT-DISCONNECT with this status, and then the end

Whatever is expected and does not come is an AssertionError after ten seconds.
"""
import array
import fcntl
import socket
import struct
import termios
import time

from spop_client import Reader, string, varint

UNSET, HAPROXY_HELLO, HAPROXY_DISCONNECT, NOTIFY = 0, 1, 2, 3
AGENT_HELLO, AGENT_DISCONNECT, ACK = 101, 102, 103
FIN, ABORT = 1, 2


def frame(kind, stream_id, frame_id, payload, flags=FIN):
    body = struct.pack(">BI", kind, flags) + varint(stream_id) + varint(frame_id) + payload
    return struct.pack(">I", len(body)) + body


def text(value):
    return b"\x08" + string(value)


def uint32(value):
    return b"\x03" + varint(value)


def items(pairs):
    return b"".join(string(key) + value for key, value in pairs.items())


HELLO = {
    b"supported-versions": text(b"2.0"),
    b"max-frame-size": uint32(16380),
    b"capabilities": text(b"pipelining"),
    b"engine-id": text(b"0b9f3c4e-6a51-4f3e-9a07-1c2d3e4f5a6b"),
}


def hello(**changes):
    """HAProxy's, with items replaced (names with _ for -), or left out where they are None."""
    pairs = dict(HELLO)
    for name, value in changes.items():
        pairs[name.replace("_", "-").encode()] = value
    return frame(HAPROXY_HELLO, 0, 0, items({key: value for key, value in pairs.items() if value is not None}))


def route(path=b"/x"):
    """The message `route` with two arguments."""
    return string(b"route") + b"\x02" + string(b"method") + text(b"GET") + string(b"path") + text(path)


class Agent:
    def __init__(self, address):
        self.sock = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        self.sock.settimeout(10)
        self.sock.connect(address)
        self.since = time.monotonic()

    def send(self, data):
        self.since = time.monotonic()
        self.sock.sendall(data)

    def send_alone(self, data):
        """Returns only once the agent has read it; over a UNIX socket."""
        self.sock.sendall(data)
        unread = array.array("i", [1])
        end = time.monotonic() + 10
        while unread[0]:
            assert time.monotonic() < end, "the agent does not read"
            fcntl.ioctl(self.sock, termios.TIOCOUTQ, unread)

    def receive(self, length):
        data = b""
        while len(data) < length:
            more = self.sock.recv(length - len(data))
            assert more, f"the agent closed after {data!r}"
            data += more
        return data

    def frame(self):
        """(type, stream-id, frame-id, the rest)"""
        body = Reader(self.receive(struct.unpack(">I", self.receive(4))[0]))
        kind, flags = struct.unpack(">BI", body.take(5))
        assert flags == FIN
        return kind, body.varint(), body.varint(), body

    def items(self, kind):
        got, stream_id, frame_id, body = self.frame()
        assert (got, stream_id, frame_id) == (kind, 0, 0), (got, stream_id, frame_id)
        pairs = {}
        while body.at < len(body.payload):
            key = body.string().decode()
            pairs[key] = body.typed().decode()
        return pairs

    def hello(self, **changes):
        self.send(hello(**changes))
        return self.items(AGENT_HELLO)

    def notify(self, stream_id, frame_id, payload=None):
        self.send(frame(NOTIFY, stream_id, frame_id, route() if payload is None else payload))

    def ack(self, stream_id, frame_id):
        """The variables of the answer to just that NOTIFY."""
        kind, *ids, body = self.frame()
        assert (kind, ids) == (ACK, [stream_id, frame_id]), (kind, ids)
        variables = {}
        while body.at < len(body.payload):
            assert body.take(3) == b"\x01\x03\x02", "another action than set-var txn"
            name = body.string().decode()
            variables[name] = body.typed().decode()
        return variables

    def silent(self):
        """Whether nothing has come, and the agent has not closed."""
        self.sock.setblocking(False)
        try:
            self.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        finally:
            self.sock.settimeout(10)
        return False

    def expect_end(self):
        assert self.sock.recv(1) == b"", "more than the end"

    def expect_disconnect(self, status):
        """Returns how many seconds after the last bytes of ours it came."""
        pairs = self.items(AGENT_DISCONNECT)
        late = time.monotonic() - self.since
        assert pairs["status-code"] == str(status), pairs
        assert pairs["message"]
        self.expect_end()
        return late

    def close(self):
        self.sock.close()
