"""A FastAPI application that has OpenTelemetry already: genai_otel joins in and changes nothing.

The application installs its own provider and instruments FastAPI. There is no `configure()` here: spans go to the
provider that is there. The request's span, made by the FastAPI instrumentation, is the parent of ours, and `context()`
puts session and user on all of them.
"""

from __future__ import annotations

import openai
from fastapi import FastAPI, Header
from fastapi.testclient import TestClient
from opentelemetry import trace
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

import genai_otel
from genai_otel import SpanType
from genai_otel.exporters.console import ConsoleTree
from genai_otel.testing.server import OpenAIServer

# --- what the application had before ------------------------------------------------------------------------
provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
provider.add_span_processor(ConsoleTree())  # in production: BatchSpanProcessor(OTLPSpanExporter())
trace.set_tracer_provider(provider)

app = FastAPI()
model_server = OpenAIServer().start()
client = openai.AsyncOpenAI(api_key="none", base_url=model_server.base_url)

# --- what genai_otel adds ------------------------------------------------------------------------------------
genai_otel.autolog()


@genai_otel.trace(span_type=SpanType.CHAIN)
async def answer(question: str) -> str:
    reply = await client.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": question}]
    )
    return reply.choices[0].message.content or ""


@app.get("/answer")
async def get_answer(question: str, x_session: str = Header("none")) -> dict[str, str]:
    with genai_otel.context(session_id=x_session):
        return {"answer": await answer(question)}


FastAPIInstrumentor.instrument_app(app, exclude_spans=["receive", "send"])

if __name__ == "__main__":
    with TestClient(app) as http:
        response = http.get("/answer", params={"question": "Open today?"}, headers={"x-session": "s-1"})
        print(response.status_code, response.json()["answer"])
    model_server.stop()
    provider.shutdown()
