"""``genai_otel.openai.autolog()``: trace the OpenAI SDK alone."""

from __future__ import annotations

from .instrumentation.openai import autolog

__all__ = ["autolog"]
