#!/usr/bin/env python3
"""The configurations in haproxy-conf, and parts of them, as seeds for config_fuzz.

    config_seeds.py CAPTURES FOLDER

CAPTURES is tests/captures, from which the way to the others is known. Comments are left out.
"""
import hashlib, pathlib, sys

ALL = r'''
global
    nbthread 2
    maxconn 100
    grace 1s
    hard-stop-after 2s
    log stdout format logfmt local0 notice
    backlog 10
    busy-poll
    max-frame-size 16380
    output-limit 65536
    timeout hello 1s
    timeout idle 1m
    timeout frame 1s
defaults
    redirect code 307 ttl 1h methods GET POST allow-downgrade
    default-server check inter 1s fall 2 rise 1 weight 10
    balance roundrobin
    option httpchk GET /health HTTP/1.1
    default_backend web
frontend route
    message m n
    bind 127.0.0.1:9000
    bind [::1]:9000
    bind unix@/tmp/s mode 600 user nobody group nogroup
    acl a path_end -i .mp4 "\x41 b" 'c d' e\ f
    acl a path_beg -f list -- -x
    acl b hdr(x-a) -m reg ^a(b|c)*$
    acl c src 192.0.2.0/24 2001:db8::/32
    acl d arg(geo) -m found
    use_backend web if a !b || { host -m dom "${NAME-example.com}" } or { pathq -m sub ? }
    use_backend web unless c d
    option dry-run
backend web
    balance least-load
    server w1 192.0.2.1:80 redir https://w1.example.com/a agent-check agent-port 99 agent-inter 1s agent-send "a\n" check
    server w2 [2001:db8::1]:80 redir http://w2.example.com backup disabled check addr 127.0.0.1 port 81
    server w3 192.0.2.3:80 redir https://w3.example.com standby-of w1 load-stale 10s
    balance hash req.hdr(x-user),lower
    balance uri whole len 20 depth 3
    balance url_param user
    balance hdr(host) use_domain_only
    balance source
    balance random(3)
    balance static-rr
    hash-type consistent sdbm
    hash-balance-factor 125
    stick on req.cook(session)
    server w4 192.0.2.4:80 redir https://w4.example.com maxconn 5 load-push
    server w5 192.0.2.5:80 redir https://w5.example.com maxload 80% slowstart 10s track other/o1
    option allbackups
    option dry-run
    fallback-backend other
backend other
    redirect location https://www.example.com/%[srv_name]%[path,lower]?%[query]&h=%[hdr(x-a)]
    redirect location %[srv_redir]%[pathq]
    server o1 192.0.2.5:80 redir https://o1.example.com check
'''

if len(sys.argv) != 3:
    sys.exit(__doc__)
captures, folder = map(pathlib.Path, sys.argv[1:])
folder.mkdir(parents=True, exist_ok=True)
top = captures.resolve().parent.parent
files = sorted(top.glob('haproxy-conf/*/spoa-redirect.cfg')) + [top / 'tests/bench/agent.cfg']
seeds = [ALL] + [file.read_text() for file in files if file.exists()]
seeds += ['global\n' + line for line in ALL.splitlines()] + ['backend web\n' + line for line in ALL.splitlines()]
for text in seeds:
    lines = [line.strip() for line in text.splitlines()]
    seed = '\n'.join(line for line in lines if line[:1] not in ('', '#')).encode() + b'\n'
    (folder / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
