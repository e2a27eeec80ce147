#!/usr/bin/env python3
"""Reports of load in all forms as seeds for load_report_fuzz: a byte that chooses the metric, headers, a body.

    load_report_seeds.py CAPTURES FOLDER

CAPTURES, which every target's seeds are given, is not read.
"""
import base64, hashlib, pathlib, struct, sys

ORCA = base64.b64encode(b"\x09" + struct.pack("<d", 0.5) + b"\x49" + struct.pack("<d", 0.25) + b"\x42\x0c\x0a\x01a\x11" + struct.pack("<d", 4))
ANSWERS = (
    b"\n\nActive connections: 291 \nserver accepts handled requests\n 16 17 31070465 \nReading: 6 Writing: 179 Waiting: 106 \n",
    b"\n\nTotal Accesses: 100\nTotal Duration: 2500\nBusyWorkers: 5\nIdleWorkers: 15\nConnsAsyncWriting: 3\n",
    b'\n\n{"q":3,"A":1200,"C":1197,"B":10.5,"u":0.4,"capacity":8,"state":"up","t":1.5}', b'\n\n{"state":"maint"}',
    b"endpoint-load-metrics: TEXT cpu_utilization=0.3, rps_fractional=10.5, named_metrics.a:7\n\n",
    b'endpoint-load-metrics: JSON {"applicationUtilization": 0.3, "named_metrics": {"a": 7}}\n\n',
    b"endpoint-load-metrics: BIN " + ORCA + b"\n\n", b"endpoint-load-metrics-bin: " + ORCA + b"\n\n",
    b'\n\n# TYPE a counter\na{b="c",d="f"} 3 1700000000\na{b="\\"x",} 1e1\na NaN\na_total 5\n', b"\n\na +Inf\n", b"\n\na -1\n", b"\n\n", b"",
)

if len(sys.argv) != 3:
    sys.exit(__doc__)
folder = pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
for answer in ANSWERS:
    for first in range(6):
        seed = bytes([first | first << 2 & 8]) + answer
        (folder / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
