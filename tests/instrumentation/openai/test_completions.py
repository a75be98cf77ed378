from __future__ import annotations

import json

import openai
import pytest

from genai_otel.conventions import attributes as attr
from tests.telemetry_capture import Telemetry

from .sdk import since

MODEL = "gpt-3.5-turbo-instruct"
NAME = f"text_completion {MODEL}"


def test_a_completion_is_a_text_completion_span(
    client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    client.completions.create(
        model=MODEL, prompt="Say hello", max_tokens=5, n=2, stop=["\n"], seed=7, temperature=0, top_p=0.5
    )

    span = telemetry_without_content.one(NAME)
    assert span.kind.name == "CLIENT"
    assert span.status.status_code.name == "UNSET"
    found = dict(span.attributes or {})
    assert found == {
        attr.OPERATION_NAME: "text_completion",
        attr.PROVIDER_NAME: "openai",
        attr.SERVER_ADDRESS: "127.0.0.1",
        attr.SERVER_PORT: client.base_url.port,
        attr.OPENAI_API_TYPE: "completions",
        attr.REQUEST_MODEL: MODEL,
        attr.REQUEST_MAX_TOKENS: 5,
        attr.REQUEST_CHOICE_COUNT: 2,
        attr.REQUEST_STOP_SEQUENCES: ("\n",),
        attr.REQUEST_SEED: 7,
        attr.REQUEST_TEMPERATURE: 0.0,
        attr.REQUEST_TOP_P: 0.5,
        attr.RESPONSE_ID: "cmpl-00000001",
        attr.RESPONSE_MODEL: f"{MODEL}-2024-07-18",
        attr.RESPONSE_FINISH_REASONS: ("length", "length"),
        attr.USAGE_INPUT_TOKENS: found[attr.USAGE_INPUT_TOKENS],
        attr.USAGE_OUTPUT_TOKENS: 10,
    }


@pytest.mark.parametrize(
    ("prompt", "texts"),
    [("Say hello", ["Say hello"]), (["one", "two"], ["one", "two"]), ([1, 2, 3], ["[1,2,3]"])],
)
def test_prompts_and_texts_are_messages(
    prompt: object, texts: list[str], client: openai.OpenAI, telemetry: Telemetry
) -> None:
    answer = client.completions.create(model=MODEL, prompt=prompt)  # type: ignore[call-overload]

    found = telemetry.attributes(NAME)
    given = json.loads(found[attr.INPUT_MESSAGES])
    assert [message["parts"] for message in given] == [[{"type": "text", "content": text}] for text in texts]
    said = json.loads(found[attr.OUTPUT_MESSAGES])
    assert [message["parts"][0]["content"] for message in said] == [choice.text for choice in answer.choices]


@since(1, 26)
def test_a_stream_is_put_together(client: openai.OpenAI, telemetry: Telemetry) -> None:
    stream = client.completions.create(
        model=MODEL, prompt="Say hello", n=2, stream=True, stream_options={"include_usage": True}
    )
    texts = {0: "", 1: ""}
    for chunk in stream:
        for choice in chunk.choices:
            texts[choice.index] += choice.text

    found = telemetry.attributes(NAME)
    assert found[attr.REQUEST_STREAM] is True
    assert found[attr.RESPONSE_FINISH_REASONS] == ("stop", "stop")
    assert found[attr.USAGE_OUTPUT_TOKENS] > 0
    assert found[attr.TIME_TO_FIRST_CHUNK] > 0
    said = json.loads(found[attr.OUTPUT_MESSAGES])
    assert [message["parts"][0]["content"] for message in said] == [texts[0], texts[1]]


@since(1, 6)
async def test_a_stream_closed_early_keeps_what_was_said(
    async_client: openai.AsyncOpenAI, telemetry: Telemetry
) -> None:
    stream = await async_client.completions.create(model=MODEL, prompt="Say hello", stream=True)
    async for chunk in stream:
        said = chunk.choices[0].text
        break
    await stream.close()

    span = telemetry.one(NAME)
    found = dict(span.attributes or {})
    assert span.status.status_code.name == "UNSET"
    assert json.loads(found[attr.OUTPUT_MESSAGES])[0]["parts"] == [{"type": "text", "content": said}]
    assert attr.RESPONSE_FINISH_REASONS not in found
    assert attr.USAGE_INPUT_TOKENS not in found


def test_usage_is_absent_where_a_stream_brings_none(
    client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    for _ in client.completions.create(model=MODEL, prompt="Say hello", stream=True):
        pass

    found = telemetry_without_content.attributes(NAME)
    assert attr.USAGE_INPUT_TOKENS not in found
    assert attr.OUTPUT_MESSAGES not in found


def test_a_raw_answer_is_read_from_memory(client: openai.OpenAI, telemetry: Telemetry) -> None:
    raw = client.completions.with_raw_response.create(model=MODEL, prompt="Say hello")

    found = telemetry.attributes(NAME)
    assert found[attr.RESPONSE_ID] == "cmpl-00000001"
    text = raw.parse().choices[0].text
    assert json.loads(found[attr.OUTPUT_MESSAGES])[0]["parts"][0]["content"] == text


def test_an_error_is_an_error(client: openai.OpenAI, telemetry_without_content: Telemetry) -> None:
    with pytest.raises(openai.NotFoundError):
        client.completions.create(model="does-not-exist", prompt="secret prompt")

    span = telemetry_without_content.one("text_completion does-not-exist")
    assert span.status.status_code.name == "ERROR"
    assert dict(span.attributes or {})[attr.ERROR_TYPE] == "openai.NotFoundError"
    assert "secret" not in span.to_json()
