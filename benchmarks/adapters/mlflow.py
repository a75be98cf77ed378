"""MLflow's fluent tracing, exporting through OpenTelemetry."""

from __future__ import annotations

import os
import tempfile
from typing import Any

os.environ.setdefault("MLFLOW_USE_DEFAULT_TRACER_PROVIDER", "false")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.chdir(tempfile.mkdtemp())  # it writes a database and folders where it is

import mlflow  # noqa: E402

from benchmarks.worker import Sink  # noqa: E402


def install(provider: Any, content: bool) -> None:
    with mlflow.start_span("set up"):  # adds MLflow's own processors to the provider
        pass
    mlflow.flush_trace_async_logging()
    if provider is not None:  # only the spans are measured, not what writes them to a local database
        for processor in provider._active_span_processor._span_processors:
            if processor is not provider.benchmark_processor:
                processor.span_exporter = processor._batch_delegate._batch_processor._exporter = Sink()


def sync(fn: Any) -> Any:
    return mlflow.trace(fn)


coroutine = generator = sync


def block(inputs: Any, work: Any) -> Any:
    with mlflow.start_span("block") as span:
        span.set_inputs(inputs)
        result = work()
        span.set_outputs(result)
        return result


def openai() -> None:
    mlflow.openai.autolog()
