"""The spans of one run, for a picture and one line at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from ..conventions import attributes as attr

_INFERENCE = ("chat", "text_completion", "embeddings")


class Tally(SpanExporter):
    """A span exporter that keeps the spans, and adds up the tokens of the model calls among them."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Keep a batch."""
        self.spans.extend(spans)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Do nothing: there is nothing to release."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Do nothing: nothing is buffered."""
        return True

    def tokens(self) -> tuple[int, int]:
        """Return the tokens of all model calls, in and out."""
        found: list[dict[str, Any]] = [dict(span.attributes or {}) for span in self.spans]
        calls = [attributes for attributes in found if attributes.get(attr.OPERATION_NAME) in _INFERENCE]
        keys = (attr.USAGE_INPUT_TOKENS, attr.USAGE_OUTPUT_TOKENS)
        tokens_in, tokens_out = (sum(call.get(key, 0) for call in calls) for key in keys)
        return tokens_in, tokens_out
