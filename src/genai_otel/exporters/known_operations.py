"""What is known of spans of ours beyond their attributes: their true type, whether they are the outermost."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from genai_otel.conventions import attributes as attr

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from genai_otel.telemetry.operation import Operation

# Spans that ended and were not exported yet; well above the queue of a batch processor.
MAX_WAITING: Final = 20_000
_PREVIEWS: Final = (attr.REQUEST_PREVIEW, attr.RESPONSE_PREVIEW)


class Known(NamedTuple):
    """What one operation says of its span; ``previews`` are the keys of those that the user set."""

    span_type: str
    outermost: bool
    previews: frozenset[str] = frozenset()


class KnownOperations:
    """Heard when operations finish, taken when their spans are exported."""

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        self._max_waiting = max_waiting
        self._known: dict[tuple[int, int], Known] = {}
        self._outermost: dict[tuple[int, int], None] = {}
        # Re-entrant: the garbage collector may end a forgotten span while this very thread holds it.
        self._lock = threading.RLock()

    def hear(self, operation: Operation) -> None:
        """Note an operation that is about to end its span; beyond the maximum the oldest is forgotten."""
        span = operation.span.get_span_context()
        ids = (span.trace_id, span.span_id)
        known = _known(operation)
        with self._lock:
            self._known[ids] = known
            _bound(self._known, self._max_waiting)
            if known.outermost:
                self._outermost[ids] = None
                _bound(self._outermost, self._max_waiting)

    def take(self, span: ReadableSpan) -> Known | None:
        """Return what is known of ``span``, and forget it; None for a span that is not ours."""
        ids = span.context
        if ids is None:
            return None
        with self._lock:
            return self._known.pop((ids.trace_id, ids.span_id), None)

    def is_outermost(self, trace_id: int, span_id: int) -> bool:
        """Whether the span was the outermost one of ours in its trace, not too long ago."""
        return (trace_id, span_id) in self._outermost

    def forget(self) -> None:
        """Forget everything; in a forked child, what it inherited is its parent's to export."""
        self._lock = threading.RLock()
        self._known.clear()
        self._outermost.clear()


def _known(operation: Operation) -> Known:
    if operation.root is not operation:
        return Known(operation.rules.span_type, False)
    # those that are derived join the attributes later
    previews = frozenset(key for key in _PREVIEWS if key in operation.pending)
    return Known(operation.rules.span_type, True, previews)


def _bound(entries: dict[tuple[int, int], Any], most: int) -> None:
    if len(entries) > most:
        del entries[next(iter(entries))]
