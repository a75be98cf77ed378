"""A finished span as tests look at it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext

from genai_otel.conventions import attributes as attr

_INPUTS: Final = (
    attr.INPUT_MESSAGES,
    attr.RETRIEVAL_QUERY,
    attr.TOOL_CALL_ARGUMENTS,
    attr.MEMORY_QUERY,
    attr.INPUT_VALUE,
)
_OUTPUTS: Final = (
    attr.OUTPUT_MESSAGES,
    attr.RETRIEVAL_DOCUMENTS,
    attr.TOOL_CALL_RESULT,
    attr.MEMORY_RECORDS,
    attr.OUTPUT_VALUE,
)
_MIME_KEYS: Final = {attr.INPUT_VALUE: attr.INPUT_MIME_TYPE, attr.OUTPUT_VALUE: attr.OUTPUT_MIME_TYPE}
_JSON: Final = "application/json"
_NO_CONTEXT: Final = SpanContext(0, 0, is_remote=False)


class CapturedSpan(ReadableSpan):
    """A finished OpenTelemetry span that also answers as ``genai_otel.Span`` does: ids as text, type, content.

    ``order`` counts the spans of a capture as they started, from 0.
    """

    def __init__(
        self, span: ReadableSpan, span_type: str, order: int, times: tuple[int, int] | None = None
    ) -> None:
        events = span.events
        if times is not None:
            events = [type(event)(event.name, event.attributes, times[1]) for event in events]
        super().__init__(
            name=span.name,
            context=span.context,
            parent=span.parent,
            resource=span.resource,
            attributes=dict(span.attributes or {}),
            events=events,
            links=span.links,
            kind=span.kind,
            status=span.status,
            start_time=span.start_time if times is None else times[0],
            end_time=span.end_time if times is None else times[1],
            instrumentation_scope=span.instrumentation_scope,
        )
        self.span_type = span_type
        self.order = order

    @property
    def trace_id(self) -> str:
        """The trace id, 32 hexadecimal digits."""
        return f"{(self.context or _NO_CONTEXT).trace_id:032x}"

    @property
    def span_id(self) -> str:
        """The span id, 16 hexadecimal digits."""
        return f"{(self.context or _NO_CONTEXT).span_id:016x}"

    @property
    def parent_id(self) -> str | None:
        """The parent's span id, or None for a root."""
        return f"{self.parent.span_id:016x}" if self.parent is not None else None

    @property
    def inputs(self) -> Any:
        """What was recorded as input, read back from its attribute; None where nothing was recorded."""
        return self._content(_INPUTS)

    @property
    def outputs(self) -> Any:
        """What was recorded as output, read back from its attribute; None where nothing was recorded."""
        return self._content(_OUTPUTS)

    def _content(self, keys: tuple[str, ...]) -> Any:
        recorded: Mapping[str, Any] = self.attributes or {}
        return next((decoded(recorded, key) for key in keys if key in recorded), None)

    def __repr__(self) -> str:
        return f"<CapturedSpan {self.name!r} {self.span_type} trace={self.trace_id} span={self.span_id}>"


def decoded(attributes: Mapping[str, Any], key: str) -> Any:
    """Return what the content attribute ``key`` stands for: the value that its JSON text is, else its text."""
    value = attributes[key]
    if not (isinstance(value, str) and _is_json(value, attributes, _MIME_KEYS.get(key))):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _is_json(value: str, attributes: Mapping[str, Any], mime_key: str | None) -> bool:
    return value[:1] in ("{", "[") if mime_key is None else attributes.get(mime_key) == _JSON
