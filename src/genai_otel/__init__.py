"""OpenTelemetry tracing for LLM applications: one decorator, one context manager, one ``autolog()`` call.

>>> import genai_otel
>>> @genai_otel.trace
... def answer(question: str) -> str:
...     return question.upper()

Importing this package changes nothing global and loads neither the OpenTelemetry SDK, nor an exporter, nor any SDK
that can be instrumented: each name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from . import openai
    from ._client import TracingClient
    from ._configure import configure, flush, shutdown
    from ._context import (
        ThreadPoolExecutor,
        context,
        extract_headers,
        inject_headers,
        propagate,
        suppress,
        update_current_trace,
    )
    from ._decorators import trace
    from ._evaluation import log_evaluation, log_feedback
    from ._span_scope import start_span, start_span_no_context
    from ._spans import Span, get_current_active_span, get_current_span, get_last_active_trace_id
    from .conventions.span_types import SpanType
    from .instrumentation import autolog

__all__ = [
    "Span",
    "SpanType",
    "ThreadPoolExecutor",
    "TracingClient",
    "__version__",
    "autolog",
    "configure",
    "context",
    "extract_headers",
    "flush",
    "get_current_active_span",
    "get_current_span",
    "get_last_active_trace_id",
    "inject_headers",
    "log_evaluation",
    "log_feedback",
    "openai",
    "propagate",
    "shutdown",
    "start_span",
    "start_span_no_context",
    "suppress",
    "trace",
    "update_current_trace",
]

_HOMES = {
    "_client": ("TracingClient",),
    "_configure": ("configure", "flush", "shutdown"),
    "_context": (
        "ThreadPoolExecutor",
        "context",
        "extract_headers",
        "inject_headers",
        "propagate",
        "suppress",
        "update_current_trace",
    ),
    "_decorators": ("trace",),
    "_evaluation": ("log_evaluation", "log_feedback"),
    "_span_scope": ("start_span", "start_span_no_context"),
    "_spans": ("Span", "get_current_active_span", "get_current_span", "get_last_active_trace_id"),
    "conventions.span_types": ("SpanType",),
    "instrumentation": ("autolog",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in ("openai", "testing", "compat"):
        return importlib.import_module(f".{name}", __name__)
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
