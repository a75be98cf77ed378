"""Spans out of what OpenTelemetry's ``ConsoleSpanExporter`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from genai_otel.exporters.node import SpanEvent, span_node

from .recorded_span import Link, RecordedSpan

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND: Final = timedelta(microseconds=1)


def span_of(document: Mapping[str, Any]) -> RecordedSpan | None:
    """Return the span that a document is; ``None`` where it is none."""
    context = document.get("context")
    ids = _ids(context)
    if ids is None or "start_time" not in document:
        return None
    kind, status = _ending(document.get("kind")), _mapping(document.get("status"))
    node = span_node(
        trace_id=ids[0],
        span_id=ids[1],
        parent_id=_digits(document.get("parent_id"), 16),
        name=str(document.get("name") or ""),
        start_ns=_nanoseconds(document["start_time"]) or 0,
        end_ns=_nanoseconds(document.get("end_time")),
        kind=kind,
        status=_string(status.get("status_code")) or "UNSET",
        status_description=_string(status.get("description")),
        attributes=_mapping(document.get("attributes")),
        events=tuple(_event(event) for event in _mappings(document.get("events"))),
    )
    resource = _mapping(_mapping(document.get("resource")).get("attributes"))
    return RecordedSpan(node, kind, resource, links=_links(document.get("links")))


def _event(event: Mapping[str, Any]) -> SpanEvent:
    time_ns = _nanoseconds(event.get("timestamp")) or 0
    return SpanEvent(str(event.get("name") or ""), time_ns, _mapping(event.get("attributes")))


def _links(links: object) -> list[Link]:
    found = ((_ids(link.get("context")), _mapping(link.get("attributes"))) for link in _mappings(links))
    return [Link(*ids, attributes) for ids, attributes in found if ids is not None]


def _ids(context: object) -> tuple[str, str] | None:
    trace_id = _digits(_mapping(context).get("trace_id"), 32)
    span_id = _digits(_mapping(context).get("span_id"), 16)
    return (trace_id, span_id) if trace_id and span_id else None


def _digits(value: object, count: int) -> str | None:
    """The digits of ``0x4bf9…``."""
    text = value.removeprefix("0x").lower() if isinstance(value, str) else ""
    return text if len(text) == count and all(digit in "0123456789abcdef" for digit in text) else None


def _nanoseconds(value: object) -> int | None:
    try:
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00")) if value else None
        return None if moment is None else max((moment - _EPOCH) // _MICROSECOND * 1_000, 0)
    except (ValueError, TypeError, OverflowError):
        return None


def _ending(kind: object) -> str:
    return kind.rpartition(".")[2] if isinstance(kind, str) else "INTERNAL"


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
