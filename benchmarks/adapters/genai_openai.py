"""OpenTelemetry's own ``opentelemetry-util-genai`` and ``opentelemetry-instrumentation-genai-openai``."""

from __future__ import annotations

import functools
import os
from typing import Any

_handler: Any = None


def install(provider: Any, content: bool) -> None:
    global _handler
    os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = (
        "span_only" if content else "no_content"
    )
    from opentelemetry.util.genai.handler import TelemetryHandler

    _handler = TelemetryHandler()


def sync(fn: Any) -> Any:
    name = fn.__name__

    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with _handler.tool(name) as invocation:
            if invocation.should_capture_content:
                invocation.arguments = {"args": args, "kwargs": kwargs}
            result = fn(*args, **kwargs)
            if invocation.should_capture_content:
                invocation.tool_result = result
            return result

    return wrapper


def coroutine(fn: Any) -> Any:
    name = fn.__name__

    @functools.wraps(fn)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        with _handler.tool(name) as invocation:
            if invocation.should_capture_content:
                invocation.arguments = {"args": args, "kwargs": kwargs}
            result = await fn(*args, **kwargs)
            if invocation.should_capture_content:
                invocation.tool_result = result
            return result

    return wrapper


def block(inputs: Any, work: Any) -> Any:
    with _handler.tool("block") as invocation:
        invocation.arguments = inputs
        result = work()
        invocation.tool_result = result
        return result


def openai() -> None:
    from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument()
