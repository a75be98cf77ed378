"""The traces that clients have open: one registry, as every ``MlflowClient`` sees every trace."""

from __future__ import annotations

from typing import Final

from opentelemetry.context import Context

from genai_otel._client import TracingClient
from genai_otel._settings import Settings
from genai_otel._spans import Span
from genai_otel.telemetry.spec import Spec

from ._live_span import live
from ._recording import MlflowSpec


class _OpenTraces(TracingClient):
    def _begin(
        self,
        spec: Spec,
        settings: Settings,
        context: Context,
        start_time_ns: int | None,
        trace_id: int | None,
    ) -> Span:
        return live(super()._begin(MlflowSpec.of(spec), settings, context, start_time_ns, trace_id))

    def root_of(self, trace_id: str) -> Span | None:
        """Return the open root span of a trace begun here, or None."""
        found = self._traces.get(trace_id)
        return None if found is None or found.root_id is None else found.spans.get(found.root_id)


open_traces: Final = _OpenTraces()
