from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import genai_otel
from genai_otel import _guard
from genai_otel.conventions import attributes as attr
from genai_otel.instrumentation import openai as instrumentation
from genai_otel.instrumentation.openai import responses, responses_socket, responses_stream, socket_turns
from genai_otel.testing.server import OpenAIServer
from tests.telemetry_capture import Telemetry

from .sdk import VERSION, since
from .socket_clients import QUICK, async_connecting, async_until, connecting, identities, receive, until

pytestmark = since(2, 22)
MODEL = "gpt-4o-mini"
NAME = f"chat {MODEL}"
ABANDONED = "genai_otel.stream.abandoned"
KINDS = ["present", *(["beta"] if VERSION >= (2, 45) else [])]


def resource(client: Any, kind: str) -> Any:
    return client.beta.responses if kind == "beta" else client.responses


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connection(server: OpenAIServer, traced: None, kind: str) -> Iterator[Any]:
    with connecting(server) as client, resource(client, kind).connect(**QUICK) as connection:
        yield connection


def ask(connection: Any, text: str = "Hello", **parameters: Any) -> Any:
    connection.response.create(model=MODEL, input=text, **parameters)
    return until(connection, "response.completed", "response.failed", "response.incomplete", "error")[-1]


def behave(line: str) -> dict[str, Any]:
    return {"metadata": {"x-mock": line}}


def test_a_response_is_recorded_like_one_that_is_streamed_over_http(
    connection: Any, telemetry: Telemetry, server: OpenAIServer
) -> None:
    parameters: dict[str, Any] = {"instructions": "Be brief", "temperature": 0.5}
    ask(connection, **parameters)
    (over_socket,) = telemetry.spans
    telemetry.exporter.clear()
    server.reset()
    with connecting(server) as client:
        list(client.responses.create(model=MODEL, input="Hello", stream=True, **parameters))

    def facts(span: Any) -> dict[str, Any]:
        return {key: value for key, value in span.attributes.items() if key != attr.TIME_TO_FIRST_CHUNK}

    (over_http,) = telemetry.spans
    assert (over_socket.name, over_socket.kind) == (over_http.name, over_http.kind)
    assert facts(over_socket) == facts(over_http)
    assert over_socket.attributes is not None and over_socket.attributes[attr.TIME_TO_FIRST_CHUNK] > 0


def test_responses_follow_each_other(connection: Any, telemetry: Telemetry) -> None:
    first = ask(connection).response
    ask(connection, "And more?", previous_response_id=first.id)

    one, two = (dict(span.attributes or {}) for span in telemetry.spans)
    assert attr.REQUEST_PREVIOUS_RESPONSE_ID not in one
    assert two[attr.REQUEST_PREVIOUS_RESPONSE_ID] == one[attr.RESPONSE_ID] == first.id


def test_lanes_are_told_apart(connection: Any, telemetry: Telemetry) -> None:
    def events(lane: str, *kinds: str) -> None:
        response = {"id": f"resp_{lane}", "model": MODEL, "status": "completed", "output": []}
        for kind in kinds:
            receive(connection, kind, stream_id=lane, response=response)

    with genai_otel.start_span("a") as a:
        connection.send({"type": "response.create", "model": MODEL, "input": "a", "stream_id": "a"})
    with genai_otel.start_span("b") as b:
        connection.send({"type": "response.create", "model": MODEL, "input": "b", "stream_id": "b"})
    events("b", "response.created")
    events("a", "response.created")
    receive(connection, "response.output_text.delta", stream_id="c", delta="nobody's")
    events("b", "response.completed")
    events("a", "response.completed")

    spans = [span for span in telemetry.spans if span.name == NAME]
    assert [(span.attributes or {})[attr.RESPONSE_ID] for span in spans] == ["resp_b", "resp_a"]
    assert [span.parent and span.parent.span_id for span in spans] == [
        each.get_span_context().span_id for each in (b, a)
    ]


def test_a_response_that_the_server_starts_is_a_turn(
    server: OpenAIServer, traced: None, telemetry: Telemetry, kind: str
) -> None:
    with connecting(server) as client:
        with genai_otel.start_span("opening") as opening:
            manager = resource(client, kind).connect(**QUICK)
            connection = manager.enter()
        ask(connection)
        successor = {"id": "resp_next", "model": MODEL, "status": "completed", "output": []}
        receive(connection, "response.created", response=successor)
        receive(connection, "response.completed", response=successor)
        connection.close()

    # what was asked for is not known of it
    span = telemetry.one("chat")
    assert span.parent is not None and span.parent.span_id == opening.get_span_context().span_id
    assert dict(span.attributes or {})[attr.RESPONSE_ID] == "resp_next"


def test_failures_are_errors(connection: Any, telemetry: Telemetry) -> None:
    ask(connection, **behave("status_text=failed;message=Broken;code=overloaded"))
    ask(connection, **behave("error_after=3;message=Broken;code=cut"))
    connection.response.create(input="No model")
    until(connection, "error")

    kinds = [(span.attributes or {}).get(attr.ERROR_TYPE) for span in telemetry.spans]
    assert kinds[:2] == ["overloaded", "cut"]
    assert {span.status.status_code.name for span in telemetry.spans} == {"ERROR"}
    assert len(telemetry.spans) == 3


def test_a_response_that_was_cut_off_has_its_text_so_far(connection: Any, telemetry: Telemetry) -> None:
    connection.response.create(model=MODEL, input="Hello", **behave("text=one two three four"))
    until(connection, "response.output_text.delta")
    connection.close()

    span = telemetry.one(NAME)
    assert [event.name for event in span.events] == [ABANDONED]
    (message,) = json.loads(dict(span.attributes or {})[attr.OUTPUT_MESSAGES])
    assert message["parts"][0]["content"].startswith("one")
    assert attr.USAGE_INPUT_TOKENS not in dict(span.attributes or {})


def test_a_connection_that_breaks_fails_what_is_under_way(connection: Any, telemetry: Telemetry) -> None:
    connection.response.create(model=MODEL, input="Hello", **behave("abort_after=2"))
    with pytest.raises(Exception, match="close"):
        until(connection, "response.completed")

    assert telemetry.one(NAME).status.status_code.name == "ERROR"


def test_without_content_nothing_that_was_said_is_recorded(
    connection: Any, telemetry_without_content: Telemetry
) -> None:
    ask(connection, "SECRET", instructions="SECRET", **behave("text=SECRET"))
    ask(connection, "SECRET", **behave("status_text=failed;message=SECRET"))
    ask(connection, "SECRET", **behave("error_after=2;message=SECRET"))

    assert len(telemetry_without_content.spans) == 3
    assert not [span.name for span in telemetry_without_content.spans if "SECRET" in span.to_json()]


def test_iterators_that_are_sent_are_used_up_by_the_sdk_alone(
    connection: Any, telemetry: Telemetry, server: OpenAIServer
) -> None:
    tool = {
        "type": "function",
        "name": "f",
        "parameters": {"type": "object", "properties": {}},
        "strict": True,
    }
    ask(connection, tools=iter([tool]), tool_choice="none")

    assert [each["name"] for each in server.requests[-1].messages[-1]["tools"]] == ["f"]
    assert attr.TOOL_DEFINITIONS not in telemetry.attributes(NAME)


def test_disabling_restores_the_classes(server: OpenAIServer, telemetry: Telemetry, kind: str) -> None:
    with connecting(server) as client:
        manager = resource(client, kind).connect(**QUICK)
        with manager as connection:
            owners = [*type(manager).__mro__, *type(connection).__mro__]
        before = identities(owners)
        genai_otel.openai.autolog()
        assert identities(owners) != before
        genai_otel.openai.autolog(disable=True)

    assert identities(owners) == before
    assert instrumentation.patched() == []


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (responses_socket.ResponsesSession, "requested"),
        (responses_socket.ResponsesSession, "turn_of"),
        (responses_socket.ResponsesSession, "forget"),
        (responses_socket, "parameters"),
        (socket_turns, "stands_back"),
        (socket_turns, "default_name"),
        (responses_stream.ResponseStream, "chunk"),
        (responses_stream, "record_answer"),
        (responses_stream, "identify"),
        (responses.requests, "inference"),
        (responses, "record_context"),
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
            with client.responses.connect(**QUICK) as connection:
                last = ask(connection)
        finally:
            _guard.reset(raise_errors=True)

    assert last.response.output_text


async def test_the_async_connection_is_the_same(
    server: OpenAIServer, traced: None, telemetry: Telemetry, kind: str
) -> None:
    async with async_connecting(server) as client, resource(client, kind).connect(**QUICK) as connection:
        await connection.response.create(model=MODEL, input="Hello")
        await async_until(connection, "response.completed")

    found = telemetry.attributes(NAME)
    assert found[attr.USAGE_OUTPUT_TOKENS] > 0
    assert json.loads(found[attr.INPUT_MESSAGES])[0]["parts"][0]["content"] == "Hello"


@pytest.fixture
def multiplexed() -> Any:
    return pytest.importorskip("openai.lib.responses_websocket")


def test_the_sdks_multiplexed_session_is_followed(
    multiplexed: Any, connection: Any, telemetry: Telemetry, kind: str
) -> None:
    if kind == "beta":
        pytest.skip("the session is for the API's present form")
    limits = multiplexed.ResponsesWebSocketLimits(
        max_lanes=4, max_events_per_lane=500, max_events=1_000, max_bytes_per_lane=10**6, max_bytes=10**7
    )
    with multiplexed.ResponsesWebSocketSession(connection, limits=limits) as session:
        lanes = [session.lane(name) for name in ("one", "two")]
        for number, lane in enumerate(lanes):
            with genai_otel.start_span(f"asking {number}"):
                lane.send({"type": "response.create", "model": MODEL, "input": f"Hello {number}"})
        answers = [lane.get_final_response(timeout=10) for lane in lanes]

    spans = {(span.attributes or {})[attr.RESPONSE_ID]: span for span in telemetry.spans if span.name == NAME}
    parents = {span.context and span.context.span_id: span.name for span in telemetry.spans}
    assert [parents[spans[answer.id].parent.span_id] for answer in answers] == ["asking 0", "asking 1"]  # type: ignore[union-attr]
    assert all(attr.USAGE_INPUT_TOKENS in (span.attributes or {}) for span in spans.values())


async def test_the_async_multiplexed_session_is_followed(
    multiplexed: Any, server: OpenAIServer, traced: None, telemetry: Telemetry
) -> None:
    limits = multiplexed.ResponsesWebSocketLimits(
        max_lanes=4, max_events_per_lane=500, max_events=1_000, max_bytes_per_lane=10**6, max_bytes=10**7
    )
    async with (
        async_connecting(server) as client,
        client.responses.connect(**QUICK) as connection,
        multiplexed.AsyncResponsesWebSocketSession(connection, limits=limits) as session,
    ):
        lane = session.lane("one")
        await lane.send({"type": "response.create", "model": MODEL, "input": "Hello"})
        answer = await lane.get_final_response()

    assert telemetry.attributes(NAME)[attr.RESPONSE_ID] == answer.id
