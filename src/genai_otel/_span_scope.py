"""``start_span`` and ``start_span_no_context``: spans around a block, and spans that live on their own."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext

from . import _runtime, _settings
from ._guard import report, warn_once
from ._spans import Span, facade, finish
from .conventions.span_types import Rules, SpanType, rules_for
from .telemetry.attributes import text_of
from .telemetry.operation import Operation, entered
from .telemetry.spec import Spec, memory_operation


class SpanScope:
    """A block of code as a span: current inside, ended on the way out, context restored.

    Returned by :func:`start_span`; enter it with ``with`` or ``async with``.
    """

    __slots__ = ("_context", "_inputs", "_operation", "_span", "_spec", "_token")

    def __init__(self, spec: Spec | None, inputs: Any = None) -> None:
        self._spec = spec
        self._inputs = inputs
        self._operation: Operation | None = None
        self._span: trace.Span | None = None
        self._context: Context | None = None
        self._token: _runtime.Token = None

    def __enter__(self) -> Span:
        context = _runtime.current()
        try:
            return self._enter(context)
        except BaseException as exc:  # an interrupt, perhaps between attaching and keeping the token
            if _runtime.current() is not context:
                _runtime.attach(context)
            if self._operation is not None:
                finish(self._operation, exc=exc)
            raise

    def _enter(self, context: Context) -> Span:
        span = self._begin(context)
        try:
            self._context = inner = entered(context, None if self._span is None else span, self._operation)
            self._token = _runtime.attach(inner)
        except Exception:
            self._context = None
            report("start_span")
        return span

    def _begin(self, context: Context) -> Span:
        try:
            if self._spec is not None:
                self._span, self._operation = self._spec.begin(_settings.current(), context)
            if self._inputs is not None and self._operation is not None:
                self._operation.set_inputs(self._inputs)
        except Exception:
            report("start_span")
        return facade(self._span, self._operation, context)

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        token, attached = self._token, self._context
        try:
            if attached is not None:
                _runtime.leave(token, attached)
        except Exception:
            report("start_span.exit")
        except BaseException:  # an interrupt before the context was given back
            if attached is not None:
                _runtime.leave(token, attached)
            raise
        finally:
            self._context = self._token = None
            if self._operation is not None:
                finish(self._operation, exc=exc)

    async def __aenter__(self) -> Span:
        return self.__enter__()

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.__exit__(exc_type, exc, tb)


def start_span(
    name: str | None = None,
    span_type: SpanType | str = SpanType.UNKNOWN,
    attributes: Mapping[str, Any] | None = None,
    *,
    inputs: Any = None,
    model: str | None = None,
    provider: str | None = None,
    operation: str | None = None,
) -> SpanScope:
    """Trace a block of code: ``with start_span("retrieval", span_type=SpanType.RETRIEVER) as span``.

    Also ``async with``. The span is current inside, an exception is recorded and goes on unchanged. Wrong arguments
    are reported once in the log and replaced by defaults: tracing never fails the block it traces.

    Args:
        name: the span's name, which then never changes; else the type's default name, which follows later
            ``set_model``, ``set_tool_call`` and ``set_agent`` calls.
        span_type: a ``SpanType`` or a custom string.
        attributes: attributes that the span starts with, seen by samplers.
        inputs: what went in, as by ``set_inputs``.
        model: the model asked for, ``gen_ai.request.model``.
        provider: ``gen_ai.provider.name``.
        operation: the memory operation of a MEMORY span; default ``search_memory``.
    """
    spec: Spec | None = None
    try:
        spec = tolerant_spec(name, span_type, attributes, model, provider, operation)
    except Exception:
        report("start_span")
    return SpanScope(spec, inputs)


def start_span_no_context(
    name: str | None = None,
    span_type: SpanType | str = SpanType.UNKNOWN,
    parent: trace.Span | SpanContext | Context | None = None,
    *,
    inputs: Any = None,
    attributes: Mapping[str, Any] | None = None,
    model: str | None = None,
    provider: str | None = None,
    start_time_ns: int | None = None,
    operation: str | None = None,
) -> Span:
    """Start a span that is not made current; the caller ends it with ``span.end()``, in any thread.

    Never raises; wrong arguments are reported once in the log and replaced by defaults.

    Args:
        name: as for ``start_span``, and so are the arguments not named here.
        span_type: a ``SpanType`` or a custom string.
        parent: a span, a span context or an OpenTelemetry ``Context``; else the current span, if any.
        inputs: what went in.
        attributes: attributes that the span starts with.
        model: the model asked for.
        provider: ``gen_ai.provider.name``.
        start_time_ns: nanoseconds since the epoch; else now.
        operation: the memory operation of a MEMORY span.
    """
    otel: trace.Span | None = None
    context = _runtime.current()
    started: Operation | None = None
    try:
        spec = tolerant_spec(name, span_type, attributes, model, provider, operation)
        context = parent_context(parent)
        otel, started = spec.begin(_settings.current(), context, start_time_ns)
        if inputs is not None and started is not None:
            started.set_inputs(inputs)
    except Exception:
        report("start_span_no_context")
    return facade(otel, started, context)


def parent_context(parent: object) -> Context:
    """Return the current context with ``parent`` (span, span context, context or None for the current) in it."""
    context = _runtime.current()
    if parent is None:
        return context
    if isinstance(parent, Context):
        return parent
    if isinstance(parent, Span):
        return entered(context, parent, parent._operation)
    if isinstance(parent, trace.Span):
        return trace.set_span_in_context(parent, context)
    if isinstance(parent, SpanContext):
        return trace.set_span_in_context(trace.NonRecordingSpan(parent), context)
    warn_once(
        "parent", "parent=%s ignored: it must be a span, a SpanContext or a Context", type(parent).__name__
    )
    return context


def tolerant_spec(
    name: object,
    span_type: Any,
    attributes: Any,
    model: object = None,
    provider: object = None,
    operation: str | None = None,
) -> Spec:
    """Return the spec of a span; wrong arguments are reported once in the log and replaced by defaults.

    Without attributes it is remembered: the same line of code asks for the same spec again and again.
    """
    if attributes is None:
        try:
            return _remembered_spec(name, span_type, model, provider, operation)
        except Exception:  # an argument that cannot be hashed
            pass
    return _spec(name, span_type, attributes, model, provider, operation)


@functools.lru_cache(maxsize=1_024)
def _remembered_spec(
    name: object, span_type: Any, model: object, provider: object, operation: str | None
) -> Spec:
    return _spec(name, span_type, None, model, provider, operation)


def _spec(
    name: object, span_type: Any, attributes: Any, model: object, provider: object, operation: str | None
) -> Spec:
    rules = _tolerant_rules(span_type)
    if attributes is not None and not isinstance(attributes, Mapping):
        warn_once("attributes", "attributes=%s ignored: it must be a mapping", type(attributes).__name__)
        attributes = None
    try:
        operation = memory_operation(rules, operation)
    except ValueError:
        warn_once("operation", "operation= ignored: it must be a memory operation, on a span of type MEMORY")
        operation = None
    return Spec(
        rules,
        text_of(name) or None,
        attributes,
        model=text_of(model),
        provider=text_of(provider),
        operation=operation,
    )


def _tolerant_rules(span_type: Any) -> Rules:
    try:
        return rules_for(span_type)
    except (TypeError, ValueError) as exc:
        warn_once("span_type", "%s: the span becomes UNKNOWN", exc)
        return rules_for(SpanType.UNKNOWN)
