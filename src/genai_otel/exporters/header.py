"""The lines above the tree: what the trace is called, what it took, what was asked and answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from . import figures
from .cells import cut, visible, width
from .paint import Glyphs, Line, Segment
from .tree import Trace

MARGIN: Final = Segment("  ")
_GAP: Final = Segment("  ")


class Remarks(NamedTuple):
    """What to say besides the spans: the trace they came too late for, and notes to put under the header."""

    late_for: str | None = None
    notes: Sequence[str] = ()


def header(trace: Trace, glyphs: Glyphs, room: int, remarks: Remarks) -> Iterator[Line]:
    """Yield title and figures (on one line where they fit), notes, and the previews that exist."""
    yield from _title_and_figures(trace, glyphs, room, remarks)
    for note in remarks.notes:
        yield [MARGIN, Segment(cut(note, room - len(MARGIN.text), glyphs.ellipsis), "note")]
    for mark, preview in ((glyphs.request, trace.request_preview), (glyphs.response, trace.response_preview)):
        text = visible(preview or "")
        if text:
            yield [MARGIN, Segment(f"{mark} ", "guide"), Segment(cut(text, room - 4, glyphs.ellipsis))]


def _title_and_figures(trace: Trace, glyphs: Glyphs, room: int, remarks: Remarks) -> Iterator[Line]:
    mark, title = _mark(trace, glyphs, remarks), _title(trace, remarks)
    figures_ = _figures(trace, glyphs)
    on_one_line = [mark, Segment(title, "title"), _GAP, *_separated(figures_, glyphs)]
    if _width(on_one_line) <= room:
        yield on_one_line
        return
    yield [mark, Segment(cut(title, room - width(mark.text), glyphs.ellipsis), "title")]
    yield from _wrapped(figures_, glyphs, room)


def _mark(trace: Trace, glyphs: Glyphs, remarks: Remarks) -> Segment:
    if any(root.failed for root in trace.roots):
        return Segment(f"{glyphs.failed} ", "error")
    return Segment(f"{glyphs.trace if remarks.late_for is None else glyphs.late} ", "ok")


def _title(trace: Trace, remarks: Remarks) -> str:
    return visible(trace.name) if remarks.late_for is None else f"late in {visible(remarks.late_for)}"


def _figures(trace: Trace, glyphs: Glyphs) -> list[Segment]:
    nodes = list(trace.walk())
    errors, running = sum(node.failed for node in nodes), sum(node.end_ns is None for node in nodes)
    used, made = trace.usage
    texts = (
        (figures.duration(trace.end_ns - trace.start_ns, glyphs.micro), "title"),
        (figures.plural(len(nodes), "span"), "dim"),
        (f"{used:,}{glyphs.arrow}{made:,} tokens" if used or made else "", "dim"),
        (figures.plural(errors, "error") if errors else "", "failure"),
        (f"{running:,} still running" if running else "", "note"),
        (f"trace {trace.trace_id[:8]}", "dim"),
    )
    return [Segment(text, style) for text, style in texts if text]


def _separated(figures_: Sequence[Segment], glyphs: Glyphs) -> list[Segment]:
    dot = Segment(f" {glyphs.dot} ", "guide")
    return [segment for figure in figures_ for segment in (dot, figure)][1:]


def _wrapped(figures_: Sequence[Segment], glyphs: Glyphs, room: int) -> Iterator[Line]:
    """The figures on as many lines as they need, each of them whole."""
    taken: list[Segment] = []
    for figure in figures_:
        if taken and _width([MARGIN, *_separated([*taken, figure], glyphs)]) > room:
            yield [MARGIN, *_separated(taken, glyphs)]
            taken = []
        taken.append(figure)
    yield [MARGIN, *_separated(taken, glyphs)]


def _width(line: Line) -> int:
    return sum(width(segment.text) for segment in line)
