"""Streams: a decorated generator's span covers the iteration, and `output_reducer` says what to record of it.

The span is current only while the generator's body runs: what the consumer does between two pieces (here: a span of
its own) is no child of it. The model's stream is traced by `autolog()`, with the time to its first chunk. A consumer
that stops early ends the spans; that is no error.
"""

from __future__ import annotations

from collections.abc import Iterator

import openai

import genai_otel
from genai_otel import SpanType
from genai_otel.testing.server import OpenAIServer

genai_otel.configure("streaming", capture_content=True)
genai_otel.autolog()


@genai_otel.trace(span_type=SpanType.CHAIN, output_reducer="".join, capture_inputs=["question"])
def answer(client: openai.OpenAI, question: str) -> Iterator[str]:
    with client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": question}],
        stream=True,
        stream_options={"include_usage": True},
    ) as stream:
        for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                yield chunk.choices[0].delta.content


def show(pieces: Iterator[str]) -> None:
    for number, piece in enumerate(pieces):
        if number == 0:
            with genai_otel.start_span("first piece shown") as span:
                span.set_attribute("length", len(piece))
        print(piece, end="", flush=True)
    print()


if __name__ == "__main__":
    with OpenAIServer() as server:
        openai_client = openai.OpenAI(api_key="none", base_url=server.base_url)
        with genai_otel.start_span("page") as page:
            show(answer(openai_client, "How do I mend a flat tyre?"))
            page.set_outputs("shown")

        pieces = answer(openai_client, "Tell me everything about bicycles")
        print(f"{next(pieces)}... enough")
        pieces.close()  # recorded is what was read so far
