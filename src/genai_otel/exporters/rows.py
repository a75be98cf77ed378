"""A trace as rows in reading order: each span with its guides, errors below, long sibling lists folded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from .cells import visible
from .node import SpanNode
from .paint import Glyphs, Segment
from .tree import Trace

MAX_SIBLINGS: Final = 50
_NAMED_GROUPS: Final = 3
_STEP: Final = 3


class Row(NamedTuple):
    """One line of the tree: ``node`` is set on a span's own row, ``text`` on the remarks between them."""

    guide: str
    node: SpanNode | None = None
    text: Sequence[Segment] = ()


class _Place(NamedTuple):
    node: SpanNode
    head: str
    rest: str
    depth: int


class _Folded(NamedTuple):
    nodes: Sequence[SpanNode]
    head: str


def rows_of(trace: Trace, glyphs: Glyphs, max_depth: int) -> Iterator[Row]:
    """Yield the rows of a trace from top to bottom, without recursion.

    From ``max_depth`` on the indentation stays the same and the depth is given as a number.
    """
    stack: list[_Place | _Folded] = list(reversed(_root_places(trace.roots)))
    while stack:
        item = stack.pop()
        if isinstance(item, _Folded):
            yield Row(item.head, text=_folded_text(item.nodes, glyphs))
            continue
        yield Row(item.head, item.node)
        yield from _error_row(item, glyphs)
        stack.extend(reversed(_child_places(item, glyphs, max_depth)))


def _root_places(roots: Sequence[SpanNode]) -> list[_Place | _Folded]:
    shown: list[_Place | _Folded] = [_Place(node, "", "", 0) for node in roots[:MAX_SIBLINGS]]
    return [*shown, _Folded(roots[MAX_SIBLINGS:], "")] if len(roots) > MAX_SIBLINGS else shown


def _child_places(parent: _Place, glyphs: Glyphs, max_depth: int) -> list[_Place | _Folded]:
    children, depth = parent.node.children, parent.depth + 1
    lead, folds = _lead(parent, glyphs, max_depth), len(children) > MAX_SIBLINGS
    places: list[_Place | _Folded] = []
    for index, node in enumerate(children[:MAX_SIBLINGS], 1):
        is_last = index == len(children)
        head, rest = (glyphs.last, " " * _STEP) if is_last else (glyphs.branch, glyphs.pipe)
        places.append(_Place(node, lead + head, lead + rest, depth))
    return [*places, _Folded(children[MAX_SIBLINGS:], lead + glyphs.last)] if folds else places


def _lead(parent: _Place, glyphs: Glyphs, max_depth: int) -> str:
    if parent.depth < max_depth:
        return parent.rest
    return f"{glyphs.deep}{parent.depth + 1}".ljust(max_depth * _STEP)


def _error_row(place: _Place, glyphs: Glyphs) -> Iterator[Row]:
    """The error of a failed span, left out where a child shows the very same one."""
    node = place.node
    what, message = visible(node.error_type or ""), visible(node.error_message or "")
    if not node.failed or not (what or message) or any(_same_error(node, child) for child in node.children):
        return
    head = f"{what}: " if what and message and not message.startswith(what) else "" if message else what
    guide = place.rest + (glyphs.pipe[:2] if node.children else "  ")
    yield Row(guide, text=(Segment(head, "failure"), Segment(message, "dim")))


def _same_error(node: SpanNode, child: SpanNode) -> bool:
    return child.failed and (child.error_type, child.error_message) == (node.error_type, node.error_message)


def _folded_text(nodes: Sequence[SpanNode], glyphs: Glyphs) -> tuple[Segment, ...]:
    counts: Counter[str] = Counter()
    failed = 0
    for node in _with_descendants(nodes):
        counts[visible(node.operation)] += 1
        failed += node.failed
    groups = [f"{name} {glyphs.times}{count}" for name, count in counts.most_common(_NAMED_GROUPS)]
    others = sum(islice(sorted(counts.values(), reverse=True), _NAMED_GROUPS, None))
    groups += [f"others {glyphs.times}{others}"] if others else []
    text = f"{glyphs.ellipsis} {counts.total():,} more spans ({', '.join(groups)})"
    return (Segment(text, "dim"), Segment(f" {glyphs.failed} {failed:,} failed" if failed else "", "failure"))


def _with_descendants(nodes: Iterable[SpanNode]) -> Iterator[SpanNode]:
    stack = list(nodes)
    while stack:
        node = stack.pop()
        yield node
        stack.extend(node.children)
