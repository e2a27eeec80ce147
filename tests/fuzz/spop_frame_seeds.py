#!/usr/bin/env python3
"""Cuts the recorded conversations into frames, a file each, as seeds for spop_frame_fuzz.

    spop_frame_seeds.py CAPTURES FOLDER

CAPTURES is tests/captures; its record.py explains the format. Equal frames become one file.
"""
import hashlib, pathlib, struct, sys

def frames(recording):
    streams = {}
    connection = None
    for line in recording.read_text().splitlines():
        if line[:1] == '@':
            connection = line
        elif line[:1] in ('>', '<'):
            streams.setdefault((connection, line[0]), bytearray()).extend(bytes.fromhex(line[2:]))
    for stream in streams.values():
        at = 0
        while at < len(stream):
            end = at + 4 + struct.unpack_from('>I', stream, at)[0]
            yield bytes(stream[at:end])
            at = end

if len(sys.argv) != 3:
    sys.exit(__doc__)
captures, folder = map(pathlib.Path, sys.argv[1:])
folder.mkdir(parents=True, exist_ok=True)
for recording in sorted(captures.glob('*/*.txt')):
    for frame in frames(recording):
        (folder / hashlib.sha256(frame).hexdigest()[:16]).write_bytes(frame)
