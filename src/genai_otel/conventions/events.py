"""Names of the GenAI events (OpenTelemetry log records with an event name) and of our span events."""

from __future__ import annotations

from typing import Final

INFERENCE_DETAILS: Final = "gen_ai.client.inference.operation.details"
EVALUATION_RESULT: Final = "gen_ai.evaluation.result"
USER_FEEDBACK: Final = "user_feedback"
EXCEPTION: Final = "exception"
STREAM_ABANDONED: Final = "genai_otel.stream.abandoned"
