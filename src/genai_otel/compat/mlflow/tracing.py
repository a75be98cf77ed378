"""``mlflow.tracing``: switches, ambient values, span processors and context headers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY as SUPPRESS_KEY
from opentelemetry.context import Context, create_key, set_value

from genai_otel import _context, _runtime, _spans
from genai_otel._guard import guarded, logger, warn_once
from genai_otel._spans import Span

from . import _processors, _refusals, _switch, _trace_info
from ._live_span import LiveSpan, set_tools

__all__ = [
    "configure",
    "context",
    "disable",
    "disable_notebook_display",
    "enable",
    "get_tracing_context_headers_for_http_request",
    "reset",
    "set_span_chat_tools",
    "set_span_processors",
    "set_tracing_context_from_http_request_headers",
]

_MUTED: Final = create_key("genai_otel.compat.mlflow.muted")


def _unchanged() -> _context._Block:
    return _context._Block(lambda outer: outer)


@guarded()
def disable() -> None:
    """Stop making spans through this module, in the whole process, automatic ones included.

    Neither OpenTelemetry's providers nor genai_otel's own decorators are touched.
    """
    _switch.turn(False)


@guarded()
def enable() -> None:
    """Take :func:`disable` back, with automatic instrumentation as it was."""
    _switch.turn(True)


def reset() -> None:
    """Enable tracing and forget the span processors; exporters and providers stay as they are."""
    _processors.install(())
    _switch.turn(True)


@guarded(make=_unchanged)
def context(
    metadata: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    enabled: bool | None = None,
    session_id: str | None = None,
    user: str | None = None,
) -> _context._Block:
    """Give every trace that starts inside a session, a user, tags and metadata: ``with context(user="u1"):``.

    See :func:`genai_otel.context`. ``enabled=False`` turns tracing off inside, by OpenTelemetry's own
    suppression key (so that every instrumentation honours it); ``enabled=True`` takes that back in an inner
    block.
    """
    said = _trace_info.split(tags, metadata)
    block = _context.context(
        session_id=said.get("session_id") if session_id is None else session_id,
        user_id=said.get("user_id") if user is None else user,
        tags=said.get("tags"),
        metadata=said.get("metadata"),
    )
    if enabled is None:
        return block
    return _context._Block(lambda outer: _turned(block._change(outer), enabled))


def _turned(context: Context, enabled: bool) -> Context:
    if not enabled and not _runtime.suppressed(context):
        return set_value(_MUTED, True, _runtime.suppress(context))
    if enabled and context.get(_MUTED):
        return set_value(_MUTED, False, set_value(SUPPRESS_KEY, False, context))
    return context


def configure(
    span_processors: Iterable[Callable[[LiveSpan], Any]] | None = None,
) -> _processors.Configuration:
    """Set the functions that see every span of this module just before it ends, and may change it.

    Called as a function or as a context manager that restores the processors of before; process-wide, not
    context-local. None leaves them as they are, an empty list takes them away. A processor that raises
    costs the span its inputs and outputs: they are not exported unprocessed. Automatic spans do not pass
    here, see :func:`genai_otel.compat.mlflow.openai.autolog`.

    Raises:
        TypeError: for a processor that is not a callable of one argument.
    """
    before = _processors.installed()
    if span_processors is not None:
        _processors.install(span_processors)
    return _processors.Configuration(before)


def set_span_processors(span_processors: Iterable[Callable[[LiveSpan], Any]]) -> _processors.Configuration:
    """Set the span processors, see :func:`configure`."""
    return configure(span_processors=span_processors)


@guarded(make=dict)
def get_tracing_context_headers_for_http_request() -> dict[str, str]:
    """Return the headers that carry the current trace to another service; outside any, a warning and none.

    Written by the globally configured propagators: ``traceparent`` by default.
    """
    span = _spans.get_current_span()
    if span is None or not span.get_span_context().is_valid:
        logger.warning("no active span: there is no tracing context to send")
        return {}
    return _context.inject_headers()


@guarded(make=_unchanged)
def set_tracing_context_from_http_request_headers(headers: Mapping[str, str]) -> _context._Block:
    """Continue the trace that a request's headers carry, names in any case: ``with ...(request.headers):``.

    Headers without a trace start a new one, and cost one warning.
    """
    block = _context.extract_headers(headers)

    def change(outer: Context) -> Context:
        if not _context.carries_trace(headers):
            warn_once("compat.mlflow.headers", "the request's headers carry no trace: a new one starts here")
        return block._change(outer)

    return _context._Block(change)


def set_span_chat_tools(span: Span, tools: list[dict[str, Any]]) -> None:
    """Record the definitions of the tools that the model of ``span`` was offered."""
    set_tools(span, tools)


def disable_notebook_display() -> None:
    """Do nothing: finished traces are not displayed in notebooks."""


def __getattr__(name: str) -> Any:
    return _refusals.missing(__name__, name, _refusals.TRACING, __all__)
