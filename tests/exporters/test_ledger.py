"""When a trace is complete, when it is shown early, and what is let go."""

from __future__ import annotations

import gc
import weakref
from dataclasses import dataclass
from typing import Any

from genai_otel.exporters.ledger import Batch, Ledger


@dataclass(eq=False)
class Parent:
    span_id: int


@dataclass(eq=False)
class Ended:
    """The little of a span that the ledger looks at."""

    span_id: int
    parent: Parent | None = None


def spans(batch: Batch | None) -> list[int]:
    assert batch is not None
    return [span.span_id for span in batch.ended]  # type: ignore[attr-defined]


class Book(Ledger):
    def begin(self, trace_id: int, span_id: int) -> Batch | None:
        return self.start(trace_id, span_id, Ended(span_id))  # type: ignore[arg-type]

    def finish(self, trace_id: int, span_id: int, parent: int | None = None) -> Batch | None:
        span: Any = Ended(span_id, None if parent is None else Parent(parent))
        return self.end(trace_id, span_id, span)


def book(max_traces: int = 10, max_spans: int = 10, grace: float = 60.0) -> Book:
    return Book(max_traces, max_spans, grace)


def test_a_trace_is_complete_when_nothing_in_it_is_open() -> None:
    ledger = book()
    for span_id in (1, 2, 3):
        ledger.begin(7, span_id)
    assert ledger.finish(7, 2, parent=1) is None
    assert ledger.finish(7, 1) is None  # the root, while 3 is still open
    assert spans(ledger.finish(7, 3, parent=1)) == [2, 1, 3]
    assert ledger.close() == []


def test_a_span_that_ends_in_no_known_trace_stands_alone() -> None:
    assert spans(book().finish(7, 1)) == [1]


def test_a_root_that_ended_is_not_held_up_for_ever() -> None:
    ledger = book(grace=0.0)
    ledger.begin(7, 1)
    ledger.begin(7, 2)
    assert ledger.next_due() is None
    ledger.finish(7, 1)
    assert ledger.next_due() is not None
    (batch,) = ledger.overdue()
    assert (spans(batch), len(batch.running)) == ([1], 1)
    assert spans(ledger.finish(7, 2, parent=1)) == [2]


def test_a_child_that_ends_sets_no_clock() -> None:
    ledger = book(grace=0.0)
    ledger.begin(7, 1)
    ledger.begin(7, 2)
    ledger.finish(7, 2, parent=1)
    assert (ledger.next_due(), ledger.overdue()) == (None, [])


def test_a_trace_that_completed_in_time_is_not_shown_again() -> None:
    ledger = book(grace=0.0)
    ledger.begin(7, 1)
    ledger.begin(7, 2)
    ledger.finish(7, 1)
    ledger.finish(7, 2, parent=1)
    assert ledger.overdue() == []


def test_too_many_traces_push_the_oldest_out() -> None:
    ledger = book(max_traces=2)
    ledger.begin(1, 10)
    ledger.begin(1, 11)
    ledger.finish(1, 11, parent=10)
    assert ledger.begin(2, 20) is None
    crowded_out = ledger.begin(3, 30)
    assert crowded_out is not None
    assert (spans(crowded_out), crowded_out.crowded_out, len(crowded_out.running)) == ([11], True, 1)
    assert spans(ledger.finish(1, 10)) == [10]


def test_a_trace_in_which_nothing_ended_is_pushed_out_silently() -> None:
    ledger = book(max_traces=1)
    ledger.begin(1, 10)
    assert ledger.begin(2, 20) is None


def test_the_oldest_spans_of_a_huge_trace_are_dropped_and_counted() -> None:
    ledger = book(max_spans=3)
    ledger.begin(7, 1)
    for span_id in range(2, 8):
        ledger.begin(7, span_id)
        ledger.finish(7, span_id, parent=1)
    batch = ledger.finish(7, 1)
    assert batch is not None
    assert (spans(batch), batch.dropped) == ([6, 7, 1], 4)


def test_spans_that_never_end_are_forgotten_beyond_the_limit() -> None:
    ledger = book(max_spans=5)
    first = Ended(0)
    reference = weakref.ref(first)
    ledger.start(7, 0, first)  # type: ignore[arg-type]
    del first
    for span_id in range(1, 50):
        ledger.begin(7, span_id)
    gc.collect()
    assert reference() is None
    ledger.finish(7, 49)
    (batch,) = ledger.close()
    assert len(batch.running) == 4


def test_closing_hands_over_what_ended_and_forgets_the_rest() -> None:
    ledger = book()
    ledger.begin(1, 10)
    ledger.begin(2, 20)
    ledger.begin(2, 21)
    ledger.finish(2, 21, parent=20)
    (batch,) = ledger.close()
    assert (spans(batch), len(batch.running)) == ([21], 1)
    assert ledger.close() == []
