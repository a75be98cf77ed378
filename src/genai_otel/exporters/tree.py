"""Finished spans as trees: the spans of a trace hung under each other, and what the trace says as a whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from genai_otel.conventions import attributes as attr

from .node import SpanEvent, SpanNode, from_readable, label_of, span_node

__all__ = ["SpanEvent", "SpanNode", "Trace", "build_traces", "from_readable", "label_of", "span_node"]


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """The spans of one trace known here, as trees: several roots when their parents are elsewhere."""

    trace_id: str
    roots: tuple[SpanNode, ...]

    def walk(self) -> Iterator[SpanNode]:
        """Yield every node, parents before children, without recursion."""
        stack = list(reversed(self.roots))
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))

    @property
    def name(self) -> str:
        """The name given to the trace, else its root's."""
        return self._first(attr.TRACE_NAME) or self.roots[0].name

    @property
    def start_ns(self) -> int:
        return min(node.start_ns for node in self.walk())

    @property
    def end_ns(self) -> int:
        """When its last span ended, so far."""
        return max(max(node.end_ns or 0, node.start_ns) for node in self.walk())

    @property
    def request_preview(self) -> str | None:
        return self._first(attr.REQUEST_PREVIEW) or self._face().request_preview

    @property
    def response_preview(self) -> str | None:
        return self._first(attr.RESPONSE_PREVIEW) or self._face().response_preview

    @property
    def usage(self) -> tuple[int, int]:
        """Input and output tokens of the whole trace; a span that sums its children is not counted twice."""
        below: dict[str, tuple[int, int]] = {}
        for node in reversed(list(self.walk())):
            used, made = _added(below[child.span_id] for child in node.children)
            below[node.span_id] = max(node.input_tokens or 0, used), max(node.output_tokens or 0, made)
        return _added(below[root.span_id] for root in self.roots)

    def _first(self, key: str) -> str | None:
        return next((str(value) for node in self.walk() if (value := node.attributes.get(key))), None)

    def _face(self) -> SpanNode:
        """The outermost span that stands for what the user did: below that of a web framework, if any."""
        node = self.roots[0]
        while not node.typed:
            below = [child for child in node.children if child.typed] or node.children
            if len(below) != 1:
                break
            node = below[0]
        return node


def _added(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    total_in = total_out = 0
    for tokens_in, tokens_out in pairs:
        total_in, total_out = total_in + tokens_in, total_out + tokens_out
    return total_in, total_out


def build_traces(nodes: Iterable[SpanNode]) -> list[Trace]:
    """Group nodes by trace and hang each under its parent; siblings and traces in order of their start.

    A span whose parent is not among the nodes becomes a root; of two spans with one id the last given stays.
    """
    grouped: defaultdict[str, dict[str, SpanNode]] = defaultdict(dict)
    for node in nodes:
        grouped[node.trace_id][node.span_id] = node
    traces = [Trace(trace_id, _link(by_id)) for trace_id, by_id in grouped.items()]
    return sorted(traces, key=lambda trace: trace.start_ns)


def _link(by_id: Mapping[str, SpanNode]) -> tuple[SpanNode, ...]:
    below: defaultdict[str | None, list[str]] = defaultdict(list)
    for node in sorted(by_id.values(), key=lambda node: node.start_ns):
        below[node.parent_id if node.parent_id in by_id else None].append(node.span_id)
    order = _reached(below[None], below)
    roots = [*below[None], *_cut_cycles(by_id, below, order)]
    linked: dict[str, SpanNode] = {}
    for span_id in reversed(order):
        linked[span_id] = replace(by_id[span_id], children=tuple(linked[child] for child in below[span_id]))
    return tuple(linked[span_id] for span_id in roots)


def _reached(start: Sequence[str], below: Mapping[str | None, list[str]]) -> list[str]:
    order: list[str] = []
    stack = list(start)
    while stack:
        span_id = stack.pop()
        order.append(span_id)
        stack.extend(below.get(span_id, ()))
    return order


def _cut_cycles(
    by_id: Mapping[str, SpanNode], below: Mapping[str | None, list[str]], order: list[str]
) -> list[str]:
    """Make a root of one span of each parent cycle (only malformed data has any), completing ``order``."""
    roots: list[str] = []
    seen = set(order)
    for span_id in by_id if len(seen) < len(by_id) else ():
        if span_id not in seen:
            root = _member_of_cycle_above(span_id, by_id)
            below[by_id[root].parent_id].remove(root)
            reached = _reached([root], below)
            roots.append(root)
            order.extend(reached)
            seen.update(reached)
    return roots


def _member_of_cycle_above(span_id: str, by_id: Mapping[str, SpanNode]) -> str:
    passed: set[str] = set()
    while span_id not in passed:
        passed.add(span_id)
        span_id = by_id[span_id].parent_id or span_id
    return span_id
