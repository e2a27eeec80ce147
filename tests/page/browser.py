"""A headless Chromium, driven by its DevTools protocol over a pair of pipes; with Python's own library alone."""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

WAIT = 30.0  # seconds for whatever is waited for
OPTIONS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
           "--disable-background-networking", "--disable-component-update", "--disable-sync", "--metrics-recording-only",
           "--disable-default-apps", "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe",
           "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"]


class Failed(Exception):
    pass


class Browser:
    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="spoa-page-")
        to_browser, self.out = os.pipe()
        self.inn, from_browser = os.pipe()

        def pipes():
            """DevTools listens at 3 and talks at 4."""
            kept = os.dup(to_browser), os.dup(from_browser)
            os.dup2(kept[0], 3)
            os.dup2(kept[1], 4)

        self.log = open(os.path.join(self.profile, "log"), "w+", encoding="utf-8", errors="replace")
        self.process = subprocess.Popen(["chromium", *OPTIONS, "--user-data-dir=" + self.profile, "about:blank"],
                                        close_fds=False, preexec_fn=pipes, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, env={**os.environ, "HOME": self.profile})
        os.close(to_browser)
        os.close(from_browser)
        self.buffer, self.number, self.events = b"", 0, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(domain + ".enable")

    # ---- the protocol ----

    def send(self, method, params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if hasattr(self, "session") and not method.startswith("Target."):
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        return self.number

    def receive(self, end):
        """The next message; NULL ends each."""
        while b"\0" not in self.buffer:
            if not select.select([self.inn], [], [], max(0, end - time.monotonic()))[0]:
                raise Failed("the browser says nothing")
            got = os.read(self.inn, 1 << 20)
            if not got:
                self.log.seek(0)
                raise Failed("the browser ended: " + self.log.read()[-2000:])
            self.buffer += got
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def call(self, method, **params):
        number, end = self.send(method, params), time.monotonic() + WAIT
        while True:
            message = self.receive(end)
            if message.get("id") == number:
                if "error" in message:
                    raise Failed("%s: %s" % (method, message["error"]["message"]))
                return message["result"]
            self.events.append(message)

    # ---- what a person does ----

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def value(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise Failed("%s: %s" % (expression, result["exceptionDetails"].get("exception", {}).get("description")))
        return result["result"].get("value")

    def until(self, expression, seconds=WAIT):
        """Waits for it to be true; what it is then."""
        end = time.monotonic() + seconds
        while True:
            found = self.value(expression)
            if found:
                return found
            if time.monotonic() > end:
                raise Failed("never was: " + expression)
            time.sleep(0.05)

    def look(self, width, height=900, dark=False, scripts=True):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)

    def press(self, key, code=0):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code,
                      text="\r" if key == "Enter" and kind == "keyDown" else "")

    def type(self, text):
        self.call("Input.insertText", text=text)

    def picture(self, path, height=None, scale=1):
        """Of the whole page, or of its upper part."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(height or size["height"], size["height"]), "scale": scale}
        shot = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    # ---- what it has seen ----

    def asked(self):
        """The URLs of all requests so far."""
        self.value("1")
        return [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]

    def complaints(self):
        """Errors of scripts and of the policy."""
        self.value("1")
        return [json.dumps(e["params"])[:400] for e in self.events
                if e.get("method") == "Runtime.exceptionThrown" or
                (e.get("method") == "Log.entryAdded" and e["params"]["entry"]["source"] in ("security", "violation"))]

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.out)
        os.close(self.inn)
        self.log.close()
        shutil.rmtree(self.profile, ignore_errors=True)
