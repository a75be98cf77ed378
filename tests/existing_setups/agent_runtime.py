"""A runtime context such as ddtrace's, and what of ours works with it; run in a process of its own.

It keeps the current span, if it is the agent's, and the baggage. What it can't do is detach: a span that has ended gives
way to its parent.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
from typing import Any

from examples.existing_setups.foreign_provider import AgentSpan, set_up_telemetry
from opentelemetry import baggage, trace
from opentelemetry import context as context_api
from opentelemetry.context.context import Context


class AgentRuntimeContext:
    """Implements the runtime context of OpenTelemetry's API."""

    def __init__(self) -> None:
        self._active: contextvars.ContextVar[Any] = contextvars.ContextVar("agent", default=None)

    def attach(self, context: Context) -> object:
        span = trace.get_current_span(context)
        if span is trace.INVALID_SPAN:
            return object()
        # a stranger's span is known by its ids alone, and when it ends is not known
        parent = self._active.get() if isinstance(span, AgentSpan) and span is not self._span() else None
        self._active.set((span, dict(baggage.get_all(context)), parent))
        return object()

    def _span(self) -> Any:
        active = self._active.get()
        while active is not None and isinstance(active[0], AgentSpan) and active[0].ends:
            active = active[2]
        return None if active is None else active[0]

    def get_current(self) -> Context:
        span, active = self._span(), self._active.get()
        context = Context()
        if span is not None:
            context = trace.set_span_in_context(span, context)
            for key, value in active[1].items() if span is active[0] else ():
                context = baggage.set_baggage(key, value, context)
        return context

    def detach(self, token: object) -> None:
        return


context_api._RUNTIME_CONTEXT = AgentRuntimeContext()  # type: ignore[assignment]

import genai_otel  # noqa: E402  (after it, as where an agent is loaded first)


@genai_otel.trace
def items() -> Any:
    """Make a span within a generator's body."""
    yield 1
    with genai_otel.start_span("in body"):
        pass
    yield 2


async def task(number: int) -> None:
    """Make two spans in a session of its own."""
    with genai_otel.context(session_id=f"s-{number}"), genai_otel.start_span(f"task {number}"):
        await asyncio.sleep(0.01)
        with genai_otel.start_span(f"child {number}"):
            await asyncio.sleep(0.01)


async def tasks() -> None:
    """Run two of them side by side."""
    with genai_otel.start_span("tasks"):
        await asyncio.gather(task(1), task(2))


def main() -> None:
    """Print the parent and the session of each span."""
    provider = set_up_telemetry()
    with genai_otel.context(session_id="s", tags={"a": "b"}), genai_otel.start_span("outer"):
        with genai_otel.start_span("inner"):
            genai_otel.update_current_trace(name="named")
    with genai_otel.suppress(), genai_otel.start_span("suppressed"):
        pass
    with genai_otel.start_span("after"), genai_otel.context(session_id="carried", propagate=True):
        with genai_otel.start_span("client"):
            headers = genai_otel.inject_headers()
    with genai_otel.start_span("consumer"):
        for item in items():
            with genai_otel.start_span(f"item {item}"):
                pass
    asyncio.run(tasks())
    names = {span.get_span_context().span_id: span.tags["name"] for span in provider.spans}
    spans = {
        span.tags["name"]: [names.get(span.parent_id or 0), span.tags.get("session.id")]
        for span in provider.spans
    }
    root = {key: value for key, value in provider.spans[0].tags.items() if key.startswith("genai_otel.")}
    print(json.dumps({"spans": spans, "root": root, "headers": headers}))


if __name__ == "__main__":
    main()
