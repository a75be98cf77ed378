"""Runs inside a contender's environment: measures one case at a time, on request.

    python -m benchmarks.worker ADAPTER MODE

Reads a line ``CASE`` from standard input, answers with one line of JSON: microseconds of CPU and wall time per unit,
and how many spans were exported for it. MODE is ``on``, ``off`` (content), ``unsampled``, ``suppressed`` or
``noprovider``.
"""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from typing import Any


class Sink:
    """An exporter that counts spans and throws them away."""

    def __init__(self) -> None:
        self.spans = 0

    def export(self, spans: Any) -> Any:
        from opentelemetry.sdk.trace.export import SpanExportResult

        self.spans += len(spans)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        return

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


def provider_for(mode: str, sink: Sink) -> Any:
    """Install the provider that ``mode`` asks for and return it."""
    if mode == "noprovider":
        return None
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider, sampling
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    sampler = sampling.ALWAYS_OFF if mode == "unsampled" else sampling.ALWAYS_ON
    provider: Any = TracerProvider(sampler=sampler, shutdown_on_exit=False)
    provider.benchmark_processor = BatchSpanProcessor(sink, max_queue_size=200_000)  # type: ignore[arg-type]
    provider.add_span_processor(provider.benchmark_processor)
    trace.set_tracer_provider(provider)
    return provider


def main() -> None:
    name, mode = sys.argv[1], sys.argv[2]
    sink = Sink()
    provider = provider_for(mode, sink)
    adapter = importlib.import_module(f"benchmarks.adapters.{name}")
    adapter.install(provider, mode != "off")
    from benchmarks.cases import CASES, Bench

    bench = Bench(adapter, provider, sink, suppressed=mode == "suppressed")
    print(json.dumps({"ready": name}), flush=True)
    for line in sys.stdin:
        case = line.strip()
        try:
            answer = CASES[case](bench)
        except Exception as exc:
            frames = traceback.format_exc(limit=-3)
            answer = {"error": f"{type(exc).__name__}: {exc}"[:300], "frames": frames}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
