"""Captured spans as text and as plain data, without anything that differs from run to run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from genai_otel.conventions import attributes as attr
from genai_otel.conventions.span_types import SpanType
from genai_otel.exporters.cells import visible
from genai_otel.exporters.node import SpanNode, from_readable
from genai_otel.exporters.paint import UNICODE
from genai_otel.exporters.rows import rows_of
from genai_otel.exporters.tree import Trace, build_traces

from .captured_span import CapturedSpan, decoded

VOLATILE: Final = frozenset({attr.TIME_TO_FIRST_CHUNK, attr.EXCEPTION_STACKTRACE})
_ANY_DEPTH: Final = 10_000


def tree(spans: Iterable[CapturedSpan]) -> str:
    """Return the spans as the console's tree: guides, name, type, model, tokens, errors; no times, no ids."""
    return "\n\n".join("\n".join(_lines(trace)) for trace in _traces(spans))


def snapshot(spans: Sequence[CapturedSpan], ignore: Collection[str]) -> list[dict[str, Any]]:
    """Return the spans as nested dicts, roots first, without ids, times and the attributes to ignore."""
    by_id = {span.span_id: span for span in spans}
    left_out = VOLATILE.union(ignore)
    return [_plain(root, by_id, left_out) for trace in _traces(spans) for root in trace.roots]


def in_order(spans: Sequence[CapturedSpan]) -> list[CapturedSpan]:
    """Return the spans as the tree shows them: parents before children, siblings in order of their start."""
    by_id = {span.span_id: span for span in spans}
    return [by_id[node.span_id] for trace in _traces(spans) for node in trace.walk()]


def _traces(spans: Iterable[CapturedSpan]) -> list[Trace]:
    return build_traces(_node(span) for span in spans)


def _node(span: CapturedSpan) -> SpanNode:
    # the order stands for the start: two spans may start within one tick of the system's clock
    return replace(from_readable(span), start_ns=span.order, label=span.span_type)


def _lines(trace: Trace) -> Iterator[str]:
    for row in rows_of(trace, UNICODE, _ANY_DEPTH):
        text = "".join(segment.text for segment in row.text) if row.node is None else _title(row.node)
        yield f"{row.guide}{text}".rstrip()


def _title(node: SpanNode) -> str:
    used, made = node.input_tokens, node.output_tokens
    parts = (
        UNICODE.failed if node.failed else "",
        visible(node.name),
        "" if node.label == SpanType.UNKNOWN else f"[{node.label}]",
        visible(node.model) if node.model and not node.names_its_model else "",
        "" if used is None and made is None else f"{_number(used)}{UNICODE.arrow}{_number(made)}",
    )
    return " ".join(part for part in parts if part)


def _number(count: int | None) -> str:
    return "" if count is None else str(count)


def _plain(node: SpanNode, by_id: Mapping[str, CapturedSpan], left_out: Collection[str]) -> dict[str, Any]:
    span = by_id[node.span_id]
    found = {
        "name": node.name,
        "type": node.label,
        "status": None if node.status == "UNSET" else node.status,
        "description": span.status.description,
        "attributes": _attributes(node.attributes, left_out),
        "events": [
            {"name": event.name, "attributes": _attributes(event.attributes, left_out)}
            for event in node.events
        ],
        "children": [_plain(child, by_id, left_out) for child in node.children],
    }
    return {key: value for key, value in found.items() if value}


def _attributes(attributes: Mapping[str, Any], left_out: Collection[str]) -> dict[str, Any]:
    return {key: _value(attributes, key) for key in sorted(attributes) if key not in left_out}


def _value(attributes: Mapping[str, Any], key: str) -> Any:
    if key in attr.CONTENT:
        return decoded(attributes, key)
    value = attributes[key]
    return list(value) if isinstance(value, tuple) else value
