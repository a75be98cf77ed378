"""Streams as no provider should send them: the caller gets what it gets without us, the span ends once and is valid.

Once through the real SDK, where the caller's view is compared with an untraced call's, and once, with many more
examples, straight into the observers.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

openai = pytest.importorskip("openai")

import genai_otel  # noqa: E402
from genai_otel import _settings  # noqa: E402
from genai_otel.conventions import attributes as attr  # noqa: E402
from genai_otel.instrumentation.openai.chat import ChatStream  # noqa: E402
from genai_otel.instrumentation.openai.completions import CompletionStream  # noqa: E402
from genai_otel.instrumentation.openai.responses_stream import ResponseStream  # noqa: E402
from genai_otel.testing.server import OpenAIServer  # noqa: E402
from tests.content.message_schema import assert_messages  # noqa: E402
from tests.fuzz.budget import budget  # noqa: E402
from tests.fuzz.documents import CHAT_CHUNKS, COMPLETION_CHUNKS, RESPONSE_EVENTS  # noqa: E402
from tests.fuzz.mutations import sequences  # noqa: E402
from tests.telemetry_capture import Telemetry  # noqa: E402

# api -> (its path, how it is called, what its streams are made of)
APIS: dict[str, tuple[str, Any, list[Any]]] = {
    "chat": (
        "chat/completions",
        lambda client: client.chat.completions.create(model="m", messages=[], stream=True),
        CHAT_CHUNKS,
    ),
    "completions": (
        "completions",
        lambda client: client.completions.create(model="m", prompt="p", stream=True),
        COMPLETION_CHUNKS,
    ),
    "responses": (
        "responses",
        lambda client: client.responses.create(model="m", input="i", stream=True),
        RESPONSE_EVENTS,
    ),
}
# how the caller reads: to the end, so many chunks and then close or drop
READS = st.one_of(st.none(), st.tuples(st.integers(0, 4), st.sampled_from(["close", "drop"])))


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        yield running


def seen(server: OpenAIServer, api: str, chunks: list[Any], behaviour: str, reads: Any) -> list[Any]:
    """What a caller sees of one stream."""
    path, call, _ = APIS[api]
    server.script(path, [f"{behaviour}body={json.dumps(chunks)}"])
    found: list[Any] = []
    with openai.OpenAI(api_key="test", base_url=server.base_url, max_retries=0) as client:
        try:
            stream = call(client)
            found.append(type(stream))
            for chunk in stream:
                found.append((type(chunk), _plain(chunk)))
                if reads is not None and len(found) > reads[0]:
                    if reads[1] == "close":
                        stream.close()
                    break
        except Exception as exc:
            found.append((type(exc), str(exc)))
    stream = chunk = None
    gc.collect(1)  # what was dropped may be part of a cycle
    server.reset()
    return found


def _plain(chunk: Any) -> Any:
    return chunk.to_dict(mode="python") if hasattr(chunk, "to_dict") else chunk


def assert_valid(telemetry: Telemetry) -> None:
    (span,) = telemetry.spans
    attributes = dict(span.attributes or {})
    assert span.end_time is not None
    assert attributes[attr.OPERATION_NAME] in ("chat", "text_completion")
    for key, side in ((attr.INPUT_MESSAGES, "input"), (attr.OUTPUT_MESSAGES, "output")):
        if key in attributes:
            assert_messages(json.loads(attributes[key]), side)
    for key in (attr.USAGE_INPUT_TOKENS, attr.USAGE_OUTPUT_TOKENS):
        assert type(attributes.get(key, 0)) is int
    for key in (attr.RESPONSE_ID, attr.RESPONSE_MODEL):
        assert isinstance(attributes.get(key, ""), str)
    assert all(isinstance(reason, str) for reason in attributes.get(attr.RESPONSE_FINISH_REASONS, ()))
    assert span.status.is_ok or attr.ERROR_TYPE in attributes
    for value in attributes.values():
        json.dumps(value).encode("utf-8")


@pytest.mark.parametrize("api", APIS)
@budget(15)
@given(data=st.data())
def test_through_the_sdk_a_caller_sees_what_an_untraced_caller_sees(
    server: OpenAIServer, telemetry: Telemetry, api: str, data: st.DataObject
) -> None:
    chunks = data.draw(sequences(APIS[api][2], ascii_only=True), label="chunks")
    behaviour = data.draw(
        st.sampled_from(["", "", "nodone;", "abort_after=2;", "error_after=1;"]), label="behaviour"
    )
    reads = data.draw(READS, label="reads")
    telemetry.exporter.clear()
    untraced = seen(server, api, chunks, behaviour, reads)
    assert telemetry.spans == []
    genai_otel.openai.autolog()
    try:
        traced = seen(server, api, chunks, behaviour, reads)
    finally:
        genai_otel.openai.autolog(disable=True)
    assert traced == untraced
    assert_valid(telemetry)


# api -> (observer, type of the span, class of its chunks in the SDK)
OBSERVERS: dict[str, tuple[Any, str]] = {
    "chat": (ChatStream, "LLM"),
    "completions": (CompletionStream, "COMPLETION"),
    "responses": (ResponseStream, "LLM"),
}


def constructed(api: str, chunk: Any) -> Any:
    """The chunk as the SDK makes it of JSON, valid or not."""
    from openai._models import construct_type
    from openai.types import Completion
    from openai.types.chat import ChatCompletionChunk
    from openai.types.responses import ResponseStreamEvent

    kinds: dict[str, Any] = {
        "chat": ChatCompletionChunk,
        "completions": Completion,
        "responses": ResponseStreamEvent,
    }
    return construct_type(type_=kinds[api], value=chunk)


CUT_CALL = [
    {"choices": [{"index": 0, "delta": {"tool_calls": [{"function": {"arguments": [1]}}, None, "x"]}}]},
    {"choices": [{"index": None, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "b"}}]}}]},
]


@pytest.mark.parametrize("form", ["as the SDK makes them", "as dicts"])
@pytest.mark.parametrize("api", OBSERVERS)
@budget(40)
@given(data=st.data())
def test_observers_take_any_chunk(telemetry: Telemetry, api: str, form: str, data: st.DataObject) -> None:
    chunks = data.draw(sequences(APIS[api][2], 12), label="chunks")
    observe(telemetry, api, form, chunks)


ODD_ITEM = [
    {"type": "response.output_item.added", "output_index": 0, "item": {"type": ["message"], "id": "m"}},
    {"type": "response.output_text.delta", "output_index": 1, "content_index": [0], "delta": "x"},
]


@example("responses", "as dicts", ODD_ITEM)
@example("responses", "as the SDK makes them", ODD_ITEM)
@example("chat", "as dicts", CUT_CALL)
@example("chat", "as the SDK makes them", CUT_CALL)
@budget(1)
@given(st.just("responses"), st.just("as dicts"), st.just([{"type": "response.completed", "response": []}]))
def test_streams_that_were_trouble_once(telemetry: Telemetry, api: str, form: str, chunks: list[Any]) -> None:
    observe(telemetry, api, form, chunks)


def observe(telemetry: Telemetry, api: str, form: str, chunks: list[Any]) -> None:
    telemetry.exporter.clear()
    observer_class, span_type = OBSERVERS[api]
    with genai_otel.start_span(span_type=span_type, model="m", provider="openai") as span:
        observer = observer_class(span._operation, 0.0)
        for chunk in chunks:
            observer.chunk(constructed(api, chunk) if form.startswith("as the SDK") else chunk)
        observer.finish()
    assert _settings.current().content.captures
    assert_valid(telemetry)
