from __future__ import annotations

import asyncio
import gc
import json
import time
import tracemalloc
from typing import Any

import openai
import pytest
from openai._models import construct_type

pytest.importorskip("openai.types.responses", reason="this SDK has no Responses API")

from openai.types.responses import ResponseStreamEvent

from genai_otel import _runtime, _settings
from genai_otel.conventions import attributes as attr
from genai_otel.conventions import events
from genai_otel.conventions.span_types import RULES
from genai_otel.instrumentation.openai.responses_partial import PartialOutput
from genai_otel.instrumentation.openai.responses_stream import ResponseStream
from genai_otel.telemetry.operation import begin
from tests.telemetry_capture import Telemetry

MODEL = "gpt-4o-mini"
NAME = f"chat {MODEL}"
TOOL: Any = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}


def behave(line: str) -> dict[str, str]:
    return {"x-mock": line}


def said(found: dict[str, Any]) -> list[dict[str, Any]]:
    (message,) = json.loads(found[attr.OUTPUT_MESSAGES])
    return message["parts"]  # type: ignore[no-any-return]


# --- complete streams -------------------------------------------------------------------------------------
def test_a_stream_records_what_the_plain_call_records(client: openai.OpenAI, telemetry: Telemetry) -> None:
    plain = client.responses.create(model=MODEL, input="Hello", tools=[TOOL], reasoning={"effort": "low"})
    stream = client.responses.create(
        model=MODEL, input="Hello", tools=[TOOL], reasoning={"effort": "low"}, stream=True
    )
    assert type(stream) is openai.Stream
    for _ in stream:
        pass

    whole, streamed = (dict(span.attributes or {}) for span in telemetry.spans)
    assert streamed.pop(attr.REQUEST_STREAM) is True
    assert streamed.pop(attr.TIME_TO_FIRST_CHUNK) > 0
    assert streamed.pop(attr.RESPONSE_ID) != whole.pop(attr.RESPONSE_ID) == plain.id
    assert streamed.keys() == whole.keys()
    contents = (attr.OUTPUT_MESSAGES,)  # which carry ids
    assert {key: value for key, value in streamed.items() if key not in contents} == {
        key: value for key, value in whole.items() if key not in contents
    }


def test_the_first_chunk_is_the_first_with_content(client: openai.OpenAI, telemetry: Telemetry) -> None:
    stream = client.responses.create(
        model=MODEL, input="Hello", stream=True, extra_headers=behave("chunk_delay=0.05;chunks=3")
    )
    begun = time.perf_counter()
    came = {}
    for event in stream:
        came.setdefault(event.type, time.perf_counter() - begun)

    first = telemetry.attributes(NAME)[attr.TIME_TO_FIRST_CHUNK]
    assert first >= came["response.content_part.added"]
    assert first == pytest.approx(came["response.output_text.delta"], abs=0.05)
    (gaps,) = telemetry.metrics()["gen_ai.client.operation.time_per_output_chunk"]
    assert gaps.count == 2
    assert gaps.sum == pytest.approx(0.1, abs=0.08)


def test_the_span_ends_with_the_terminal_event_and_later_ends_change_nothing(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    stream = client.responses.create(model=MODEL, input="Hello", stream=True)
    for event in stream:
        if event.type == "response.completed":
            break
    assert telemetry.one(NAME).attributes
    stream.close()
    del stream
    gc.collect()

    span = telemetry.one(NAME)
    assert not span.events
    assert span.status.status_code.name == "UNSET"


def test_helpers_are_one_span(client: openai.OpenAI, telemetry: Telemetry) -> None:
    with client.responses.stream(model=MODEL, input="Hello") as stream:
        final = stream.get_final_response()

    found = telemetry.attributes(NAME)
    assert found[attr.RESPONSE_ID] == final.id
    assert said(found)[0]["content"] == final.output_text


async def test_async_streams_and_helpers(async_client: openai.AsyncOpenAI, telemetry: Telemetry) -> None:
    async for _ in await async_client.responses.create(model=MODEL, input="Hello", stream=True):
        pass
    async with async_client.responses.stream(model=MODEL, input="Hello") as helper:
        await helper.get_final_response()
    raw = await async_client.responses.with_raw_response.create(model=MODEL, input="Hello", stream=True)
    async for _ in raw.parse():
        pass

    assert [span.name for span in telemetry.spans] == [NAME] * 3
    for span in telemetry.spans:
        found = dict(span.attributes or {})
        assert found[attr.RESPONSE_FINISH_REASONS] == ("stop",)
        assert found[attr.USAGE_OUTPUT_TOKENS] > 0
        assert said(found)


def test_a_raw_stream_is_watched_when_it_is_parsed(client: openai.OpenAI, telemetry: Telemetry) -> None:
    raw = client.responses.with_raw_response.create(model=MODEL, input="Hello", stream=True)
    assert not telemetry.spans
    list(raw.parse())

    assert telemetry.attributes(NAME)[attr.RESPONSE_FINISH_REASONS] == ("stop",)


def test_a_streaming_response_read_as_lines_is_a_span_without_answer(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    with client.responses.with_streaming_response.create(model=MODEL, input="Hello", stream=True) as response:
        assert any("response.completed" in line for line in response.iter_lines())

    found = telemetry.attributes(NAME)
    assert attr.RESPONSE_ID not in found
    assert attr.INPUT_MESSAGES in found


# --- streams that end otherwise ---------------------------------------------------------------------------
@pytest.mark.parametrize("how", ["close", "with", "response"])
def test_closing_early_keeps_ids_and_text_and_is_no_error(
    how: str, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    stream = client.responses.create(model=MODEL, input="Hello", stream=True)
    text = ""
    for event in stream:
        if event.type == "response.output_text.delta":
            text += event.delta
            if text.count(" ") > 2:
                break
    if how == "with":
        with stream:
            pass
    else:
        (stream if how == "close" else stream.response).close()

    span = telemetry.one(NAME)
    found = dict(span.attributes or {})
    assert span.status.status_code.name == "UNSET"
    assert not span.events
    assert found[attr.RESPONSE_ID] == "resp_00000001"
    assert found[attr.RESPONSE_MODEL] == f"{MODEL}-2024-07-18"
    assert said(found) == [{"type": "text", "content": text}]
    assert attr.RESPONSE_FINISH_REASONS not in found
    assert attr.USAGE_OUTPUT_TOKENS not in found


def test_a_helper_left_early_is_no_error(client: openai.OpenAI, telemetry: Telemetry) -> None:
    with client.responses.stream(model=MODEL, input="Hello") as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                break

    found = telemetry.attributes(NAME)
    assert said(found)[0]["content"]
    assert attr.ERROR_TYPE not in found


def test_an_abandoned_stream_is_marked(client: openai.OpenAI, telemetry: Telemetry) -> None:
    stream = client.responses.create(model=MODEL, input="Hello", stream=True)
    next(iter(stream))
    del stream
    gc.collect()

    span = telemetry.one(NAME)
    assert [event.name for event in span.events] == [events.STREAM_ABANDONED]
    assert span.status.status_code.name == "UNSET"


def test_the_callers_own_exception_is_not_the_calls(client: openai.OpenAI, telemetry: Telemetry) -> None:
    with pytest.raises(KeyError), client.responses.create(model=MODEL, input="Hello", stream=True) as stream:
        for _ in stream:
            raise KeyError

    assert telemetry.one(NAME).status.status_code.name == "UNSET"


def test_a_connection_that_breaks_is_an_error_and_keeps_the_text(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    text = ""
    with pytest.raises(Exception, match=r".") as caught:  # of the HTTP library, in older SDKs
        for event in client.responses.create(
            model=MODEL, input="Hello", stream=True, extra_headers=behave("abort_after=7")
        ):
            text += event.delta if event.type == "response.output_text.delta" else ""

    span = telemetry.one(NAME)
    found = dict(span.attributes or {})
    assert span.status.status_code.name == "ERROR"
    assert found[attr.ERROR_TYPE] == f"{caught.type.__module__}.{caught.type.__name__}"
    assert found[attr.RESPONSE_FINISH_REASONS] == ("error",)
    assert said(found) == [{"type": "text", "content": text}]


@pytest.mark.parametrize("nested", ["", ";error_nested"])
def test_an_error_in_the_stream_is_an_error(nested: str, client: openai.OpenAI) -> None:
    line = f"error_after=6;code=server_error;message=Echo of SECRET{nested}"
    with Telemetry() as telemetry:
        try:
            for _ in client.responses.create(
                model=MODEL, input="Hello", stream=True, extra_headers=behave(line)
            ):
                pass
        except openai.APIError:
            assert nested

        span = telemetry.one(NAME)
        found = dict(span.attributes or {})
        assert span.status.status_code.name == "ERROR"
        assert found[attr.ERROR_TYPE] == ("openai.APIError" if nested else "server_error")
        assert found[attr.RESPONSE_FINISH_REASONS] == ("error",)
        assert found[attr.RESPONSE_ID] == "resp_00000001"
        assert "SECRET" not in span.to_json()


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        ("status_text=failed;code=server_error", "ERROR", "error"),
        ("status_text=incomplete", "UNSET", "length"),
        ("status_text=incomplete;finish=content_filter", "UNSET", "content_filter"),
    ],
)
def test_the_terminal_event_says_how_it_ended(
    line: str, status: str, reason: str, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    for _ in client.responses.create(model=MODEL, input="Hello", stream=True, extra_headers=behave(line)):
        pass

    span = telemetry.one(NAME)
    found = dict(span.attributes or {})
    assert span.status.status_code.name == status
    assert found[attr.RESPONSE_FINISH_REASONS] == (reason,)
    assert found.get(attr.ERROR_TYPE) == ("server_error" if status == "ERROR" else None)


async def test_a_cancelled_task_is_an_error(async_client: openai.AsyncOpenAI, telemetry: Telemetry) -> None:
    async def consume() -> None:
        async for _ in await async_client.responses.create(
            model=MODEL, input="Hello", stream=True, extra_headers=behave("chunk_delay=0.2")
        ):
            pass

    task = asyncio.create_task(consume())
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    span = telemetry.one(NAME)
    assert span.status.status_code.name == "ERROR"
    assert dict(span.attributes or {})[attr.ERROR_TYPE] == "asyncio.exceptions.CancelledError"


def test_every_kind_of_item_survives_an_early_end(client: openai.OpenAI, telemetry: Telemetry) -> None:
    stream = client.responses.create(
        model=MODEL, input="Hello", stream=True, extra_headers=behave("items=all;reasoning=why")
    )
    done = 0
    for event in stream:
        done += event.type == "response.output_item.done"
        if event.type == "response.output_text.delta":
            break
    stream.close()

    assert done > 20
    parts = said(telemetry.attributes(NAME))
    assert len(parts) >= done


def test_with_content_off_nothing_of_the_answer_is_recorded(
    client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    for line in (
        "text=SECRET answer",
        "text=SECRET answer;abort_after=7",
        "text=SECRET answer;error_after=7",
    ):
        try:
            for _ in client.responses.create(
                model=MODEL,
                instructions="SECRET",
                input="SECRET",
                prompt={"id": "p", "variables": {"x": "SECRET"}},
                tools=[{**TOOL, "description": "SECRET"}],
                stream=True,
                extra_headers=behave(line),
            ):
                pass
        except Exception as exc:
            assert "abort" in line, exc

    assert len(telemetry_without_content.spans) == 3
    assert not [span for span in telemetry_without_content.spans if "SECRET" in span.to_json()]


def test_content_goes_to_the_event_in_event_mode(client: openai.OpenAI) -> None:
    with Telemetry(capture_content="event_only") as telemetry:
        for _ in client.responses.create(model=MODEL, input="Hello", stream=True):
            pass

        assert attr.OUTPUT_MESSAGES not in telemetry.attributes(NAME)
        (event,) = telemetry.events
        assert event.attributes[attr.OUTPUT_MESSAGES][0]["role"] == "assistant"


# --- the observer alone -----------------------------------------------------------------------------------
def typed(**fields: Any) -> Any:
    return construct_type(type_=ResponseStreamEvent, value=fields)  # type: ignore[arg-type]


def observed(telemetry: Telemetry, *stream: Any) -> dict[str, Any]:
    """The attributes after these events and an early end."""
    _, op = begin(RULES["LLM"], _settings.current(), "chat", {}, _runtime.current())
    assert op is not None
    observer = ResponseStream(op, time.perf_counter())
    for event in stream:
        observer.chunk(event)
    observer.finish()
    op.finish()
    found = telemetry.attributes()
    telemetry.exporter.clear()
    return found


PLACE = {"output_index": 0, "item_id": "x"}


@pytest.mark.parametrize("as_dict", [False, True])
@pytest.mark.parametrize(
    ("kind", "more", "part"),
    [
        ("response.output_text.delta", {"content_index": 0}, {"type": "text", "content": "ab"}),
        ("response.refusal.delta", {"content_index": 0}, {"type": "refusal", "content": "ab"}),
        ("response.audio.transcript.delta", {}, {"type": "text", "content": "ab"}),
        (
            "response.reasoning_summary_text.delta",
            {"summary_index": 0},
            {"type": "reasoning", "content": "ab"},
        ),
        ("response.reasoning_text.delta", {"content_index": 0}, {"type": "reasoning", "content": "ab"}),
        ("response.function_call_arguments.delta", {}, {"type": "tool_call", "arguments": "ab"}),
        ("response.custom_tool_call_input.delta", {}, {"type": "tool_call", "arguments": {"input": "ab"}}),
        ("response.mcp_call_arguments.delta", {}, {"type": "server_tool_call"}),
        ("response.code_interpreter_call_code.delta", {}, {"type": "server_tool_call"}),
    ],
)
def test_deltas_of_every_kind_are_put_together(
    kind: str, more: dict[str, Any], part: dict[str, Any], as_dict: bool, telemetry: Telemetry
) -> None:
    make = dict if as_dict else typed
    stream = [make(type=kind, delta=piece, **PLACE, **more) for piece in ("a", "", "b")]
    found = observed(telemetry, *stream)

    (recorded,) = said(found)
    assert {key: recorded.get(key) for key in part} == part
    assert attr.TIME_TO_FIRST_CHUNK in found


def test_names_and_ids_of_a_call_are_kept(telemetry: Telemetry) -> None:
    item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": ""}
    found = observed(
        telemetry,
        typed(type="response.output_item.added", output_index=0, item=item),
        typed(type="response.function_call_arguments.delta", delta='{"city": "Ro', **PLACE),
    )

    (part,) = said(found)
    assert (part["name"], part["id"], part["arguments"]) == ("weather", "call_1", '{"city": "Ro')


def test_an_item_that_was_only_begun_is_left_out_unless_it_is_a_call_of_the_provider(
    telemetry: Telemetry,
) -> None:
    message = typed(
        type="response.output_item.added", output_index=0, item={"type": "message", "role": "assistant"}
    )
    search = typed(
        type="response.output_item.added", output_index=1, item={"type": "web_search_call", "id": "ws_1"}
    )

    assert attr.OUTPUT_MESSAGES not in observed(telemetry, message)
    assert [part["type"] for part in said(observed(telemetry, message, search))] == ["server_tool_call"]


def test_items_keep_their_order_and_finished_ones_their_whole_text(telemetry: Telemetry) -> None:
    whole = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "first"}]}
    found = observed(
        telemetry,
        typed(type="response.output_text.delta", delta="secon", output_index=1, content_index=0),
        typed(type="response.output_text.delta", delta="fir", output_index=0, content_index=0),
        typed(type="response.output_item.done", output_index=0, item=whole),
    )

    assert [part["content"] for part in said(found)] == ["first", "secon"]


def test_kinds_of_delta_newer_than_this_count_as_content(telemetry: Telemetry) -> None:
    found = observed(telemetry, {"type": "response.smell.delta", "delta": "roses"})

    assert attr.TIME_TO_FIRST_CHUNK in found
    assert attr.OUTPUT_MESSAGES not in found


@pytest.mark.parametrize(
    "event",
    [None, 7, "text", {}, {"type": None}, {"type": ["x"]}, {"type": "response.completed"}, {"type": "error"}]
    + [
        {"type": kind}
        for kind in ("response.created", "response.output_item.added", "response.output_text.delta")
    ]
    + [
        {"type": "response.output_text.delta", "delta": {"a": 1}},
        {"type": "response.created", "response": "x"},
    ],
)
def test_odd_events_are_survived(event: Any, telemetry: Telemetry) -> None:
    observed(telemetry, event)


def test_nothing_after_the_terminal_event_counts(telemetry: Telemetry) -> None:
    found = observed(
        telemetry,
        typed(type="response.completed", response={"id": "r", "status": "completed", "output": []}),
        typed(type="response.output_text.delta", delta="late", **PLACE, content_index=0),
        typed(type="error", code="server_error", message="late"),
    )

    assert found[attr.RESPONSE_FINISH_REASONS] == ("stop",)
    assert attr.ERROR_TYPE not in found
    assert attr.OUTPUT_MESSAGES not in found


def test_a_long_stream_takes_no_memory_with_content_off(telemetry_without_content: Telemetry) -> None:
    _, op = begin(RULES["LLM"], _settings.current(), "chat", {}, _runtime.current())
    assert op is not None
    observer = ResponseStream(op, time.perf_counter())
    delta = typed(type="response.output_text.delta", delta="some text", **PLACE, content_index=0)
    tracemalloc.start()
    try:
        for _ in range(5_000):
            observer.chunk(delta)
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(50_000):
            observer.chunk(delta)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    observer.finish()
    op.finish()

    assert grown < 60_000  # the timer's buffer, full or empty
    (gaps,) = telemetry_without_content.metrics()["gen_ai.client.operation.time_per_output_chunk"]
    assert gaps.count == 54_999


def test_finished_items_give_back_the_memory_of_their_pieces() -> None:
    output = PartialOutput()
    for index in range(100):
        delta = {"type": "response.output_text.delta", "output_index": index, "content_index": 0}
        for _ in range(100):
            output.add("response.output_text.delta", delta, "text")
        output.closed({"output_index": index, "item": {"type": "message"}})

    assert not output._pieces
