"""The OpenTelemetry-native way in: ``OpenAIInstrumentor().instrument()`` or ``opentelemetry-instrument``."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

from . import _disable, autolog


class OpenAIInstrumentor(BaseInstrumentor):
    """Instruments the OpenAI SDK, exactly as ``genai_otel.openai.autolog()`` does."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return the versions of the SDK that are supported."""
        return ("openai >= 1.3, < 4",)

    def _instrument(self, **kwargs: Any) -> None:
        autolog(
            capture_content=kwargs.get("capture_content"),
            request_stream_usage=bool(kwargs.get("request_stream_usage")),
            tracer_provider=kwargs.get("tracer_provider"),
            meter_provider=kwargs.get("meter_provider"),
            logger_provider=kwargs.get("logger_provider"),
        )

    def _uninstrument(self, **kwargs: Any) -> None:
        _disable()
