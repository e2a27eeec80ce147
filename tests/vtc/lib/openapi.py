#!/usr/bin/env python3
"""openapi.py SOCKET DOCUMENT ROUTES TOKEN: holds the document against what the agent answers at its `http` socket.

Every method and path of the document is asked, with each of its bodies and parameters; what comes has to be one of the
documented statuses, and its JSON as its schema says, member by member. Every row of ROUTES (spoa/admin/routes.c) that
is told to machines has to be documented. Changes are asked without a token, with a wrong one, and with TOKEN.
"""
import http.client
import json
import re
import socket
import sys
import time
import urllib.parse

SOCKET, DOCUMENT, ROUTES, TOKEN = sys.argv[1:5]
NAMES = {"backend": "web", "server": "w1"}
PAGE = {"/", "/page.css", "/page.js", "/icon.svg"}  # for people
VALUES = {"url": ["http://www.example.com/a.mp4?t=1", "/"], "src": ["192.0.2.9"], "method": ["POST"],
          "header": ["X-A: b"], "arg": ["a=b"], "frontend": ["route"], "backend": ["web"], "server": ["web/w1"],
          "format": ["text", "json"]}
OTHER = {"url": "no URL", "src": "nobody", "format": "xml"}  # to be answered 400


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(SOCKET)


class Wrong(Exception):
    pass


# ---- JSON Schema, as much of it as the document uses ----

KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
KNOWN = {"type", "description", "properties", "required", "additionalProperties", "items", "enum", "minimum", "maximum",
         "oneOf", "$ref"}


def is_kind(value, kind):
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, KINDS[kind])


def check_object(value, schema, at):
    properties, rest = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name in schema.get("required", []):
        if name not in value:
            raise Wrong("%s has no '%s'" % (at, name))
    for name, member in value.items():
        if name in properties:
            check(member, properties[name], "%s.%s" % (at, name))
        elif rest is False:
            raise Wrong("%s.%s is not documented" % (at, name))
        elif isinstance(rest, dict):
            check(member, rest, "%s.%s" % (at, name))


def one_of(value, schemas, at):
    wrong = []
    for schema in schemas:
        try:
            check(value, schema, at)
        except Wrong as error:
            wrong.append(str(error))
    if len(schemas) - len(wrong) != 1:
        raise Wrong("%s is %d of its %d forms: %s" % (at, len(schemas) - len(wrong), len(schemas), "; ".join(wrong)))


def check(value, schema, at):
    if set(schema) - KNOWN:
        raise Wrong("%s: this test knows nothing of %s" % (at, set(schema) - KNOWN))
    if "$ref" in schema:
        check(value, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], at)
        return
    if "oneOf" in schema:
        one_of(value, schema["oneOf"], at)
        return
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(is_kind(value, kind) for kind in kinds):
        raise Wrong("%s is %r, not %s" % (at, value, " or ".join(kinds)))
    if value is None:
        return
    if "enum" in schema and value not in schema["enum"]:
        raise Wrong("%s is %r, none of %s" % (at, value, schema["enum"]))
    if "minimum" in schema and value < schema["minimum"] or "maximum" in schema and value > schema["maximum"]:
        raise Wrong("%s is %r, out of bounds" % (at, value))
    if isinstance(value, dict):
        check_object(value, schema, at)
    for i, item in enumerate(value if isinstance(value, list) else []):
        check(item, schema["items"], "%s[%d]" % (at, i))


# ---- asking ----

def ask(method, path, query=(), body=None, token=None):
    connection = Connection("agent")
    headers = {"Authorization": "Bearer " + token} if token else {}
    target = urllib.parse.quote(path) + ("?" + urllib.parse.urlencode(query) if query else "")
    connection.request(method, target, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


def expect(status, method, path, operation, **what):
    """The answer, which is as documented. status: those that it may have."""
    answer, content = ask(method, path, **what)
    while answer.status == 429 and 429 not in status:
        time.sleep(int(answer.getheader("retry-after")))
        answer, content = ask(method, path, **what)
    at = "%s %s %s -> %d" % (method, path, what, answer.status)
    if status and answer.status not in status:
        raise Wrong("%s, not %s: %s" % (at, status, content[:200]))
    documented = operation["responses"].get(str(answer.status))
    if not documented:
        raise Wrong(at + " is not documented")
    kind = answer.getheader("content-type").split(";")[0]
    if kind not in documented["content"]:
        raise Wrong("%s: %s is not documented" % (at, kind))
    schema = documented["content"][kind]["schema"]
    check(json.loads(content) if kind == "application/json" else content.decode(), schema, at)
    seen.setdefault(operation["summary"], set()).add(answer.status)
    return content


def bodies(schema):
    """Some that the schema allows: each word, each end of a range."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for name, member in schema["properties"].items():
        for value in member.get("enum", [member.get("maximum", 3), member.get("minimum", 0)]):
            yield {name: value}


def try_reading(path, template, operation):
    """Each parameter alone beside those that are required, and each one wrongly."""
    parameters = [p for p in operation.get("parameters", []) if p["in"] == "query"]
    required = [(p["name"], VALUES[p["name"]][0]) for p in parameters if p.get("required")]
    expect({200}, "GET", path, operation, query=required)
    head, content = ask("HEAD", path, query=required)
    if head.status != 200 or content:
        raise Wrong("HEAD %s -> %d with %d bytes" % (path, head.status, len(content)))
    for parameter in parameters:
        name = parameter["name"]
        others = [pair for pair in required if pair[0] != name]
        for value in VALUES.get(name, ["1", "0", str(parameter["schema"].get("maximum"))]):
            expect({200}, "GET", path, operation, query=others + [(name, value)])
        if name in OTHER or parameter["schema"]["type"] == "integer":
            expect({400}, "GET", path, operation, query=others + [(name, OTHER.get(name, "-1"))])
        if parameter.get("required"):
            expect({400}, "GET", path, operation)
    if "404" in operation["responses"]:
        expect({404}, "GET", template.format(backend="nobody", server="w1"), operation)
        if "{server}" in template:
            expect({404}, "GET", template.format(backend="web", server="nobody"), operation)


def try_changing(method, path, template, operation):
    content = operation.get("requestBody", {}).get("content")
    sent = list(bodies(content["application/json"]["schema"])) if content else [None]
    texts = [json.dumps(body) if body else None for body in sent]
    before, is_report = server_state(), "422" in operation["responses"]
    expect({401}, method, path, operation, body=texts[0])
    expect({401}, method, path, operation, body=texts[0], token="x" * len(TOKEN))
    expect({401}, method, path, operation, body=texts[0], token=TOKEN[:-1])
    expect({401}, method, path, operation, body=texts[0], token=TOKEN + TOKEN)
    expect({404}, method, template.format(backend="web", server="nobody"), operation, body=texts[0], token=TOKEN)
    expect({413}, method, path, operation, body="x" * 5000, token=TOKEN)
    if content:
        for text in ("", "{", "[]", "{}", '{"state": 7, "weight": "x", "u": "x"}', "\0", '{"u": "x", "u": 1}'):
            expect({400, 422} if is_report else {400}, method, path, operation, body=text, token=TOKEN)
    if server_state() != before:
        raise Wrong("%s %s: what was refused has changed something" % (method, path))
    for text in texts:
        expect({200, 422} if is_report else {200}, method, path, operation, body=text, token=TOKEN)


def server_state():
    seen_now = json.loads(ask("GET", "/v1/servers/web/w1")[1])
    return seen_now["state"], seen_now["weight"]


def try_path(template):
    path = template.format(**NAMES)
    operations = document["paths"][template]
    for method, operation in operations.items():
        if method == "get":
            try_reading(path, template, operation)
        else:
            try_changing(method.upper(), path, template, operation)
    for method in ("GET", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"):
        if method.lower() not in operations:
            answer, content = ask(method, path, token=TOKEN)
            check(json.loads(content), document["components"]["schemas"]["Error"], path)
            allowed = set(answer.getheader("allow", "").replace(" ", "").split(","))
            if answer.status != 405 or {m.upper() for m in operations} != allowed - {"HEAD"}:
                raise Wrong("%s %s -> %d, Allow: %s" % (method, path, answer.status, allowed))


def try_too_much():
    """Whoever has requests explained one after the other is told to wait."""
    asking, status = Connection("agent"), 200
    while status == 200:
        asking.request("HEAD", "/v1/explain?url=/a")
        with asking.getresponse() as answer:
            status = answer.status
            answer.read()
    if status != 429 or not answer.getheader("retry-after"):
        raise Wrong("too much asked -> %d" % status)
    seen[document["paths"]["/v1/explain"]["get"]["summary"]].add(429)


def try_special():
    """What the general way does not come by."""
    try_too_much()
    for template, body, status in (("load", '{"q": -1}', 422), ("load", '{"u": NaN}', 400), ("load", '{"x": 1}', 422)):
        path = "/v1/servers/{backend}/{server}/" + template
        expect({status}, "PUT", path.format(**NAMES), document["paths"][path]["put"], body=body, token=TOKEN)
    path = "/v1/servers/{backend}/{server}/load"
    expect({403}, "PUT", path.format(backend="web", server="w2"), document["paths"][path]["put"], body='{"q": 1}', token=TOKEN)


with open(DOCUMENT, encoding="utf-8") as file:
    document = json.load(file)
seen = {}
try:
    with open(ROUTES, encoding="utf-8") as file:
        rows = set(re.findall(r'^\t\{ "([A-Z]+)", "([^"]+)", ', file.read(), re.M))
    told = {(method.upper(), path) for path, of in document["paths"].items() for method in of}
    if {row for row in rows if row[1] not in PAGE} != told or len(told) < 10:
        raise Wrong("in routes.c and not documented, or the other way round: %s" % (rows ^ told))
    served = json.loads(ask("GET", "/v1/openapi.json")[1])
    if served != document:
        raise Wrong("/v1/openapi.json is another document")
    for each in document["paths"]:
        try_path(each)
    try_special()
    missing = [(summary, sorted(set(map(int, operation["responses"])) - seen[summary]))
               for of in document["paths"].values() for operation in of.values()
               for summary in [operation["summary"]]
               if set(map(int, operation["responses"])) - seen[summary] - {403, 503}]  # the scenario sees to these
    if missing:
        raise Wrong("documented, and never seen: %s" % missing)
except Wrong as error:
    sys.exit("openapi.py: %s" % error)
print("%d operations are as documented" % len(told))
