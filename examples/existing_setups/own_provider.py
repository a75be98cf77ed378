"""An application that has its own TracerProvider, sampler and exporter: its spans and ours are one trace.

``OPENAI_BASE_URL`` and ``OPENAI_API_KEY`` say which API is called.
"""

from __future__ import annotations

import openai
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, Sampler, TraceIdRatioBased

import genai_otel


def set_up_telemetry(exporter: SpanExporter, sampler: Sampler) -> TracerProvider:
    """What the application does already, without knowing of genai_otel."""
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}), sampler=sampler)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return provider


def instrument() -> None:
    """All that is new: content, and automatic spans. No exporter is named, so none is added."""
    genai_otel.configure(capture_content=True)
    genai_otel.autolog()


@genai_otel.trace(span_type="AGENT")
def shop_assistant(question: str) -> str:
    """Ask the model."""
    completion = openai.OpenAI().chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": question}]
    )
    return completion.choices[0].message.content or ""


def handle(question: str) -> str:
    """The application's own span, around ours."""
    with trace.get_tracer("shop").start_as_current_span("handle question"):
        return shop_assistant(question)


def main() -> None:
    """Print the spans as the SDK's console exporter shows them."""
    provider = set_up_telemetry(ConsoleSpanExporter(), ParentBased(TraceIdRatioBased(1.0)))
    instrument()
    print(handle("Is the lock in stock?"))
    provider.shutdown()


if __name__ == "__main__":
    main()
