"""Batches of spans drawn for one stream and written to it, one write per batch."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, TextIO

from . import terminal
from .header import Remarks
from .layout import layout
from .ledger import Batch
from .node import SpanNode, from_readable
from .paint import ASCII, UNICODE, Line, Segment, ansi, plain, print_with_rich
from .tree import Trace, build_traces

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_MAX_REMEMBERED: Final = 1_000


class Screen:
    """Draws for ``stream``, or for what ``sys.stderr`` is at the moment; remembers which traces it showed.

    Used by one thread at a time.
    """

    def __init__(self, stream: TextIO | None, color: bool | None, width: int | None) -> None:
        self._stream, self._color, self._width = stream, color, width
        self._shown: OrderedDict[str, str] = OrderedDict()

    def show(self, batch: Batch) -> None:
        """Write the trace or traces of a batch; a stream that can't be written to is passed over."""
        stream = self._stream if self._stream is not None else sys.stderr
        if stream is None:
            return
        nodes = [from_readable(span) for span in batch.ended]
        for trace in build_traces([*_running(batch), *nodes]):
            self._write(stream, list(self._lines(stream, trace, batch)))
            self._remember(trace)

    def skipped(self, count: int) -> None:
        """Say that so many traces were let go because the stream was too slow."""
        self.note(f"{count:,} traces not shown: they ended faster than they print")

    def note(self, text: str) -> None:
        """Write one line about the traces."""
        stream = self._stream if self._stream is not None else sys.stderr
        if stream is not None:
            self._write(stream, [[Segment(text, "note")]])

    def _lines(self, stream: TextIO, trace: Trace, batch: Batch) -> Iterator[Line]:
        glyphs = UNICODE if terminal.can_show(stream, UNICODE.all) else ASCII
        remarks = Remarks(self._late_for(trace, batch), _notes(batch))
        return layout(trace, glyphs, self._columns(stream), remarks)

    def _columns(self, stream: TextIO) -> int:
        return terminal.columns(stream) if self._width is None else max(self._width, terminal.NARROWEST)

    def _write(self, stream: TextIO, lines: list[Line]) -> None:
        lines.append(())
        color = terminal.wants_color(stream) if self._color is None else self._color
        if color and terminal.needs_rich(stream):
            if print_with_rich(lines, stream):
                return
            color = False
        terminal.write(stream, (ansi if color else plain)(lines))

    def _late_for(self, trace: Trace, batch: Batch) -> str | None:
        """The name of the trace shown before, where these spans are what was missing then."""
        parent = batch.ended[-1].parent
        return self._shown.get(trace.trace_id) if parent is not None and not parent.is_remote else None

    def _remember(self, trace: Trace) -> None:
        self._shown.setdefault(trace.trace_id, trace.name)
        if len(self._shown) > _MAX_REMEMBERED:
            self._shown.popitem(last=False)


def _running(batch: Batch) -> list[SpanNode]:
    return [node for span in batch.running if (node := _while_it_runs(span)) is not None]


def _while_it_runs(span: ReadableSpan) -> SpanNode | None:
    try:
        return from_readable(span)
    except RuntimeError:  # another thread was adding to the span while it was read
        return None


def _notes(batch: Batch) -> list[str]:
    notes = []
    if batch.dropped:
        notes.append(
            f"{batch.dropped:,} earlier spans dropped: only {len(batch.ended):,} of a trace are kept"
        )
    if batch.crowded_out:
        notes.append("shown before it was complete: too many traces are open")
    return notes
