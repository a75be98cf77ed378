from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from genai_otel.conventions import attributes as attr
from tests.telemetry_capture import Telemetry

from .sdk import since

pytestmark = since(3, 26)

MODEL = "gpt-6-luna"
NAME = f"decisions {MODEL}"
QUESTIONS: Any = [
    {"type": "predicate", "name": "open", "instructions": "Is the shop open?"},
    {"type": "predicate", "name": "rain", "instructions": "Does it rain?"},
]


def test_a_decision_is_a_client_span_with_registered_attributes_only(
    client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    answer = client.decisions.create(model=MODEL, input="The SECRET shop is open", questions=QUESTIONS)

    span = telemetry_without_content.one(NAME)
    assert span.kind.name == "CLIENT"
    found = dict(span.attributes or {})
    assert found.pop(attr.USAGE_CACHE_READ_TOKENS) == answer.usage.input_tokens_details.cached_tokens
    assert found == {
        attr.PROVIDER_NAME: "openai",
        attr.SERVER_ADDRESS: "127.0.0.1",
        attr.SERVER_PORT: client.base_url.port,
        attr.REQUEST_MODEL: MODEL,
        attr.RESPONSE_MODEL: answer.model,
        attr.USAGE_INPUT_TOKENS: answer.usage.input_tokens,
        attr.USAGE_OUTPUT_TOKENS: answer.usage.output_tokens,
    }


@pytest.mark.parametrize("raw", [False, True])
def test_input_questions_and_answers_are_content(
    raw: bool, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    decisions = client.decisions.with_raw_response if raw else client.decisions
    given: Any = [{"role": "user", "content": "The shop is open"}]
    decisions.create(model=MODEL, input=given, questions=QUESTIONS)

    found = telemetry.attributes(NAME)
    (message,) = json.loads(found[attr.INPUT_MESSAGES])
    assert message["parts"] == [{"type": "text", "content": "The shop is open"}]
    questions = [json.loads(part["content"]) for part in json.loads(found[attr.SYSTEM_INSTRUCTIONS])]
    assert questions == QUESTIONS
    answers = [json.loads(said["parts"][0]["content"]) for said in json.loads(found[attr.OUTPUT_MESSAGES])]
    assert [answer["name"] for answer in answers] == ["open", "rain"]


async def test_async_decisions(async_client: openai.AsyncOpenAI, telemetry: Telemetry) -> None:
    await async_client.decisions.create(model=MODEL, input="The shop is open", questions=QUESTIONS)

    assert attr.OUTPUT_MESSAGES in telemetry.attributes(NAME)
