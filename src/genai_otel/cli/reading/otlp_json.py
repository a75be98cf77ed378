"""Spans out of OTLP JSON: what the collector's file exporter writes, and OTLP/HTTP sends as JSON."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from genai_otel.exporters.node import SpanEvent, span_node

from .recorded_span import Link, RecordedSpan

_KINDS: Final = ("INTERNAL", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUSES: Final = ("UNSET", "OK", "ERROR")
_MOST_NANOSECONDS: Final = (1 << 63) - 1
# around the list: what Jaeger's and Tempo's APIs answer
_WRAPPERS: Final = ("result", "trace")
_LISTS: Final = ("resourceSpans", "batches")


def spans_of(document: Mapping[str, Any]) -> Iterator[RecordedSpan] | None:
    """Yield the spans of an OTLP document; ``None`` where it is none."""
    held = (document, *(_mapping(document.get(key)) for key in _WRAPPERS))
    listed = (one[key] for one in held for key in _LISTS if isinstance(one.get(key), list))
    entries = next(listed, None)
    return None if entries is None else (span for entry in _mappings(entries) for span in _of_resource(entry))


def _of_resource(entry: Mapping[str, Any]) -> Iterator[RecordedSpan]:
    resource = attributes_of(_mapping(entry.get("resource")))
    for scoped in _mappings(entry.get("scopeSpans")):
        scope = _scope(_mapping(scoped.get("scope")))
        for span in _mappings(scoped.get("spans")):
            found = _span(span, resource, scope)
            if found is not None:
                yield found


def _span(span: Mapping[str, Any], resource: Mapping[str, Any], scope: str) -> RecordedSpan | None:
    trace_id = _hexadecimal(span.get("traceId"), 16)
    span_id = _hexadecimal(span.get("spanId"), 8)
    if trace_id is None or span_id is None:
        return None
    kind, status = _named(span.get("kind"), _KINDS), _mapping(span.get("status"))
    node = span_node(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=_hexadecimal(span.get("parentSpanId"), 8),
        name=str(span.get("name") or ""),
        start_ns=_nanoseconds(span.get("startTimeUnixNano")),
        end_ns=_nanoseconds(span.get("endTimeUnixNano")) or None,
        kind=kind,
        status=_named(status.get("code"), _STATUSES),
        status_description=_string(status.get("message")),
        attributes=attributes_of(span),
        events=tuple(_event(event) for event in _mappings(span.get("events"))),
    )
    return RecordedSpan(
        node, kind, resource, scope, tuple(_link(link) for link in _mappings(span.get("links")))
    )


def _event(event: Mapping[str, Any]) -> SpanEvent:
    time_ns = _nanoseconds(event.get("timeUnixNano"))
    return SpanEvent(str(event.get("name") or ""), time_ns, attributes_of(event))


def _link(link: Mapping[str, Any]) -> Link:
    trace_id = _hexadecimal(link.get("traceId"), 16)
    return Link(trace_id or "", _hexadecimal(link.get("spanId"), 8) or "", attributes_of(link))


def _scope(scope: Mapping[str, Any]) -> str:
    return " ".join(text for key in ("name", "version") if (text := _string(scope.get(key))))


# --- values ---------------------------------------------------------------------------------------------------
def attributes_of(holder: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a resource, span or event as plain values."""
    pairs = _mappings(holder.get("attributes"))
    return {str(pair.get("key")): _value(_mapping(pair.get("value"))) for pair in pairs}


def _value(value: Mapping[str, Any]) -> Any:
    try:
        return next((read(value[key]) for key, read in _READERS.items() if key in value), None)
    except (ValueError, TypeError, OverflowError):
        return next(iter(value.values()))
    except RecursionError:
        return "(nested too deeply)"


def _list(value: Any) -> list[Any]:
    return [_value(one) for one in _mappings(_mapping(value).get("values"))]


def _key_values(value: Any) -> dict[str, Any]:
    return {
        str(pair.get("key")): _value(_mapping(pair.get("value")))
        for pair in _mappings(_mapping(value).get("values"))
    }


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "stringValue": str,
    "boolValue": bool,
    "intValue": int,
    "doubleValue": float,
    "arrayValue": _list,
    "kvlistValue": _key_values,
    "bytesValue": str,
}


def _named(value: object, names: tuple[str, ...]) -> str:
    """An enumeration's value as its short name, from its number or from ``SPAN_KIND_CLIENT``."""
    if isinstance(value, int):
        return names[value] if 0 <= value < len(names) else names[0]
    ending = value.rpartition("_")[2] if isinstance(value, str) else ""
    return ending if ending in names else names[0]


def _hexadecimal(value: object, size: int) -> str | None:
    """An id in lower-case digits; some encoders write ids in base64, as protobuf's own JSON does."""
    if not isinstance(value, str) or not value:
        return None
    try:
        raw = bytes.fromhex(value) if len(value) == 2 * size else base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        return None
    return raw.hex() if len(raw) == size and any(raw) else None


def _nanoseconds(value: object) -> int:
    if not isinstance(value, (int, float, str)) or (isinstance(value, float) and not math.isfinite(value)):
        return 0
    try:
        return min(max(int(value), 0), _MOST_NANOSECONDS)
    except ValueError:
        return 0


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
