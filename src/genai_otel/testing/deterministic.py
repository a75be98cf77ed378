"""Ids and times that are the same in every run."""

from __future__ import annotations

import itertools
from typing import Final

from opentelemetry.sdk.trace.id_generator import IdGenerator

_EPOCH_NS: Final = 1_750_000_000 * 10**9
_STEP_NS: Final = 1_000_000


class CountingIds(IdGenerator):
    """Trace ids and span ids that count up from 1."""

    def __init__(self) -> None:
        self._traces = itertools.count(1)
        self._spans = itertools.count(1)

    def generate_trace_id(self) -> int:
        return next(self._traces)

    def generate_span_id(self) -> int:
        return next(self._spans)

    def is_trace_id_random(self) -> bool:
        return False


class Clock:
    """A clock that moves on by one millisecond whenever it is read."""

    def __init__(self) -> None:
        self._steps = itertools.count()

    def read(self) -> int:
        """Return nanoseconds since the epoch."""
        return _EPOCH_NS + next(self._steps) * _STEP_NS
