from __future__ import annotations

import inspect
import json
from typing import Any

import openai
import pydantic
import pytest
from opentelemetry.sdk.trace import ReadableSpan

pytest.importorskip("openai.types.responses", reason="this SDK has no Responses API")

from openai.resources.responses import Responses

from genai_otel.conventions import attributes as attr
from genai_otel.testing.server import OpenAIServer
from tests.telemetry_capture import Telemetry

MODEL = "gpt-4o-mini"
NAME = f"chat {MODEL}"
TOOL: Any = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}


def newer(name: str) -> pytest.MarkDecorator:
    """Skip where the SDK does not have this part of the Responses API yet."""
    return pytest.mark.skipif(not hasattr(Responses, name), reason=f"this SDK has no responses.{name}")


resumable = pytest.mark.skipif(
    "stream" not in inspect.signature(Responses.retrieve).parameters, reason="this SDK resumes no streams"
)


def behave(line: str) -> dict[str, str]:
    return {"x-mock": line}


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def content(found: dict[str, Any], key: str) -> Any:
    return json.loads(found[key])


# --- requests and answers ---------------------------------------------------------------------------------
def test_a_response_is_a_chat_span(client: openai.OpenAI, telemetry_without_content: Telemetry) -> None:
    answer = client.responses.create(model=MODEL, input="Hello")

    span = telemetry_without_content.one(NAME)
    assert span.kind.name == "CLIENT"
    assert span.status.status_code.name == "UNSET"
    assert answer.usage is not None
    assert attributes(span) == {
        attr.OPERATION_NAME: "chat",
        attr.PROVIDER_NAME: "openai",
        attr.SERVER_ADDRESS: "127.0.0.1",
        attr.SERVER_PORT: client.base_url.port,
        attr.OPENAI_API_TYPE: "responses",
        attr.REQUEST_MODEL: MODEL,
        attr.RESPONSE_ID: answer.id,
        attr.RESPONSE_MODEL: answer.model,
        attr.OPENAI_RESPONSE_SERVICE_TIER: "default",
        attr.RESPONSE_FINISH_REASONS: ("stop",),
        attr.USAGE_INPUT_TOKENS: answer.usage.input_tokens,
        attr.USAGE_OUTPUT_TOKENS: answer.usage.output_tokens,
        attr.USAGE_CACHE_READ_TOKENS: answer.usage.input_tokens_details.cached_tokens,
    }


def test_request_parameters_are_recorded_as_sent(
    client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    first = client.responses.create(model=MODEL, input="Hello")
    client.responses.create(
        model="o4-mini",
        input="Hello",
        max_output_tokens=50,
        temperature=1,
        top_p=0.5,
        service_tier="flex",
        previous_response_id=first.id,
        reasoning={"effort": "high"},
        text={"format": {"type": "json_object"}},
    )

    found = telemetry_without_content.attributes("chat o4-mini")
    assert found[attr.REQUEST_MAX_TOKENS] == 50
    assert found[attr.REQUEST_TEMPERATURE] == 1.0
    assert found[attr.REQUEST_TOP_P] == 0.5
    assert found[attr.OPENAI_REQUEST_SERVICE_TIER] == "flex"
    assert found[attr.OPENAI_RESPONSE_SERVICE_TIER] == "flex"
    assert found[attr.REQUEST_PREVIOUS_RESPONSE_ID] == first.id
    assert found[attr.REQUEST_REASONING_LEVEL] == "high"
    assert found[attr.OUTPUT_TYPE] == "json"
    assert found[attr.USAGE_REASONING_TOKENS] > 0


@pytest.mark.parametrize("conversation", ["conv_1", {"id": "conv_1"}])
def test_the_conversation_is_recorded(
    conversation: Any, client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    client.responses.create(model=MODEL, input="Hello", conversation=conversation)

    assert telemetry_without_content.attributes(NAME)[attr.CONVERSATION_ID] == "conv_1"


def test_a_stored_prompt_is_recorded_and_its_variables_are_content(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    picture = {"type": "input_image", "image_url": "data:image/png;base64,aGVsbG8gd29ybGQ="}
    client.responses.create(
        prompt={"id": "pmpt_1", "version": "2", "variables": {"city": "Rome", "view": picture}}  # type: ignore[typeddict-item]
    )

    found = telemetry.attributes("chat")
    assert found[attr.PROMPT_NAME] == "pmpt_1"
    assert found[attr.PROMPT_VERSION] == "2"
    assert found["gen_ai.prompt.variable.city"] == "Rome"
    assert "aGVsbG8gd29ybGQ" not in found["gen_ai.prompt.variable.view"]
    assert "urn:sha256:" in found["gen_ai.prompt.variable.view"]


@pytest.mark.parametrize("mode", [False, "event_only"])
def test_variables_of_a_prompt_are_for_spans_with_content_only(mode: Any, client: openai.OpenAI) -> None:
    with Telemetry(capture_content=mode) as telemetry:
        client.responses.create(model=MODEL, prompt={"id": "pmpt_1", "variables": {"city": "Rome"}})

        assert not [key for key in telemetry.attributes(NAME) if key.startswith(attr.PROMPT_VARIABLE_PREFIX)]


def test_instructions_input_tools_and_output_are_content(client: openai.OpenAI, telemetry: Telemetry) -> None:
    answer = client.responses.create(
        model=MODEL,
        instructions="Be brief",
        input=[
            {"role": "user", "content": "Weather in Rome?"},
            {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city": "Rome"}'},
            {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
        ],
        tools=[TOOL],
    )

    found = telemetry.attributes(NAME)
    assert content(found, attr.SYSTEM_INSTRUCTIONS) == [{"type": "text", "content": "Be brief"}]
    assert [message["role"] for message in content(found, attr.INPUT_MESSAGES)] == [
        "user",
        "assistant",
        "tool",
    ]
    assert content(found, attr.TOOL_DEFINITIONS)[0]["name"] == "weather"
    said = content(found, attr.OUTPUT_MESSAGES)
    assert len(said) == 1
    assert said[0]["parts"][-1]["content"] == answer.output_text


def test_a_tool_call_is_a_finish_reason_and_a_part(client: openai.OpenAI, telemetry: Telemetry) -> None:
    client.responses.create(model=MODEL, input="Weather?", tools=[TOOL])

    found = telemetry.attributes(NAME)
    assert found[attr.RESPONSE_FINISH_REASONS] == ("tool_calls",)
    assert content(found, attr.OUTPUT_MESSAGES)[0]["parts"][0]["type"] == "tool_call"


def test_every_kind_of_output_item_is_recorded(client: openai.OpenAI, telemetry: Telemetry) -> None:
    answer = client.responses.create(model=MODEL, input="Hello", extra_headers=behave("items=all"))

    said = content(telemetry.attributes(NAME), attr.OUTPUT_MESSAGES)
    assert len(said) == 1
    assert len(said[0]["parts"]) >= len(answer.output)


def test_a_response_that_was_cut_off_is_no_error(
    client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    client.responses.create(model=MODEL, input="Hello", extra_headers=behave("status_text=incomplete"))
    client.responses.create(
        model=MODEL, input="Hello", extra_headers=behave("status_text=incomplete;finish=content_filter")
    )

    first, second = telemetry_without_content.spans
    assert first.status.status_code.name == second.status.status_code.name == "UNSET"
    assert attributes(first)[attr.RESPONSE_FINISH_REASONS] == ("length",)
    assert attributes(second)[attr.RESPONSE_FINISH_REASONS] == ("content_filter",)


FAILED = "status_text=failed;code=rate_limit_exceeded;message=You said SECRET"


@pytest.mark.parametrize("raw", [False, True])
def test_a_response_that_failed_is_an_error_with_the_providers_code(
    raw: bool, client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    responses = client.responses.with_raw_response if raw else client.responses
    responses.create(model=MODEL, input="Hello", extra_headers=behave(FAILED))

    span = telemetry_without_content.one(NAME)
    assert span.status.status_code.name == "ERROR"
    assert attributes(span)[attr.ERROR_TYPE] == "rate_limit_exceeded"
    assert attributes(span)[attr.RESPONSE_FINISH_REASONS] == ("error",)
    assert "SECRET" not in span.to_json()


def test_the_message_of_a_failure_is_recorded_with_content_on(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    client.responses.create(model=MODEL, input="Hello", extra_headers=behave(FAILED))

    assert telemetry.one(NAME).status.description == "You said SECRET"


def test_the_message_of_a_failure_is_redacted(client: openai.OpenAI) -> None:
    def redact(where: str, value: Any) -> Any:
        return None if where == attr.EXCEPTION_MESSAGE else value

    with Telemetry(capture_content=True, redact=redact) as telemetry:
        client.responses.create(model=MODEL, input="Hello", extra_headers=behave(FAILED))

        assert telemetry.one(NAME).status.description is None
        assert telemetry.one(NAME).status.status_code.name == "ERROR"


def test_an_error_code_that_is_no_code_is_not_recorded(
    client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    failed = "status_text=failed;code=the prompt SECRET was refused"
    client.responses.create(model=MODEL, input="Hello", extra_headers=behave(failed))

    assert telemetry_without_content.attributes(NAME)[attr.ERROR_TYPE] == "_OTHER"


def test_parse_is_one_span_even_if_parsing_fails(client: openai.OpenAI, telemetry: Telemetry) -> None:
    class City(pydantic.BaseModel):
        name: str

    client.responses.parse(model=MODEL, input="Rome?", text_format=City)
    with pytest.raises(pydantic.ValidationError):
        client.responses.parse(model=MODEL, input="Rome?", text_format=City, extra_headers=behave("text=[1]"))

    good, bad = telemetry.spans
    assert good.name == bad.name == NAME
    assert attributes(good)[attr.OUTPUT_TYPE] == "json"
    assert bad.status.status_code.name == "ERROR"
    assert attributes(bad)[attr.USAGE_INPUT_TOKENS] > 0


def test_the_beta_and_the_bare_client_are_covered(
    client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    beta = client.beta if hasattr(client.beta, "responses") else client
    beta.responses.create(model=MODEL, input="Hello")  # type: ignore[attr-defined]
    client.post("/responses", cast_to=object, body={"model": MODEL, "input": "Hello"})
    client.post(f"{client.base_url}responses", cast_to=object, body={"model": MODEL, "input": "Hello"})

    assert [span.name for span in telemetry_without_content.spans] == [NAME] * 3
    assert all(attr.USAGE_INPUT_TOKENS in attributes(span) for span in telemetry_without_content.spans)


async def test_async_create_and_parse(async_client: openai.AsyncOpenAI, telemetry: Telemetry) -> None:
    class City(pydantic.BaseModel):
        name: str

    await async_client.responses.create(model=MODEL, input="Hello")
    await async_client.responses.parse(model=MODEL, input="Rome?", text_format=City)
    await async_client.responses.with_raw_response.create(model=MODEL, input="Hello")

    assert [span.name for span in telemetry.spans] == [NAME] * 3
    assert all(attr.OUTPUT_MESSAGES in attributes(span) for span in telemetry.spans)


@newer("compact")
def test_a_compaction_is_a_chat_span_that_says_so(client: openai.OpenAI, telemetry: Telemetry) -> None:
    compacted = client.responses.compact(model=MODEL, input="A long story")

    found = telemetry.attributes(NAME)
    assert found[attr.RESPONSE_ID] == compacted.id
    assert found[attr.USAGE_INPUT_TOKENS] == compacted.usage.input_tokens
    assert found[attr.CONVERSATION_COMPACTED] is True
    assert found[attr.RESPONSE_FINISH_REASONS] == ("compaction",)
    assert content(found, attr.INPUT_MESSAGES)[0]["parts"][0]["content"] == "A long story"


def test_a_conversation_that_was_compacted_before_says_so(
    client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    items: Any = [{"type": "compaction", "encrypted_content": "xyz"}, {"role": "user", "content": "go on"}]
    client.responses.create(model=MODEL, input=items)

    assert telemetry_without_content.attributes(NAME)[attr.CONVERSATION_COMPACTED] is True


@newer("input_tokens")
def test_counting_tokens_and_listing_items_is_no_span(
    client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    answer = client.responses.create(model=MODEL, input="Hello")
    telemetry_without_content.exporter.clear()
    client.responses.input_tokens.count(model=MODEL, input="Hello")
    client.responses.input_items.list(answer.id)
    client.responses.delete(answer.id)

    assert not telemetry_without_content.spans


# --- fetching ---------------------------------------------------------------------------------------------
FETCHED = "fetch_response"


@pytest.mark.parametrize("raw", [False, True])
def test_retrieving_is_a_fetch_without_usage_and_input(
    raw: bool, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    made = client.responses.create(model=MODEL, instructions="Be brief", input="Hello", tools=[TOOL])
    telemetry.exporter.clear()
    responses = client.responses.with_raw_response if raw else client.responses
    responses.retrieve(made.id)

    span = telemetry.one(FETCHED)
    found = attributes(span)
    assert span.kind.name == "CLIENT"
    assert found[attr.OPERATION_NAME] == "fetch_response"
    assert found[attr.OPENAI_API_TYPE] == "responses"
    assert found[attr.RESPONSE_ID] == made.id
    assert found[attr.RESPONSE_MODEL] == made.model
    assert found[attr.RESPONSE_STATUS] == "completed"
    assert found[attr.RESPONSE_FINISH_REASONS] == ("tool_calls",)
    assert found[attr.OPENAI_RESPONSE_SERVICE_TIER] == "default"
    assert content(found, attr.SYSTEM_INSTRUCTIONS) == [{"type": "text", "content": "Be brief"}]
    assert attr.TOOL_DEFINITIONS in found
    assert attr.OUTPUT_MESSAGES in found
    assert attr.INPUT_MESSAGES not in found
    assert not [key for key in found if key.startswith("gen_ai.usage.")]


def test_a_fetch_has_a_duration_but_no_tokens_in_the_metrics(
    client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    made = client.responses.create(model=MODEL, input="Hello")
    client.responses.retrieve(made.id)

    metrics = telemetry_without_content.metrics()
    operations = [
        point.attributes[attr.OPERATION_NAME] for point in metrics["gen_ai.client.operation.duration"]
    ]
    assert sorted(operations) == ["chat", "fetch_response"]
    assert {point.attributes[attr.OPERATION_NAME] for point in metrics["gen_ai.client.token.usage"]} == {
        "chat"
    }


def test_a_response_that_failed_is_no_failed_fetch(
    client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    made = client.responses.create(model=MODEL, input="Hello", extra_headers=behave(FAILED))
    telemetry_without_content.exporter.clear()
    client.responses.retrieve(made.id)

    span = telemetry_without_content.one(FETCHED)
    assert span.status.status_code.name == "UNSET"
    assert attr.ERROR_TYPE not in attributes(span)
    assert attributes(span)[attr.RESPONSE_STATUS] == "failed"
    assert attributes(span)[attr.RESPONSE_FINISH_REASONS] == ("error",)


def test_a_failed_fetch_is_an_error_and_names_the_response(
    client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_missing")

    span = telemetry_without_content.one(FETCHED)
    assert span.status.status_code.name == "ERROR"
    assert attributes(span)[attr.RESPONSE_ID] == "resp_missing"
    assert attributes(span)[attr.ERROR_TYPE] == "openai.NotFoundError"


def test_polling_a_background_response_is_a_fetch_each_time(
    client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    made = client.responses.create(model=MODEL, input="Hello", background=True)
    client.responses.retrieve(made.id)
    client.responses.cancel(made.id)

    first, poll, cancelled = telemetry_without_content.spans
    assert first.name == NAME
    assert attr.USAGE_INPUT_TOKENS not in attributes(first)
    assert attr.RESPONSE_FINISH_REASONS not in attributes(first)
    assert poll.name == cancelled.name == FETCHED
    assert attributes(poll)[attr.RESPONSE_STATUS] == "completed"
    assert attributes(cancelled)[attr.RESPONSE_STATUS] == "cancelled"


@resumable
def test_resuming_a_stream_is_a_fetch_with_its_cursor(client: openai.OpenAI, telemetry: Telemetry) -> None:
    made = client.responses.create(model=MODEL, input="Hello")
    telemetry.exporter.clear()
    events = list(client.responses.retrieve(made.id, stream=True, starting_after=2))

    assert events[0].sequence_number == 3
    found = telemetry.attributes(FETCHED)
    assert found[attr.REQUEST_STREAM] is True
    assert found[attr.REQUEST_STREAM_CURSOR] == "2"
    assert found[attr.RESPONSE_STATUS] == "completed"
    assert content(found, attr.OUTPUT_MESSAGES)[0]["parts"][0]["content"] == made.output_text
    assert attr.TIME_TO_FIRST_CHUNK not in found
    assert not [key for key in found if key.startswith("gen_ai.usage.")]


def test_a_cursor_in_the_address_counts_too(client: openai.OpenAI, telemetry: Telemetry) -> None:
    made = client.responses.create(model=MODEL, input="Hello")
    telemetry.exporter.clear()
    client.get(f"/responses/{made.id}?starting_after=1", cast_to=object)

    assert telemetry.attributes(FETCHED)[attr.REQUEST_STREAM_CURSOR] == "1"


@resumable
def test_the_stream_helper_resumes_with_a_fetch(client: openai.OpenAI, telemetry: Telemetry) -> None:
    made = client.responses.create(model=MODEL, input="Hello")
    telemetry.exporter.clear()
    with client.responses.stream(response_id=made.id, starting_after=0) as stream:
        for _ in stream:
            break

    found = telemetry.attributes(FETCHED)
    assert found[attr.RESPONSE_ID] == made.id
    assert found[attr.RESPONSE_STATUS] == "in_progress"


@resumable
async def test_async_fetches(async_client: openai.AsyncOpenAI, telemetry: Telemetry) -> None:
    made = await async_client.responses.create(model=MODEL, input="Hello")
    await async_client.responses.retrieve(made.id)
    async for _ in await async_client.responses.retrieve(made.id, stream=True):
        pass
    await async_client.responses.cancel(made.id)

    assert [span.name for span in telemetry.spans] == [NAME, FETCHED, FETCHED, FETCHED]
    assert [attributes(span).get(attr.RESPONSE_STATUS) for span in telemetry.spans[1:]] == [
        "completed",
        "completed",
        "cancelled",
    ]


def test_a_fetch_that_the_caller_reads_lazily_stays_lazy(
    client: openai.OpenAI, server: OpenAIServer, telemetry: Telemetry
) -> None:
    made = client.responses.create(model=MODEL, input="Hello")
    telemetry.exporter.clear()
    with client.responses.with_streaming_response.retrieve(made.id) as response:
        assert not response.is_closed
        assert not telemetry.spans
        assert response.parse().id == made.id

    assert telemetry.attributes(FETCHED)[attr.RESPONSE_STATUS] == "completed"
