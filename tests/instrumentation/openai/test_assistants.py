from __future__ import annotations

import gc
import json
from dataclasses import replace
from typing import Any

import openai
import pytest

from genai_otel import _guard
from genai_otel.conventions import attributes as attr
from genai_otel.instrumentation.openai import assistants, endpoints
from tests.telemetry_capture import Telemetry

from .sdk import since

pytestmark = [since(1, 21), pytest.mark.filterwarnings("ignore::DeprecationWarning")]
MODEL = "gpt-4o-mini"
NAME = "invoke_agent"
TOOL: Any = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}},
}


@pytest.fixture
def assistant(client: openai.OpenAI) -> str:
    return client.beta.assistants.create(model=MODEL, name="Bob", instructions="Be kind").id


@pytest.fixture
def thread(client: openai.OpenAI) -> str:
    return client.beta.threads.create(messages=[{"role": "user", "content": "Hello"}]).id


def mock(line: str) -> dict[str, Any]:
    return {"extra_headers": {"x-mock": line}}


def run(client: openai.OpenAI, assistant: str, thread: str, **more: Any) -> list[Any]:
    return list(
        client.beta.threads.runs.create(thread_id=thread, assistant_id=assistant, stream=True, **more)
    )


def test_a_streamed_run_is_a_remote_agent_with_registered_attributes_only(
    client: openai.OpenAI, assistant: str, thread: str, telemetry_without_content: Telemetry
) -> None:
    events = run(client, assistant, thread, temperature=0.5, instructions="SECRET")
    done = next(event.data for event in events if event.event == "thread.run.completed")

    span = telemetry_without_content.one(NAME)
    assert span.kind.name == "CLIENT"
    assert span.status.status_code.name == "UNSET"
    assert dict(span.attributes or {}) == {
        attr.OPERATION_NAME: "invoke_agent",
        attr.PROVIDER_NAME: "openai",
        attr.SERVER_ADDRESS: "127.0.0.1",
        attr.SERVER_PORT: client.base_url.port,
        attr.AGENT_ID: assistant,
        attr.CONVERSATION_ID: thread,
        attr.REQUEST_TEMPERATURE: 0.5,
        attr.USAGE_INPUT_TOKENS: done.usage.prompt_tokens,
        attr.USAGE_OUTPUT_TOKENS: done.usage.completion_tokens,
        attr.RESPONSE_FINISH_REASONS: ("stop",),
    }
    assert set(telemetry_without_content.metrics()) == {"gen_ai.client.operation.duration"}


def test_what_was_said_is_one_message(
    client: openai.OpenAI, assistant: str, thread: str, telemetry: Telemetry
) -> None:
    more: Any = {
        "additional_messages": [{"role": "user", "content": "And you?"}],
        "instructions": "Be brief",
        "additional_instructions": "Very",
    }
    run(client, assistant, thread, tools=[TOOL], tool_choice="none", **more, **mock("text=Fine, thanks"))

    found = telemetry.attributes(NAME)
    (asked,) = json.loads(found[attr.INPUT_MESSAGES])
    assert asked == {"role": "user", "parts": [{"type": "text", "content": "And you?"}]}
    assert [part["content"] for part in json.loads(found[attr.SYSTEM_INSTRUCTIONS])] == ["Be brief", "Very"]
    assert json.loads(found[attr.TOOL_DEFINITIONS])[0]["name"] == "weather"
    (answered,) = json.loads(found[attr.OUTPUT_MESSAGES])
    assert answered["parts"] == [{"type": "text", "content": "Fine, thanks"}]
    assert answered["finish_reason"] == "stop"


def test_the_streaming_helper_is_one_span(
    client: openai.OpenAI, assistant: str, thread: str, telemetry: Telemetry
) -> None:
    with client.beta.threads.runs.stream(thread_id=thread, assistant_id=assistant) as stream:
        assert "".join(stream.text_deltas)

    assert telemetry.attributes(NAME)[attr.USAGE_OUTPUT_TOKENS] > 0


def test_a_thread_created_for_the_run_is_its_conversation(
    client: openai.OpenAI, assistant: str, telemetry: Telemetry
) -> None:
    thread: Any = {"messages": [{"role": "user", "content": "Hello"}]}
    made = client.beta.threads.create_and_run(assistant_id=assistant, thread=thread)
    with client.beta.threads.create_and_run_stream(assistant_id=assistant, thread=thread) as stream:
        stream.until_done()

    created, streamed = (dict(span.attributes or {}) for span in telemetry.spans)
    assert created[attr.CONVERSATION_ID] == made.thread_id
    assert streamed[attr.CONVERSATION_ID] not in (None, made.thread_id)
    assert json.loads(created[attr.INPUT_MESSAGES]) == json.loads(streamed[attr.INPUT_MESSAGES])


@since(1, 23)
def test_a_run_that_is_polled_has_one_span_without_usage(
    client: openai.OpenAI, assistant: str, thread: str, telemetry: Telemetry
) -> None:
    done = client.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=assistant)

    assert done.usage is not None
    found = telemetry.attributes(NAME)  # the only span
    assert found[attr.AGENT_ID] == assistant
    assert attr.USAGE_INPUT_TOKENS not in found
    assert attr.RESPONSE_FINISH_REASONS not in found


def test_looking_after_runs_makes_no_spans(
    client: openai.OpenAI, assistant: str, thread: str, telemetry: Telemetry
) -> None:
    made = client.beta.threads.runs.create(thread_id=thread, assistant_id=assistant)
    telemetry.exporter.clear()
    client.beta.threads.runs.retrieve(made.id, thread_id=thread)
    list(client.beta.threads.runs.list(thread))
    client.beta.threads.runs.cancel(made.id, thread_id=thread)
    client.beta.threads.messages.create(thread, role="user", content="Hello")

    assert not telemetry.spans


def test_a_run_that_waits_for_tools_goes_on_in_a_span_of_its_own(
    client: openai.OpenAI, assistant: str, thread: str, telemetry: Telemetry
) -> None:
    events = run(client, assistant, thread, tools=[TOOL], **mock("tool=weather"))
    waiting = next(event.data for event in events if event.event == "thread.run.requires_action")
    (call,) = waiting.required_action.submit_tool_outputs.tool_calls
    outputs: Any = [{"tool_call_id": call.id, "output": "Sunny"}]
    with client.beta.threads.runs.submit_tool_outputs_stream(
        run_id=waiting.id, thread_id=thread, tool_outputs=outputs
    ) as stream:
        stream.until_done()

    first, second = (dict(span.attributes or {}) for span in telemetry.spans)
    assert first[attr.RESPONSE_FINISH_REASONS] == ("tool_calls",)
    (part,) = json.loads(first[attr.OUTPUT_MESSAGES])[0]["parts"]
    assert (part["type"], part["name"], part["id"]) == ("tool_call", "weather", call.id)
    assert second[attr.AGENT_ID] == assistant
    assert second[attr.RESPONSE_FINISH_REASONS] == ("stop",)
    (given,) = json.loads(second[attr.INPUT_MESSAGES])
    assert given["parts"] == [{"type": "tool_call_response", "id": call.id, "response": "Sunny"}]


@pytest.mark.parametrize(("status", "kind"), [("failed", "server_error"), ("expired", "expired")])
def test_a_run_that_fails_is_an_error(
    client: openai.OpenAI, assistant: str, thread: str, telemetry: Telemetry, status: str, kind: str
) -> None:
    run(client, assistant, thread, **mock(f"status_text={status};message=Broken"))

    span = telemetry.one(NAME)
    assert span.status.status_code.name == "ERROR"
    found = dict(span.attributes or {})
    assert found[attr.ERROR_TYPE] == kind
    assert found[attr.RESPONSE_FINISH_REASONS] == ("error",)
    assert found[attr.USAGE_INPUT_TOKENS] > 0


def test_a_run_that_was_cancelled_is_no_error(
    client: openai.OpenAI, assistant: str, thread: str, telemetry: Telemetry
) -> None:
    run(client, assistant, thread, **mock("status_text=cancelled"))

    assert telemetry.one(NAME).status.status_code.name == "UNSET"


def test_an_incomplete_run_says_why(client: openai.OpenAI, telemetry: Telemetry) -> None:
    details = {"reason": "max_completion_tokens"}
    assert assistants._reason("incomplete", {"incomplete_details": details}) == "length"
    assert assistants._reason("incomplete", {"incomplete_details": {"reason": "other"}}) == "other"
    assert assistants._reason("queued", {}) is None


def test_a_refused_request_is_an_error(client: openai.OpenAI, thread: str, telemetry: Telemetry) -> None:
    with pytest.raises(openai.NotFoundError):
        run(client, "asst_unknown", thread)

    assert telemetry.attributes(NAME)[attr.ERROR_TYPE] == "openai.NotFoundError"


def test_a_stream_left_early_has_the_text_so_far(
    client: openai.OpenAI, assistant: str, thread: str, telemetry: Telemetry
) -> None:
    line = mock("text=one two three four;chunks=4")
    stream = client.beta.threads.runs.create(thread_id=thread, assistant_id=assistant, stream=True, **line)
    for event in stream:
        if event.event == "thread.message.delta":
            break
    stream.close()

    found = telemetry.attributes(NAME)
    assert json.loads(found[attr.OUTPUT_MESSAGES])[0]["parts"][0]["content"].startswith("one")
    assert attr.USAGE_INPUT_TOKENS not in found


def test_a_stream_that_is_dropped_is_marked(
    client: openai.OpenAI, assistant: str, thread: str, telemetry: Telemetry
) -> None:
    stream = client.beta.threads.runs.create(thread_id=thread, assistant_id=assistant, stream=True)
    next(iter(stream))
    del stream
    gc.collect()

    assert [event.name for event in telemetry.one(NAME).events] == ["genai_otel.stream.abandoned"]


def test_a_raw_answer_is_read_from_memory(
    client: openai.OpenAI, assistant: str, thread: str, telemetry: Telemetry
) -> None:
    client.beta.threads.runs.with_raw_response.create(
        thread_id=thread, assistant_id=assistant, **mock("status_text=failed")
    )

    assert telemetry.attributes(NAME)[attr.CONVERSATION_ID] == thread


def test_without_content_nothing_that_was_said_is_recorded(
    client: openai.OpenAI, assistant: str, thread: str, telemetry_without_content: Telemetry
) -> None:
    run(client, assistant, thread, instructions="SECRET", **mock("text=SECRET"))
    run(client, assistant, thread, **mock("status_text=failed;message=SECRET"))
    client.beta.threads.create_and_run(
        assistant_id=assistant, thread={"messages": [{"role": "user", "content": "SECRET"}]}
    )

    assert len(telemetry_without_content.spans) == 3
    assert not [span for span in telemetry_without_content.spans if "SECRET" in span.to_json()]


@pytest.mark.parametrize("site", ["start", "content", "answer", "observe", "_record_state", "_record_output"])
def test_a_fault_of_ours_is_no_difference_to_the_caller(
    client: openai.OpenAI, assistant: str, thread: str, monkeypatch: pytest.MonkeyPatch, site: str
) -> None:
    def fault(*args: Any, **kwargs: Any) -> Any:
        raise ZeroDivisionError("ours")

    def find(method: Any, url: Any) -> Any:
        found = known(method, url)
        return found and (replace(found[0], **{site: fault}), *found[1:])

    bare = [event.event for event in run(client, assistant, thread)]
    known = endpoints.find
    if hasattr(assistants.RUN, site):
        monkeypatch.setattr(endpoints, "find", find)
    else:
        monkeypatch.setattr(assistants, site, fault)
    with Telemetry(capture_content=True) as telemetry:
        _guard.reset(raise_errors=False)
        try:
            found = [event.event for event in run(client, assistant, thread)]
            made = client.beta.threads.runs.create(thread_id=thread, assistant_id=assistant)
        finally:
            _guard.reset(raise_errors=True)

        assert found == bare
        assert made.status == "queued"
        gc.collect()
        assert len(telemetry.spans) == 2


async def test_async_runs(
    client: openai.OpenAI,
    async_client: openai.AsyncOpenAI,
    assistant: str,
    thread: str,
    telemetry: Telemetry,
) -> None:
    async with async_client.beta.threads.runs.stream(thread_id=thread, assistant_id=assistant) as stream:
        await stream.until_done()
    await async_client.beta.threads.runs.create(thread_id=thread, assistant_id=assistant)

    streamed, created = (dict(span.attributes or {}) for span in telemetry.spans)
    assert streamed[attr.USAGE_OUTPUT_TOKENS] > 0
    assert json.loads(streamed[attr.OUTPUT_MESSAGES])[0]["parts"]
    assert attr.USAGE_OUTPUT_TOKENS not in created
