"""What importing and switching on costs, in fresh processes: ``python -m benchmarks.startup CONTENDER``.

Prints one line of JSON: milliseconds to import the contender, to look up the names that a user's first lines need
(some load nothing before), and to instrument the OpenAI SDK, which is loaded already; None where there is no such step.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from typing import Any

# module and names that a user's first lines need: some load nothing before a name is used
FIRST_LINES = {
    "none": ("json", ()),
    "floor": ("opentelemetry.trace", ("get_tracer",)),
    "genai_otel": ("genai_otel", ("trace", "start_span", "autolog")),
    "genai_openai": ("opentelemetry.instrumentation.genai.openai", ("OpenAIInstrumentor",)),
    "openinference": ("openinference.instrumentation", ("OITracer", "TraceConfig")),
    "traceloop": ("opentelemetry.instrumentation.openai", ("OpenAIInstrumentor",)),
    "logfire": ("logfire", ("instrument", "span")),
    "langfuse": ("langfuse", ("observe", "Langfuse")),
    "mlflow": ("mlflow", ("trace", "start_span")),
}


def asked(python: str, name: str, env: dict[str, str], cwd: str) -> dict[str, Any]:
    """Return what a fresh process of a contender says."""
    command = [python, "-m", "benchmarks.startup", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env, cwd=cwd, timeout=120)
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            found: dict[str, Any] = json.loads(line)
            return found
    return {"error": done.stderr[-300:]}


def _milliseconds(run: Any) -> float:
    began = time.perf_counter()
    run()
    return (time.perf_counter() - began) * 1e3


def main() -> None:
    name = sys.argv[1]
    module, names = FIRST_LINES[name]
    answer: dict[str, Any] = {"import": _milliseconds(lambda: importlib.import_module(module))}
    answer["first use"] = _milliseconds(lambda: [getattr(sys.modules[module], one) for one in names])
    importlib.import_module("openai")
    from benchmarks.worker import Sink, provider_for

    provider = provider_for("on", Sink())
    adapter = importlib.import_module(f"benchmarks.adapters.{name}")
    adapter.install(provider, True)
    answer["instrument"] = _milliseconds(adapter.openai) if hasattr(adapter, "openai") else None
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
