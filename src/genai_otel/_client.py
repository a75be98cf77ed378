"""``TracingClient``: spans with explicit lifecycles, parents and trace ids, over the same ``Span``."""

from __future__ import annotations

import copy
import dataclasses
import functools
import random
import re
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags, TracerProvider

from . import _forks, _runtime, _settings
from ._guard import logger, report, warn_once
from ._settings import Settings
from ._span_scope import tolerant_spec
from ._spans import Span, facade, get_current_span
from .conventions.span_types import SpanType
from .telemetry.ambient import AMBIENT_KEY, ambient_of
from .telemetry.operation import entered
from .telemetry.providers import Providers
from .telemetry.spec import Spec

MAX_OPEN_TRACES: Final = 10_000
MAX_OPEN_SPANS: Final = 100_000
_TRACE_ID: Final = re.compile(r"[0-9a-f]{32}")
_T = TypeVar("_T")
_SPAN_ID: Final = re.compile(r"[0-9a-f]{16}")
_WRAPPING: Final = re.compile(r"^tr-|^urn:uuid:|[-{}]")  # how UUIDs and other tools' trace ids are written


class _Trace:
    """The live spans of one trace, the root first."""

    __slots__ = ("root_id", "spans")

    def __init__(self, root_id: str | None) -> None:
        self.root_id = root_id
        self.spans: dict[str, Span] = {}


class TracingClient:
    """Starts and ends spans by id, without ever touching the current context; safe from many threads at once.

    ``request_id=`` is accepted wherever ``trace_id=`` is. Traces that are never ended do not pile up: past 10,000 open
    traces (or 100,000 open spans) the oldest trace is ended. ``tracer_provider`` defaults to the configured one.
    """

    def __init__(self, tracer_provider: TracerProvider | None = None) -> None:
        if tracer_provider is not None and not hasattr(tracer_provider, "get_tracer"):
            raise TypeError(f"tracer_provider must be a TracerProvider, not {type(tracer_provider).__name__}")
        self._providers: Providers | None = None
        self._lock = threading.Lock()
        try:
            self._providers = None if tracer_provider is None else Providers(tracer_provider)
            _forks.in_children(self)
        except Exception:
            report("TracingClient")
        self._traces: OrderedDict[str, _Trace] = OrderedDict()
        self._open_spans = 0

    # --- starting ------------------------------------------------------------------------------------------
    def start_trace(
        self,
        name: str,
        *,
        span_type: SpanType | str = SpanType.UNKNOWN,
        inputs: Any = None,
        attributes: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        trace_id: str | uuid.UUID | None = None,
        request_id: str | uuid.UUID | None = None,
        start_time_ns: int | None = None,
    ) -> Span:
        """Start a trace and return its root span.

        Args:
            name: the root span's name.
            span_type: a ``SpanType`` or a custom string.
            inputs: what went in.
            attributes: attributes that the root starts with.
            tags: as by ``update_current_trace``.
            trace_id: an id of one's own, 32 hexadecimal digits or a UUID; the root then really has it, and no parent.
            request_id: another name for ``trace_id``.
            start_time_ns: nanoseconds since the epoch; else now.

        Raises:
            ValueError: for a malformed trace id, or one whose trace is open here already.
        """
        chosen = _checked(_optional_trace_id, trace_id if trace_id is not None else request_id)
        if chosen is not None and f"{chosen:032x}" in self._traces:
            raise ValueError(f"trace_id={chosen:032x} is the id of a trace that is open already")
        span: Span | None = None
        try:
            spec, settings = tolerant_spec(name, span_type, attributes), self._settings()
            span = self._begin(spec, settings, _detached(Context()), start_time_ns, chosen)
            if inputs is not None:
                span.set_inputs(inputs)
            if tags and span._operation is not None:
                from ._context import _trace_attributes

                span._operation.update(_trace_attributes(tags, None, settings.content))
            self._keep(span, is_root=True)
        except Exception:
            report("TracingClient.start_trace")
        return _unrecorded(chosen) if span is None else span

    def start_span(
        self,
        name: str,
        trace_id: str | uuid.UUID | None = None,
        parent_id: str | None = None,
        *,
        request_id: str | uuid.UUID | None = None,
        span_type: SpanType | str = SpanType.UNKNOWN,
        inputs: Any = None,
        attributes: Mapping[str, Any] | None = None,
        start_time_ns: int | None = None,
    ) -> Span:
        """Start a child span of the span ``parent_id`` in the trace ``trace_id``.

        A parent that is not live here is taken as a remote one, so that a trace begun elsewhere can be continued.
        ``start_time_ns`` is in nanoseconds since the epoch.

        Raises:
            ValueError: for a missing or malformed id.
        """
        trace_key = _checked(_trace_key, trace_id, request_id)
        parent_key = _checked(_span_key, "parent_id", parent_id)
        span: Span | None = None
        try:
            spec = tolerant_spec(name, span_type, attributes)
            span = self._begin(
                spec, self._settings(), self._beneath(trace_key, parent_key), start_time_ns, None
            )
            if inputs is not None:
                span.set_inputs(inputs)
            self._keep(span, is_root=False)
        except Exception:
            report("TracingClient.start_span")
        return _unrecorded() if span is None else span

    def _beneath(self, trace_key: str, parent_key: str) -> Context:
        parent = self._live(trace_key, parent_key)
        context = _detached(Context())
        if parent is not None:
            return entered(context, parent, parent._operation)
        return trace.set_span_in_context(_remote(trace_key, parent_key), context)

    def _begin(
        self,
        spec: Spec,
        settings: Settings,
        context: Context,
        start_time_ns: int | None,
        trace_id: int | None,
    ) -> Span:
        try:
            tracer = None
            if trace_id is not None:
                tracer = _tracer_with_id(settings.providers.tracer(), trace_id)
            span, operation = spec.begin(settings, context, start_time_ns, tracer)
        except Exception:
            report("TracingClient.start")
            span, operation = None, None
        started = facade(span, operation, context)
        try:
            return Span(_with_own_ids(started._otel, context, trace_id), operation)
        except Exception:
            report("TracingClient.ids")
            return started if started.get_span_context().is_valid else _unrecorded(trace_id)

    # --- ending --------------------------------------------------------------------------------------------
    def end_span(
        self,
        trace_id: str | uuid.UUID | None = None,
        span_id: str | None = None,
        *,
        request_id: str | uuid.UUID | None = None,
        outputs: Any = None,
        attributes: Mapping[str, Any] | None = None,
        status: str | StatusCode | Status | None = None,
        end_time_ns: int | None = None,
    ) -> None:
        """End one span; an unknown or already ended one is a warning in the log.

        ``status`` is "OK", "ERROR", a ``StatusCode`` or a ``Status``; ``end_time_ns`` nanoseconds since the epoch.

        Raises:
            ValueError: for a missing or malformed id.
        """
        trace_key = _checked(_trace_key, trace_id, request_id)
        span_key = _checked(_span_key, "span_id", span_id)
        try:
            span = self._forget(trace_key, span_key)
        except Exception:
            report("TracingClient.end_span")
            return
        if span is None:
            logger.warning("end_span: no open span %s in trace %s; ended already?", span_key, trace_key)
            return
        span.end(outputs, attributes, status, end_time_ns)

    def end_trace(
        self,
        trace_id: str | uuid.UUID | None = None,
        *,
        request_id: str | uuid.UUID | None = None,
        outputs: Any = None,
        attributes: Mapping[str, Any] | None = None,
        status: str | StatusCode | Status | None = None,
        end_time_ns: int | None = None,
    ) -> None:
        """End the root span of a trace, and before it the children that are still open.

        Raises:
            ValueError: for a missing or malformed id.
        """
        trace_key = _checked(_trace_key, trace_id, request_id)
        with self._lock:
            found = self._traces.pop(trace_key, None)
            self._open_spans -= len(found.spans) if found is not None else 0
        if found is None:
            logger.warning("end_trace: no open trace %s; ended already?", trace_key)
            return
        root = found.spans.pop(found.root_id, None) if found.root_id is not None else None
        for span in reversed(list(found.spans.values())):
            span.end(end_time_ns=end_time_ns)
        if root is not None:
            root.end(outputs, attributes, status, end_time_ns)

    def get_span(
        self,
        trace_id: str | uuid.UUID | None = None,
        span_id: str | None = None,
        *,
        request_id: str | uuid.UUID | None = None,
    ) -> Span | None:
        """Return a span that was started here and is still open, or None.

        Raises:
            ValueError: for a missing or malformed id.
        """
        trace_key = _checked(_trace_key, trace_id, request_id)
        span_key = _checked(_span_key, "span_id", span_id)
        found = self._traces.get(trace_key)
        return None if found is None else found.spans.get(span_key)

    def start_afresh(self) -> None:
        """In a forked child: what is open stays open, for the parent or the child to end; the lock is free."""
        self._lock = threading.Lock()

    # --- the registry of open spans ------------------------------------------------------------------------
    def _settings(self) -> Settings:
        settings = _settings.current()
        if self._providers is None:
            return settings
        return dataclasses.replace(settings, providers=self._providers)

    def _live(self, trace_key: str, span_key: str) -> Span | None:
        found = self._traces.get(trace_key)
        span = found.spans.get(span_key) if found is not None else None
        if span is not None:
            return span
        current = get_current_span()
        operation = current._operation if current is not None else None
        while operation is not None:
            candidate = Span(operation.span, operation)
            if candidate.span_id == span_key and candidate.trace_id == trace_key:
                return candidate
            operation = operation.parent
        return None

    def _keep(self, span: Span, *, is_root: bool) -> None:
        trace_key, span_key = span.trace_id, span.span_id
        abandoned: list[_Trace] = []
        with self._lock:
            found = self._traces.get(trace_key)
            if found is None:
                found = self._traces[trace_key] = _Trace(span_key if is_root else None)
            found.spans[span_key] = span
            self._open_spans += 1
            while self._traces and (len(self._traces) > MAX_OPEN_TRACES or self._open_spans > MAX_OPEN_SPANS):
                oldest = self._traces.popitem(last=False)[1]
                self._open_spans -= len(oldest.spans)
                abandoned.append(oldest)
        if span._operation is not None:  # it may be ended without us: span.end(), trace.use_span(span, True)
            span._operation.on_end = functools.partial(self._forget, trace_key, span_key)
        for old in abandoned:
            self._abandon(old)

    @staticmethod
    def _abandon(old: _Trace) -> None:
        warn_once(
            "open traces", "too many open traces: the oldest, of %d open spans, is ended", len(old.spans)
        )
        for span in reversed(list(old.spans.values())):
            span.end()

    def _forget(self, trace_key: str, span_key: str) -> Span | None:
        with self._lock:
            found = self._traces.get(trace_key)
            span = found.spans.pop(span_key, None) if found is not None else None
            if found is not None and span is not None:
                self._open_spans -= 1
                if not found.spans:
                    del self._traces[trace_key]
            return span


def _detached(context: Context) -> Context:
    """Return ``context`` with the ambient values and the suppression of the current one, but not its span."""
    current = _runtime.current()
    values = dict(context)
    ambient = ambient_of(current)
    if ambient is not None:
        values[AMBIENT_KEY] = ambient
    kept = Context(values)
    return _runtime.suppress(kept) if _runtime.suppressed(current) else kept


def _tracer_with_id(tracer: trace.Tracer | None, trace_id: int) -> trace.Tracer | None:
    """Return a copy of the SDK's tracer that gives the next root span this trace id."""
    if tracer is None or not hasattr(tracer, "id_generator"):
        if tracer is not None and type(tracer).__name__ != "NoOpTracer":
            logger.warning("this tracer provider cannot choose trace ids: the trace gets a generated one")
        return tracer
    chosen: Any = copy.copy(tracer)
    chosen.id_generator = _ChosenTraceId(chosen.id_generator, trace_id)
    return chosen  # type: ignore[no-any-return]


class _ChosenTraceId:
    """An id generator with one trace id to give."""

    def __init__(self, spans: Any, trace_id: int) -> None:
        self.generate_span_id = spans.generate_span_id
        self._trace_id = trace_id

    def generate_trace_id(self) -> int:
        return self._trace_id

    def is_trace_id_random(self) -> bool:
        return False


def _with_own_ids(span: trace.Span, context: Context, trace_id: int | None) -> trace.Span:
    """Return a span that records nothing, with ids by which it can be found and ended like any other."""
    ids, parent = span.get_span_context(), trace.get_current_span(context).get_span_context()
    if ids.is_valid and ids.span_id != parent.span_id:
        return span
    chosen = trace_id or parent.trace_id or random.getrandbits(128) or 1
    return NonRecordingSpan(SpanContext(chosen, random.getrandbits(64) or 1, is_remote=False))


def _remote(trace_key: str, span_key: str) -> NonRecordingSpan:
    ids = SpanContext(
        int(trace_key, 16), int(span_key, 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )
    return NonRecordingSpan(ids)


def _unrecorded(trace_id: int | None = None) -> Span:
    """Return a span that stands for one that could not be started, with ids to go on with."""
    ids = SpanContext(trace_id or random.getrandbits(128) or 1, random.getrandbits(64) or 1, is_remote=False)
    return Span(NonRecordingSpan(ids), None)


def _checked(check: Callable[..., _T], *given: Any) -> _T:
    """Return what ``check`` makes of an id; its ValueError is the caller's, whatever else it raises is ours."""
    try:
        return check(*given)
    except ValueError:
        raise
    except Exception:
        report("TracingClient.ids")
        return None  # type: ignore[return-value]


def _optional_trace_id(value: str | uuid.UUID | None) -> int | None:
    return None if value is None else int(_trace_key(value, None), 16)


def _trace_key(trace_id: str | uuid.UUID | None, request_id: str | uuid.UUID | None) -> str:
    value = trace_id if trace_id is not None else request_id
    text = value.hex if isinstance(value, uuid.UUID) else value
    digits = _WRAPPING.sub("", text.strip().lower()) if isinstance(text, str) else ""
    if not _TRACE_ID.fullmatch(digits) or int(digits, 16) == 0:
        raise ValueError(
            f"trace_id={value!r} is malformed: expected 32 hexadecimal digits (not all zero) or a UUID"
        )
    return digits


def _span_key(argument: str, value: str | None) -> str:
    key = value.strip().lower() if isinstance(value, str) else ""
    if not _SPAN_ID.fullmatch(key) or int(key, 16) == 0:
        raise ValueError(f"{argument}={value!r} is malformed: expected 16 hexadecimal digits (not all zero)")
    return key
