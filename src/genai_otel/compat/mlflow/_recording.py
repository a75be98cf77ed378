"""How spans of this module are recorded: as genai_otel's own, with what MLflow's users rely on.

Inputs and outputs are recorded unless the content mode was chosen explicitly; the name is the function's or
the one given, never the type's default; the traces of late are remembered.
"""

from __future__ import annotations

import contextvars
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context

from genai_otel._settings import Settings
from genai_otel.telemetry import listeners
from genai_otel.telemetry.operation import Operation
from genai_otel.telemetry.spec import Spec

from . import _destination, _switch
from ._live_span import LiveSpan

MAX_REMEMBERED: Final = 1_000

last_trace_id_here: contextvars.ContextVar[str | None] = contextvars.ContextVar(
    "last_trace_id_here", default=None
)
"""The trace that ended last in this thread or task."""

_roots: OrderedDict[str, str] = OrderedDict()


class MlflowSpec(Spec):
    """A span that is about to start, with MLflow's rules for names, content and links."""

    __slots__ = ("links",)

    links: tuple[Any, ...]

    @classmethod
    def of(cls, spec: Spec, name: str | None = None, links: Iterable[Any] | None = None) -> MlflowSpec:
        """Return a spec of this kind for ``spec``, named ``name`` whatever its type's default name is."""
        own = cls.__new__(cls)
        for slot in Spec.__slots__:
            setattr(own, slot, getattr(spec, slot))
        if name is not None:
            own.name, own.named = name, True
        own.links = tuple(links) if isinstance(links, Iterable) else ()
        return own

    def begin(
        self,
        settings: Settings,
        context: Context,
        start_time: int | None = None,
        tracer: trace.Tracer | None = None,
    ) -> tuple[trace.Span | None, Operation | None]:
        """Start the span in ``context``; nothing is made current."""
        if not _switch.enabled():
            return None, None
        if _destination.pending():
            _destination.apply_guarded()
        span, operation = super().begin(with_content(settings), context, start_time, tracer)
        if operation is not None and span is not None:
            if operation.parent is None:
                _remember(operation)
            for link in self.links:
                LiveSpan(span, operation).add_link(link)
        return span, operation


_derived: tuple[Settings | None, Settings | None] = (None, None)


def with_content(settings: Settings) -> Settings:
    """Return ``settings`` with content on spans, as MLflow has it, unless the mode was chosen explicitly."""
    global _derived
    if settings.content_source != "default":
        return settings
    source, derived = _derived
    if source is not settings or derived is None:
        derived = replace(settings, content=replace(settings.content, span=True))
        _derived = (settings, derived)
    return derived


def _remember(root: Operation) -> None:
    """Keep the id of a trace's outermost span, for feedback, and listen for its end."""
    if _note_end not in listeners.finished:
        listeners.listen(on_finished=_note_end)
    _roots[f"{root.trace_id:032x}"] = f"{root.span.get_span_context().span_id:016x}"
    try:
        while len(_roots) > MAX_REMEMBERED:
            _roots.popitem(last=False)
    except KeyError:  # another thread was faster
        return


def _note_end(operation: Operation) -> None:
    if operation.root is operation:
        last_trace_id_here.set(f"{operation.trace_id:032x}")


def root_id_of(trace_id: str) -> str | None:
    """Return the id of the outermost span of a trace that began in this module not long ago."""
    return _roots.get(trace_id)
