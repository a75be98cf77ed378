"""Memory does not grow with the length of a stream, nor with the number of calls."""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

import genai_otel
from genai_otel.conventions import attributes as attr
from tests.telemetry_capture import Telemetry

pytestmark = pytest.mark.slow
MESSAGES: list[Any] = [{"role": "user", "content": "What is the capital of France?"}]
COMPLETION = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "The capital is Paris."},
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
).encode()


def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [choice],
    }


CHUNKS = [chunk({"role": "assistant", "content": ""}), *[chunk({"content": "word "})] * 20, chunk({}, "stop")]
EVENTS = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in CHUNKS) + b"data: [DONE]\n\n"


class Transport(httpx2.BaseTransport):
    """Answers in the process, without a server whose memory would be counted too."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        stream = b'"stream":true' in request.read()
        kind = "text/event-stream" if stream else "application/json"
        return httpx2.Response(200, headers={"content-type": kind}, content=EVENTS if stream else COMPLETION)


class LongStream(openai.Stream[ChatCompletionChunk]):
    """A stream of one chunk over and over: parsing them all would take the SDK minutes."""

    length = 0

    def __stream__(self) -> Iterator[ChatCompletionChunk]:
        opening, piece, end = (
            ChatCompletionChunk.construct(**each) for each in (CHUNKS[0], CHUNKS[1], CHUNKS[-1])
        )
        yield opening
        for _ in range(self.length):
            yield piece
        yield end


@pytest.fixture
def traced_without_content() -> Iterator[Telemetry]:
    with Telemetry() as telemetry:
        genai_otel.autolog()
        yield telemetry
        genai_otel.autolog(disable=True)


def grown(before: tracemalloc.Snapshot, after: tracemalloc.Snapshot) -> int:
    """How many more bytes are held that were allocated by code of ours."""
    ours = (tracemalloc.Filter(True, "*/genai_otel/*", all_frames=True),)
    differences = after.filter_traces(ours).compare_to(before.filter_traces(ours), "filename")
    return sum(difference.size_diff for difference in differences)


@pytest.mark.parametrize("length", [1_000, 100_000])
def test_what_is_kept_of_a_stream_does_not_grow_with_it(
    length: int,
    traced_without_content: Telemetry,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(LongStream, "length", length)
    http = httpx2.Client(transport=Transport())
    with openai.OpenAI(api_key="x", base_url="http://test/v1", http_client=http) as client:
        stream = client.post(
            "/chat/completions",
            cast_to=ChatCompletion,
            body={"model": "m", "messages": MESSAGES, "stream": True},
            stream=True,
            stream_cls=LongStream,
        )
        for number, _ in enumerate(stream):
            if number == 100:
                gc.collect()
                tracemalloc.start(1)
                begin = tracemalloc.take_snapshot()
            elif number == length - 100:
                gc.collect()
                end = tracemalloc.take_snapshot()
                tracemalloc.stop()
    kept = grown(begin, end)
    with capsys.disabled():
        print(
            f"\n{length} chunks without content: {kept} bytes more held at the end than after the first hundred"
        )
    assert kept < 49_152  # the times of a thousand chunks, before they are summed up
    found = traced_without_content.attributes("chat m")
    assert found[attr.RESPONSE_FINISH_REASONS] == ("stop",)
    (gaps,) = traced_without_content.metrics()["gen_ai.client.operation.time_per_output_chunk"]
    assert gaps.count == length - 1


@pytest.mark.parametrize("how", ["plain", "stream", "raw", "error"])
def test_many_calls_leave_nothing_behind(how: str, capsys: pytest.CaptureFixture[str]) -> None:
    calls = 10_000 if how == "plain" else 300
    with Telemetry() as telemetry:
        genai_otel.autolog(tracer_provider=_forgetting())
        http = httpx2.Client(transport=Transport())
        with openai.OpenAI(api_key="x", base_url="http://test/v1", http_client=http, max_retries=0) as client:
            make = _maker(client, how)
            for _ in range(200):
                make()
            gc.collect()
            tracemalloc.start(1)
            before = tracemalloc.take_snapshot()
            for _ in range(calls):
                make()
            gc.collect()
            after = tracemalloc.take_snapshot()
            tracemalloc.stop()
        genai_otel.autolog(disable=True)
        assert telemetry.metrics()["gen_ai.client.operation.duration"][0].count == calls + 200
    kept = grown(before, after)
    with capsys.disabled():
        print(f"\n{calls} calls ({how}): {kept} bytes more held afterwards")
    assert kept < 8_192


def _maker(client: openai.OpenAI, how: str) -> Any:
    completions = client.chat.completions
    if how == "stream":
        return lambda: sum(1 for _ in completions.create(model="m", messages=MESSAGES, stream=True))
    if how == "raw":
        return lambda: completions.with_raw_response.create(model="m", messages=MESSAGES)
    if how == "error":
        return lambda: _failing(client)
    return lambda: completions.create(model="m", messages=MESSAGES)


def _failing(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIConnectionError):
        client.with_options(http_client=httpx2.Client(transport=Failing())).chat.completions.create(
            model="m", messages=MESSAGES
        )


class Failing(httpx2.BaseTransport):
    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("no route")


def _forgetting() -> Any:
    """A tracer provider whose spans are recorded and then thrown away."""
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SpanProcessor())
    return provider
