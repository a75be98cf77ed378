"""OpenTelemetry's own OpenAI instrumentation and ours, both on: still one span per call, and one warning.

Needs ``pip install opentelemetry-instrumentation-genai-openai``. The first argument says which is switched on
first, ``ours`` or ``theirs``; it makes no difference.
"""

from __future__ import annotations

import sys

import openai
from opentelemetry import trace
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor, SpanExporter

import genai_otel


def set_up_telemetry(exporter: SpanExporter) -> TracerProvider:
    """What the application does already."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return provider


def instrument(first: str) -> None:
    """Switch both on."""
    switches = {"ours": genai_otel.autolog, "theirs": OpenAIInstrumentor().instrument}
    switches.pop(first)()
    for switch in switches.values():
        switch()


def handle(question: str) -> str:
    """Ask the model in three ways within a span of ours: plainly, as a stream, and for an embedding."""
    client = openai.OpenAI()
    with genai_otel.start_span("answer", span_type="CHAIN"):
        messages = [{"role": "user", "content": question}]
        completion = client.chat.completions.create(model="gpt-4o-mini", messages=messages)
        for _ in client.chat.completions.create(model="gpt-4o-mini", messages=messages, stream=True):
            pass
        client.embeddings.create(model="text-embedding-3-small", input=question)
    return completion.choices[0].message.content or ""


def keep_ours() -> None:
    """Leave every call to us."""
    OpenAIInstrumentor().uninstrument()


def main() -> None:
    """Show the spans."""
    set_up_telemetry(ConsoleSpanExporter())
    instrument(sys.argv[1] if len(sys.argv) > 1 else "ours")
    print(handle("Is the lock in stock?"))


if __name__ == "__main__":
    main()
