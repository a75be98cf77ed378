"""Which spans of which traces are open, and when a trace has everything it takes to be shown."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

MAX_TRACES: Final = 1_000
MAX_SPANS: Final = 10_000
GRACE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Spans to be shown together: those that ended, those still running, and how many were let go."""

    ended: Sequence[ReadableSpan]
    running: Sequence[ReadableSpan] = ()
    dropped: int = 0
    crowded_out: bool = False


@dataclass(slots=True, eq=False)
class _OpenTrace:
    open: OrderedDict[int, ReadableSpan] = field(default_factory=OrderedDict)
    ended: deque[ReadableSpan] = field(default_factory=deque)
    dropped: int = 0
    due: float | None = None

    def close(self, *, crowded_out: bool = False) -> Batch | None:
        """Hand over what has ended so far; nothing when that is nothing."""
        if not self.ended:
            return None
        batch = Batch(list(self.ended), list(self.open.values()), self.dropped, crowded_out)
        self.ended.clear()
        self.dropped, self.due = 0, None
        return batch


class Ledger:
    """The traces in progress in this process.

    Not locked: the owner holds one re-entrant lock around every call. Re-entrant because the garbage
    collector may end a forgotten span in the middle of any of these methods; each is written to bear that.
    """

    def __init__(self, max_traces: int, max_spans: int, grace: float) -> None:
        self._max_traces, self._max_spans, self._grace = max_traces, max_spans, grace
        self._traces: OrderedDict[int, _OpenTrace] = OrderedDict()
        self._due: deque[tuple[float, int]] = deque()

    def start(self, trace_id: int, span_id: int, span: ReadableSpan) -> Batch | None:
        """Note a started span; returns the oldest trace when there are too many to keep it."""
        trace = self._traces.get(trace_id)
        crowded_out = None
        if trace is None:
            crowded_out = self._make_room()
            trace = self._traces.setdefault(trace_id, _OpenTrace())
        if len(trace.open) >= self._max_spans:
            trace.open.popitem(last=False)
        trace.open[span_id] = span
        return crowded_out

    def end(self, trace_id: int, span_id: int, span: ReadableSpan) -> Batch | None:
        """Note an ended span; returns the trace when it was the last one open."""
        trace = self._traces.get(trace_id)
        if trace is None:
            return Batch((span,))
        if len(trace.ended) >= self._max_spans:
            # Parents end after their children, so what is let go are leaves and the tree stays whole.
            trace.ended.popleft()
            trace.dropped += 1
        trace.ended.append(span)
        trace.open.pop(span_id, None)
        if not trace.open:
            return trace.close() if self._traces.pop(trace_id, None) is trace else None
        if trace.due is None and (span.parent is None or span.parent.span_id not in trace.open):
            trace.due = monotonic() + self._grace
            self._due.append((trace.due, trace_id))
        return None

    def next_due(self) -> float | None:
        """When to call :meth:`overdue` next, on the monotonic clock; ``None`` when nothing waits."""
        return self._due[0][0] if self._due else None

    def overdue(self) -> list[Batch]:
        """Hand over the traces whose root ended a while ago although other spans in them are still open."""
        batches: list[Batch | None] = []
        while self._due and self._due[0][0] <= monotonic():
            due, trace_id = self._due.popleft()
            trace = self._traces.get(trace_id)
            if trace is not None and trace.due == due:
                batches.append(trace.close())
        return [batch for batch in batches if batch]

    def close(self) -> list[Batch]:
        """Hand over everything and forget it."""
        traces = list(self._traces.values())
        self._traces.clear()
        self._due.clear()
        return [batch for trace in traces if (batch := trace.close())]

    def _make_room(self) -> Batch | None:
        if len(self._traces) < self._max_traces:
            return None
        return self._traces.popitem(last=False)[1].close(crowded_out=True)
