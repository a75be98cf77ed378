"""The processors that collect what a capture is for: spans in order of their start, and events."""

from __future__ import annotations

import itertools
import threading
import weakref
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from genai_otel.conventions.span_types import SpanType
from genai_otel.exporters.node import PLAIN_LABEL, label_of

from .captured_span import CapturedSpan
from .deterministic import Clock

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span

    from genai_otel.telemetry.operation import Operation


class _NothingToFlush(SpanProcessor):
    """Holds nothing back, and says so: in SDKs before 1.42 one that does not stops the flush of those after it."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


class SpanRecorder(_NothingToFlush):
    """Keeps finished spans, and knows which are still open."""

    def __init__(self, clock: Clock | None) -> None:
        self.finished: list[CapturedSpan] = []
        self.open: dict[int, Span] = {}
        self._clock = clock
        self._count = itertools.count()
        self._started: dict[int, tuple[int, int]] = {}
        self._types: dict[int, str] = {}

    def note_type(self, operation: Operation) -> None:
        """Remember what type a span of ours has; called right before it ends."""
        self._types[operation.span.get_span_context().span_id] = operation.rules.span_type

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        span_id = span.get_span_context().span_id
        self._started[span_id] = next(self._count), self._clock.read() if self._clock is not None else 0
        self.open[span_id] = span

    def on_end(self, span: ReadableSpan) -> None:
        span_id = span.context.span_id if span.context is not None else 0
        self.open.pop(span_id, None)
        started = self._started.pop(span_id, None)
        if started is None:  # it began before the capture
            return
        order, start = started
        times = None if self._clock is None else (start, self._clock.read())
        span_type = self._types.pop(span_id, None) or _foreign_type(span)
        self.finished.append(CapturedSpan(span, span_type, order, times))


def _foreign_type(span: ReadableSpan) -> str:
    label = label_of(span.attributes or {}, span.kind.name)
    return SpanType.UNKNOWN.value if label == PLAIN_LABEL else label


class EventRecorder(LogRecordProcessor):
    """Keeps emitted log records."""

    def __init__(self, clock: Clock | None) -> None:
        self.emitted: list[Any] = []
        self._clock = clock

    def on_emit(self, log_record: Any) -> None:
        record = log_record.log_record
        if self._clock is not None:
            record.timestamp = record.observed_timestamp = self._clock.read()
        self.emitted.append(record)

    def shutdown(self) -> None:
        return

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


class Tap(_NothingToFlush):
    """Shows the spans of a provider, anyone's, to the recorders that listen at the moment."""

    def __init__(self) -> None:
        self._recorders: tuple[SpanRecorder, ...] = ()

    def listen(self, recorder: SpanRecorder) -> None:
        """Show what starts from now on to ``recorder`` alone."""
        with _lock:
            self._recorders = (*self._recorders, recorder)

    def release(self, recorder: SpanRecorder) -> None:
        """Show nothing more to ``recorder``."""
        with _lock:
            self._recorders = tuple(known for known in self._recorders if known is not recorder)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        for recorder in self._recorders[-1:]:
            recorder.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        for recorder in self._recorders:
            recorder.on_end(span)


_taps: weakref.WeakKeyDictionary[Any, Tap] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def tap_global_provider() -> Tap:
    """Return the tap of the global tracer provider; a provider is installed, and stays, where there is none.

    Raises:
        RuntimeError: if the global provider takes no span processors.
    """
    with _lock:
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            trace.set_tracer_provider(TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False))
        provider: Any = trace.get_tracer_provider()
        tap = _taps.get(provider)
        if tap is None:
            if not hasattr(provider, "add_span_processor"):
                raise RuntimeError(
                    f"{type(provider).__name__} takes no span processors: its spans can't be captured"
                )
            tap = _taps[provider] = Tap()
            provider.add_span_processor(tap)
        return tap
