"""Celery with its OpenTelemetry instrumentation: what a task does belongs to the trace of whoever sent it.

Broker and results are in memory here, so that it runs as it is: ``python celery_tasks.py``.
"""

from __future__ import annotations

import openai
from celery import Celery
from celery.contrib.testing.worker import start_worker
from opentelemetry import trace
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter

import genai_otel

app = Celery("shop", broker="memory://", backend="cache+memory://")


@app.task(name="summarise")
@genai_otel.trace(span_type="TASK")
def summarise(text: str) -> str:
    """Ask the model, in a worker."""
    completion = openai.OpenAI().chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": f"Summarise: {text}"}]
    )
    return completion.choices[0].message.content or ""


def set_up_telemetry(exporter: SpanExporter) -> TracerProvider:
    """What the application does already."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    CeleryInstrumentor().instrument()
    return provider


def order(text: str, session: str) -> str:
    """Send a task and wait for its result."""
    with (
        trace.get_tracer("shop").start_as_current_span("order"),
        genai_otel.context(session_id=session, propagate=True),
    ):
        return str(summarise.delay(text).get(timeout=30))


def main() -> None:
    """Run one task in a worker of this process."""
    provider = set_up_telemetry(ConsoleSpanExporter())
    genai_otel.autolog()
    with start_worker(app, perform_ping_check=False):
        print(order("The lock is in stock.", session="s-1"))
    provider.shutdown()


if __name__ == "__main__":
    main()
