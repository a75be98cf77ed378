"""``mlflow.trace``, ``mlflow.start_span`` and what they leave current."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar, overload

from opentelemetry import trace as otel_trace
from opentelemetry.context import Context

from genai_otel import _decorators, _settings, _span_scope, _spans
from genai_otel._guard import guarded, report
from genai_otel._spans import Span, facade
from genai_otel._traced import Plan
from genai_otel.conventions.span_types import SpanType

from . import _destination
from ._live_span import LiveSpan, live
from ._recording import MlflowSpec, last_trace_id_here
from ._refusals import refuse_given
from ._trace_info import describe

DEFAULT_NAME: Final = "span"
F = TypeVar("F", bound="Callable[..., Any] | classmethod[Any, Any, Any] | staticmethod[Any, Any] | property")


@overload
def trace(func: F, /) -> F: ...
@overload
def trace(
    func: F,
    name: str | None = None,
    span_type: SpanType | str = SpanType.UNKNOWN,
    attributes: Mapping[str, Any] | None = None,
    output_reducer: Callable[[list[Any]], Any] | None = None,
    *,
    links: Iterable[Any] | None = None,
) -> F: ...
@overload
def trace(
    func: None = None,
    name: str | None = None,
    span_type: SpanType | str = SpanType.UNKNOWN,
    attributes: Mapping[str, Any] | None = None,
    output_reducer: Callable[[list[Any]], Any] | None = None,
    trace_destination: None = None,
    sampling_ratio_override: None = None,
    log_level: None = None,
    links: Iterable[Any] | None = None,
    description: None = None,
) -> Callable[[F], F]: ...


def trace(
    func: Any = None,
    name: str | None = None,
    span_type: SpanType | str = SpanType.UNKNOWN,
    attributes: Mapping[str, Any] | None = None,
    output_reducer: Callable[[list[Any]], Any] | None = None,
    trace_destination: None = None,
    sampling_ratio_override: None = None,
    log_level: None = None,
    links: Iterable[Any] | None = None,
    description: None = None,
) -> Any:
    """Trace every call of a function: ``@trace``, ``@trace(name=..., span_type=...)`` or ``trace(fn)(args)``.

    As :func:`genai_otel.trace`, but the name is the function's whatever the type, and arguments and result
    are recorded unless the content mode was chosen explicitly.

    Raises:
        TypeError, ValueError: at decoration, for an argument of the wrong type or value.
        NotImplementedError: at decoration, for ``trace_destination``, ``sampling_ratio_override``,
            ``log_level`` and ``description``.
    """
    refuse_given(
        "trace",
        trace_destination=trace_destination,
        sampling_ratio_override=sampling_ratio_override,
        log_level=log_level,
        description=description,
    )
    try:
        options = _Options(name, span_type, attributes, output_reducer)
    except (TypeError, ValueError):
        raise
    except Exception:
        report("compat.mlflow.trace")
        return _decorators._as_it_is if func is None else func
    options.links = links
    decorate = functools.partial(_decorators._decorate, options)
    return decorate if func is None else decorate(func)


class _Options(_decorators._Options):
    links: Iterable[Any] | None = None

    def plan(self, fn: Callable[..., Any], *, receiver: bool) -> Plan:
        plan = super().plan(fn, receiver=receiver)
        plan.spec = MlflowSpec.of(plan.spec, self.name or _decorators._name_of(fn), self.links)
        return plan


class _Scope(_span_scope.SpanScope):
    """A block of code as a span, handed out as a ``LiveSpan``."""

    __slots__ = ()

    def __enter__(self) -> LiveSpan:
        return live(super().__enter__())

    async def __aenter__(self) -> LiveSpan:
        return self.__enter__()

    def _begin(self, context: Context) -> Span:
        return live(super()._begin(context))


def start_span(
    name: str = DEFAULT_NAME,
    span_type: SpanType | str | None = SpanType.UNKNOWN,
    attributes: Mapping[str, Any] | None = None,
    trace_destination: None = None,
    log_level: None = None,
    run_id: None = None,
    links: Iterable[Any] | None = None,
    description: None = None,
) -> _Scope:
    """Trace a block of code: ``with start_span(name="retrieval", span_type=SpanType.RETRIEVER) as span``.

    The span is current inside and ends on the way out; an exception is recorded and goes on unchanged.

    Raises:
        NotImplementedError: for ``trace_destination``, ``log_level``, ``run_id`` and ``description``.
    """
    refuse_given(
        "start_span",
        trace_destination=trace_destination,
        log_level=log_level,
        run_id=run_id,
        description=description,
    )
    spec: MlflowSpec | None = None
    try:
        spec = _spec(name, span_type, attributes, links)
    except Exception:
        report("compat.mlflow.start_span")
    return _Scope(spec)


def start_span_no_context(
    name: str,
    span_type: SpanType | str | None = SpanType.UNKNOWN,
    parent_span: otel_trace.Span | None = None,
    inputs: Any = None,
    attributes: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    experiment_id: str | None = None,
    start_time_ns: int | None = None,
    log_level: None = None,
    links: Iterable[Any] | None = None,
    description: None = None,
) -> LiveSpan:
    """Start a span that is not made current; the caller ends it with ``span.end()``, in any thread.

    Without ``parent_span`` the current span, if any, is the parent. Tags and metadata go to the trace.

    Raises:
        NotImplementedError: for ``log_level``, ``description`` and an ``experiment_id`` not the one set.
    """
    _destination.refuse_other_experiment("start_span_no_context", experiment_id)
    refuse_given("start_span_no_context", log_level=log_level, description=description)
    if isinstance(parent_span, Span) and not parent_span.get_span_context().is_valid:
        return LiveSpan(otel_trace.INVALID_SPAN, None)
    span = LiveSpan(otel_trace.INVALID_SPAN, None)
    try:
        context = _span_scope.parent_context(parent_span)
        spec = _spec(name, span_type, attributes, links)
        span = live(facade(*spec.begin(_settings.current(), context, start_time_ns), context))
        if inputs is not None:
            span.set_inputs(inputs)
        describe(span, tags=tags, metadata=metadata)
    except Exception:
        report("compat.mlflow.start_span_no_context")
    return span


def get_current_active_span() -> LiveSpan | None:
    """Return the innermost genai_otel span of the current context, or None outside any."""
    span = _spans.get_current_span()
    return None if span is None else live(span)


@guarded()
def get_active_trace_id() -> str | None:
    """Return the current trace's id, 32 hexadecimal digits without MLflow's ``tr-``, or None outside any."""
    span = _spans.get_current_span()
    return span.trace_id if span is not None and span.get_span_context().is_valid else None


@guarded()
def get_last_active_trace_id(thread_local: bool = False) -> str | None:
    """Return the id of the trace that ended last in this process; ``thread_local``: in this thread or task.

    32 hexadecimal digits without MLflow's ``tr-``, or None.
    """
    return last_trace_id_here.get() if thread_local else _spans.get_last_active_trace_id()


def flush_trace_async_logging(terminate: bool = False) -> None:
    """Export what has ended until now.

    ``terminate`` is accepted and changes nothing: exporting ends with the process or
    ``genai_otel.shutdown()``.
    """
    from genai_otel import flush

    flush()


def _spec(name: Any, span_type: Any, attributes: Any, links: Any) -> MlflowSpec:
    given = None if name == DEFAULT_NAME else name
    spec = _span_scope.tolerant_spec(given, span_type or SpanType.UNKNOWN, attributes)
    return MlflowSpec.of(spec, DEFAULT_NAME if given is None else None, links)
