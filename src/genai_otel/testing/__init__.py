"""Tools for testing traced programs: ``capture_spans()``, and the pytest fixture ``genai_spans``.

>>> from genai_otel.testing import capture_spans
>>> with capture_spans() as captured:
...     my_pipeline("question")
>>> captured.one(span_type="RETRIEVER").outputs
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .capture import Capture, capture_spans
    from .captured_span import CapturedSpan

__all__ = ["Capture", "CapturedSpan", "capture_spans"]

_HOME_OF: Final = {"Capture": "capture", "CapturedSpan": "captured_span", "capture_spans": "capture"}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
