"""Traces and their spans as the plain data that the page shows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from genai_otel.cli.reading.collection import Collection
from genai_otel.cli.reading.recorded_span import RecordedSpan
from genai_otel.content.preview import shortened
from genai_otel.conventions import attributes as attr
from genai_otel.exporters.figures import duration
from genai_otel.exporters.node import SpanEvent, SpanNode
from genai_otel.exporters.tree import Trace

from .blocks import Row, plain_text, row_of, value_rows
from .sections import SHOWN_ELSEWHERE, sections_of

_NS_PER_MS: Final = 1_000_000


class Resources:
    """The resources that spans came from, each listed once."""

    def __init__(self) -> None:
        self.listed: list[list[Row]] = []
        self._places: dict[str, int] = {}

    def place(self, resource: Mapping[str, Any]) -> int:
        """Return where in the list the resource is."""
        rows = value_rows(resource)
        key = json.dumps(rows)
        if key not in self._places:
            self._places[key] = len(self.listed)
            self.listed.append(rows)
        return self._places[key]


def trace_row(trace: Trace, collection: Collection, resources: Resources) -> Row:
    """Return what the table of traces shows of one, and its spans in reading order."""
    start_ns, end_ns = trace.start_ns, trace.end_ns
    spans = [
        _span_row(node, depth, start_ns, collection.span(node.trace_id, node.span_id), resources)
        for node, depth in _with_depth(trace.roots)
    ]
    root = collection.span(trace.trace_id, trace.roots[0].span_id)
    return {
        "id": trace.trace_id,
        "name": plain_text(trace.name),
        "service": plain_text(root.resource.get(attr.SERVICE_NAME) or ""),
        "start": start_ns / _NS_PER_MS,
        "duration": end_ns - start_ns,
        "took": duration(end_ns - start_ns),
        "failed": any(node.failed for node in trace.roots),
        "errors": sum(node.failed for node in trace.walk()),
        "running": sum(node.end_ns is None for node in trace.walk()),
        "orphans": collection.orphans(trace),
        "tokens": list(trace.usage),
        "request": plain_text(shortened(trace.request_preview or "")),
        "response": plain_text(shortened(trace.response_preview or "")),
        "spans": spans,
    }


def _with_depth(roots: Iterable[SpanNode]) -> Iterator[tuple[SpanNode, int]]:
    stack = [(node, 0) for node in reversed(list(roots))]
    while stack:
        node, depth = stack.pop()
        yield node, depth
        stack.extend((child, depth + 1) for child in reversed(node.children))


def _span_row(
    node: SpanNode, depth: int, trace_start: int, recorded: RecordedSpan, resources: Resources
) -> Row:
    lasted = None if node.end_ns is None else max(node.end_ns - node.start_ns, 0)
    first_chunk = node.time_to_first_chunk
    return {
        "id": node.span_id,
        "parent": node.parent_id,
        "depth": depth,
        "name": plain_text(node.name),
        "label": plain_text(node.label),
        "start": node.start_ns - trace_start,
        "after": duration(node.start_ns - trace_start),
        "duration": lasted,
        "took": None if lasted is None else duration(lasted),
        "status": node.status,
        "error": _error(node),
        "model": node.model and plain_text(node.model),
        "tokens": [node.input_tokens, node.output_tokens],
        "first_chunk": None if first_chunk is None else duration(round(first_chunk * 1e9)),
        "sections": sections_of(node.attributes),
        "attributes": value_rows({k: v for k, v in node.attributes.items() if k not in SHOWN_ELSEWHERE}),
        "events": [_event(event, trace_start) for event in node.events],
        "links": [
            {"trace": link.trace_id, "span": link.span_id, "rows": value_rows(link.attributes)}
            for link in recorded.links
        ],
        "kind": recorded.kind,
        "scope": plain_text(recorded.scope),
        "resource": resources.place(recorded.resource),
    }


def _error(node: SpanNode) -> Row | None:
    if not node.failed:
        return None
    return {"type": plain_text(node.error_type or ""), "message": plain_text(node.error_message or "")}


def _event(event: SpanEvent, trace_start: int) -> Row:
    stack = event.attributes.get(attr.EXCEPTION_STACKTRACE)
    rest = {key: value for key, value in event.attributes.items() if key != attr.EXCEPTION_STACKTRACE}
    return {
        "name": plain_text(event.name),
        "after": duration(event.time_ns - trace_start),
        "rows": value_rows(rest),
        "stack": None if stack is None else row_of(stack),
    }
