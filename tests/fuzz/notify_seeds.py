#!/usr/bin/env python3
"""The payloads of recorded NOTIFYs, and requests of every kind, as seeds for notify_fuzz.

    notify_seeds.py CAPTURES FOLDER

Equal ones become one file.
"""
import hashlib, pathlib, struct, sys

# as in notify_fuzz.c
PATH, QUERY, METHOD, HOST, SRC, SSL, HDRS, X_B, X_C, LANGUAGE, GEO = range(11)
NULL, BOOL, INT32, UINT32, INT64, UINT64, IPV4, IPV6, STRING, BINARY = range(10)

def frames(recording):
    streams = {}
    connection = None
    for line in recording.read_text().splitlines():
        if line[:1] == '@':
            connection = line
        elif line[:1] == '>':
            streams.setdefault(connection, bytearray()).extend(bytes.fromhex(line[2:]))
    for stream in streams.values():
        at = 0
        while at + 4 <= len(stream):
            end = at + 4 + struct.unpack_from('>I', stream, at)[0]
            yield bytes(stream[at + 4:end])
            at = end

def payload_of(notify):
    """Behind type, flags, stream-id and frame-id; ids are varints."""
    at = 5
    for _ in range(2):
        at += 1
        if notify[at - 1] >= 240:
            while notify[at] >= 128:
                at += 1
            at += 1
    return notify[at:]

def argument(slot, value, kind=STRING):
    value = value.encode('latin-1') if isinstance(value, str) else value
    return bytes((slot, kind, len(value))) + value

def request(path, *more, method='GET', size=0xff):
    return bytes((size,)) + argument(PATH, path) + argument(METHOD, method) + b''.join(more)

def requests():
    for path in ('/', '/index.html', '/api/1', '/a.mp4', '/archive/x', '/12/ab', '//evil', '/\\evil', '/%zz%41',
                 '/a\r\nb', '/a\0b', '/\xff"<>', '*', '', 'http://evil/', '/' + 250 * '%', '/..;/@evil'):
        for size in (0x01, 0xff):
            yield request(path, size=size)
    for method in ('POST', 'OPTIONS', 'CONNECT', 'PATCH', 'get'):
        yield request('/a.mp4', method=method)
    yield request('/x', argument(QUERY, 'q=a?b#c&debug=1'))
    yield request('/x', argument(HOST, 'tls.example.com'), argument(SSL, b'\1', BOOL))
    yield request('/x', argument(HOST, 'PLAIN.example.com:8080'), argument(SRC, b'\x0a\0\0\1', IPV4))
    yield request('/x', argument(SRC, bytes.fromhex('20010db8') + 12 * b'\1', IPV6))
    yield request('/x', argument(HDRS, b'\4host\7any.com\3x-b\1y\x0faccept-language\5fr,de', BINARY))
    yield request('/x', argument(X_B, ''), argument(X_C, 'SID=beef'), argument(LANGUAGE, 'en, de;q=1'))
    yield request('/x', argument(GEO, 'DE'))
    yield request('/x', argument(GEO, b'\xc0\0\2\1', IPV4))
    yield request('/x', argument(GEO, 8 * b'\xff', INT64))

if len(sys.argv) != 3:
    sys.exit(__doc__)
captures, folder = map(pathlib.Path, sys.argv[1:])
folder.mkdir(parents=True, exist_ok=True)
seeds = list(requests())
for recording in sorted(captures.glob('*/*.txt')):
    seeds += [b'\xfe' + payload_of(frame) for frame in frames(recording) if frame[:1] == b'\x03']
for seed in seeds:
    (folder / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
