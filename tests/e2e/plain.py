"""Spans and log events as plain data, the same whether seen in the process or read back as OTLP JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Plain = dict[str, Any]


# --- as the SDK has them ------------------------------------------------------------------------------------
def from_sdk(span: Any) -> Plain:
    """Return a finished span of the SDK."""
    return {
        "trace_id": f"{span.context.trace_id:032x}",
        "span_id": f"{span.context.span_id:016x}",
        "parent_id": f"{span.parent.span_id:016x}" if span.parent else "",
        "name": span.name,
        "kind": span.kind.value + 1,
        "start": span.start_time,
        "end": span.end_time,
        "attributes": _attributes(span.attributes),
        "status": [span.status.status_code.value, span.status.description or ""],
        "events": [[event.name, event.timestamp, _attributes(event.attributes)] for event in span.events],
        "links": [
            [f"{link.context.trace_id:032x}", f"{link.context.span_id:016x}", _attributes(link.attributes)]
            for link in span.links
        ],
        "scope": [span.instrumentation_scope.name, span.instrumentation_scope.version or ""],
        "resource": _attributes(span.resource.attributes),
    }


def event_from_sdk(data: Any) -> Plain:
    """Return a log record of the SDK."""
    record = data.log_record
    return {
        "event_name": record.event_name,
        "time": record.timestamp or record.observed_timestamp,
        "trace_id": f"{record.trace_id:032x}",
        "span_id": f"{record.span_id:016x}",
        "attributes": _attributes(record.attributes),
    }


def _attributes(attributes: Mapping[str, Any] | None) -> Plain:
    return {key: _json(value) for key, value in (attributes or {}).items()}


def _json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _json(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_json(one) for one in value]
    return value


# --- as OTLP JSON has them ----------------------------------------------------------------------------------
def from_otlp(requests: Iterable[Plain]) -> Iterator[Plain]:
    """Yield the spans of decoded OTLP JSON requests."""
    for resource, scope, span in _items(requests, "resourceSpans", "scopeSpans", "spans"):
        status = span.get("status", {})
        yield {
            "trace_id": span["traceId"],
            "span_id": span["spanId"],
            "parent_id": span.get("parentSpanId", ""),
            "name": span["name"],
            "kind": span["kind"],
            "start": int(span["startTimeUnixNano"]),
            "end": int(span["endTimeUnixNano"]),
            "attributes": _decoded(span),
            "status": [status.get("code", 0), status.get("message", "")],
            "events": [
                [event["name"], int(event["timeUnixNano"]), _decoded(event)]
                for event in span.get("events", ())
            ],
            "links": [[link["traceId"], link["spanId"], _decoded(link)] for link in span.get("links", ())],
            "scope": [scope.get("name", ""), scope.get("version", "")],
            "resource": _decoded(resource),
        }


def events_from_otlp(requests: Iterable[Plain]) -> Iterator[Plain]:
    """Yield the log events of decoded OTLP JSON requests."""
    for _, _, record in _items(requests, "resourceLogs", "scopeLogs", "logRecords"):
        yield {
            "event_name": record.get("eventName"),
            "time": int(record.get("timeUnixNano") or record["observedTimeUnixNano"]),
            "trace_id": record.get("traceId", ""),
            "span_id": record.get("spanId", ""),
            "attributes": _decoded(record),
        }


def points_from_otlp(requests: Iterable[Plain]) -> Iterator[tuple[str, Plain, Plain]]:
    """Yield (metric name, attributes, data point) of decoded OTLP JSON requests."""
    for _, _, metric in _items(requests, "resourceMetrics", "scopeMetrics", "metrics"):
        for kind in ("histogram", "sum", "gauge"):
            for point in metric.get(kind, {}).get("dataPoints", ()):
                yield metric["name"], _decoded(point), point


def _items(
    requests: Iterable[Plain], resources: str, scopes: str, items: str
) -> Iterator[tuple[Plain, Plain, Plain]]:
    for request in requests:
        for of_resource in request.get(resources, ()):
            for of_scope in of_resource.get(scopes, ()):
                for item in of_scope.get(items, ()):
                    yield of_resource.get("resource", {}), of_scope.get("scope", {}), item


def _decoded(holder: Plain) -> Plain:
    return {item["key"]: _value(item["value"]) for item in holder.get("attributes", ())}


def _value(value: Plain) -> Any:
    ((kind, inner),) = value.items()
    if kind == "intValue":
        return int(inner)
    if kind == "doubleValue":
        return float(inner)
    if kind == "arrayValue":
        return [_value(one) for one in inner.get("values", ())]
    if kind == "kvlistValue":
        return {item["key"]: _value(item["value"]) for item in inner.get("values", ())}
    return inner


# --- both ---------------------------------------------------------------------------------------------------
def by_id(spans: Iterable[Plain]) -> dict[str, Plain]:
    """Return the spans by their id; a span that was delivered twice counts once."""
    return {span["span_id"]: span for span in spans}


def differences(sent: Mapping[str, Plain], received: Mapping[str, Plain], most: int = 5) -> list[str]:
    """Say where two sets of spans differ, the first few differences only."""
    found = [f"{len(set(sent) - set(received))} spans missing"] if set(sent) - set(received) else []
    found += [f"{len(set(received) - set(sent))} spans nobody sent"] if set(received) - set(sent) else []
    for span_id in sent.keys() & received.keys():
        one, other = sent[span_id], received[span_id]
        found += [
            f"{one['name']}.{key}: {one[key]!r} != {other[key]!r}" for key in one if one[key] != other[key]
        ]
    return found[:most]
