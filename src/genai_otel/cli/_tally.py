"""The spans of one run, for a picture and one line at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..conventions import attributes as attr

_INFERENCE = ("chat", "text_completion", "embeddings")


class Tally:
    """A span exporter that keeps the spans, and adds up the tokens of the model calls among them."""

    def __init__(self) -> None:
        self.spans: list[Any] = []

    def export(self, spans: Sequence[Any]) -> Any:
        """Keep a batch."""
        from opentelemetry.sdk.trace.export import SpanExportResult

        self.spans.extend(spans)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Do nothing: there is nothing to release."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Do nothing: nothing is buffered."""
        return True

    def tokens(self) -> tuple[int, int]:
        """Return the tokens of all model calls, in and out."""
        calls = [
            found for span in self.spans if (found := span.attributes).get(attr.OPERATION_NAME) in _INFERENCE
        ]
        totals = [
            sum(call.get(key, 0) for call in calls)
            for key in (attr.USAGE_INPUT_TOKENS, attr.USAGE_OUTPUT_TOKENS)
        ]
        return totals[0], totals[1]
