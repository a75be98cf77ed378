"""Providers of our own, apart from the application's: nothing global changes, and neither sees the other's spans."""

from __future__ import annotations

import openai
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter

import genai_otel


def instrument(exporter: SpanExporter, *readers: MetricReader) -> TracerProvider:
    """Send LLM telemetry, and nothing else, to a place of its own."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    genai_otel.configure(tracer_provider=provider, meter_provider=MeterProvider(readers))
    genai_otel.autolog()
    return provider


@genai_otel.trace(span_type="CHAIN")
def answer(question: str) -> str:
    """Ask the model."""
    completion = openai.OpenAI().chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": question}]
    )
    return completion.choices[0].message.content or ""


def main() -> None:
    """Print the spans as the SDK's console exporter shows them."""
    provider = instrument(ConsoleSpanExporter())
    print(answer("Is the lock in stock?"))
    provider.shutdown()


if __name__ == "__main__":
    main()
