"""asyncio: many model calls at once, every span under the right parent, and a branch that is cancelled.

Tasks carry the context by themselves. `start_span` works with `async with` as well, async generators are traced like
generators, and a task that is cancelled ends its span with the status ERROR and `error.type` CancelledError.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import openai

import genai_otel
from genai_otel import SpanType
from genai_otel.testing.server import OpenAIServer

genai_otel.configure("asyncio-fanout", capture_content=True)
genai_otel.autolog()


@genai_otel.trace(span_type=SpanType.TASK, capture_inputs=["text"])
async def summarise(client: openai.AsyncOpenAI, text: str) -> str:
    reply = await client.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": f"Summarise: {text}"}]
    )
    return reply.choices[0].message.content or ""


@genai_otel.trace(span_type=SpanType.TASK)
async def slow_branch() -> None:
    await asyncio.sleep(60)


@genai_otel.trace(output_reducer=list)
async def chapters(count: int) -> AsyncIterator[str]:
    for number in range(1, count + 1):
        await asyncio.sleep(0)
        yield f"chapter {number} of the handbook"


async def book(base_url: str) -> None:
    async with (
        openai.AsyncOpenAI(api_key="none", base_url=base_url) as client,
        genai_otel.start_span("book", span_type=SpanType.WORKFLOW) as span,
    ):
        texts = [text async for text in chapters(3)]
        hedge = asyncio.create_task(slow_branch())
        summaries = await asyncio.gather(*(summarise(client, text) for text in texts))
        hedge.cancel()
        await asyncio.wait([hedge])
        span.set_outputs({"summaries": len(summaries)})
        print(*summaries, sep="\n")


if __name__ == "__main__":
    with OpenAIServer() as server:
        asyncio.run(book(server.base_url))
