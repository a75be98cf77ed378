"""Langfuse's ``observe`` decorator and context manager."""

from __future__ import annotations

from typing import Any

_client: Any = None
_content = False


def install(provider: Any, content: bool) -> None:
    global _client, _content
    from langfuse import Langfuse

    from benchmarks.worker import Sink

    _content = content
    _client = Langfuse(
        public_key="pk",
        secret_key="sk",
        host="http://127.0.0.1:9",
        tracer_provider=provider,
        span_exporter=Sink(),  # type: ignore[arg-type]  # its own route, with nobody at its end
    )


def sync(fn: Any) -> Any:
    from langfuse import observe

    return observe(capture_input=_content, capture_output=_content)(fn)


coroutine = generator = sync


def block(inputs: Any, work: Any) -> Any:
    with _client.start_as_current_observation(name="block", as_type="span") as span:
        result = work()
        span.update(input=inputs, output=result)
        return result
