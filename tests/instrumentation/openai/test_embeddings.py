from __future__ import annotations

import base64
import json
import struct
from time import process_time
from typing import Any

import openai
import pytest

from genai_otel.conventions import attributes as attr
from genai_otel.instrumentation.openai import embeddings
from genai_otel.testing.server import OpenAIServer
from tests.telemetry_capture import Telemetry

from .sdk import since

MODEL = "text-embedding-3-small"
NAME = f"embeddings {MODEL}"
LENGTH = 256  # of the server's vectors


@since(1, 109)
def test_an_embedding_carries_the_conventions_attributes_and_no_others(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    answer = client.embeddings.create(model=MODEL, input=["one", "two words"])

    assert len(answer.data[1].embedding) == LENGTH
    span = telemetry.one(NAME)
    assert span.kind.name == "CLIENT"
    assert dict(span.attributes or {}) == {
        attr.OPERATION_NAME: "embeddings",
        attr.PROVIDER_NAME: "openai",
        attr.SERVER_ADDRESS: "127.0.0.1",
        attr.SERVER_PORT: client.base_url.port,
        attr.REQUEST_MODEL: MODEL,
        attr.REQUEST_ENCODING_FORMATS: ("base64",),  # the SDK's own choice
        attr.RESPONSE_MODEL: MODEL,
        attr.EMBEDDINGS_DIMENSION_COUNT: LENGTH,
        attr.USAGE_INPUT_TOKENS: answer.usage.prompt_tokens,
    }


@pytest.mark.parametrize("encoding", ["float", "base64"])
@pytest.mark.parametrize("raw", [False, True])
def test_the_dimension_is_that_of_the_vectors_in_every_encoding(
    encoding: Any, raw: bool, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    embedding = client.embeddings.with_raw_response if raw else client.embeddings
    embedding.create(model=MODEL, input=["one", "two"], encoding_format=encoding)

    found = telemetry.attributes(NAME)
    assert found[attr.REQUEST_ENCODING_FORMATS] == (encoding,)
    assert found[attr.EMBEDDINGS_DIMENSION_COUNT] == LENGTH
    assert found[attr.RESPONSE_MODEL] == MODEL
    assert found[attr.USAGE_INPUT_TOKENS] == 2


@since(1, 10)
def test_the_dimension_asked_for_is_the_dimension(client: openai.OpenAI, telemetry: Telemetry) -> None:
    client.embeddings.create(model=MODEL, input="one", dimensions=8)

    assert telemetry.attributes(NAME)[attr.EMBEDDINGS_DIMENSION_COUNT] == 8


async def test_async_embeddings(async_client: openai.AsyncOpenAI, telemetry: Telemetry) -> None:
    await async_client.embeddings.create(model=MODEL, input=[[1, 2], [3]])

    assert telemetry.attributes(NAME)[attr.EMBEDDINGS_DIMENSION_COUNT] == LENGTH


@since(1, 8)
def test_a_body_that_the_caller_reads_is_read_by_the_caller_first(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    with client.embeddings.with_streaming_response.create(model=MODEL, input="one") as response:
        assert not telemetry.spans
        assert not response.is_closed
        response.read()

    assert telemetry.attributes(NAME)[attr.EMBEDDINGS_DIMENSION_COUNT] == LENGTH


def test_vectors_and_texts_are_never_recorded(client: openai.OpenAI, telemetry: Telemetry) -> None:
    answer = client.embeddings.create(model=MODEL, input="confidential words", encoding_format="float")

    exported = telemetry.one(NAME).to_json()
    assert "confidential" not in exported
    assert str(answer.data[0].embedding[0]) not in exported


def test_odd_answers_are_taken_as_they_are(
    client: openai.OpenAI, server: OpenAIServer, telemetry: Telemetry
) -> None:
    bodies: tuple[Any, ...] = (
        {"object": "list", "data": [], "model": "m"},
        {"object": "list", "data": None},
        {"object": "list", "data": [{"embedding": None}], "usage": {"prompt_tokens": 3}},
        {"object": "list", "data": [{"embedding": []}], "usage": None},
    )
    server.script("/embeddings", [f"body={json.dumps(body)}" for body in bodies])
    for _ in bodies:
        client.embeddings.with_raw_response.create(model=MODEL, input="one")

    assert all(attr.EMBEDDINGS_DIMENSION_COUNT not in (span.attributes or {}) for span in telemetry.spans)
    assert [(span.attributes or {}).get(attr.USAGE_INPUT_TOKENS) for span in telemetry.spans] == [
        None,
        None,
        3,
        None,
    ]


def _body(vectors: int, *, encoded: bool, indent: int | None = None) -> bytes:
    numbers = [0.25] * 1536
    vector: Any = base64.b64encode(struct.pack("<1536f", *numbers)).decode() if encoded else numbers
    entry = {"object": "embedding", "index": 0, "embedding": vector}
    usage = {"prompt_tokens": 7, "total_tokens": 7}
    return json.dumps(
        {"object": "list", "data": [entry] * vectors, "model": MODEL, "usage": usage}, indent=indent
    ).encode()


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_raw_body_is_read_without_its_vectors(encoded: bool, indent: int | None) -> None:
    found = embeddings.read(_body(3, encoded=encoded, indent=indent))

    assert found is not None
    assert len(found["data"]) == 1
    assert embeddings._dimension(found["data"]) == 1536
    assert found["usage"] == {"prompt_tokens": 7, "total_tokens": 7}
    assert found["model"] == MODEL


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"data": [', b'{"data": [{"embedding": "abc'])
def test_a_broken_raw_body_says_nothing(body: bytes) -> None:
    assert embeddings.read(body) is None


def test_a_raw_body_of_another_shape_is_read_whole() -> None:
    assert embeddings.read(b'{"model": "m", "vectors": [[1, 2]]}') == {"model": "m", "vectors": [[1, 2]]}


def test_the_cost_of_a_raw_body_does_not_grow_with_the_number_of_vectors() -> None:
    def cost(body: bytes) -> float:
        def run() -> float:
            begun = process_time()
            for _ in range(20):
                embeddings.read(body)
            return process_time() - begun

        return min(run() for _ in range(5))

    few, many = _body(2, encoded=True), _body(400, encoded=True)
    assert cost(many) < 20 * cost(few)  # two hundred times as many
