"""Two FastAPI services with FastAPI and HTTP-client instrumentation: one trace, one session.

    uvicorn examples.existing_setups.two_services:answers --factory --port 8001
    ANSWERS_URL=http://127.0.0.1:8001 uvicorn examples.existing_setups.two_services:gateway --factory --port 8002
    curl "http://127.0.0.1:8002/ask?question=hello&session=s-1"

``OPENAI_BASE_URL`` and ``OPENAI_API_KEY`` say which API is called, ``OTEL_EXPORTER_OTLP_ENDPOINT`` where spans go.
"""

from __future__ import annotations

import os
from importlib.util import find_spec

import httpx
import openai
from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import genai_otel


def set_up_telemetry(service: str) -> TracerProvider:
    """What both services do already."""
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    HTTPXClientInstrumentor().instrument()  # httpx: our own calls, and the OpenAI SDK before 3.0
    if find_spec("httpx2"):  # the OpenAI SDK from 3.0 on
        from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor

        HTTPX2ClientInstrumentor().instrument()
    return provider


def gateway() -> FastAPI:
    """The service that users call; it knows whose session a request is of."""
    set_up_telemetry("gateway")
    app = FastAPI()
    FastAPIInstrumentor.instrument_app(app)

    @app.get("/ask")
    async def ask(question: str, session: str) -> str:
        with (
            genai_otel.context(session_id=session, propagate=True),
            genai_otel.start_span("plan", span_type="CHAIN"),
        ):
            async with httpx.AsyncClient(base_url=os.environ["ANSWERS_URL"]) as client:
                response = await client.get("/answer", params={"question": question})
            return str(response.json())

    return app


def answers() -> FastAPI:
    """The service behind it: its server span continues the trace, its baggage has the session."""
    set_up_telemetry("answers")
    genai_otel.autolog()
    app = FastAPI()
    FastAPIInstrumentor.instrument_app(app)

    @app.get("/answer")
    def answer(question: str) -> str:
        return assistant(question)

    return app


@genai_otel.trace(span_type="AGENT")
def assistant(question: str) -> str:
    """Ask the model."""
    completion = openai.OpenAI().chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": question}]
    )
    return completion.choices[0].message.content or ""
