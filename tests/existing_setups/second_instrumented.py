"""Runs the example with a second instrumentation in a process of its own and prints what became of the spans.

Arguments: the module of the other instrumentor, and which is switched on first.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import genai_otel
from tests.existing_setups.checks import Global, exported, ours, outline


def main(module: str, first: str) -> None:
    """Print one line of JSON."""
    other = importlib.import_module(module)
    sys.modules.setdefault(
        "opentelemetry.instrumentation.genai.openai", other
    )  # the example's, or in its place
    from examples.existing_setups import second_instrumentation as example

    exporter = InMemorySpanExporter()
    example.set_up_telemetry(exporter)
    before = Global()
    example.instrument(first)
    results: list[dict[str, Any]] = [_handled(example, exporter)]
    before.check()
    example.keep_ours()
    results.append(_handled(example, exporter))
    genai_otel.autolog(disable=True)
    results.append(_handled(example, exporter))
    print(json.dumps(results))


def _handled(example: Any, exporter: InMemorySpanExporter) -> dict[str, Any]:
    exporter.clear()
    answer = example.handle("Is the lock in stock?")
    spans = exported(exporter.get_finished_spans())
    return {"answer": answer, "tree": outline(spans), "ours": ours(spans)}


if __name__ == "__main__":
    main(*sys.argv[1:])
