"""Session, user and conversation ids on spans made by other instrumentations."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from opentelemetry import trace

from . import _forks, _runtime
from ._guard import report
from .conventions import SCOPE_NAME
from .telemetry.ambient import ambient_of

if TYPE_CHECKING:
    from ._settings import Settings

_lock = _forks.Lock()
_known: weakref.WeakSet[Any] = weakref.WeakSet()


class AmbientProcessor:
    """A span processor that copies the ambient attributes of the parent context; spans of ours have them already."""

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        try:
            ambient = ambient_of(_runtime.current() if parent_context is None else parent_context)
            if ambient is None or not ambient.attributes:
                return
            scope = getattr(span, "instrumentation_scope", None)
            if getattr(scope, "name", None) != SCOPE_NAME:
                own = span.attributes or {}
                span.set_attributes(
                    {key: value for key, value in ambient.attributes.items() if key not in own}
                )
        except Exception:
            report("context.on_start")

    def on_end(self, span: Any) -> None:
        return

    def _on_ending(self, span: Any) -> None:
        return

    def shutdown(self) -> None:
        return

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


def ensure(settings: Settings) -> None:
    """Add the processor to the SDK provider in force, once; providers that take no processors are left alone."""
    provider = settings.providers.tracer_provider or trace.get_tracer_provider()
    add = getattr(provider, "add_span_processor", None)
    if add is None or provider in _known:
        return
    with _lock:
        if provider not in _known:
            _known.add(provider)
            add(AmbientProcessor())
