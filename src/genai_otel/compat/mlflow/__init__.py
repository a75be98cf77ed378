"""MLflow's tracing interface: ``from genai_otel.compat import mlflow`` instead of ``import mlflow``.

The documented manual-tracing code runs unchanged - decorator, context manager, client, trace information,
OpenAI autolog - and makes genai_otel's OpenTelemetry spans, for every backend. The mlflow package is not
needed. What MLflow users should know:

- Inputs and outputs are recorded, as MLflow does, unless the content mode was chosen explicitly, by
  ``genai_otel.configure(capture_content=...)`` or the environment: then that holds.
- ``set_tracking_uri`` and ``set_experiment`` send spans to an MLflow server; ``genai_otel.configure`` knows
  every other exporter. Trace ids are OpenTelemetry's, without ``tr-``; both forms are accepted.
- The status of a success stays UNSET; cancellation and the like are errors; generators stopped early are
  recorded.
- What cannot be honoured raises ``NotImplementedError`` naming the alternative; an unknown name
  ``AttributeError`` listing near ones.
"""

from __future__ import annotations

from typing import Any

from . import _refusals, client, entities, openai, tracing
from ._destination import get_tracking_uri, set_experiment, set_tracking_uri
from ._fluent import (
    flush_trace_async_logging,
    get_active_trace_id,
    get_current_active_span,
    get_last_active_trace_id,
    start_span,
    start_span_no_context,
    trace,
)
from ._trace_info import log_feedback, set_trace_tag, update_current_trace
from .client import MlflowClient
from .openai import autolog

__all__ = [
    "MlflowClient",
    "autolog",
    "client",
    "entities",
    "flush_trace_async_logging",
    "get_active_trace_id",
    "get_current_active_span",
    "get_last_active_trace_id",
    "get_tracking_uri",
    "log_feedback",
    "openai",
    "set_experiment",
    "set_trace_tag",
    "set_tracking_uri",
    "start_span",
    "start_span_no_context",
    "trace",
    "tracing",
    "update_current_trace",
]


def __getattr__(name: str) -> Any:
    return _refusals.missing(__name__, name, _refusals.FUNCTIONS, __all__)
