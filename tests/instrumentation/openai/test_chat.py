from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import openai
import pytest

from genai_otel.conventions import attributes as attr
from genai_otel.instrumentation.openai import chat
from genai_otel.testing.server import OpenAIServer
from tests.telemetry_capture import Telemetry

MODEL = "gpt-4o-mini"
NAME = f"chat {MODEL}"
QUESTION = "What is the capital of France?"
MESSAGES: list[Any] = [{"role": "user", "content": QUESTION}]
ANSWER = "Here is a short answer about capital, France."
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
RUN_CODE: Any = {"type": "custom", "custom": {"name": "run_code", "description": "Runs code."}}


def ask(client: Any, mock: str = "", **params: Any) -> Any:
    params = {"model": MODEL, "messages": MESSAGES, **params}
    return client.chat.completions.create(**params, extra_headers={"x-mock": mock} if mock else None)


def given(answer: Any) -> str:
    """The behaviour of a server that answers with this."""
    return f"body={json.dumps(answer)}"


def completion(*choices: Any, **more: Any) -> Any:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [
            {
                "index": index,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": None},
                **choice,
            }
            for index, choice in enumerate(choices)
        ],
        **more,
    }


def chunk(*choices: Any, **more: Any) -> Any:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "delta": {}, "finish_reason": None, **choice} for choice in choices],
        **more,
    }


def text(content: str | None, **more: Any) -> Any:
    return {"delta": {"content": content}, **more}


def messages_of(telemetry: Telemetry, key: str = attr.OUTPUT_MESSAGES) -> Any:
    return json.loads(telemetry.attributes(NAME)[key])


def parts_of(telemetry: Telemetry, key: str = attr.OUTPUT_MESSAGES) -> Any:
    (message,) = messages_of(telemetry, key)
    return message["parts"]


# --- the request ----------------------------------------------------------------------------------------------
def test_a_plain_call_is_one_client_span_with_exactly_these_attributes(
    client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    ask(client)
    span = telemetry_without_content.one(NAME)
    assert (span.kind.name, span.status.status_code.name, span.status.description) == (
        "CLIENT",
        "UNSET",
        None,
    )
    assert span.events == ()
    assert dict(span.attributes or {}) == {
        attr.OPERATION_NAME: "chat",
        attr.PROVIDER_NAME: "openai",
        attr.SERVER_ADDRESS: "127.0.0.1",
        attr.SERVER_PORT: client.base_url.port,
        attr.OPENAI_API_TYPE: "chat_completions",
        attr.REQUEST_MODEL: MODEL,
        attr.RESPONSE_ID: "chatcmpl-00000001",
        attr.RESPONSE_MODEL: "gpt-4o-mini-2024-07-18",
        attr.RESPONSE_FINISH_REASONS: ("stop",),
        attr.OPENAI_RESPONSE_SERVICE_TIER: "default",
        attr.OPENAI_SYSTEM_FINGERPRINT: (span.attributes or {})[attr.OPENAI_SYSTEM_FINGERPRINT],
        attr.USAGE_INPUT_TOKENS: 14,
        attr.USAGE_OUTPUT_TOKENS: 10,
        attr.USAGE_CACHE_READ_TOKENS: 3,
    }


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"temperature": 0}, {attr.REQUEST_TEMPERATURE: 0.0}),
        ({"top_p": 0.5}, {attr.REQUEST_TOP_P: 0.5}),
        ({"frequency_penalty": 1, "presence_penalty": -1.5}, None),
        ({"seed": 42}, {attr.REQUEST_SEED: 42}),
        ({"max_tokens": 7}, {attr.REQUEST_MAX_TOKENS: 7}),
        ({"max_completion_tokens": 8}, {attr.REQUEST_MAX_TOKENS: 8}),
        ({"stop": "END"}, {attr.REQUEST_STOP_SEQUENCES: ("END",)}),
        ({"stop": ["a", "b"]}, {attr.REQUEST_STOP_SEQUENCES: ("a", "b")}),
        ({"n": 2}, {attr.REQUEST_CHOICE_COUNT: 2}),
        ({"n": 1}, {}),
        ({"reasoning_effort": "low"}, {attr.REQUEST_REASONING_LEVEL: "low"}),
        ({"service_tier": "flex"}, {attr.OPENAI_REQUEST_SERVICE_TIER: "flex"}),
        ({"service_tier": "auto"}, {}),
        ({"response_format": {"type": "json_object"}}, {attr.OUTPUT_TYPE: "json"}),
        ({"response_format": {"type": "text"}}, {attr.OUTPUT_TYPE: "text"}),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "x", "schema": {"type": "object"}},
                }
            },
            {attr.OUTPUT_TYPE: "json"},
        ),
        (
            {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
            {attr.OUTPUT_TYPE: "speech"},
        ),
        ({"stream": True}, {attr.REQUEST_STREAM: True}),
        (
            {"stream": False, "temperature": None, "stop": None, "seed": openai.omit, "n": openai.NOT_GIVEN},
            {},
        ),
        ({"extra_body": {"temperature": 0.25, "min_p": 0.1}}, {attr.REQUEST_TEMPERATURE: 0.25}),
    ],
)
def test_request_parameters_are_recorded_as_sent(
    params: Any, expected: Any, client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    answer = ask(client, **params)
    if params.get("stream"):
        list(answer)
    found = telemetry_without_content.attributes(NAME)
    if expected is None:
        expected = {attr.REQUEST_FREQUENCY_PENALTY: 1.0, attr.REQUEST_PRESENCE_PENALTY: -1.5}
    always = {attr.REQUEST_MODEL}
    sent = {key: value for key, value in found.items() if ".request." in key or key == attr.OUTPUT_TYPE}
    assert {key: value for key, value in sent.items() if key not in always} == expected
    assert all(type(found[key]) is type(value) for key, value in expected.items())


def test_a_sampler_sees_every_request_attribute(client: openai.OpenAI) -> None:
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

    seen: dict[str, Any] = {}

    class Watching(Sampler):
        def should_sample(self, *args: Any, **kwargs: Any) -> Any:
            seen.update(kwargs.get("attributes") or args[4])
            return ALWAYS_ON.should_sample(*args, **kwargs)

        def get_description(self) -> str:
            return "watching"

    with Telemetry(sampler=Watching()):
        list(ask(client, stream=True, temperature=0.5, seed=3))
    assert seen == {
        attr.OPERATION_NAME: "chat",
        attr.PROVIDER_NAME: "openai",
        attr.SERVER_ADDRESS: "127.0.0.1",
        attr.SERVER_PORT: client.base_url.port,
        attr.OPENAI_API_TYPE: "chat_completions",
        attr.REQUEST_MODEL: MODEL,
        attr.REQUEST_STREAM: True,
        attr.REQUEST_TEMPERATURE: 0.5,
        attr.REQUEST_SEED: 3,
    }


def test_the_model_of_an_azure_call_is_the_deployment(
    server: OpenAIServer, traced: None, telemetry: Telemetry
) -> None:
    endpoint = server.base_url.removesuffix("/v1")
    with openai.AzureOpenAI(api_key="x", api_version="2024-10-21", azure_endpoint=endpoint) as azure:
        ask(azure, model="my-deployment")
        list(ask(azure, model="my-deployment", stream=True))
    plain, streamed = telemetry.spans
    for span in (plain, streamed):
        found = dict(span.attributes or {})
        assert span.name == "chat my-deployment"
        assert found[attr.PROVIDER_NAME] == "azure.ai.openai"
        assert found[attr.RESPONSE_ID].startswith("chatcmpl-")  # the first chunk of Azure's has none
        assert found[attr.RESPONSE_MODEL] == "my-deployment-2024-07-18"


# --- the answer -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("stream", [False, True])
def test_messages_are_recorded_in_the_conventions_shape(
    stream: bool, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    answer = ask(client, messages=[{"role": "system", "content": "Be brief."}, *MESSAGES], stream=stream)
    if stream:
        list(answer)
    assert messages_of(telemetry, attr.INPUT_MESSAGES) == [
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {"role": "user", "parts": [{"type": "text", "content": QUESTION}]},
    ]
    assert parts_of(telemetry) == [{"type": "text", "content": ANSWER}]


@pytest.mark.parametrize("stream", [False, True])
def test_every_choice_is_a_message_and_has_its_reason(
    stream: bool, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    answer = ask(client, n=3, stream=stream, max_tokens=100)
    if stream:
        list(answer)
    said = [message["parts"][0]["content"] for message in messages_of(telemetry)]
    assert said == [ANSWER, f"{ANSWER} (2)", f"{ANSWER} (3)"]
    assert telemetry.attributes(NAME)[attr.RESPONSE_FINISH_REASONS] == ("stop", "stop", "stop")


@pytest.mark.parametrize("stream", [False, True])
def test_tool_calls_and_definitions_are_recorded(
    stream: bool, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    answer = ask(client, "tool_calls=2", tools=[WEATHER, RUN_CODE], stream=stream)
    if stream:
        list(answer)
    found = telemetry.attributes(NAME)
    assert found[attr.RESPONSE_FINISH_REASONS] == ("tool_calls",)
    first, second = parts_of(telemetry)
    assert first == {
        "type": "tool_call",
        "id": "call_00000001",
        "name": "get_weather",
        "arguments": {"city": "France"},
    }
    assert (second["type"], second["name"], second["id"]) == ("tool_call", "run_code", "call_00000002")
    assert QUESTION in json.dumps(second["arguments"])
    definitions = json.loads(found[attr.TOOL_DEFINITIONS])
    assert [(tool["type"], tool["name"]) for tool in definitions] == [
        ("function", "get_weather"),
        ("custom", "run_code"),
    ]


@pytest.mark.parametrize("stream", [False, True])
def test_a_legacy_function_call_is_a_tool_call(
    stream: bool, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    answer = ask(client, functions=[WEATHER["function"]], stream=stream)
    if stream:
        list(answer)
    (part,) = parts_of(telemetry)
    assert (part["type"], part["name"], part["arguments"]) == ("tool_call", "get_weather", {"city": "France"})
    assert json.loads(telemetry.attributes(NAME)[attr.TOOL_DEFINITIONS])[0]["name"] == "get_weather"
    assert telemetry.attributes(NAME)[attr.RESPONSE_FINISH_REASONS] == ("function_call",)


def test_tool_results_and_earlier_calls_are_recorded(client: openai.OpenAI, telemetry: Telemetry) -> None:
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'},
    }
    ask(
        client,
        tools=[WEATHER],
        messages=[
            *MESSAGES,
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "22 degrees"},
        ],
    )
    _, calling, result = messages_of(telemetry, attr.INPUT_MESSAGES)
    assert calling["parts"] == [
        {"type": "tool_call", "id": "call_1", "name": "get_weather", "arguments": {"city": "Paris"}}
    ]
    assert result["role"] == "tool"
    assert result["parts"] == [{"type": "tool_call_response", "id": "call_1", "response": "22 degrees"}]


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_is_recorded_as_one(stream: bool, client: openai.OpenAI, telemetry: Telemetry) -> None:
    answer = ask(client, "refusal=No, sorry.", stream=stream)
    if stream:
        list(answer)
    (part,) = parts_of(telemetry)
    assert part["content"] == "No, sorry."
    assert part["type"] == "refusal"


@pytest.mark.parametrize("stream", [False, True])
def test_reasoning_that_compatible_servers_send_is_recorded(
    stream: bool, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    answer = ask(client, "reasoning=Let me think about it.", stream=stream)
    if stream:
        list(answer)
    assert parts_of(telemetry) == [
        {"type": "reasoning", "content": "Let me think about it."},
        {"type": "text", "content": ANSWER},
    ]


@pytest.mark.parametrize("stream", [False, True])
def test_of_audio_the_transcript_is_recorded_and_never_the_sound(
    stream: bool, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    answer = ask(
        client, stream=stream, modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"}
    )
    if stream:
        list(answer)
    recorded = telemetry.attributes(NAME)[attr.OUTPUT_MESSAGES]
    assert ANSWER in recorded
    assert len(recorded) < 600
    assert "UklGR" not in recorded  # how base64 of a WAV file begins


def test_multimodal_input_is_referred_to_and_not_inlined(client: openai.OpenAI, telemetry: Telemetry) -> None:
    image = "data:image/png;base64," + "iVBORw0KGgo" + "A" * 500_001
    ask(
        client,
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": image}},
                    {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}},
                ],
            }
        ],
    )
    recorded = telemetry.attributes(NAME)[attr.INPUT_MESSAGES]
    assert "AAAAAAAA" not in recorded and len(recorded) < 1_500
    kinds = [part["type"] for part in parts_of(telemetry, attr.INPUT_MESSAGES)]
    assert kinds[0] == "text" and kinds[2] == "uri"
    assert "https://example.org/cat.png" in recorded


def test_finish_reasons_are_positional(client: openai.OpenAI, telemetry: Telemetry) -> None:
    said = {"message": {"role": "assistant", "content": "x"}}
    body = completion(said, {**said, "finish_reason": None}, {**said, "finish_reason": "length"})
    ask(client, given(body), n=3)
    assert telemetry.attributes(NAME)[attr.RESPONSE_FINISH_REASONS] == ("stop", "error", "length")


def test_a_server_that_gives_no_reason_at_all_is_not_given_one(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    ask(client, given(completion({"finish_reason": None})))
    assert attr.RESPONSE_FINISH_REASONS not in telemetry.attributes(NAME)


def test_finish_reasons_of_a_stream_are_in_the_order_of_the_choices(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    chunks = [
        chunk(text("b", index=1), text("a", index=0)),
        chunk({"index": 1, "finish_reason": "length"}),
        chunk({"index": 0, "finish_reason": "stop"}),
    ]
    list(ask(client, given(chunks), stream=True, n=2))
    assert telemetry.attributes(NAME)[attr.RESPONSE_FINISH_REASONS] == ("stop", "length")
    assert [message["parts"][0]["content"] for message in messages_of(telemetry)] == ["a", "b"]


# --- usage ----------------------------------------------------------------------------------------------------
USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 50,
    "total_tokens": 150,
    "prompt_tokens_details": {
        "cached_tokens": 60,
        "cache_write_tokens": 7,
        "audio_tokens": 11,
        "image_tokens": 5,
        "text_tokens": 84,
    },
    "completion_tokens_details": {
        "reasoning_tokens": 20,
        "audio_tokens": 9,
        "text_tokens": 41,
        "accepted_prediction_tokens": 3,
        "rejected_prediction_tokens": 2,
    },
}
COUNTED = {
    attr.USAGE_INPUT_TOKENS: 100,
    attr.USAGE_OUTPUT_TOKENS: 50,
    attr.USAGE_CACHE_READ_TOKENS: 60,
    attr.USAGE_CACHE_WRITE_TOKENS: 7,
    attr.USAGE_REASONING_TOKENS: 20,
    attr.USAGE_AUDIO_INPUT_TOKENS: 11,
    attr.USAGE_AUDIO_OUTPUT_TOKENS: 9,
    attr.USAGE_IMAGE_INPUT_TOKENS: 5,
    attr.USAGE_TEXT_INPUT_TOKENS: 84,
    attr.USAGE_TEXT_OUTPUT_TOKENS: 41,
}


@pytest.mark.parametrize("stream", [False, True])
def test_all_token_counts_that_the_conventions_know_are_recorded(
    stream: bool, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    if stream:
        chunks = [chunk(text("Hi")), chunk({"finish_reason": "stop"}), chunk(usage=USAGE)]
        list(ask(client, given(chunks), stream=True, stream_options={"include_usage": True}))
    else:
        ask(client, given(completion({}, usage=USAGE)))
    found = telemetry.attributes(NAME)
    assert {key: value for key, value in found.items() if ".usage." in key} == COUNTED


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None}, {"prompt_tokens": "12"}, "many", [1]])
def test_usage_that_is_absent_or_odd_stays_absent(
    usage: Any, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    ask(client, given(completion({}, usage=usage)))
    assert not [key for key in telemetry.attributes(NAME) if ".usage." in key]
    assert "gen_ai.client.token.usage" not in telemetry.metrics()


def test_usage_of_a_stream_that_nobody_asked_for_stays_absent(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    list(ask(client, stream=True))
    assert not [key for key in telemetry.attributes(NAME) if ".usage." in key]


def test_the_last_usage_of_a_stream_that_reports_it_all_along_counts(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    chunks = [chunk(text("a"), usage={"prompt_tokens": 9, "completion_tokens": count}) for count in (1, 2, 3)]
    list(ask(client, given(chunks), stream=True))
    assert telemetry.attributes(NAME)[attr.USAGE_OUTPUT_TOKENS] == 3
    assert parts_of(telemetry) == [{"type": "text", "content": "aaa"}]


# --- errors ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("mock", "error"),
    [
        ("status=400", openai.BadRequestError),
        ("status=401", openai.AuthenticationError),
        ("status=403", openai.PermissionDeniedError),
        ("status=404", openai.NotFoundError),
        ("status=409", openai.ConflictError),
        ("status=422", openai.UnprocessableEntityError),
        ("status=429", openai.RateLimitError),
        ("status=500", openai.InternalServerError),
        ("status=503", openai.InternalServerError),
        ("drop", openai.APIConnectionError),
        ("badjson", json.JSONDecodeError),
    ],
)
def test_a_failed_call_is_an_error_span_with_the_class_as_its_type(
    mock: str, error: type[Exception], client: openai.OpenAI, telemetry: Telemetry
) -> None:
    with pytest.raises(error) as raised:
        ask(client, mock)
    span = telemetry.one(NAME)
    expected = f"{error.__module__}.{error.__qualname__}"
    assert (span.attributes or {})[attr.ERROR_TYPE] == expected
    assert span.status.status_code.name == "ERROR"
    assert span.status.description == str(raised.value)
    (event,) = span.events
    assert event.name == "exception"
    assert (event.attributes or {})[attr.EXCEPTION_TYPE] == expected


def test_a_timeout_is_an_error_of_its_own(client: openai.OpenAI, telemetry: Telemetry) -> None:
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.02).chat.completions.create(
            model=MODEL, messages=MESSAGES, extra_headers={"x-mock": "delay=1"}
        )
    assert telemetry.attributes(NAME)[attr.ERROR_TYPE] == "openai.APITimeoutError"


def test_retries_are_within_one_span(
    client: openai.OpenAI, server: OpenAIServer, telemetry: Telemetry
) -> None:
    retrying = client.with_options(max_retries=2)
    ask(retrying, "status=429;times=2;retry_after=0.001")
    assert len(server.requests) == 3
    assert telemetry.one(NAME).status.status_code.name == "UNSET"


def test_structured_output_that_cannot_be_parsed_keeps_the_usage_of_the_paid_call(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    import pydantic

    class Answer(pydantic.BaseModel):
        number: int

    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(
            model=MODEL, messages=MESSAGES, response_format=Answer, extra_headers={"x-mock": "finish=length"}
        )
    found = telemetry.attributes(NAME)
    assert found[attr.ERROR_TYPE] == "openai.LengthFinishReasonError"
    assert found[attr.USAGE_OUTPUT_TOKENS] > 0 and found[attr.RESPONSE_FINISH_REASONS] == ("length",)
    assert found[attr.OUTPUT_TYPE] == "json"


def test_a_call_that_was_never_made_makes_no_span(client: openai.OpenAI, telemetry: Telemetry) -> None:
    with pytest.raises(TypeError, match="required argument"):
        client.chat.completions.create(model=MODEL)  # type: ignore[call-overload]
    assert telemetry.spans == []


# --- other ways to the same endpoint --------------------------------------------------------------------------
def test_stored_completions_are_no_inference(client: openai.OpenAI, telemetry: Telemetry) -> None:
    stored = ask(client, store=True)
    telemetry.exporter.clear()
    client.chat.completions.retrieve(stored.id)
    client.chat.completions.list()
    client.chat.completions.messages.list(stored.id)
    client.chat.completions.update(stored.id, metadata={"a": "b"})
    client.chat.completions.delete(stored.id)
    client.models.list()
    assert telemetry.spans == []


@pytest.mark.parametrize("path", ["/chat/completions", "chat/completions", "/chat/completions?api-version=1"])
@pytest.mark.parametrize("cast_to", ["dict", "str", "response", "model"])
def test_a_request_by_hand_is_recorded_whatever_it_is_made_into(
    path: str, cast_to: str, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    import httpx2
    from openai.types.chat import ChatCompletion

    kinds: Any = {"dict": object, "str": str, "response": httpx2.Response, "model": ChatCompletion}
    answer: Any = client.post(path, cast_to=kinds[cast_to], body={"model": MODEL, "messages": MESSAGES})
    assert isinstance(answer, {"dict": dict, "model": ChatCompletion}.get(cast_to, kinds[cast_to]))
    found = telemetry.attributes(NAME)
    if cast_to != "str":
        assert found[attr.RESPONSE_ID] == "chatcmpl-00000001"
        assert parts_of(telemetry) == [{"type": "text", "content": ANSWER}]


# --- streams: odd chunks --------------------------------------------------------------------------------------
def calls(*deltas: Any) -> Any:
    return [chunk({"delta": {"tool_calls": [delta]}}) for delta in deltas]


def called(id: str | None, name: str | None, arguments: Any, **more: Any) -> Any:
    function = {"arguments": arguments, **({"name": name} if name else {})}
    return {**({"id": id, "type": "function"} if id else {}), "function": function, **more}


@pytest.mark.parametrize(
    "deltas",
    [
        pytest.param(
            [
                called("a", "f", "", index=0),
                called(None, None, '{"x":', index=0),
                called("b", "g", '{"y"', index=1),
                called(None, None, "1}", index=0),
                called(None, None, ":2}", index=1),
            ],
            id="interleaved",
        ),
        pytest.param(
            [
                called("a", "f", '{"x":'),
                called(None, None, "1}"),
                called("b", "g", '{"y":2}'),
            ],
            id="without an index",
        ),
        pytest.param(
            [called("a", "f", '{"x":1}', index=None), called("b", "g", '{"y":2}', index=None)],
            id="null index",
        ),
        pytest.param(
            [called("a", "f", '{"x":1}', index=0), called("b", "g", '{"y":2}', index=0)], id="same index"
        ),
        pytest.param(
            [called("a", "f", {"x": 1}, index=0), called("b", "g", {"y": 2}, index=1)], id="objects"
        ),
        pytest.param(
            [
                called("a", "f", '{"x"', index=0),
                called("a", None, ":1}", index=0),
                called("b", "g", '{"y":2}', index=1),
            ],
            id="the id every time",
        ),
    ],
)
def test_tool_calls_are_put_together_however_a_server_sends_them(
    deltas: Any, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    list(ask(client, given([*calls(*deltas), chunk({"finish_reason": "tool_calls"})]), stream=True))
    assert [(part["id"], part["name"], part["arguments"]) for part in parts_of(telemetry)] == [
        ("a", "f", {"x": 1}),
        ("b", "g", {"y": 2}),
    ]


def test_arguments_that_never_come_are_none(client: openai.OpenAI, telemetry: Telemetry) -> None:
    list(ask(client, given(calls(called("a", "f", None, index=0))), stream=True))
    (part,) = parts_of(telemetry)
    assert (part["name"], part.get("arguments")) == ("f", None)


def test_content_as_a_list_of_parts_in_a_delta_is_recorded(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    chunks = [chunk({"delta": {"content": [{"type": "text", "text": piece}]}}) for piece in ("Hel", "lo")]
    list(ask(client, given(chunks), stream=True))
    assert "".join(part["content"] for part in parts_of(telemetry)) == "Hello"


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "a", "reasoning_content": "b"},
        {"content": "a", "reasoning": "b", "reasoning_content": "b"},
    ],
)
def test_reasoning_beside_text_in_one_delta_is_recorded_once(
    delta: Any, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    list(
        ask(client, given([chunk(text("x")), chunk({"delta": delta}), chunk({"delta": delta})]), stream=True)
    )
    assert parts_of(telemetry) == [{"type": "reasoning", "content": "bb"}, {"type": "text", "content": "xaa"}]


def test_the_id_may_come_late(client: openai.OpenAI, telemetry: Telemetry) -> None:
    early = {"id": "", "model": "", "choices": []}
    list(ask(client, given([{**chunk(), **early}, chunk(text("a")), chunk(text("b"))]), stream=True))
    assert telemetry.attributes(NAME)[attr.RESPONSE_ID] == "chatcmpl-1"


ODD_CHUNKS: list[Any] = [
    {},
    {"choices": None},
    {"choices": []},
    {"choices": ["x"]},
    {"choices": [None]},
    {"choices": {"0": 1}},
    {"choices": [{"delta": None}]},
    {"choices": [{"delta": "text"}]},
    {"choices": [{"delta": {"content": 5}}]},
    {"choices": [{"delta": {"tool_calls": "x"}}]},
    {"choices": [{"delta": {"tool_calls": [None, 3, {"function": None}]}}]},
    {"choices": [{"delta": {"audio": "x", "refusal": 3}, "finish_reason": 7}]},
    {"choices": [{"index": "one", "delta": {"content": "a"}}]},
    {"choices": [{"index": None, "delta": {"content": "a"}, "finish_reason": ""}], "usage": []},
    {"id": 3, "model": None, "usage": "many", "choices": [{"index": [1], "delta": {"content": "a"}}]},
    [],
    "text",
    7,
]


@pytest.mark.parametrize("odd", ODD_CHUNKS, ids=str)
def test_an_odd_chunk_costs_nothing_but_itself(odd: Any, telemetry: Telemetry) -> None:
    from opentelemetry.context import Context

    from genai_otel import _settings
    from genai_otel.conventions.span_types import RULES
    from genai_otel.telemetry.operation import begin

    _, op = begin(RULES["LLM"], _settings.current(), NAME, {attr.PROVIDER_NAME: "x"}, Context())
    assert op is not None
    observer = chat.ChatStream(op, 0.0)
    ordinary = chunk(text("Hello"))
    as_object = json.loads(json.dumps(odd), object_hook=lambda found: SimpleNamespace(**found))
    for each in (ordinary, odd, as_object, ordinary):
        observer.chunk(each)  # internal errors raise in the tests
    observer.finish()
    op.finish()
    assert telemetry.attributes(NAME)[attr.OUTPUT_MESSAGES].count("Hello") == 2


def test_a_choice_with_an_absurd_index_takes_no_memory(telemetry: Telemetry) -> None:
    from opentelemetry.context import Context

    from genai_otel import _settings
    from genai_otel.conventions.span_types import RULES
    from genai_otel.telemetry.operation import begin

    _, op = begin(RULES["LLM"], _settings.current(), NAME, {attr.PROVIDER_NAME: "x"}, Context())
    assert op is not None
    observer = chat.ChatStream(op, 0.0)
    observer.chunk(
        chunk(text("Hello", index=2**70, finish_reason="stop"), text("there", finish_reason="length"))
    )
    observer.finish()
    op.finish()
    assert telemetry.attributes(NAME)[attr.RESPONSE_FINISH_REASONS] == ("length", "stop")


# --- streams: times -------------------------------------------------------------------------------------------
class Clock:
    """A clock that is set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("genai_otel.instrumentation.openai.chunks.perf_counter", lambda: self.now)
        monkeypatch.setattr("genai_otel.instrumentation.openai.exchange.perf_counter", lambda: self.now)


def timed(client: openai.OpenAI, clock: Clock, chunks: list[Any]) -> None:
    """Stream these chunks, each a second after the previous one."""
    from openai import _streaming

    stream = ask(client, given(chunks), stream=True)
    inner = stream._iterator
    assert isinstance(stream, _streaming.Stream)
    decode = stream._client._process_response_data

    def tick(**kwargs: Any) -> Any:
        clock.now += 1
        return decode(**kwargs)

    stream._client._process_response_data = tick  # type: ignore[method-assign]
    try:
        for _ in stream:
            pass
    finally:
        del stream._client._process_response_data
    assert stream._iterator is inner


def test_the_time_to_the_first_chunk_is_that_of_the_first_with_content(
    client: openai.OpenAI, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks = [
        chunk({"delta": {"role": "assistant", "content": ""}}),
        chunk(),
        chunk(text("a")),
        chunk(text("b")),
        chunk(text("")),
        chunk(text("c")),
        chunk({"finish_reason": "stop"}),
        chunk(text("late")),
        chunk(usage=USAGE),
    ]
    timed(client, Clock(monkeypatch), chunks)
    assert telemetry.attributes(NAME)[attr.TIME_TO_FIRST_CHUNK] == 3.0
    metrics = telemetry.metrics()
    (first,) = metrics["gen_ai.client.operation.time_to_first_chunk"]
    assert (first.count, first.sum) == (1, 3.0)
    (gaps,) = metrics["gen_ai.client.operation.time_per_output_chunk"]
    assert (gaps.count, gaps.sum, gaps.min, gaps.max) == (2, 3.0, 1.0, 2.0)


@pytest.mark.parametrize(
    "delta",
    [
        {
            "tool_calls": [
                {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
            ]
        },
        {"refusal": "No"},
        {"reasoning_content": "Hm"},
        {"audio": {"transcript": "Hi"}},
        {"function_call": {"name": "f", "arguments": ""}},
    ],
)
def test_every_kind_of_content_is_content_to_the_clock(
    delta: Any, client: openai.OpenAI, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed(client, Clock(monkeypatch), [chunk(), chunk({"delta": delta}), chunk({"finish_reason": "stop"})])
    assert telemetry.attributes(NAME)[attr.TIME_TO_FIRST_CHUNK] == 2.0
    assert "gen_ai.client.operation.time_per_output_chunk" not in telemetry.metrics()


def test_a_stream_without_content_has_no_time_to_a_first_chunk(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    list(ask(client, given([chunk(), chunk({"finish_reason": "stop"})]), stream=True))
    assert attr.TIME_TO_FIRST_CHUNK not in telemetry.attributes(NAME)


# --- metrics and events ---------------------------------------------------------------------------------------
def test_metrics_have_the_dimensions_of_the_conventions(client: openai.OpenAI, telemetry: Telemetry) -> None:
    ask(client)
    shared = {
        attr.OPERATION_NAME: "chat",
        attr.PROVIDER_NAME: "openai",
        attr.REQUEST_MODEL: MODEL,
        attr.RESPONSE_MODEL: "gpt-4o-mini-2024-07-18",
        attr.SERVER_ADDRESS: "127.0.0.1",
        attr.SERVER_PORT: client.base_url.port,
        attr.OPENAI_RESPONSE_SERVICE_TIER: "default",
    }
    metrics = telemetry.metrics()
    (duration,) = metrics["gen_ai.client.operation.duration"]
    assert dict(duration.attributes) == shared
    assert 0 < duration.sum < 5
    tokens = {point.attributes[attr.TOKEN_TYPE]: point for point in metrics["gen_ai.client.token.usage"]}
    assert {kind: point.sum for kind, point in tokens.items()} == {"input": 14, "output": 10}
    assert all(dict(point.attributes) == {**shared, attr.TOKEN_TYPE: kind} for kind, point in tokens.items())


def test_the_duration_of_a_failed_call_has_the_error_and_no_tokens(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    with pytest.raises(openai.RateLimitError):
        ask(client, "status=429")
    (duration,) = telemetry.metrics()["gen_ai.client.operation.duration"]
    assert duration.attributes[attr.ERROR_TYPE] == "openai.RateLimitError"
    assert "gen_ai.client.token.usage" not in telemetry.metrics()


@pytest.mark.parametrize(
    ("mode", "on_span", "on_event"),
    [
        ("no_content", False, None),
        ("span_only", True, None),
        ("event_only", False, True),
        ("span_and_event", True, True),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_content_goes_where_the_mode_says(
    stream: bool, mode: str, on_span: bool, on_event: Any, client: openai.OpenAI
) -> None:
    with Telemetry(capture_content=mode) as telemetry:
        answer = ask(client, tools=[WEATHER], stream=stream)
        if stream:
            list(answer)
        found = telemetry.attributes(NAME)
        content = (attr.INPUT_MESSAGES, attr.OUTPUT_MESSAGES, attr.TOOL_DEFINITIONS)
        assert all((key in found) is on_span for key in content)
        assert len(telemetry.events) == (1 if on_event else 0)
        for event in telemetry.events:
            assert event.event_name == "gen_ai.client.inference.operation.details"
            assert event.attributes[attr.INPUT_MESSAGES][0]["parts"][0]["content"] == QUESTION
            assert event.attributes[attr.OUTPUT_MESSAGES][0]["parts"][0]["name"] == "get_weather"
            assert event.attributes[attr.RESPONSE_ID] == found[attr.RESPONSE_ID]
            assert event.span_id == telemetry.one().context.span_id
