"""A trace laid out for a width: header, previews, and the rows of the tree with as many columns as fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from .cells import cut, pad, visible, width
from .header import MARGIN, Remarks, header
from .node import SpanNode
from .paint import Glyphs, Line, Segment
from .rows import Row, rows_of
from .table import GAP, Column, Window, fit
from .tree import Trace

# Guides take three cells a level; a third of the width is enough for them.
_CELLS_PER_LEVEL: Final = 9
_LEVELS_MIN: Final = 2


def layout(trace: Trace, glyphs: Glyphs, total_width: int, remarks: Remarks | None = None) -> Iterator[Line]:
    """Yield the lines of one trace, none wider than ``total_width`` cells."""
    yield from header(trace, glyphs, total_width, remarks or Remarks())
    room = total_width - len(MARGIN.text)
    rows = list(rows_of(trace, glyphs, max(room // _CELLS_PER_LEVEL, _LEVELS_MIN)))
    spans = [(row, row.node) for row in rows if row.node is not None]
    natural = max(_natural(row, node, glyphs) for row, node in spans)
    window = Window(trace.start_ns, trace.end_ns)
    table = fit([node for _, node in spans], natural, window, room, glyphs)
    cells = zip(*(_padded(column) for column in table.columns), strict=True) if table.columns else None
    for row in rows:
        if row.node is None:
            yield _remark(row, room, glyphs)
        else:
            name = _name(row, row.node, table.name_size, glyphs)
            yield _trimmed([MARGIN, *name, *(next(cells) if cells else ())])


def _mark(node: SpanNode, glyphs: Glyphs) -> str:
    return f"{glyphs.failed} " if node.failed else ""


def _natural(row: Row, node: SpanNode, glyphs: Glyphs) -> int:
    return width(row.guide) + width(_mark(node, glyphs)) + width(visible(node.name))


def _name(row: Row, node: SpanNode, size: int, glyphs: Glyphs) -> Line:
    mark = _mark(node, glyphs)
    room = max(size - width(row.guide) - width(mark), 0)
    name = pad(cut(visible(node.name), room, glyphs.ellipsis), room)
    style = "error" if node.failed else "name"
    return Segment(row.guide, "guide"), Segment(mark, style), Segment(name, style)


def _padded(column: Column) -> Iterator[Segment]:
    blank = " " * GAP
    for text, style in column.cells:
        yield Segment(blank + pad(text, column.size, right=column.right), style)


def _remark(row: Row, room: int, glyphs: Glyphs) -> Line:
    line, left = [MARGIN, Segment(row.guide, "guide")], room - width(row.guide)
    for text, style in row.text:
        shown = cut(text, left, glyphs.ellipsis)
        left -= width(shown)
        line.append(Segment(shown, style))
    return line


def _trimmed(line: Sequence[Segment]) -> Line:
    kept = list(line)
    while kept and not kept[-1].text.strip():
        kept.pop()
    return [*kept[:-1], Segment(kept[-1].text.rstrip(), kept[-1].style)] if kept else kept
