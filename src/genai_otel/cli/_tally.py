"""Counting what was exported, for one line at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..conventions import attributes as attr

_INFERENCE = ("chat", "text_completion", "embeddings")


class Tally:
    """A span exporter that only counts spans and the tokens of the model calls among them."""

    def __init__(self) -> None:
        self.spans = 0
        self.input_tokens = 0
        self.output_tokens = 0

    def export(self, spans: Sequence[Any]) -> Any:
        """Count a batch."""
        from opentelemetry.sdk.trace.export import SpanExportResult

        for span in spans:
            self.spans += 1
            found = span.attributes or {}
            if found.get(attr.OPERATION_NAME) in _INFERENCE:
                self.input_tokens += found.get(attr.USAGE_INPUT_TOKENS, 0)
                self.output_tokens += found.get(attr.USAGE_OUTPUT_TOKENS, 0)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Do nothing: there is nothing to release."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Do nothing: nothing is buffered."""
        return True
