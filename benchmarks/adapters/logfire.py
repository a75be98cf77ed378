"""Logfire's decorator, span and OpenAI instrumentation."""

from __future__ import annotations

from typing import Any

import logfire

_content = False


def install(provider: Any, content: bool) -> None:
    global _content
    _content = content
    logfire.configure(
        send_to_logfire=False,
        console=False,
        inspect_arguments=False,
        additional_span_processors=[provider.benchmark_processor],
    )


def sync(fn: Any) -> Any:
    return logfire.instrument(extract_args=_content, record_return=_content)(fn)


coroutine = sync


def block(inputs: Any, work: Any) -> Any:
    with logfire.span("block", inputs=inputs) as span:
        result = work()
        span.set_attribute("outputs", result)
        return result


def openai() -> None:
    logfire.instrument_openai()
