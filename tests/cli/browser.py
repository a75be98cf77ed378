"""A page in the Chromium of ``scripts/chromium.py``: keys, sizes, and everything that it logs or asks the network for."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parents[2] / "scripts" / "chromium.py"
_SPEC = importlib.util.spec_from_file_location("genai_otel_chromium", _FILE)
assert _SPEC is not None and _SPEC.loader is not None
_chromium: Any = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_chromium)
find = _chromium.find

_CODES = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Home": 36, "End": 35}  # fmt: skip
_SECONDS = 20.0


class Page(_chromium.Chromium):  # type: ignore[misc]
    """One page that is watched."""

    def __init__(self, program: str) -> None:
        super().__init__(program, 1280, 800)
        self._heard: list[dict[str, Any]] = []

    def _next(self) -> dict[str, Any]:
        message: dict[str, Any] = super()._next()
        if "method" in message:
            self._heard.append(message)
        return message

    def visit(self, file: Path | str, width: int = 1280, height: int = 800, scheme: str = "light") -> None:
        """Open the file afresh at this size, and forget what was heard before."""
        for domain in ("Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._call("Emulation.setDeviceMetricsOverride", **metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("Emulation.setEmulatedMedia", features=features)
        self._call("Page.navigate", url="about:blank")
        self._heard.clear()
        self._call("Page.navigate", url=Path(file).as_uri())
        self.until("document.readyState === 'complete' && !!document.getElementById('facts')?.textContent")

    def until(self, condition: str) -> None:
        """Wait until an expression of JavaScript is true."""
        end = time.monotonic() + _SECONDS
        while not self.run(condition):
            if time.monotonic() > end:
                raise AssertionError(f"never true: {condition}; {self.complaints()}")
            time.sleep(0.02)

    def press(self, *keys: str) -> None:
        """Press and release keys, one after the other."""
        for key in keys:
            event: dict[str, Any] = {"key": key, "code": key, "windowsVirtualKeyCode": _CODES.get(key, 0)}
            text = {"Enter": "\r"}.get(key, key if len(key) == 1 else None)
            self._call("Input.dispatchKeyEvent", type="keyDown", **event, **({"text": text} if text else {}))
            self._call("Input.dispatchKeyEvent", type="keyUp", **event)

    def focused(self, what: str = "id") -> Any:
        """Return a property of the element that has the focus."""
        return self.run(f"document.activeElement.{what}")

    def complaints(self) -> list[str]:
        """Return what the console shows, errors that nothing caught included."""
        kinds = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [str(one["params"]) for one in self._heard if one["method"] in kinds]

    def requests(self) -> list[str]:
        """Return the addresses that were asked for."""
        return [
            one["params"]["request"]["url"]
            for one in self._heard
            if one["method"] == "Network.requestWillBeSent"
        ]
