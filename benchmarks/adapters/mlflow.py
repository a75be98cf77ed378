"""MLflow's fluent tracing, exporting through OpenTelemetry."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("MLFLOW_USE_DEFAULT_TRACER_PROVIDER", "false")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import mlflow


def install(provider: Any, content: bool) -> None:
    from mlflow.tracing import provider as mlflow_provider

    mlflow_provider._MLFLOW_TRACER_PROVIDER_INITIALIZED.done = True  # keep the provider of the run


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
