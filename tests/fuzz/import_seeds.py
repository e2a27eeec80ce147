#!/usr/bin/env python3
"""Configurations of HAProxy: those of tests/equivalence/imported and haproxy-conf, and pieces with every kind of section."""
import glob
import os
import sys

HEAD = "defaults\n mode http\nfrontend f\n bind :80\n default_backend b\n"
BACK = "backend b\n server s 192.0.2.1:80 redir http://a.example"
PIECES = [
    HEAD + " acl a path /x\n acl a nbsrv lt 1\n use_backend b if a or { path /y }\n" + BACK,
    HEAD + BACK + " weight 10 check inter 2s cookie check ssl verify none\n option httpchk\n",
    HEAD + BACK + '\nbackend c\n server t "${X[*]}" redir http://b.example\n server u 192.0.2.1:80 redir "http://$X"\n',
    "defaults d\n mode http\ndefaults e from d\n balance first\nlisten l from e\n server s 192.0.2.1:80 redir http://a.example\n",
    "listen l 0.0.0.0:80\n mode http\n use_backend %[path,map(/a)] if TRUE\n server s a:1\nbackend l\n",
    HEAD + ".if version_atleast(2.4)\nbackend c\n mode http\n.endif\n" + BACK + "\n.if x\n server v 192.0.2.1:80\n.else\n",
    "\xef\xbb\xbfglobal\n daemon\r\n" + HEAD.replace("\n", "\r\n") + BACK + "\r\n acl \"open\n",
]


def main(_, folder):
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    texts = list(PIECES)
    for path in glob.glob(top + "/tests/equivalence/imported/*.cfg") + glob.glob(top + "/haproxy-conf/*/haproxy.cfg"):
        with open(path) as file:
            texts.append(file.read())
    for i, text in enumerate(texts):
        with open(os.path.join(folder, "import-%02d" % i), "w", newline="") as file:
            file.write(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
