"""OpenInference's decorators and OpenAI instrumentation."""

from __future__ import annotations

from typing import Any

_tracer: Any = None
_config: Any = None


def install(provider: Any, content: bool) -> None:
    global _tracer, _config
    from openinference.instrumentation import OITracer, TraceConfig
    from opentelemetry import trace

    _config = TraceConfig(hide_inputs=not content, hide_outputs=not content)
    _tracer = OITracer(trace.get_tracer("openinference"), config=_config)


def sync(fn: Any) -> Any:
    return _tracer.chain(fn)


coroutine = sync


def block(inputs: Any, work: Any) -> Any:
    with _tracer.start_as_current_span("block", openinference_span_kind="chain") as span:
        span.set_input(inputs)
        result = work()
        span.set_output(result)
        return result


def openai() -> None:
    from openinference.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(config=_config)
