"""The demo's pipeline: an agent with retrieval, a tool called by the model, a thread, a task and a streamed answer."""

from __future__ import annotations

import asyncio
import json
import math
import os
from typing import Any, Final
from urllib.parse import urlsplit

import openai

import genai_otel
from genai_otel import SpanType

# a small bundled corpus: the handbook of an invented bicycle shop
HANDBOOK: Final = {
    "locks": "For a city commute we recommend the Harbour lock: hardened steel, 1.2 kg, fits every rack in the city.",
    "lights": "Dynamo lights are on every city bike; battery lights must be steady, not blinking, after dark.",
    "tyres": "Pump tyres to 4.5 bar once a month; puncture-proof tyres roll a little slower.",
    "returns": "Unused parts can be returned within 30 days with the receipt.",
    "service": "The first service is free after 300 km, later ones take two working days.",
}
STOCK: Final = {"lock": 7, "light": 12, "tyre": 0}
CHECK_STOCK: Final[Any] = {
    "type": "function",
    "function": {
        "name": "check_stock",
        "description": "How many pieces of an item are in the shop",
        "parameters": {"type": "object", "properties": {"item": {"type": "string"}}, "required": ["item"]},
    },
}


class Pipeline:
    """Answers questions about the shop with any OpenAI-compatible server."""

    def __init__(self, base_url: str, model: str, embedding_model: str, *, preview: bool) -> None:
        self._model = model
        self._embedding_model = embedding_model
        self._preview = preview
        key = os.environ.get("OPENAI_API_KEY", "demo")
        self._client = openai.OpenAI(api_key=key, base_url=base_url)
        self._async_client = openai.AsyncOpenAI(api_key=key, base_url=base_url)
        parts = urlsplit(base_url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        self._server = {"server.address": parts.hostname or "localhost", "server.port": port}

    @genai_otel.trace(span_type=SpanType.AGENT)
    def shop_assistant(self, question: str) -> str:
        """Answer one question: retrieve, let the model call a tool, then stream the final answer."""
        passages = [document["content"] for document in self.handbook(question)]
        with genai_otel.ThreadPoolExecutor(max_workers=1) as pool:
            delivery = pool.submit(delivery_time, "today")  # a worker thread, in the same trace
            notes = asyncio.run(self.plan(question))  # an async task, in the same trace
        messages: list[Any] = [
            {
                "role": "system",
                "content": "\n".join(["Answer from the handbook.", *passages, notes, delivery.result()]),
            },
            {"role": "user", "content": question},
        ]
        reply = self._client.chat.completions.create(
            model=self._model, messages=messages, tools=[CHECK_STOCK]
        )
        message = reply.choices[0].message
        messages.append(message.model_dump(exclude_none=True))
        messages += [
            {"role": "tool", "tool_call_id": call.id, "content": self._run_tool(call)}
            for call in message.tool_calls or []
        ]
        return self._streamed(messages)

    @genai_otel.trace(span_type=SpanType.RETRIEVER, attributes={"gen_ai.data_source.id": "handbook"})
    def handbook(self, query: str, top_k: int = 2) -> list[dict[str, Any]]:
        """Return the passages closest to the query, by cosine of their embeddings."""
        span = genai_otel.get_current_span()
        if span is not None:
            span.set_attributes({**self._server, "gen_ai.retrieval.top_k": top_k})
        texts = [*HANDBOOK.values(), query]
        vectors = [
            item.embedding
            for item in self._client.embeddings.create(model=self._embedding_model, input=texts).data
        ]
        scored: list[dict[str, Any]] = [
            {"id": key, "score": round(cosine(vector, vectors[-1]), 3), "content": text}
            for (key, text), vector in zip(HANDBOOK.items(), vectors[:-1], strict=True)
        ]
        return sorted(scored, key=lambda document: -float(document["score"]))[:top_k]

    @genai_otel.trace(span_type=SpanType.PLAN)
    async def plan(self, question: str) -> str:
        """Let the model say how to go about it."""
        reply = await self._async_client.chat.completions.create(
            model=self._model, messages=[{"role": "user", "content": f"Plan in one line: {question}"}]
        )
        return reply.choices[0].message.content or ""

    def _run_tool(self, call: Any) -> str:
        arguments = json.loads(call.function.arguments or "{}")
        return json.dumps(self.check_stock(call.id, str(arguments.get("item", ""))))

    @genai_otel.trace(span_type=SpanType.TOOL, attributes={"gen_ai.tool.type": "function"})
    def check_stock(self, call_id: str, item: str) -> dict[str, Any]:
        """Say how many pieces of the item are in the shop."""
        span = genai_otel.get_current_span()
        if span is not None:
            span.set_tool_call(id=call_id)
        if self._preview:  # from deep inside: it lands on the trace
            genai_otel.update_current_trace(request_preview=f"stock of {item!r}?")
        return {
            "item": item,
            "pieces": next((count for name, count in STOCK.items() if name in item.lower()), 3),
        }

    def _streamed(self, messages: list[Any]) -> str:
        stream = self._client.chat.completions.create(
            model=self._model,
            messages=messages,
            stream=True,
            extra_body={"stream_options": {"include_usage": True}},  # an argument only since openai 1.26
        )
        return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


@genai_otel.trace(span_type=SpanType.TOOL, attributes={"gen_ai.tool.type": "extension"})
def courier_quote(day: str) -> str:
    """Ask a courier that never answers."""
    raise TimeoutError("the courier did not answer")


def delivery_time(day: str) -> str:
    """Say when the shop delivers, with or without the courier: the error is handled, and seen in the trace."""
    try:
        return courier_quote(day)
    except TimeoutError:
        return "Delivery takes two days."


def cosine(one: list[float], other: list[float]) -> float:
    """Return the cosine of the angle between two vectors."""
    scale = math.hypot(*one) * math.hypot(*other)
    return sum(a * b for a, b in zip(one, other, strict=True)) / scale if scale else 0.0
