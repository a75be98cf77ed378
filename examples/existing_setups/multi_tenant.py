"""Several tenants in one process, each with a provider, and so an exporter, of its own.

``configure()`` and ``autolog()`` are for the whole process. Give them one provider that passes every span on to
that of the current tenant, and everything follows: decorators, ``start_span`` and automatic spans.
``TracingClient(tracer_provider=...)`` needs no such thing: it has a provider of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import openai
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter

import genai_otel

TENANT = otel_context.create_key("tenant")


class TenantTracer(trace.Tracer):
    """Starts a span through the tracer of the tenant it is for; without a tenant, through one that records nothing."""

    def __init__(self, tracers: Mapping[str, trace.Tracer]) -> None:
        self._tracers = tracers

    def _of(self, context: otel_context.Context | None) -> trace.Tracer:
        tenant = otel_context.get_value(TENANT, context)
        return self._tracers.get(str(tenant)) or trace.NoOpTracer()

    def start_span(
        self, name: str, context: otel_context.Context | None = None, *args: Any, **kwargs: Any
    ) -> trace.Span:
        return self._of(context).start_span(name, context, *args, **kwargs)

    def start_as_current_span(
        self, name: str, context: otel_context.Context | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        return self._of(context).start_as_current_span(name, context, *args, **kwargs)


class TenantProvider(trace.TracerProvider):
    """A provider for each tenant, behind one."""

    def __init__(self, providers: Mapping[str, trace.TracerProvider]) -> None:
        self._providers = providers

    def get_tracer(self, *args: Any, **kwargs: Any) -> trace.Tracer:
        return TenantTracer(
            {tenant: one.get_tracer(*args, **kwargs) for tenant, one in self._providers.items()}
        )


@contextmanager
def tenant(name: str) -> Iterator[None]:
    """Everything inside is for this tenant; also in threads that carry the context."""
    token = otel_context.attach(otel_context.set_value(TENANT, name))
    try:
        yield
    finally:
        otel_context.detach(token)


def instrument(exporters: Mapping[str, SpanExporter]) -> dict[str, TracerProvider]:
    """Set up a provider for each tenant."""
    providers = {name: TracerProvider() for name in exporters}
    for name, provider in providers.items():
        provider.add_span_processor(BatchSpanProcessor(exporters[name]))
    genai_otel.configure(tracer_provider=TenantProvider(providers))
    genai_otel.autolog()
    return providers


@genai_otel.trace(span_type="CHAIN")
def answer(question: str) -> str:
    """Ask the model, for whichever tenant."""
    completion = openai.OpenAI().chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": question}]
    )
    return completion.choices[0].message.content or ""


def import_history(provider: TracerProvider, conversation: list[tuple[str, str]]) -> None:
    """Write a trace of a tenant's with explicit lifecycles, whatever the current context is."""
    client = genai_otel.TracingClient(tracer_provider=provider)
    root = client.start_trace("conversation", span_type="CHAIN")
    for question, reply in conversation:
        span = client.start_span("turn", root.trace_id, root.span_id, span_type="LLM", inputs=question)
        client.end_span(root.trace_id, span.span_id, outputs=reply)
    client.end_trace(root.trace_id)


def main() -> None:
    """Answer a question of each of two tenants."""
    providers = instrument({"acme": ConsoleSpanExporter(), "globex": ConsoleSpanExporter()})
    for name, provider in providers.items():
        with tenant(name):
            print(answer(f"Who is {name}?"))
        import_history(provider, [("Hello?", "Hello.")])
        provider.shutdown()


if __name__ == "__main__":
    main()
