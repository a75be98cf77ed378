"""What is measured while the load runs, and what counts as flat."""

from __future__ import annotations

import gc
import logging
import os
import threading
import tracemalloc
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

_PAGE = os.sysconf("SC_PAGE_SIZE")
# How much more the end may have than the time after the warm-up: noise of allocator, pools and caches.
ALLOWED = {"rss_mb": 12.0, "traced_mb": 2.0, "descriptors": 4, "threads": 2}


@dataclass(frozen=True)
class Sample:
    """The process at one moment."""

    rss_mb: float
    traced_mb: float
    descriptors: int
    threads: int


def sample() -> Sample:
    """Measure this process, after a garbage collection."""
    gc.collect()
    with open("/proc/self/statm") as statm:
        pages = int(statm.read().split()[1])
    return Sample(
        rss_mb=pages * _PAGE / 1e6,
        traced_mb=tracemalloc.get_traced_memory()[0] / 1e6,
        descriptors=len(os.listdir("/proc/self/fd")),
        threads=threading.active_count(),
    )


def lowest(samples: list[Sample]) -> Sample:
    """Return the lowest values: what comes and goes, such as a full queue, is no leak."""
    columns = zip(*(asdict(one).values() for one in samples), strict=True)
    return Sample(*(min(column) for column in columns))


def grown(warm: Sample, end: Sample) -> list[str]:
    """Return what grew more than is allowed."""
    return [
        f"{name} grew from {getattr(warm, name):.1f} to {getattr(end, name):.1f}"
        for name, most in ALLOWED.items()
        if getattr(end, name) - getattr(warm, name) > most
    ]


class Created:
    """A span processor that counts the spans that ended and are to be exported."""

    def __init__(self) -> None:
        self._count = count()  # advanced atomically

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        return

    def _on_ending(self, span: Any) -> None:
        return

    def on_end(self, span: Any) -> None:
        if span.context.trace_flags.sampled:
            next(self._count)

    def shutdown(self) -> None:
        return

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True

    @property
    def total(self) -> int:
        return int(repr(self._count)[len("count(") : -1])


class Logged(logging.Handler):
    """Counts log lines by logger and level; those of the library that speak of its own failures are kept."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: Counter[str] = Counter()
        self.internal: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines[f"{record.name} {record.levelname}"] += 1
        if record.name == "genai_otel" and "internal error" in record.getMessage():
            self.internal.append(record.getMessage())


def unaccounted(created: int, counts: dict[str, int], received: dict[str, Any]) -> list[str]:
    """Return how the sums fail to add up: created = delivered + lost + dropped, and the collector agrees."""
    known = sum(counts[name] for name in ("delivered", "lost", "dropped", "waiting"))
    problems = []
    if known != created:
        problems.append(f"{created} spans were created, {known} are accounted for ({counts})")
    if counts["waiting"]:
        problems.append(f"{counts['waiting']} spans still wait after the flush")
    if not counts["delivered"] <= received["spans"] <= counts["delivered"] + counts["lost"]:
        problems.append(f"the collector has {received['spans']} spans, delivered were {counts['delivered']}")
    return problems
