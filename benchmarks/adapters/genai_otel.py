"""This library."""

from __future__ import annotations

from typing import Any

import genai_otel
from genai_otel import SpanType

_client: Any = None


def install(provider: Any, content: bool) -> None:
    from genai_otel import _settings

    _settings.use(_settings.with_content(_settings.from_environment(), content))


def sync(fn: Any) -> Any:
    return genai_otel.trace(span_type=SpanType.CHAIN)(fn)


coroutine = generator = sync


def block(inputs: Any, work: Any) -> Any:
    with genai_otel.start_span("block", span_type=SpanType.CHAIN) as span:
        span.set_inputs(inputs)
        result = work()
        span.set_outputs(result)
        return result


def client(inputs: Any, work: Any) -> Any:
    global _client
    if _client is None:
        _client = genai_otel.TracingClient()
    root = _client.start_trace("root", span_type=SpanType.CHAIN, inputs=inputs)
    result = work()
    _client.end_trace(root.trace_id, outputs=result)
    return result


def openai() -> None:
    genai_otel.autolog()
