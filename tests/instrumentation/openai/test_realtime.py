from __future__ import annotations

import asyncio
import base64
import gc
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from opentelemetry import trace

import genai_otel
from genai_otel import _guard
from genai_otel.conventions import attributes as attr
from genai_otel.instrumentation import openai as instrumentation
from genai_otel.instrumentation.openai import realtime, realtime_turn, socket_sessions, socket_turns
from genai_otel.testing.server import OpenAIServer
from tests.telemetry_capture import Telemetry

from .sdk import VERSION, since
from .socket_clients import QUICK, async_connecting, async_until, connecting, identities, receive, said, until

pytestmark = since(1, 58)
MODEL = "gpt-realtime"
NAME = f"chat {MODEL}"
ABANDONED = "genai_otel.stream.abandoned"
DIALECTS = ["beta", *(["present"] if VERSION >= (1, 103) else [])]
TOOL: Any = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}


def resource(client: Any, dialect: str) -> Any:
    return client.beta.realtime if dialect == "beta" else client.realtime


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connection(server: OpenAIServer, traced: None, dialect: str) -> Iterator[Any]:
    """An open connection whose session is known."""
    with connecting(server) as client, resource(client, dialect).connect(model=MODEL, **QUICK) as connection:
        until(connection, "session.created")
        yield connection


def ask(connection: Any, text: str = "What is the capital of France?", **response: Any) -> list[Any]:
    connection.conversation.item.create(item=said(text))
    connection.response.create(response=response)
    return until(connection, "response.done")


def behave(line: str) -> dict[str, Any]:
    return {"metadata": {"x-mock": line}}


def names_of_events(span: Any) -> list[str]:
    return [event.name for event in span.events]


# --- one turn -----------------------------------------------------------------------------------------------
def test_a_response_is_a_chat_span_with_registered_attributes_only(
    connection: Any, telemetry_without_content: Telemetry, server: OpenAIServer
) -> None:
    events = ask(connection)
    done, opened = events[-1].response, next(e for e in events if e.type == "response.created").response

    span = telemetry_without_content.one(NAME)
    assert span.kind.name == "CLIENT"
    assert span.status.status_code.name == "UNSET"
    found = dict(span.attributes or {})
    assert found.pop(attr.TIME_TO_FIRST_CHUNK) > 0
    assert found == {
        attr.OPERATION_NAME: "chat",
        attr.PROVIDER_NAME: "openai",
        attr.SERVER_ADDRESS: "127.0.0.1",
        attr.SERVER_PORT: int(server.base_url.split(":")[2].split("/")[0]),
        attr.OPENAI_API_TYPE: "realtime",
        attr.REQUEST_MODEL: MODEL,
        attr.REQUEST_STREAM: True,
        attr.RESPONSE_ID: opened.id,
        attr.RESPONSE_MODEL: MODEL,
        attr.CONVERSATION_ID: "conv_00000001",
        attr.RESPONSE_FINISH_REASONS: ("stop",),
        attr.USAGE_INPUT_TOKENS: done.usage.input_tokens,
        attr.USAGE_TEXT_INPUT_TOKENS: done.usage.input_token_details.text_tokens,
        attr.USAGE_CACHE_READ_TOKENS: done.usage.input_token_details.cached_tokens,
        attr.USAGE_TEXT_CACHE_READ_TOKENS: done.usage.input_token_details.cached_tokens,
        attr.USAGE_OUTPUT_TOKENS: done.usage.output_tokens,
        attr.USAGE_TEXT_OUTPUT_TOKENS: done.usage.output_token_details.text_tokens,
    }


def test_metrics_are_those_of_an_inference(connection: Any, telemetry: Telemetry) -> None:
    ask(connection)

    assert {
        "gen_ai.client.operation.duration",
        "gen_ai.client.token.usage",
        "gen_ai.client.operation.time_to_first_chunk",
    } <= set(telemetry.metrics())


def test_speech_has_its_tokens_and_is_recorded_as_its_transcript(
    connection: Any, telemetry: Telemetry
) -> None:
    events = ask(
        connection, modalities=["audio"], output_modalities=["audio"]
    )  # the beta's word, and today's

    found = telemetry.attributes(NAME)
    assert found[attr.OUTPUT_TYPE] == "speech"
    assert found[attr.USAGE_AUDIO_OUTPUT_TOKENS] == events[-1].response.usage.output_tokens
    (message,) = json.loads(found[attr.OUTPUT_MESSAGES])
    assert message["parts"] == [
        {"type": "text", "content": events[-1].response.output[0].content[0].transcript}
    ]


def test_parameters_are_recorded_as_sent(connection: Any, telemetry: Telemetry) -> None:
    limit = "max_response_output_tokens" if "beta" in type(connection).__module__ else "max_output_tokens"
    connection.session.update(session={"tools": [TOOL], limit: 100, "instructions": "Be kind"})
    connection.response.create(response={"instructions": "Be brief", "tool_choice": "none"})
    until(connection, "response.done")

    found = telemetry.attributes(NAME)
    assert found[attr.REQUEST_MAX_TOKENS] == 100
    assert json.loads(found[attr.SYSTEM_INSTRUCTIONS]) == [{"type": "text", "content": "Be brief"}]
    assert json.loads(found[attr.TOOL_DEFINITIONS])[0]["name"] == "weather"
    assert attr.CONVERSATION_ID in found  # the server's: "auto" and "none" are no ids


def test_tool_calls_and_their_results_are_turns_of_their_own(connection: Any, telemetry: Telemetry) -> None:
    connection.session.update(session={"tools": [TOOL]})
    call = ask(connection, "What's the weather?", **behave("tool=weather"))[-1].response.output[0]
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "Sunny"}
    connection.conversation.item.create(item=output)
    connection.response.create()
    until(connection, "response.done")

    first, second = (dict(span.attributes or {}) for span in telemetry.spans)
    assert first[attr.RESPONSE_FINISH_REASONS] == ("tool_calls",)
    assert json.loads(first[attr.OUTPUT_MESSAGES])[0]["parts"][0]["name"] == "weather"
    (message,) = json.loads(second[attr.INPUT_MESSAGES])
    assert message["role"] == "tool"
    assert message["parts"] == [{"type": "tool_call_response", "id": call.call_id, "response": "Sunny"}]


def test_sound_that_is_sent_is_referred_to(connection: Any, telemetry: Telemetry) -> None:
    sound = base64.b64encode(b"a sound" * 50).decode()
    part = {"type": "input_audio", "audio": sound, "transcript": "Hello"}
    connection.conversation.item.create(item={"type": "message", "role": "user", "content": [part]})
    connection.response.create()
    events = until(connection, "response.done")

    (message,) = json.loads(telemetry.attributes(NAME)[attr.INPUT_MESSAGES])
    text, reference = message["parts"]
    assert text == {"type": "text", "content": "Hello"}
    assert (reference["modality"], reference["size"]) == ("audio", 350)
    assert sound not in telemetry.one(NAME).to_json()
    assert telemetry.attributes(NAME)[attr.USAGE_AUDIO_INPUT_TOKENS] == (
        events[-1].response.usage.input_token_details.audio_tokens
    )


def test_without_content_nothing_that_was_said_is_recorded(
    connection: Any, telemetry_without_content: Telemetry
) -> None:
    connection.session.update(session={"tools": [{**TOOL, "name": "SECRET"}], "instructions": "SECRET"})
    ask(connection, "SECRET", **behave("text=SECRET"))
    ask(connection, "SECRET", **behave("status_text=failed;message=SECRET"))
    connection.response.create(response=behave("error_after=2;message=SECRET"))
    until(connection, "error")

    assert len(telemetry_without_content.spans) == 3
    assert not [span.name for span in telemetry_without_content.spans if "SECRET" in span.to_json()]


def test_events_have_the_content_where_it_is_to_be_on_events(
    server: OpenAIServer, traced: None, dialect: str
) -> None:
    with Telemetry(capture_content="event_only") as telemetry, connecting(server) as client:
        with resource(client, dialect).connect(model=MODEL, **QUICK) as connection:
            ask(connection)

        (event,) = telemetry.events
        assert event.attributes[attr.INPUT_MESSAGES][0]["role"] == "user"
        assert attr.INPUT_MESSAGES not in telemetry.attributes(NAME)


# --- context ------------------------------------------------------------------------------------------------
def test_a_turn_is_a_child_of_what_was_current_when_it_was_asked_for(
    connection: Any, telemetry: Telemetry
) -> None:
    with genai_otel.start_span("asking") as asking:
        connection.response.create()
        assert trace.get_current_span().get_span_context().span_id == asking.get_span_context().span_id
    until(connection, "response.done")

    parent = telemetry.one(NAME).parent
    assert parent is not None and parent.span_id == asking.get_span_context().span_id


def test_a_suppressed_turn_has_no_span(connection: Any, telemetry: Telemetry) -> None:
    with genai_otel.suppress():
        connection.response.create()
    until(connection, "response.done")

    assert not telemetry.spans


def test_a_layer_above_that_records_the_inference_gets_no_second_span(
    connection: Any, telemetry: Telemetry
) -> None:
    from opentelemetry import context

    token = context.attach(context.set_value("opentelemetry.genai.client.inference.context", object()))
    connection.response.create()
    context.detach(token)
    until(connection, "response.done")

    assert not telemetry.spans


# --- turns of the server's own ------------------------------------------------------------------------------
def test_a_turn_that_the_server_starts_is_a_child_of_where_the_connection_was_opened(
    server: OpenAIServer, traced: None, telemetry: Telemetry, dialect: str
) -> None:
    with connecting(server) as client:
        with (
            genai_otel.start_span("opening") as opening,
            resource(client, dialect).connect(model=MODEL, **QUICK) as connection,
        ):
            until(connection, "session.created")
            receive(connection, "input_audio_buffer.committed", item_id="item_1")
            receive(connection, "response.created", response={"id": "resp_1", "conversation_id": "conv_1"})
            receive(
                connection,
                "conversation.item.input_audio_transcription.completed",
                item_id="item_1",
                transcript="Hello there",
            )
            receive(connection, "response.done", response={"id": "resp_1", "status": "completed"})

    span = telemetry.one(NAME)
    assert span.parent is not None and span.parent.span_id == opening.get_span_context().span_id
    found = dict(span.attributes or {})
    assert found[attr.RESPONSE_ID] == "resp_1"
    assert found[attr.CONVERSATION_ID] == "conv_1"
    (message,) = json.loads(found[attr.INPUT_MESSAGES])
    assert message == {"role": "user", "parts": [{"type": "text", "content": "Hello there"}]}
    assert attr.USAGE_INPUT_TOKENS not in found


def test_turns_under_way_at_once_are_told_apart(connection: Any, telemetry: Telemetry) -> None:
    for topic in ("a", "b"):
        connection.response.create(response={"metadata": {"topic": topic, "x-mock": f"text={topic}"}})
    until(connection, "response.done")
    receive(connection, "response.created", response={"id": "vad"})
    until(connection, "response.done")
    receive(connection, "response.done", response={"id": "vad", "status": "cancelled"})

    said_by = [span.attributes and span.attributes.get(attr.OUTPUT_MESSAGES) for span in telemetry.spans]
    assert ['"a"' in str(said_by[0]), '"b"' in str(said_by[1]), said_by[2]] == [True, True, None]


class _unsendable:
    """The transport fails."""

    def __init__(self, connection: Any) -> None:
        self.transport = connection._connection

    def __enter__(self) -> None:
        def send(data: Any) -> None:
            raise ZeroDivisionError

        self.transport.send = send

    def __exit__(self, *exc: object) -> None:
        del self.transport.send


# --- failures -----------------------------------------------------------------------------------------------
def test_a_response_that_failed_is_an_error(connection: Any, telemetry: Telemetry) -> None:
    ask(connection, **behave("status_text=failed;message=Broken;code=overloaded"))

    span = telemetry.one(NAME)
    assert span.status.status_code.name == "ERROR"
    assert span.status.description == "Broken"
    assert dict(span.attributes or {})[attr.ERROR_TYPE] == "overloaded"
    assert dict(span.attributes or {})[attr.RESPONSE_FINISH_REASONS] == ("error",)


def test_an_error_in_the_middle_ends_the_turn_with_what_was_said(
    connection: Any, telemetry: Telemetry
) -> None:
    connection.response.create(response=behave("error_after=6;text=one two three four five six"))
    until(connection, "error")

    span = telemetry.one(NAME)
    assert span.status.status_code.name == "ERROR"
    (message,) = json.loads(dict(span.attributes or {})[attr.OUTPUT_MESSAGES])
    assert message["parts"][0]["content"].startswith("one")


def test_errors_about_other_things_end_no_turn(connection: Any, telemetry: Telemetry) -> None:
    connection.send({"type": "nonsense", "event_id": "mine"})
    until(connection, "error")
    ask(connection)
    receive(
        connection, "error", error={"type": "invalid_request_error", "code": "response_cancel_not_active"}
    )

    assert telemetry.one(NAME).status.status_code.name == "UNSET"


def test_an_error_that_names_the_request_is_that_turns(connection: Any, telemetry: Telemetry) -> None:
    with pytest.raises(ZeroDivisionError), _unsendable(connection):
        connection.response.create()
    telemetry.exporter.clear()
    connection.response.create(event_id="mine")
    receive(
        connection,
        "error",
        error={"type": "invalid_request_error", "code": "invalid_value", "event_id": "mine", "message": "No"},
    )

    assert telemetry.attributes(NAME)[attr.ERROR_TYPE] == "invalid_value"


@pytest.mark.parametrize("reason", ["turn_detected", "client_cancelled"])
def test_an_interruption_is_no_error(connection: Any, telemetry: Telemetry, reason: str) -> None:
    receive(connection, "response.created", response={"id": "resp_1"})
    details = {"type": "cancelled", "reason": reason}
    receive(
        connection,
        "response.done",
        response={"id": "resp_1", "status": "cancelled", "status_details": details},
    )

    assert telemetry.one(NAME).status.status_code.name == "UNSET"
    assert telemetry.attributes(NAME)[attr.RESPONSE_FINISH_REASONS] == (reason,)


def test_a_request_that_could_not_be_sent_is_an_error(connection: Any, telemetry: Telemetry) -> None:
    with pytest.raises(ZeroDivisionError) as raised, _unsendable(connection):
        connection.response.create()

    assert telemetry.attributes(NAME)[attr.ERROR_TYPE] == "ZeroDivisionError"
    assert raised.value.__cause__ is None


def test_a_connection_that_breaks_fails_the_turn(connection: Any, telemetry: Telemetry) -> None:
    connection.response.create(response=behave("abort_after=2"))
    with pytest.raises(Exception) as raised:
        until(connection, "response.done")

    assert type(raised.value).__name__ == "ConnectionClosedError"
    assert telemetry.attributes(NAME)[attr.ERROR_TYPE] == "websockets.exceptions.ConnectionClosedError"


def test_a_connection_that_is_closed_ends_its_turns_marked(connection: Any, telemetry: Telemetry) -> None:
    connection.response.create(response=behave("text=one two three"))
    until(connection, "response.created")
    connection.close()

    span = telemetry.one(NAME)
    assert span.status.status_code.name == "UNSET"
    assert names_of_events(span) == [ABANDONED]


def test_a_connection_that_is_dropped_ends_its_turns_marked(
    server: OpenAIServer, traced: None, telemetry: Telemetry, dialect: str
) -> None:
    with connecting(server) as client:
        connection = resource(client, dialect).connect(model=MODEL, **QUICK).enter()
        transport = connection._connection
        connection.response.create()
        assert not telemetry.spans
        del connection
        gc.collect()

        assert names_of_events(telemetry.one(NAME)) == [ABANDONED]
        transport.close()


def test_a_refused_handshake_is_the_callers_and_makes_no_span(
    server: OpenAIServer, traced: None, telemetry: Telemetry, dialect: str
) -> None:
    with connecting(server) as client, pytest.raises(Exception) as raised:
        headers = {"x-mock": "status=401"}
        resource(client, dialect).connect(model=MODEL, **QUICK, extra_headers=headers).enter()

    assert type(raised.value).__name__ == "InvalidStatus"
    assert not telemetry.spans


# --- the connection is the SDK's ----------------------------------------------------------------------------
def test_nothing_of_ours_is_on_the_connection(
    server: OpenAIServer, telemetry: Telemetry, dialect: str
) -> None:
    with connecting(server) as client:
        with resource(client, dialect).connect(model=MODEL, **QUICK) as bare:
            fields, kind = sorted(vars(bare)), type(bare)
        genai_otel.openai.autolog()
        with resource(client, dialect).connect(model=MODEL, **QUICK) as traced:
            assert sorted(vars(traced)) == fields
            assert type(traced) is kind
        genai_otel.openai.autolog(disable=True)


def test_disabling_restores_the_classes_and_ends_what_is_open(
    server: OpenAIServer, telemetry: Telemetry, dialect: str
) -> None:
    with connecting(server) as client:
        manager = type(resource(client, dialect).connect(model=MODEL, **QUICK))
        with resource(client, dialect).connect(model=MODEL, **QUICK) as connection:
            owners = [*manager.__mro__, *type(connection).__mro__]
        before = identities(owners)
        genai_otel.openai.autolog()
        with resource(client, dialect).connect(model=MODEL, **QUICK) as connection:
            connection.response.create(response=behave("text=one two three"))
            genai_otel.openai.autolog(disable=True)

            assert names_of_events(telemetry.one(NAME)) == [ABANDONED]
            assert identities(owners) == before
            assert instrumentation.patched() == []
            until(connection, "response.done")
            connection.response.create()
            until(connection, "response.done")
    assert len(telemetry.spans) == 1


def test_autolog_twice_makes_one_span(server: OpenAIServer, traced: None, telemetry: Telemetry) -> None:
    with connecting(server) as client:
        resource(client, DIALECTS[-1])
        genai_otel.openai.autolog()
        with resource(client, DIALECTS[-1]).connect(model=MODEL, **QUICK) as connection:
            ask(connection)

    assert len(telemetry.spans) == 1


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (socket_sessions, "begin"),
        (socket_turns, "begin"),
        (socket_turns.SocketSession, "sending"),
        (socket_turns.SocketSession, "received"),
        (socket_turns.SocketSession, "dropped"),
        (socket_turns.SocketSession, "end"),
        (socket_turns.Turn, "end"),
        (socket_turns.Turn, "chunk"),
        (realtime.RealtimeSession, "requested"),
        (realtime.RealtimeSession, "sent"),
        (realtime.RealtimeSession, "turn_of"),
        (realtime_turn.RealtimeTurn, "chunk"),
        (realtime_turn.RealtimeTurn, "finish"),
        (realtime.requests, "inference"),
        (realtime, "record_context"),
        (realtime_turn, "record_output"),
        (realtime_turn.usage, "attributes_of"),
    ],
)
def test_a_fault_of_ours_is_no_difference_to_the_caller(
    server: OpenAIServer, traced: None, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    def fault(*args: Any, **kwargs: Any) -> Any:
        raise ZeroDivisionError("ours")

    with Telemetry(capture_content=True), connecting(server) as client:
        monkeypatch.setattr(owner, name, fault)
        _guard.reset(raise_errors=False)
        try:
            with resource(client, DIALECTS[-1]).connect(model=MODEL, **QUICK) as connection:
                kinds = [event.type for event in ask(connection)]
                connection.response.create()
        finally:
            _guard.reset(raise_errors=True)

    assert kinds[-1] == "response.done"
    assert "response.created" in kinds


def test_iterators_that_are_sent_are_left_to_the_sdk(connection: Any, telemetry: Telemetry) -> None:
    sent = []

    def content() -> Iterator[Any]:
        sent.append(1)
        yield {"type": "input_text", "text": "Hello"}

    connection.conversation.item.create(
        item={
            "type": "message",
            "role": "user",
            "content": content() if VERSION >= (2, 0) else list(content()),
        }
    )
    ask(connection)

    assert sent == [1]


@since(2, 32)
def test_what_is_sent_raw_or_before_connecting_is_a_turn_too(
    server: OpenAIServer, traced: None, telemetry: Telemetry
) -> None:
    with connecting(server) as client:
        manager = client.realtime.connect(model=MODEL, **QUICK)
        manager.send({"type": "response.create"})
        with manager as connection:
            until(connection, "response.done")
            connection.send_raw('{"type": "response.create"}')
            until(connection, "response.done")
            connection.parse_event(b'{"type": "response.done", "response": {"id": "unknown"}}')

    assert [span.status.status_code.name for span in telemetry.spans] == ["UNSET", "UNSET"]
    assert all(attr.RESPONSE_ID in (span.attributes or {}) for span in telemetry.spans)


# --- async --------------------------------------------------------------------------------------------------
async def test_the_async_connection_is_the_same(
    server: OpenAIServer, traced: None, telemetry: Telemetry, dialect: str
) -> None:
    async with (
        async_connecting(server) as client,
        resource(client, dialect).connect(model=MODEL, **QUICK) as connection,
    ):
        with genai_otel.start_span("asking") as asking:
            await connection.conversation.item.create(item=said("Hello"))
            await connection.response.create()
        await async_until(connection, "response.done")
        await connection.response.create(response=behave("chunk_delay=0.01"))
        async for event in connection:
            if event.type == "response.created":
                break

    span, cut = [span for span in telemetry.spans if span.name == NAME]
    assert span.parent is not None and span.parent.span_id == asking.get_span_context().span_id
    found = dict(span.attributes or {})
    assert found[attr.USAGE_OUTPUT_TOKENS] > 0
    assert json.loads(found[attr.INPUT_MESSAGES])[0]["parts"][0]["content"] == "Hello"
    assert names_of_events(cut) == [ABANDONED]


async def test_waiting_that_is_cancelled_leaves_the_turn_open(
    server: OpenAIServer, traced: None, telemetry: Telemetry, dialect: str
) -> None:
    async with (
        async_connecting(server) as client,
        resource(client, dialect).connect(model=MODEL, **QUICK) as connection,
    ):
        await async_until(connection, "session.created")
        await connection.response.create(response=behave("delay=0.2"))
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(connection.recv(), 0.01)
        assert not telemetry.spans
        await async_until(connection, "response.done")

    assert telemetry.one(NAME).status.status_code.name == "UNSET"


async def test_async_connections_that_break_fail_the_turn(
    server: OpenAIServer, traced: None, telemetry: Telemetry, dialect: str
) -> None:
    async with (
        async_connecting(server) as client,
        resource(client, dialect).connect(model=MODEL, **QUICK) as connection,
    ):
        await connection.response.create(response=behave("abort_after=2"))
        with pytest.raises(Exception, match="close"):
            await async_until(connection, "response.done")

        assert telemetry.one(NAME).status.status_code.name == "ERROR"


def test_connections_are_followed_without_keeping_them_alive(connection: Any, telemetry: Telemetry) -> None:
    from genai_otel.instrumentation.openai import sockets

    for _ in range(20):
        ask(connection)
    session = sockets._sessions[connection]
    assert isinstance(session, realtime.RealtimeSession)
    assert (session._open, session._waiting, session._active, len(session._heard)) == ([], [], {}, 0)
    assert not [held for held in gc.get_referents(session) if held is connection]


def test_the_address_is_that_of_the_websocket(traced: None) -> None:
    client = openai.OpenAI(
        api_key="test", base_url="https://a.example/v1", websocket_base_url="wss://b.example/v1"
    )
    assert socket_sessions._facts(client) == {
        attr.PROVIDER_NAME: "openai",
        attr.SERVER_ADDRESS: "b.example",
        attr.SERVER_PORT: 443,
    }
