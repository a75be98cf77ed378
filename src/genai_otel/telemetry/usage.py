"""Sums of what happened inside an agent or workflow: tokens, finish reasons, calls."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """What one inference call reports upwards; None where the provider said nothing."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    finish_reasons: Sequence[str] | None = None


class UsageSum:
    """A running sum, safe from many threads."""

    __slots__ = ("_lock", "finish_reasons", "inference_calls", "input_tokens", "output_tokens", "tool_calls")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.input_tokens: int | None = None
        self.output_tokens: int | None = None
        self.finish_reasons: Sequence[str] | None = None
        self.inference_calls = 0
        self.tool_calls = 0

    def add(self, usage: Usage) -> None:
        """Add one call's tokens and take over its finish reasons."""
        with self._lock:
            self.input_tokens = _plus(self.input_tokens, usage.input_tokens)
            self.output_tokens = _plus(self.output_tokens, usage.output_tokens)
            if usage.finish_reasons:
                self.finish_reasons = usage.finish_reasons

    def count(self, *, inference: bool) -> None:
        """Count one model call or one tool call."""
        with self._lock:
            if inference:
                self.inference_calls += 1
            else:
                self.tool_calls += 1

    def total(self) -> Usage:
        """Return the sum so far."""
        return Usage(self.input_tokens, self.output_tokens, self.finish_reasons)


def _plus(total: int | None, more: int | None) -> int | None:
    if more is None:
        return total
    return more if total is None else total + more
