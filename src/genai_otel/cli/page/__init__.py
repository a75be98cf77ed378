"""One self-contained page with traces: no request leaves it, and nothing in the data is ever markup or code."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

from genai_otel.cli.reading.collection import Collection
from genai_otel.exporters.tree import Trace

from .rows import Resources, trace_row

# what runs, in this order, in one function
_SCRIPTS: Final = ("shared", "table", "tree", "detail", "start")
_PLACE: Final = re.compile(r"\{\{(\w+)\}\}")
# `<` can't end the element that holds the data; a lone surrogate has no place in UTF-8
_UNSAFE: Final = re.compile("[<>&\u2028\u2029\ud800-\udfff]")


def page(collection: Collection, traces: Sequence[Trace], sources: Sequence[str]) -> bytes:
    """Return the page as UTF-8, the same bytes for the same traces."""
    resources = Resources()
    data = {
        "sources": list(sources),
        "notes": collection.notes,
        "known": collection.all_traces,
        "traces": [trace_row(trace, collection, resources) for trace in traces],
        "resources": resources.listed,
    }
    return _filled(data).encode()


def _filled(data: dict[str, Any]) -> str:
    style, script = _file("page.css"), _script()
    parts = {
        "style": style,
        "script": script,
        "style_hash": _hash(style),
        "script_hash": _hash(script),
        "data": embedded(data),
    }
    return _PLACE.sub(lambda place: parts[place[1]], _file("page.html"))


def embedded(data: Any) -> str:
    """Return JSON text that can stand in a script element: none of HTML's characters are in it."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _UNSAFE.sub(lambda char: f"\\u{ord(char[0]):04x}", text)


def _script() -> str:
    parts = "\n".join(_file(f"{name}.js") for name in _SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


def _file(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
