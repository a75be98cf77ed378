"""The clock of a stream: when each chunk that carries content came.

A chunk costs one reading of the clock; gaps are worked out later, and summed up in the metric's own buckets
once there are many, so that memory does not grow with the stream.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from time import perf_counter
from typing import Final

from genai_otel.conventions.metrics import TIME_PER_OUTPUT_CHUNK
from genai_otel.telemetry.operation import Operation

_MANY: Final = 1_024
_BOUNDS: Final = TIME_PER_OUTPUT_CHUNK.buckets or ()


class ChunkTimer:
    """Tells an operation the time to the first chunk and between the following ones.

    ``started`` is when the request was made.
    """

    __slots__ = ("_first", "_op", "_started", "_sums", "_times")

    def __init__(self, op: Operation, started: float) -> None:
        self._op = op
        self._started = started
        self._first: float | None = None
        self._times: list[float] = []
        self._sums: list[tuple[int, float]] | None = None  # per bucket: how many gaps, and their sum

    def tick(self) -> None:
        """A chunk that carries content has come."""
        times = self._times
        times.append(perf_counter())
        if len(times) > _MANY:
            self._sum_up()

    def finish(self) -> None:
        """Give the operation what was measured."""
        times = self._times
        if not times:
            return
        first = times[0] if self._first is None else self._first
        self._op.chunk(first - self._started, first=True)
        if self._op.instruments is not None:
            self._op.chunk_gaps = self._means() if self._sums is not None else _counted(times)
        self._times = []

    def _sum_up(self) -> None:
        times = self._times
        if self._first is None:
            self._first = times[0]
            self._sums = [(0, 0.0)] * (len(_BOUNDS) + 1)
        if self._op.instruments is not None:
            self._add(sorted(after - before for before, after in pairwise(times)))
        del times[:-1]

    def _add(self, gaps: list[float]) -> None:
        sums = self._sums or []
        begin = 0
        for bucket, bound in enumerate((*_BOUNDS, float("inf"))):
            end = bisect_right(gaps, bound, begin)
            count, total = sums[bucket]
            sums[bucket] = (count + end - begin, total + sum(gaps[begin:end]))
            begin = end

    def _means(self) -> dict[float, int]:
        self._sum_up()
        return {total / count: count for count, total in self._sums or () if count}


def _counted(times: list[float]) -> dict[float, int]:
    counted: dict[float, int] = {}
    for before, after in pairwise(times):
        gap = after - before
        counted[gap] = counted.get(gap, 0) + 1
    return counted
