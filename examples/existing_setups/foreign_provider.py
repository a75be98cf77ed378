"""A tracer provider that isn't the SDK's and takes no span processors, as ddtrace's: spans go through it.

``AgentTracerProvider`` stands for such a provider. Install yours, then ``autolog()``: nothing else is needed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import openai
from opentelemetry import trace
from opentelemetry.context import Context

import genai_otel


class AgentSpan(trace.Span):
    """A span that another tracing library keeps; what was set can't be read back."""

    def __init__(self, name: str, kind: trace.SpanKind, parent: trace.SpanContext, attributes: Any) -> None:
        self.tags: dict[str, Any] = {"name": name, "kind": kind.name, **(attributes or {})}
        self.parent_id = parent.span_id if parent.is_valid else None
        trace_id = parent.trace_id if parent.is_valid else random.getrandbits(128) or 1
        flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
        self._ids = trace.SpanContext(
            trace_id, random.getrandbits(64) or 1, is_remote=False, trace_flags=flags
        )
        self.ends = 0

    def get_span_context(self) -> trace.SpanContext:
        return self._ids

    def set_attribute(self, key: str, value: Any) -> None:
        self.tags[key] = value

    def set_attributes(self, attributes: Any) -> None:
        self.tags.update(attributes)

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        self.tags[f"event {name}"] = dict(attributes or {})

    def record_exception(
        self, exception: BaseException, attributes: Any = None, timestamp: Any = None, escaped: bool = False
    ) -> None:
        self.tags["error"] = type(exception).__name__

    def set_status(self, status: Any, description: str | None = None) -> None:
        self.tags["status"] = getattr(status, "status_code", status).name

    def update_name(self, name: str) -> None:
        self.tags["name"] = name

    def is_recording(self) -> bool:
        return not self.ends

    def end(self, end_time: int | None = None) -> None:
        self.ends += 1


class AgentTracer(trace.Tracer):
    """Starts such spans and hands them to the agent."""

    def __init__(self, spans: list[AgentSpan]) -> None:
        self._spans = spans

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: trace.SpanKind = trace.SpanKind.INTERNAL,
        attributes: Any = None,
        links: Any = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> AgentSpan:
        span = AgentSpan(name, kind, trace.get_current_span(context).get_span_context(), attributes)
        self._spans.append(span)
        return span

    @contextmanager
    def start_as_current_span(self, name: str, *args: Any, **kwargs: Any) -> Iterator[AgentSpan]:
        span = self.start_span(name)
        with trace.use_span(span, end_on_exit=True):
            yield span


class AgentTracerProvider(trace.TracerProvider):
    """Has ``get_tracer`` and nothing else."""

    def __init__(self) -> None:
        self.spans: list[AgentSpan] = []

    def get_tracer(self, *args: Any, **kwargs: Any) -> AgentTracer:
        return AgentTracer(self.spans)


def set_up_telemetry() -> AgentTracerProvider:
    """What the agent does when the application starts."""
    provider = AgentTracerProvider()
    trace.set_tracer_provider(provider)
    return provider


def handle(question: str) -> str:
    """Ask the model within a span of the agent and one of ours."""
    with (
        trace.get_tracer("web").start_as_current_span("GET /ask"),
        genai_otel.context(session_id="s-1"),
        genai_otel.start_span("answer", span_type="CHAIN") as span,
    ):
        span.set_inputs(question)
        completion = openai.OpenAI().chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": question}]
        )
        answer = completion.choices[0].message.content or ""
        span.set_outputs(answer)
    return answer


def main() -> None:
    """Print what the agent has been given."""
    provider = set_up_telemetry()
    genai_otel.autolog()
    handle("Is the lock in stock?")
    for span in provider.spans:
        print(span.tags)


if __name__ == "__main__":
    main()
