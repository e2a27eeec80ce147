#!/usr/bin/env python3
"""compare_stat.py OURS THEIRS VERSION: two runtime sockets, HAProxy's (host:port) being of that version; backend `web`.

Of `show stat` (CSV, typed, JSON), `show info` and `show servers state`, field by field: what HAProxy says of a server and
its backend, ours says too, but for the columns that are named here, each with its reason.
"""
import csv
import io
import json
import re
import socket
import sys
import time

# Columns that HAProxy fills and ours leaves empty: nothing passes through the agent, so there is nothing to count.
EMPTY = set("""qcur qmax smax bin bout dreq dresp econ eresp wretr wredis rate rate_max hrsp_1xx hrsp_2xx hrsp_4xx
    hrsp_5xx hrsp_other req_tot cli_abrt srv_abrt lastsess qtime ctime rtime ttime comp_in comp_out comp_byp comp_rsp
    wrew connect reuse cache_lookups cache_hits srv_icur qtime_max ctime_max rtime_max ttime_max eint idle_conn_cur
    safe_conn_cur used_conn_cur need_conn_est agg_server_status agg_server_check_status agg_check_status slim""".split())
# Likewise, of backends: only their servers' are counted.
EMPTY_OF_BACKENDS = {"chkdown", "downtime"}
# The same meaning, another value: when, and how long.
DIFFERENT = set("iid lastchg downtime check_duration check_health chkfail chkdown".split())
# srv_time_since_last_change, the backend's number, when the last check was; what they have learnt of it is compared above.
IN_PROGRESS, CHECK_ENABLED = 1, 4  # CHK_ST_INPROGRESS, CHK_ST_ENABLED
STATE_DIFFERENT = {"be_id", "srv_time_since_last_change", "srv_check_health"}


def ask(where, command):
    if where.startswith("/"):
        client = socket.socket(socket.AF_UNIX)
        client.connect(where)
    else:
        host, port = where.rsplit(":", 1)
        client = socket.create_connection((host, int(port)))
    client.settimeout(5)
    client.sendall(command.encode() + b"\n")
    text = b""
    while chunk := client.recv(65536):
        text += chunk
    return text.decode()


def rows(text, backend="web"):
    return {row["svname"]: row for row in csv.DictReader(io.StringIO(text.lstrip("# "))) if row["# pxname" if
            "# pxname" in row else "pxname"] == backend}


def between_checks(take, is_checking):
    """HAProxy says of a check that it runs, and forgets meanwhile what the last one found."""
    until = time.monotonic() + 10
    while True:
        taken = take()
        if not is_checking(taken) or time.monotonic() > until:
            return taken


def compare_stat(ours, theirs):
    mine = rows(ask(ours, "show stat"))
    other = between_checks(lambda: rows(ask(theirs, "show stat")),
                           lambda found: any(row["check_status"].startswith("* ") for row in found.values()))
    assert list(mine) == list(other) and len(mine) == 5, (list(mine), list(other))
    filled = set()
    for name, row in other.items():
        for column, value in row.items():
            if column in (None, "", "-") or column not in mine[name] or column in DIFFERENT:
                continue
            if column in EMPTY:
                filled |= {column} if value else set()
                assert mine[name][column] == "", (name, column, mine[name][column])
            else:
                assert mine[name][column] == value, (name, column, mine[name][column], value)
        for column in DIFFERENT:
            if name == "BACKEND" and column in EMPTY_OF_BACKENDS:
                continue
            assert bool(mine[name][column]) == bool(row[column]), (name, column, mine[name][column], row[column])
    return filled


def typed(text, pattern):
    found = {}
    for line in text.splitlines():
        if match := re.match(pattern, line):
            found[match["name"], match.groupdict().get("object")] = (match["pos"], match["tags"], match["kind"])
    return found


def compare_typed(ours, theirs, version):
    for command, pattern in (
            ("show stat typed", r"(?P<object>[FBS])\.\d+\.\d+\.(?P<pos>\d+)\.(?P<name>\w+)\.1:(?P<tags>...):(?P<kind>\w+):"),
            ("show info typed", r"(?P<pos>\d+)\.(?P<name>[^.]+)\.1:(?P<tags>...):(?P<kind>\w+):")):
        mine, other = typed(ask(ours, command), pattern), typed(ask(theirs, command), pattern)
        assert len(mine) > 20, mine
        compared = 0
        for key, (position, tags, kind) in mine.items():
            if key not in other:
                continue
            assert (tags, kind) == other[key][1:], (key, tags, kind, other[key])
            assert version != "3.0" or position == other[key][0], (key, position, other[key])
            compared += 1
        assert compared > 20, compared


def keys(value):
    """The shape of JSON: names and types, for one of each kind of object."""
    if isinstance(value, dict):
        return {name: keys(inner) for name, inner in value.items()}
    return keys(value[0]) if isinstance(value, list) else type(value).__name__


def compare_json(ours, theirs):
    for command in ("show stat json", "show info json"):
        mine, other = json.loads(ask(ours, command)), json.loads(ask(theirs, command))
        assert keys(mine) == keys(other), (keys(mine), keys(other))
        fields = [field for row in mine for field in (row if isinstance(row, list) else [row])]
        for field in fields:
            assert isinstance(field["value"]["value"], str if field["value"]["type"] == "str" else int), field


def compare_states(ours, theirs):
    def states(where):
        lines = ask(where, "show servers state web").split("\n")
        names = lines[1].lstrip("# ").split()
        return lines[0], names, {line.split()[3]: dict(zip(names, line.split())) for line in lines[2:] if line}

    def is_checking(there):
        return any(state["srv_check_result"] == "0" or int(state["srv_check_state"]) & IN_PROGRESS
                   for state in there[2].values() if int(state["srv_check_state"]) & CHECK_ENABLED)

    mine, other = states(ours), between_checks(lambda: states(theirs), is_checking)
    assert mine[:2] == other[:2], (mine[:2], other[:2])
    assert list(mine[2]) == list(other[2]) and mine[2]
    for name, state in other[2].items():
        for field, value in state.items():
            if field not in STATE_DIFFERENT:
                assert mine[2][name][field] == value, (name, field, mine[2][name][field], value)


def main():
    ours, theirs, version = sys.argv[1:]
    filled = compare_stat(ours, theirs)
    stale = EMPTY - filled - (set() if version == "3.0" else EMPTY)
    assert not stale, stale
    compare_typed(ours, theirs, version)
    compare_json(ours, theirs)
    compare_states(ours, theirs)


main()
