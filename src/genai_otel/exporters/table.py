"""The columns beside the tree, and which of them a given width has room for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from . import figures
from .cells import cut, visible, width
from .node import SpanNode
from .paint import STYLES, Glyphs, Segment

GAP: Final = 2
_LABEL_MAX: Final = 12
_MODEL_MAX: Final = 28
_BAR_MIN: Final = 12
_BAR_MAX: Final = 20
_NAME_MIN: Final = 24
_NAME_SHARE: Final = 0.45

# Left to right on the screen; and which are kept first when there is not room for all.
_ORDER: Final = ("label", "bar", "duration", "model", "tokens", "first_chunk")
_IMPORTANCE: Final = ("duration", "label", "tokens", "model", "bar", "first_chunk")


class Window(NamedTuple):
    """The time that the bars span, in nanoseconds."""

    start_ns: int
    end_ns: int


class Column(NamedTuple):
    """One cell for each span, and the width that holds them all."""

    cells: Sequence[Segment]
    size: int
    right: bool = False


class Table(NamedTuple):
    """The width of the tree itself and the columns that fit beside it."""

    name_size: int
    columns: Sequence[Column]


def fit(nodes: Sequence[SpanNode], natural: int, window: Window, room: int, glyphs: Glyphs) -> Table:
    """Share ``room`` cells between the tree, which would like ``natural`` of them, and its columns.

    The tree has its share first, columns follow in order of importance, and what is left goes to the tree,
    then to the bar.
    """
    columns = {title: build(nodes, glyphs) for title, build in _BUILDERS.items()}
    sizes = {title: column.size for title, column in columns.items()}
    sizes["bar"] = _BAR_MIN if len(nodes) > 1 and window.end_ns > window.start_ns else 0
    reserved = min(natural, max(_NAME_MIN, int(room * _NAME_SHARE)), room)
    kept, left = _affordable(sizes, room - reserved)
    name_size = min(natural, reserved + left)
    left -= name_size - reserved
    if "bar" in kept:
        columns["bar"] = _bars(nodes, window, min(_BAR_MIN + left, _BAR_MAX), glyphs)
    return Table(name_size, [columns[title] for title in _ORDER if title in kept])


def _affordable(sizes: Mapping[str, int], left: int) -> tuple[set[str], int]:
    kept: set[str] = set()
    for title in _IMPORTANCE:
        if 0 < sizes[title] <= left - GAP:
            kept.add(title)
            left -= sizes[title] + GAP
    return kept, left


def _column(cells: Sequence[Segment], *, right: bool = False) -> Column:
    return Column(cells, max((width(cell.text) for cell in cells), default=0), right)


def _labels(nodes: Sequence[SpanNode], glyphs: Glyphs) -> Column:
    return _column([Segment(cut(visible(n.label), _LABEL_MAX, glyphs.ellipsis), _colour(n)) for n in nodes])


def _colour(node: SpanNode) -> str:
    return node.label if node.label in STYLES else "dim"


def _durations(nodes: Sequence[SpanNode], glyphs: Glyphs) -> Column:
    return _column([_duration(node, glyphs) for node in nodes], right=True)


def _duration(node: SpanNode, glyphs: Glyphs) -> Segment:
    if node.end_ns is None:
        return Segment(glyphs.ellipsis, "note")
    return Segment(figures.duration(node.end_ns - node.start_ns, glyphs.micro))


def _models(nodes: Sequence[SpanNode], glyphs: Glyphs) -> Column:
    return _column([Segment(cut(_model(node), _MODEL_MAX, glyphs.ellipsis), "dim") for node in nodes])


def _model(node: SpanNode) -> str:
    return visible(node.model) if node.model and not node.names_its_model else ""


def _tokens(nodes: Sequence[SpanNode], glyphs: Glyphs) -> Column:
    """Input and output lined up on the arrow between them."""
    used = [_grouped(node.input_tokens) for node in nodes]
    made = [_grouped(node.output_tokens) for node in nodes]
    used_size, made_size = max(map(len, used)), max(map(len, made))
    texts = [
        f"{tokens_in:>{used_size}}{glyphs.arrow}{tokens_out:<{made_size}}" if tokens_in or tokens_out else ""
        for tokens_in, tokens_out in zip(used, made, strict=True)
    ]
    return _column([Segment(text) for text in texts])


def _grouped(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def _first_chunks(nodes: Sequence[SpanNode], glyphs: Glyphs) -> Column:
    return _column([Segment(_first_chunk(node, glyphs), "dim") for node in nodes])


def _first_chunk(node: SpanNode, glyphs: Glyphs) -> str:
    seconds = node.time_to_first_chunk
    return "" if seconds is None else f"ttfc {figures.duration(round(seconds * 1e9), glyphs.micro)}"


_BUILDERS: Final[Mapping[str, Callable[[Sequence[SpanNode], Glyphs], Column]]] = {
    "label": _labels,
    "duration": _durations,
    "model": _models,
    "tokens": _tokens,
    "first_chunk": _first_chunks,
}


def _bars(nodes: Sequence[SpanNode], window: Window, size: int, glyphs: Glyphs) -> Column:
    return Column([Segment(_bar(node, window, size, glyphs), _bar_style(node)) for node in nodes], size)


def _bar_style(node: SpanNode) -> str:
    return "failure" if node.failed else _colour(node)


def _bar(node: SpanNode, window: Window, size: int, glyphs: Glyphs) -> str:
    """Where in the window the span ran, to half a cell; something is drawn however short it was."""
    whole, halves = window.end_ns - window.start_ns, size * 2
    end_ns = window.end_ns if node.end_ns is None else node.end_ns
    start = min(figures.scaled(node.start_ns - window.start_ns, whole, halves), halves - 1)
    end = max(figures.scaled(end_ns - window.start_ns, whole, halves), start + 1)
    head, first = (glyphs.bar_right, start // 2 + 1) if start % 2 else ("", start // 2)
    tail, last = (glyphs.bar_left, end // 2) if end % 2 else ("", end // 2)
    return " " * (start // 2) + head + glyphs.bar * (last - first) + tail
