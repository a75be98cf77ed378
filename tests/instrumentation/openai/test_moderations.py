from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from genai_otel.conventions import attributes as attr
from tests.telemetry_capture import Telemetry

MODEL = "omni-moderation-latest"
NAME = f"moderations {MODEL}"


def test_a_moderation_is_a_client_span_with_registered_attributes_only(
    client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    answer = client.moderations.create(model=MODEL, input="a SECRET attack")

    span = telemetry_without_content.one(NAME)
    assert span.kind.name == "CLIENT"
    assert dict(span.attributes or {}) == {
        attr.PROVIDER_NAME: "openai",
        attr.SERVER_ADDRESS: "127.0.0.1",
        attr.SERVER_PORT: client.base_url.port,
        attr.REQUEST_MODEL: MODEL,
        attr.RESPONSE_ID: answer.id,
        attr.RESPONSE_MODEL: answer.model,
    }


def test_a_model_that_was_not_named_is_not_in_the_name(
    client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    client.moderations.create(input="a text")

    found = telemetry_without_content.attributes("moderations")
    assert attr.REQUEST_MODEL not in found
    assert found[attr.RESPONSE_MODEL] == MODEL


PICTURE: Any = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVsbG8="}}


@pytest.mark.parametrize(
    ("given", "kinds"),
    [
        ("one", [["text"]]),
        (["one", "two"], [["text"], ["text"]]),
        ([{"type": "text", "text": "one"}, PICTURE], [["text", "uri"]]),
    ],
)
@pytest.mark.parametrize("raw", [False, True])
def test_what_is_judged_and_the_judgements_are_messages(
    given: Any, kinds: list[list[str]], raw: bool, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    moderations: Any = client.moderations.with_raw_response if raw else client.moderations
    answer = moderations.create(model=MODEL, input=given)
    answer = answer.parse() if raw else answer

    found = telemetry.attributes(NAME)
    messages = json.loads(found[attr.INPUT_MESSAGES])
    assert [[part["type"] for part in message["parts"]] for message in messages] == kinds
    judgements = json.loads(found[attr.OUTPUT_MESSAGES])
    assert [json.loads(message["parts"][0]["content"])["flagged"] for message in judgements] == [
        result.flagged for result in answer.results
    ]
    assert "aGVsbG8" not in telemetry.one(NAME).to_json()


async def test_async_moderations(async_client: openai.AsyncOpenAI, telemetry: Telemetry) -> None:
    await async_client.moderations.create(model=MODEL, input="a text")

    assert attr.OUTPUT_MESSAGES in telemetry.attributes(NAME)


def test_an_error_is_an_error(client: openai.OpenAI, telemetry: Telemetry) -> None:
    with pytest.raises(openai.BadRequestError):
        client.moderations.create(model=MODEL, input="")

    assert telemetry.one(NAME).status.status_code.name == "ERROR"
