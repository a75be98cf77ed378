"""The OpenTelemetry-native way in: ``OpenAIInstrumentor().instrument()`` or ``opentelemetry-instrument``."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from . import _disable, autolog, state


class OpenAIInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Instruments the OpenAI SDK, exactly as ``genai_otel.openai.autolog()`` does."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return the versions of the SDK that are supported."""
        return ("openai >= 1.3, < 4",)

    def instrument(self, **kwargs: Any) -> Any:
        """Trace every call of the OpenAI SDK; takes the arguments of ``autolog()``."""
        if state.active() is None:  # autolog(disable=True) counts as well
            self._is_instrumented_by_opentelemetry = False
        return super().instrument(**kwargs)

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
