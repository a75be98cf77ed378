"""Retrieval-augmented generation: automatic spans of the OpenAI SDK inside the spans of your own functions.

`autolog()` traces the embeddings and the chat call, `@trace` the retriever and the chain around them. The retriever's
result is recorded as documents with id, score and content, and `update_current_trace` says from deep inside which
session the trace belongs to.
"""

from __future__ import annotations

import math

import openai

import genai_otel
from genai_otel import SpanType
from genai_otel.testing.server import OpenAIServer

HANDBOOK = {
    "locks": "For the city we recommend the Harbour lock: hardened steel, 1.2 kg.",
    "lights": "Battery lights must be steady, not blinking, after dark.",
    "tyres": "Pump tyres to 4.5 bar once a month.",
}

genai_otel.configure("rag", capture_content=True)
genai_otel.autolog()


def embed(client: openai.OpenAI, texts: list[str]) -> list[list[float]]:
    answer = client.embeddings.create(model="text-embedding-3-small", input=texts)
    return [item.embedding for item in answer.data]


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True)) / (math.hypot(*one) * math.hypot(*other))


@genai_otel.trace(
    span_type=SpanType.RETRIEVER,
    attributes={"gen_ai.data_source.id": "handbook"},
    capture_inputs=["query"],  # not the client
)
def retrieve(client: openai.OpenAI, query: str, top_k: int = 2) -> list[dict[str, object]]:
    genai_otel.update_current_trace(session_id="session-7", tags={"corpus": "handbook"})
    *passages, wanted = embed(client, [*HANDBOOK.values(), query])
    scores = [cosine(passage, wanted) for passage in passages]
    ranked = sorted(zip(scores, HANDBOOK.items(), strict=True), reverse=True)
    return [{"id": key, "score": score, "content": text} for score, (key, text) in ranked[:top_k]]


@genai_otel.trace(span_type=SpanType.CHAIN, capture_inputs=["question"])
def answer(client: openai.OpenAI, question: str) -> str:
    passages = [str(document["content"]) for document in retrieve(client, question)]
    reply = client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[
            {"role": "system", "content": "\n".join(["Answer from these passages:", *passages])},
            {"role": "user", "content": question},
        ],
    )
    return reply.choices[0].message.content or ""


if __name__ == "__main__":
    with OpenAIServer() as server:
        openai_client = openai.OpenAI(api_key="none", base_url=server.base_url)
        print(answer(openai_client, "Which lock is best in the city?"))
