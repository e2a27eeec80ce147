#!/usr/bin/env python3
"""What HAProxy said on each recorded connection, as seeds for conn_fuzz.

    conn_seeds.py CAPTURES FOLDER

Of a connection the first KiB, cut in three ways, and the payloads of its frames in the form that conn_fuzz frames by
itself. Equal ones become one file.
"""
import hashlib, pathlib, struct, sys

def streams(recording):
    streams = {}
    connection = None
    for line in recording.read_text().splitlines():
        if line[:1] == '@':
            connection = line
        elif line[:1] == '>':
            streams.setdefault(connection, bytearray()).extend(bytes.fromhex(line[2:]))
    return streams.values()

def frames(stream):
    at = 0
    while at + 4 <= len(stream):
        end = at + 4 + struct.unpack_from('>I', stream, at)[0]
        yield bytes(stream[at + 4:end])
        at = end

def seeds(stream):
    stream = bytes(stream[:1024])
    for modes, cuts in ((0x00, b''), (0x04, b'\x01\x30'), (0x18, b'\x60')):
        yield bytes((modes, len(cuts))) + cuts + stream
    framed = b''.join(struct.pack('>H', len(frame)) + frame for frame in frames(stream))
    yield b'\x01\x01\x07' + framed
    notifies = [frame for frame in frames(stream) if frame[:1] in (b'\x03', b'\x00')]
    framed = b''.join(struct.pack('>H', len(frame)) + frame for frame in notifies[:3])
    yield b'\x03\x02\x03\x40' + framed
    yield b'\x27\x01\xc0' + framed
    yield b'\x27\x01\xc0' + bytes.fromhex('0007 03 00000001 01 01')

if len(sys.argv) != 3:
    sys.exit(__doc__)
captures, folder = map(pathlib.Path, sys.argv[1:])
folder.mkdir(parents=True, exist_ok=True)
for recording in sorted(captures.glob('*/*.txt')):
    for stream in list(streams(recording))[:8]:
        for seed in seeds(stream):
            (folder / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
