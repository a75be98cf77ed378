"""OpenLLMetry's OpenAI instrumentation (its decorators need the vendor's own SDK)."""

from __future__ import annotations

import os
from typing import Any


def install(provider: Any, content: bool) -> None:
    os.environ["TRACELOOP_TRACE_CONTENT"] = "true" if content else "false"


def openai() -> None:
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument()
