"""A program that measures what tracing adds to an operation, and prints the times in microseconds as JSON.

python -m tests.e2e.latency ENDPOINT PROTOCOL OPERATIONS PER_SECOND

It ends without a flush, as applications do. ENDPOINT "none" measures without any exporter.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

import genai_otel
from genai_otel import SpanType

QUESTION = "Which lock for my bike? " * 40


@genai_otel.trace(span_type=SpanType.AGENT)
def answer(question: str) -> str:
    """Trace an agent with one model call."""
    with genai_otel.start_span(span_type=SpanType.LLM, model="gpt-4o-mini", provider="openai") as span:
        span.set_inputs(question).set_usage(300, 40).set_outputs("The Harbour lock.")
    return "The Harbour lock."


def main() -> None:
    """Measure and print."""
    endpoint, protocol, operations, rate = sys.argv[1:]
    if endpoint == "none":
        genai_otel.configure("e2e-latency", exporter="none", capture_content=True)
    else:
        genai_otel.configure("e2e-latency", endpoint=endpoint, protocol=protocol, capture_content=True)
    times = measure(int(operations), float(rate))
    quantiles = statistics.quantiles(times, n=100)
    found = {"median": quantiles[49], "p99": quantiles[98], "mean": statistics.fmean(times)}
    print(json.dumps({**found, "end": time.time()}), flush=True)


def measure(operations: int, rate: float) -> list[float]:
    """Return the microseconds of each operation, made at an even rate."""
    for _ in range(100):
        answer(QUESTION)
    times = []
    start = time.perf_counter()
    for number in range(operations):
        time.sleep(max(0.0, start + number / rate - time.perf_counter()))
        before = time.perf_counter_ns()
        answer(QUESTION)
        times.append((time.perf_counter_ns() - before) / 1_000)
    return times


if __name__ == "__main__":
    main()
