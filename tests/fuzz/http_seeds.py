#!/usr/bin/env python3
"""http_seeds.py CAPTURES FOLDER: each method and path of the API, its arguments, and bodies that it takes."""
import json
import os
import sys

TOKEN = "Bearer sixteen-and-more"
BODIES = {"state": {"state": "drain"}, "weight": {"weight": 7}, "load": {"q": 3, "u": 0.5, "A": 9, "C": 6, "t": 1.5}}
VALUES = {"url": "http://www.example.com/a?b", "src": "192.0.2.1", "method": "POST", "header": "X-A: b", "arg": "n=v",
          "format": "text"}

here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "../../spoa/admin/openapi.json"), encoding="utf-8") as file:
    paths = json.load(file)["paths"]
requests = []
for template, operations in paths.items():
    path = template.format(backend="b", server="s")
    for method, operation in operations.items():
        arguments = ["%s=%s" % (p["name"], VALUES.get(p["name"], "1"))
                     for p in operation.get("parameters", []) if p["in"] == "query"]
        body = json.dumps(BODIES.get(path.rpartition("/")[2], {})) if "requestBody" in operation else ""
        requests.append("\n".join([method.upper(), path, TOKEN, *arguments, "", body]))
        requests.append("\n".join(["HEAD" if method == "get" else "POST", path + "x", "", *arguments, "", body]))
for path in ("/", "/page.css", "/page.js", "/icon.svg"):
    requests.append("\n".join(["GET", path, "", "url=/a<b>", "method=POST", "src=192.0.2.1", "", ""]))
for number, text in enumerate(requests):
    with open(os.path.join(sys.argv[2], "%02d" % number), "w", encoding="utf-8") as file:
        file.write(text)
