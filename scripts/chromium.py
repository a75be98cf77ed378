"""A headless Chromium, driven over a pipe by its DevTools protocol: no driver and no package needed."""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_FLAGS: Final = (
    "--headless=new",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--remote-debugging-pipe",
)
_SECONDS: Final = 30.0
# The browser reads from 3 and writes to 4. Either may be one of the pipe's own, and many shells know no fd above 9.
_START: Final = """
import fcntl, os, sys
pipes = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3]]
for fd, wanted in zip(pipes, (3, 4)):
    os.dup2(fd, wanted)
os.execvp(sys.argv[3], sys.argv[3:])
"""


def find() -> str | None:
    """Return the browser that this machine has, if any; CHROMIUM names another one."""
    given = os.environ.get("CHROMIUM")
    return given or next((found for name in NAMES if (found := shutil.which(name))), None)


class Chromium:
    """One page of one browser; use it in a ``with`` block."""

    def __init__(self, program: str, width: int = 1600, height: int = 900) -> None:
        self._size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._program = program
        self._numbers = itertools.count(1)
        self._buffer = b""
        self._session: str | None = None

    def __enter__(self) -> Chromium:
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        flags = [
            *_FLAGS,
            f"--user-data-dir={self._profile.name}",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
        ]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, str(theirs_in), str(theirs_out), self._program, *flags],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._call("Page.enable")
        self._call("Emulation.setDeviceMetricsOverride", **self._size)
        return self

    def __exit__(self, *exc: object) -> None:
        self._session = None
        try:
            self._call("Browser.close")
        except (OSError, TimeoutError):
            pass
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._in)
        os.close(self._out)
        self._profile.cleanup()

    def open(self, url: str, shows: str) -> None:
        """Go to ``url`` and wait until the text ``shows`` is to be seen there."""
        self._call("Page.navigate", url=url)
        self.wait_for(shows)

    def wait_for(self, text: str) -> None:
        """Wait until ``text`` is to be seen, and a moment more."""
        end = time.monotonic() + _SECONDS
        while not self.run(f"!!document.body && document.body.innerText.includes({json.dumps(text)})"):
            if time.monotonic() > end:
                raise TimeoutError(f"{text!r} does not appear: {self.run('document.body.innerText')!r:.500}")
            time.sleep(0.2)
        time.sleep(1.5)

    def run(self, script: str) -> Any:
        """Return the value of an expression of JavaScript."""
        return self._call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def click(self, text: str, selector: str = "button, a, [role=tab], span, div, td") -> bool:
        """Click the innermost element with exactly this text, if there is one."""
        found = f"""[...document.querySelectorAll({json.dumps(selector)})].filter(
            one => (one.innerText || one.ariaLabel || '').trim() === {json.dumps(text)}).pop()"""
        clicked = bool(self.run(f"(one => one ? (one.click(), true) : false)({found})"))
        time.sleep(1.0)
        return clicked

    def picture(self, file: Path) -> None:
        """Write what is to be seen as PNG."""
        data = self._call("Page.captureScreenshot", format="png")["data"]
        file.write_bytes(base64.b64decode(data))

    # --- the protocol -----------------------------------------------------------------------------------------
    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                if "error" in answer:
                    raise OSError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            if not select.select([self._in], [], [], _SECONDS)[0]:
                raise TimeoutError("the browser does not answer")
            data = os.read(self._in, 1 << 20)
            if not data:
                raise OSError("the browser ended")
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        decoded: dict[str, Any] = json.loads(message)
        return decoded
