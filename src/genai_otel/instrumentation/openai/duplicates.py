"""Finding other instrumentations of the OpenAI SDK: with one of them active, a call may make two spans.

Looks only at what is loaded already, and loads nothing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from types import FunctionType
from typing import Any, Final

from genai_otel._guard import report, warn_once

_FUNNEL: Final = (("SyncAPIClient", "request"), ("AsyncAPIClient", "request"))
_CLIENTS: Final = (("OpenAI", "request"), ("AsyncOpenAI", "request"))
_CHAT: Final = (("Completions", "create"), ("AsyncCompletions", "create"))
_RESPONSES: Final = (("Responses", "create"), ("AsyncResponses", "create"))
# module -> the methods that instrumentations patch
_PATCHED: Final = {
    "openai._base_client": _FUNNEL,
    "openai._client": _CLIENTS,
    "openai.resources.chat.completions": _CHAT,
    "openai.resources.chat.completions.completions": _CHAT,
    "openai.resources.responses.responses": _RESPONSES,
}
# packages that patch with plain functions
_KNOWN: Final = frozenset(
    {
        "agentops",
        "braintrust",
        "ddtrace",
        "langfuse",
        "langsmith",
        "logfire",
        "mlflow",
        "newrelic",
        "openlit",
        "sentry_sdk",
    }
)
_OURS: Final = __name__.partition(".")[0]
_INSTRUMENTORS: Final = "opentelemetry.instrumentation.instrumentor"
_OPENAI: Final = re.compile(r"\s*openai\s*([<>=!~\[(;,].*)?$")


def warn() -> None:
    """Log one warning if another instrumentation is active."""
    try:
        modules = {*_wrappers(), *_instrumentors()}
        found = sorted(name for name in modules if not any(name.startswith(f"{other}.") for other in modules))
    except Exception:
        report("openai.duplicates")
        return
    if found:
        warn_once(
            "openai.duplicates",
            "another instrumentation of the OpenAI SDK is active (%s): a call may make two spans",
            ", ".join(found),
        )


def _wrappers() -> Iterator[str]:
    """Yield the modules whose wrappers are on the SDK's methods."""
    for module_name, methods in _PATCHED.items():
        for class_name, name in methods:
            owner = vars(sys.modules.get(module_name, object)).get(class_name)
            layer = vars(owner).get(name) if isinstance(owner, type) else None
            while layer is not None:
                module = _foreign(layer)
                if module is not None:
                    yield module
                layer = getattr(layer, "__wrapped__", None)


def _foreign(layer: Any) -> str | None:
    """Return the module of a layer around a method of the SDK, if it is an instrumentation's."""
    if isinstance(layer, FunctionType) and type(layer) is FunctionType:
        module = str(layer.__globals__.get("__name__", ""))
        return module if module.partition(".")[0] in _KNOWN else None
    wrapper = getattr(layer, "_self_wrapper", None)  # wrapt
    module = str(getattr(wrapper, "__module__", None) or type(layer).__module__)
    return None if wrapper is None or module.partition(".")[0] == _OURS else module


def _instrumentors() -> Iterator[str]:
    """Yield the OpenTelemetry instrumentors of the SDK that are active."""
    base = getattr(sys.modules.get(_INSTRUMENTORS), "BaseInstrumentor", None)
    for cls in _subclasses(base) if base is not None else ():
        if cls.__module__.partition(".")[0] != _OURS and _instruments_openai(vars(cls).get("_instance")):
            yield cls.__module__


def _instruments_openai(instrumentor: Any) -> bool:
    if not getattr(instrumentor, "_is_instrumented_by_opentelemetry", False):
        return False
    return any(_OPENAI.match(str(needed)) for needed in instrumentor.instrumentation_dependencies())


def _subclasses(cls: type[Any]) -> Iterator[type[Any]]:
    for sub in cls.__subclasses__():
        yield sub
        yield from _subclasses(sub)
