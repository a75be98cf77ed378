"""Files as exporters write them: OTLP JSON by the SDK's encoder, and the console exporter's output."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import ConsoleSpanExporter

_IDS = ("traceId", "spanId", "parentSpanId")


def protobuf_json(spans: Sequence[ReadableSpan]) -> dict[str, Any]:
    """Return an export request in protobuf's own JSON: ids in base64, enumerations by name."""
    document: dict[str, Any] = MessageToDict(encode_spans(list(spans)))
    return document


def otlp(spans: Sequence[ReadableSpan]) -> dict[str, Any]:
    """Return an export request in OTLP's JSON: ids in hexadecimal, enumerations as numbers."""
    document: dict[str, Any] = MessageToDict(encode_spans(list(spans)), use_integers_for_enums=True)
    for span in spans_in(document):
        for holder in (span, *span.get("links", ())):
            holder.update({key: base64.b64decode(holder[key]).hex() for key in _IDS if key in holder})
    return document


def spans_in(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        span
        for resource in document["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def console(spans: Sequence[ReadableSpan]) -> str:
    """Return what ``OTEL_TRACES_EXPORTER=console`` prints."""
    stream = io.StringIO()
    ConsoleSpanExporter(out=stream).export(list(spans))
    return stream.getvalue()


def span(trace: int = 1, number: int = 1, parent: int | None = None, **fields: Any) -> dict[str, Any]:
    """Return an OTLP span that lasts a millisecond; it starts ``trace`` seconds after the first could."""
    start = 1_700_000_000 * 10**9 + trace * 10**9 + number * 10**6
    attributes = [
        {"key": key.replace("__", "."), "value": value if isinstance(value, dict) else {"stringValue": value}}
        for key, value in fields.pop("attributes", {}).items()
    ]
    return {
        "traceId": f"{trace:032x}",
        "spanId": f"{number:016x}",
        **({"parentSpanId": f"{parent:016x}"} if parent is not None else {}),
        "name": f"span {number} of {trace}",
        "kind": 1,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + 10**6),
        "attributes": attributes,
        "status": {},
        **fields,
    }


def document(*spans: dict[str, Any], service: str = "shop") -> dict[str, Any]:
    """Return an export request of one resource."""
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    return {
        "resourceSpans": [
            {"resource": resource, "scopeSpans": [{"scope": {"name": "test"}, "spans": [*spans]}]}
        ]
    }


def write(file: Path, *documents: Any) -> str:
    """Write one document a line."""
    file.write_text("".join(json.dumps(one) + "\n" for one in documents), encoding="utf-8")
    return str(file)
