from __future__ import annotations

import gc
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import openai
import pytest

from genai_otel import _guard
from genai_otel.conventions import attributes as attr
from genai_otel.instrumentation.openai import agents_sessions, agents_turn, endpoints
from tests.telemetry_capture import Telemetry

from .sdk import since

httpx2 = pytest.importorskip("httpx2")
from .agents_service import (  # noqa: E402
    AGENT_ID,
    SESSION_ID,
    USAGE,
    Service,
    answered,
    begun,
    message,
    session_event,
    turn,
    turn_event,
)

pytestmark = since(3, 24)
NAME = "invoke_agent Librarian"
UNNAMED = "invoke_agent"
ABANDONED = "genai_otel.stream.abandoned"
ENVIRONMENT: Any = {"type": "none"}


@pytest.fixture
def service() -> Service:
    return Service([session_event("created"), *answered()])


@pytest.fixture
def sessions(service: Service, traced: None) -> Iterator[Any]:
    http = httpx2.Client(transport=httpx2.MockTransport(service))
    with openai.OpenAI(api_key="test", http_client=http, max_retries=0) as client:
        yield client.beta.agents.sessions


@pytest.fixture
async def async_sessions(service: Service, traced: None) -> AsyncIterator[Any]:
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(service))
    async with openai.AsyncOpenAI(api_key="test", http_client=http, max_retries=0) as client:
        yield client.beta.agents.sessions


def create(sessions: Any, **more: Any) -> Any:
    return sessions.create(environment=ENVIRONMENT, agent_id=AGENT_ID, input="Are you open?", **more)


def submit(sessions: Any, text: str = "Are you open?") -> None:
    content = [{"type": "input_text", "text": text}]
    event: Any = {
        "type": "agent.session.input.message",
        "input": [{"role": "user", "type": "message", "content": content}],
    }
    sessions.events.create(SESSION_ID, events=[event])


# --- a session created with input ---------------------------------------------------------------------------
def test_a_streamed_session_is_a_remote_agent_with_registered_attributes_only(
    sessions: Any, telemetry_without_content: Telemetry
) -> None:
    for _ in create(sessions, stream=True, agent={"model": "gpt-5", "instructions": "SECRET"}):
        pass

    span = telemetry_without_content.one(NAME)
    assert span.kind.name == "CLIENT"
    assert span.status.status_code.name == "UNSET"
    assert dict(span.attributes or {}) == {
        attr.OPERATION_NAME: "invoke_agent",
        attr.PROVIDER_NAME: "openai",
        attr.SERVER_ADDRESS: "api.openai.com",
        attr.SERVER_PORT: 443,
        attr.REQUEST_MODEL: "gpt-5",
        attr.AGENT_ID: AGENT_ID,
        attr.AGENT_NAME: "Librarian",
        attr.CONVERSATION_ID: SESSION_ID,
        attr.USAGE_INPUT_TOKENS: USAGE["input_tokens"],
        attr.USAGE_CACHE_READ_TOKENS: 10,
        attr.USAGE_OUTPUT_TOKENS: USAGE["output_tokens"],
        attr.USAGE_REASONING_TOKENS: 2,
        attr.RESPONSE_FINISH_REASONS: ("stop",),
    }
    assert set(telemetry_without_content.metrics()) == {"gen_ai.client.operation.duration"}


def test_what_was_said_is_recorded(sessions: Any, telemetry: Telemetry) -> None:
    tool = {"type": "function", "name": "find", "parameters": {"type": "object", "properties": {}}}
    agent: Any = {"model": "gpt-5", "instructions": "Be kind", "tools": [tool]}
    create(sessions, stream=True, agent=agent).get_final_result()

    found = telemetry.attributes(NAME)
    assert json.loads(found[attr.INPUT_MESSAGES])[0]["parts"] == [
        {"type": "text", "content": "Are you open?"}
    ]
    assert json.loads(found[attr.SYSTEM_INSTRUCTIONS]) == [{"type": "text", "content": "Be kind"}]
    assert json.loads(found[attr.TOOL_DEFINITIONS])[0]["name"] == "find"
    (said,) = json.loads(found[attr.OUTPUT_MESSAGES])
    assert said["parts"] == [{"type": "text", "content": "It is open"}]


def test_a_session_that_is_not_streamed_has_no_usage(sessions: Any, telemetry: Telemetry) -> None:
    create(sessions)

    found = telemetry.attributes(NAME)
    assert found[attr.CONVERSATION_ID] == SESSION_ID
    assert attr.USAGE_INPUT_TOKENS not in found


def test_a_session_without_input_runs_nothing(sessions: Any, telemetry: Telemetry) -> None:
    sessions.create(environment=ENVIRONMENT, agent_id=AGENT_ID)

    assert not telemetry.spans


def test_looking_after_sessions_makes_no_spans(sessions: Any, telemetry: Telemetry) -> None:
    sessions.retrieve(SESSION_ID)
    sessions.update(SESSION_ID, agent={"model": "gpt-5"})
    with sessions.events.stream(SESSION_ID) as stream:
        list(stream)
    for kind in ("cancel", "tool_result"):
        event: Any = {"type": f"agent.session.input.{kind}", "call_id": "c", "turn_id": "t", "success": True}
        sessions.events.create(SESSION_ID, events=[event])
    with pytest.raises(openai.NotFoundError):
        sessions.retrieve("missing")

    assert not telemetry.spans


# --- turns of a session -------------------------------------------------------------------------------------
def test_the_streaming_helper_is_one_span_with_everything(
    sessions: Any, service: Service, telemetry: Telemetry
) -> None:
    with sessions.stream(SESSION_ID, input="Are you open?") as stream:
        result = stream.get_final_result()

    assert result.output_text == "It is open"
    found = telemetry.attributes(NAME)  # the only span
    assert found[attr.AGENT_ID] == AGENT_ID
    assert found[attr.CONVERSATION_ID] == SESSION_ID
    assert found[attr.USAGE_OUTPUT_TOKENS] == USAGE["output_tokens"]
    assert json.loads(found[attr.INPUT_MESSAGES])[0]["parts"][0]["content"] == "Are you open?"
    assert json.loads(found[attr.OUTPUT_MESSAGES])[0]["parts"][0]["content"] == "It is open"


def test_input_whose_events_nobody_reads_has_a_span_for_its_submission(
    sessions: Any, telemetry: Telemetry
) -> None:
    submit(sessions)

    found = telemetry.attributes(UNNAMED)
    assert found[attr.CONVERSATION_ID] == SESSION_ID
    assert attr.RESPONSE_FINISH_REASONS not in found


def test_each_turn_on_one_stream_has_its_own_span(
    sessions: Any, service: Service, telemetry: Telemetry
) -> None:
    service.events = [*answered("one"), *answered("two", "turn_2"), *answered("not asked for", "turn_3")]
    with sessions.events.stream(SESSION_ID) as stream:
        submit(sessions, "first")
        submit(sessions, "second")
        for event in stream:
            if event.type == "agent.session.turn.completed" and event.turn_id == "turn_1":
                assert len(telemetry.spans) == 1

    texts = [str((span.attributes or {})[attr.OUTPUT_MESSAGES]) for span in telemetry.spans]
    assert ["one" in texts[0], "two" in texts[1], len(texts)] == [True, True, 2]


def test_a_later_turn_on_the_stream_of_the_creation_is_followed_too(
    sessions: Any, service: Service, telemetry: Telemetry
) -> None:
    service.events = [session_event("created"), *answered("one"), *answered("two", "turn_2")]
    stream = create(sessions, stream=True)
    for event in stream:
        if event.type == "agent.session.turn.completed" and event.turn_id == "turn_1":
            submit(sessions, "second")

    assert len(telemetry.spans) == 2
    assert [(span.attributes or {})[attr.USAGE_OUTPUT_TOKENS] for span in telemetry.spans] == [7, 7]


def test_subagents_are_not_mistaken_for_the_agent(
    sessions: Any, service: Service, telemetry: Telemetry
) -> None:
    sub = [
        turn_event("created", "sub", turn=turn("queued", "sub", subagent_id="helper")),
        turn_event("item.done", "sub", item=message("from a helper", "sub"), output_index=0),
        turn_event("completed", "sub", turn=turn("completed", "sub", subagent_id="helper"), usage=USAGE),
    ]
    service.events = [session_event("created"), *begun(), *sub, *answered()[2:]]
    list(create(sessions, stream=True))

    assert "from a helper" not in telemetry.one(NAME).to_json()
    assert telemetry.attributes(NAME)[attr.USAGE_OUTPUT_TOKENS] == 7


# --- failures and early ends --------------------------------------------------------------------------------
def test_a_turn_that_fails_is_an_error(sessions: Any, service: Service, telemetry: Telemetry) -> None:
    error = {"code": "rate_limit_exceeded", "message": "Too much"}
    failed = turn_event("failed", turn=turn("failed", error=error), usage=USAGE)
    service.events = [session_event("created"), *begun(), failed]
    list(create(sessions, stream=True))

    span = telemetry.one(NAME)
    assert (span.status.status_code.name, span.status.description) == ("ERROR", "Too much")
    found = dict(span.attributes or {})
    assert found[attr.ERROR_TYPE] == "rate_limit_exceeded"
    assert found[attr.RESPONSE_FINISH_REASONS] == ("error",)
    assert found[attr.USAGE_INPUT_TOKENS] == 30


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"type": "error", "session_id": SESSION_ID, "error": {"code": "sandbox_error"}}, "sandbox_error"),
        (session_event("failed", status="failed", error="Broken"), "_OTHER"),
    ],
)
def test_a_session_that_fails_fails_its_turn(
    sessions: Any, service: Service, telemetry: Telemetry, event: dict[str, Any], kind: str
) -> None:
    service.events = [session_event("created"), *begun(), event]
    list(create(sessions, stream=True))

    assert telemetry.attributes(NAME)[attr.ERROR_TYPE] == kind
    assert telemetry.attributes(NAME)[attr.RESPONSE_FINISH_REASONS] == ("error",)


def test_a_turn_that_waits_for_the_caller_says_so(
    sessions: Any, service: Service, telemetry: Telemetry
) -> None:
    action = {"type": "function_call", "name": "f", "call_id": "c", "turn_id": "turn_1", "arguments": {}}
    call = {"id": "i", "type": "function_call", "name": "f", "call_id": "c", "turn_id": "turn_1"}
    service.events = [
        session_event("created"),
        *begun(),
        turn_event(
            "item.done", item={**call, "arguments": {"a": 1}, "status": "in_progress"}, output_index=0
        ),
        session_event("requires_action", status="requires_action", required_actions=[action]),
    ]
    list(create(sessions, stream=True))

    found = telemetry.attributes(NAME)
    assert found[attr.RESPONSE_FINISH_REASONS] == ("tool_calls",)
    (part,) = json.loads(found[attr.OUTPUT_MESSAGES])[0]["parts"]
    assert (part["type"], part["name"], part["arguments"]) == ("tool_call", "f", {"a": 1})


def test_a_stream_left_early_has_the_text_so_far(sessions: Any, telemetry: Telemetry) -> None:
    with sessions.events.stream(SESSION_ID) as stream:
        submit(sessions)
        for event in stream:
            if event.type.endswith("output_text.delta"):
                break
    submit(sessions)

    cut, submitted = telemetry.spans
    assert json.loads(str((cut.attributes or {})[attr.OUTPUT_MESSAGES]))[0]["parts"][0]["content"] == "It"
    assert attr.OUTPUT_MESSAGES not in (submitted.attributes or {})
    assert {span.status.status_code.name for span in telemetry.spans} == {"UNSET"}


@pytest.mark.parametrize("created", [True, False])
def test_a_stream_that_is_dropped_is_marked(sessions: Any, telemetry: Telemetry, created: bool) -> None:
    stream = create(sessions, stream=True) if created else sessions.events.stream(SESSION_ID)
    if not created:
        submit(sessions)
    next(iter(stream))
    del stream
    gc.collect()

    (span,) = telemetry.spans
    assert [event.name for event in span.events] == [ABANDONED]


def test_a_refused_submission_is_an_error(sessions: Any, service: Service, telemetry: Telemetry) -> None:
    def refusing(request: Any) -> Any:
        return httpx2.Response(409, json={"error": {"message": "SECRET", "code": "conflict"}})

    with sessions.events.stream(SESSION_ID) as stream:
        sessions._client._client._transport.handler = refusing
        with pytest.raises(openai.ConflictError):
            submit(sessions)
        assert telemetry.attributes(UNNAMED)[attr.ERROR_TYPE] == "openai.ConflictError"
        list(stream)

    assert len(telemetry.spans) == 1


def test_without_content_nothing_that_was_said_is_recorded(
    sessions: Any, service: Service, telemetry_without_content: Telemetry
) -> None:
    error = {"code": "server_error", "message": "SECRET"}
    failed = turn_event("failed", turn=turn("failed", error=error))
    for events in (answered("SECRET"), [*begun(), failed], [session_event("failed", error="SECRET")]):
        service.events = events
        with sessions.events.stream(SESSION_ID) as stream:
            submit(sessions, "SECRET")
            list(stream)

    assert len(telemetry_without_content.spans) == 3
    assert not [span for span in telemetry_without_content.spans if "SECRET" in span.to_json()]


def test_raw_answers_are_the_callers(sessions: Any, telemetry: Telemetry) -> None:
    raw = sessions.with_raw_response.create(environment=ENVIRONMENT, agent_id=AGENT_ID, input="Hello")

    assert telemetry.attributes(NAME)[attr.CONVERSATION_ID] == raw.parse().id


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (agents_sessions, "AgentTurn"),
        (agents_sessions, "watched"),
        (agents_sessions.SessionFollower, "event"),
        (agents_sessions.SessionFollower, "follow"),
        (agents_sessions.SessionFollower, "stop"),
        (agents_turn.AgentTurn, "chunk"),
        (agents_turn.AgentTurn, "finish"),
        (agents_turn, "identify"),
        (agents_turn, "record_output"),
        (agents_turn.usage, "attributes_of"),
        (None, "start"),
        (None, "content"),
        (None, "answer"),
        (None, "exchange"),
    ],
)
def test_a_fault_of_ours_is_no_difference_to_the_caller(
    sessions: Any, service: Service, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    def fault(*args: Any, **kwargs: Any) -> Any:
        raise ZeroDivisionError("ours")

    def find(method: Any, url: Any) -> Any:
        found = known(method, url)
        return found and (replace(found[0], **{name: fault}), *found[1:])

    known = endpoints.find
    if owner is None:
        monkeypatch.setattr(endpoints, "find", find)
    else:
        monkeypatch.setattr(owner, name, fault)
    with Telemetry(capture_content=True):
        _guard.reset(raise_errors=False)
        try:
            with sessions.stream(SESSION_ID, input="Are you open?") as stream:
                told = stream.get_final_result().output_text
            service.events.insert(0, session_event("created"))
            created = create(sessions, stream=True).get_final_result().output_text
        finally:
            _guard.reset(raise_errors=True)

    assert (told, created) == ("It is open", "It is open")


# --- async --------------------------------------------------------------------------------------------------
async def test_async_sessions(async_sessions: Any, telemetry: Telemetry) -> None:
    async with async_sessions.stream(SESSION_ID, input="Are you open?") as stream:
        await stream.until_done()
    created = await async_sessions.create(
        environment=ENVIRONMENT, agent_id=AGENT_ID, input="Are you open?", stream=True
    )
    async for _ in created:
        pass

    assert [span.name for span in telemetry.spans] == [NAME, NAME]
    assert [(span.attributes or {})[attr.USAGE_OUTPUT_TOKENS] for span in telemetry.spans] == [7, 7]
