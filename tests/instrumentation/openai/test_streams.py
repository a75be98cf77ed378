"""What becomes of a stream's span, whatever its caller does with the stream."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import textwrap
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan

from genai_otel.conventions import attributes as attr
from genai_otel.conventions.events import STREAM_ABANDONED
from genai_otel.testing.server import OpenAIServer
from tests.telemetry_capture import Telemetry

MODEL = "gpt-4o-mini"
NAME = f"chat {MODEL}"
MESSAGES: list[Any] = [{"role": "user", "content": "What is the capital of France?"}]
ANSWER = "Here is a short answer about capital, France."
APIS = ("chat", "responses")


def start(client: Any, api: str = "chat", mock: str = "") -> Any:
    """Begin a stream; with an async client, return the coroutine that does."""
    headers = {"x-mock": mock} if mock else None
    if api == "chat":
        return client.chat.completions.create(
            model=MODEL, messages=MESSAGES, stream=True, extra_headers=headers
        )
    return client.responses.create(
        model=MODEL, input=MESSAGES[0]["content"], stream=True, extra_headers=headers
    )


def read(stream: Any, count: int) -> None:
    """Read the first chunks by a loop that is left."""
    for number, _ in enumerate(stream, 1):
        if number == count:
            break


async def aread(stream: Any, count: int) -> None:
    number = 0
    async for _ in stream:
        number += 1
        if number == count:
            break


ENOUGH = {"chat": 4, "responses": 7}  # chunks until some text has come


def events_of(span: ReadableSpan) -> list[str]:
    return [event.name for event in span.events]


def said(span: ReadableSpan) -> str:
    messages = json.loads(str((span.attributes or {}).get(attr.OUTPUT_MESSAGES, "[]")))
    return "".join(part.get("content", "") for message in messages for part in message["parts"])


def check_complete(telemetry: Telemetry) -> None:
    """The stream was read to its end."""
    span = telemetry.one(NAME)
    assert (span.status.status_code.name, events_of(span)) == ("UNSET", [])
    assert said(span) == ANSWER
    assert (span.attributes or {})[attr.RESPONSE_FINISH_REASONS] == ("stop",)
    assert attr.ERROR_TYPE not in (span.attributes or {})


def check_partial(telemetry: Telemetry, *, abandoned: bool = False, text: bool = True) -> None:
    """The stream was left early: no error, and what came is recorded."""
    span = telemetry.one(NAME)
    assert (span.status.status_code.name, span.status.description) == ("UNSET", None)
    assert events_of(span) == ([STREAM_ABANDONED] if abandoned else [])
    found = span.attributes or {}
    assert attr.ERROR_TYPE not in found and attr.RESPONSE_FINISH_REASONS not in found
    if text:
        assert said(span) and ANSWER.startswith(said(span)) and said(span) != ANSWER
        assert found[attr.RESPONSE_ID] and found[attr.RESPONSE_MODEL] == "gpt-4o-mini-2024-07-18"
        assert found[attr.TIME_TO_FIRST_CHUNK] > 0  # type: ignore[operator]


def check_failed(telemetry: Telemetry, error_type: str, *, text: bool = True) -> None:
    """The stream failed: what came before is recorded."""
    span = telemetry.one(NAME)
    assert span.status.status_code.name == "ERROR"
    assert events_of(span) == ["exception"]
    found = span.attributes or {}
    assert found[attr.ERROR_TYPE] == error_type
    if text:
        assert ANSWER.startswith(said(span)) and said(span)
        assert found[attr.RESPONSE_FINISH_REASONS] == ("error",)


def is_unhooked(response: Any) -> bool:
    return not {"close", "aclose"} & set(vars(response))


@pytest.fixture(autouse=True)
def context_is_given_back() -> Iterator[None]:
    before = otel_context.get_current()
    yield
    assert otel_context.get_current() is before


def collect() -> None:
    for _ in range(3):
        gc.collect()


async def acollect() -> None:
    """Collect, and let the loop finalise what was collected."""
    for _ in range(4):
        gc.collect()
        await asyncio.sleep(0.01)


# --- read to the end ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("how", ["for", "list", "next", "break and go on", "with"])
def test_reading_to_the_end_ends_the_span(
    how: str, api: str, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    stream = start(client, api)
    assert telemetry.spans == []
    if how == "for":
        for _ in stream:
            pass
    elif how == "list":
        list(stream)
    elif how == "next":
        while next(stream, None) is not None:
            pass
    elif how == "break and go on":
        read(stream, 3)
        read(stream, 1)
        list(stream)
    else:
        with stream:
            for _ in stream:
                pass
    check_complete(telemetry)
    assert is_unhooked(stream.response)
    assert next(stream, None) is None
    stream.close()
    del stream
    collect()
    check_complete(telemetry)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("how", ["for", "anext", "break and go on", "with"])
async def test_reading_to_the_end_ends_the_span_async(
    how: str, api: str, async_client: openai.AsyncOpenAI, telemetry: Telemetry
) -> None:
    stream = await start(async_client, api)
    assert telemetry.spans == []
    if how == "for":
        async for _ in stream:
            pass
    elif how == "anext":
        with pytest.raises(StopAsyncIteration):
            while True:
                await stream.__anext__()
    elif how == "break and go on":
        await aread(stream, 3)
        async for _ in stream:
            pass
    else:
        async with stream:
            async for _ in stream:
                pass
    check_complete(telemetry)
    assert is_unhooked(stream.response)
    await stream.close()
    del stream
    await acollect()
    check_complete(telemetry)


# --- left early -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("api", APIS)
def test_a_stream_that_is_left_and_dropped_is_marked_as_abandoned(
    api: str, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    stream = start(client, api)
    response = stream.response
    read(stream, ENOUGH[api])
    assert telemetry.spans == []
    del stream
    collect()
    check_partial(telemetry, abandoned=True)
    assert is_unhooked(response)


@pytest.mark.parametrize("api", APIS)
async def test_a_stream_that_is_left_and_dropped_is_marked_as_abandoned_async(
    api: str, async_client: openai.AsyncOpenAI, telemetry: Telemetry
) -> None:
    stream = await start(async_client, api)
    response = stream.response
    await aread(stream, ENOUGH[api])
    assert telemetry.spans == []
    del stream
    await acollect()
    check_partial(telemetry, abandoned=True)
    assert is_unhooked(response)


@pytest.mark.parametrize("api", APIS)
def test_a_stream_that_is_left_and_kept_stays_open(
    api: str, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    stream = start(client, api)
    read(stream, ENOUGH[api])
    collect()
    assert telemetry.spans == []
    list(stream)
    check_complete(telemetry)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("how", ["with", "close", "response.close", "close twice"])
def test_closing_a_stream_early_ends_its_span(
    how: str, api: str, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    stream = start(client, api)
    if how == "with":
        with stream:
            read(stream, ENOUGH[api])
            assert telemetry.spans == []
    else:
        read(stream, ENOUGH[api])
        assert telemetry.spans == []
        {"response.close": stream.response.close}.get(how, stream.close)()
        if how == "close twice":
            stream.close()
    check_partial(telemetry)
    assert is_unhooked(stream.response) and stream.response.is_closed


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("how", ["with", "close", "response.aclose"])
async def test_closing_a_stream_early_ends_its_span_async(
    how: str, api: str, async_client: openai.AsyncOpenAI, telemetry: Telemetry
) -> None:
    stream = await start(async_client, api)
    if how == "with":
        async with stream:
            await aread(stream, ENOUGH[api])
            assert telemetry.spans == []
    else:
        await aread(stream, ENOUGH[api])
        assert telemetry.spans == []
        await {"response.aclose": stream.response.aclose}.get(how, stream.close)()
    check_partial(telemetry)
    assert is_unhooked(stream.response) and stream.response.is_closed


@pytest.mark.parametrize("how", ["close", "with", "drop"])
def test_a_stream_that_is_never_read_ends_its_span(
    how: str, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    stream = start(client)
    if how == "close":
        stream.close()
    elif how == "with":
        with stream:
            pass
    else:
        del stream
        collect()
    check_partial(telemetry, abandoned=how == "drop", text=False)


@pytest.mark.parametrize("how", ["close", "with", "drop"])
async def test_a_stream_that_is_never_read_ends_its_span_async(
    how: str, async_client: openai.AsyncOpenAI, telemetry: Telemetry
) -> None:
    stream = await start(async_client)
    if how == "close":
        await stream.close()
    elif how == "with":
        async with stream:
            pass
    else:
        del stream
        await acollect()
    check_partial(telemetry, abandoned=how == "drop", text=False)


def test_a_dropped_stream_whose_answer_was_complete_is_not_marked(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    stream = start(client, "responses")
    for event in stream:
        if event.type == "response.completed":
            break
    check_complete(telemetry)
    del stream, event
    collect()
    check_complete(telemetry)


def test_chunks_that_come_after_a_stream_was_closed_are_delivered_and_not_counted(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    stream = start(client)
    read(stream, ENOUGH["chat"])
    stream.close()
    late = []
    try:
        for chunk in stream:  # what the SDK had buffered
            late.append(chunk)
    except Exception:
        pass
    check_partial(telemetry)


def test_closing_from_another_thread_while_the_stream_is_read_ends_the_span_without_an_error(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    stream = start(client, mock="chunk_delay=0.2")
    reading = threading.Thread(target=_read_quietly, args=(stream,))
    reading.start()
    while not telemetry.spans:
        if (text := stream.response.num_bytes_downloaded) and text > 700:
            stream.close()
            break
    reading.join(20)
    span = telemetry.one(NAME)
    assert (span.status.status_code.name, events_of(span)) == ("UNSET", [])


def _read_quietly(stream: Any) -> None:
    try:
        for _ in stream:
            pass
    except Exception:
        pass


# --- failures -------------------------------------------------------------------------------------------------
FAILURES = [
    ("error_after=4;message=boom", openai.APIError),
    ("abort_after=4", openai.APIConnectionError),
    ("abort_after=4;chunk_delay=0.01", openai.APIConnectionError),
]


@pytest.mark.parametrize(("mock", "error"), FAILURES)
def test_a_stream_that_fails_is_an_error_that_keeps_what_came(
    mock: str, error: type[Exception], client: openai.OpenAI, telemetry: Telemetry
) -> None:
    stream = start(client, mock=mock)
    with pytest.raises(error):
        list(stream)
    check_failed(telemetry, f"openai.{error.__name__}")
    assert is_unhooked(stream.response)
    assert list(stream) == []


@pytest.mark.parametrize(("mock", "error"), FAILURES)
async def test_a_stream_that_fails_is_an_error_that_keeps_what_came_async(
    mock: str, error: type[Exception], async_client: openai.AsyncOpenAI, telemetry: Telemetry
) -> None:
    stream = await start(async_client, mock=mock)
    with pytest.raises(error):
        async for _ in stream:
            pass
    check_failed(telemetry, f"openai.{error.__name__}")
    assert is_unhooked(stream.response)
    assert [chunk async for chunk in stream] == []


def test_a_chunk_that_is_no_json_is_an_error(client: openai.OpenAI, telemetry: Telemetry) -> None:
    with pytest.raises(json.JSONDecodeError):
        list(start(client, mock="badjson"))
    check_failed(telemetry, "json.decoder.JSONDecodeError", text=False)


def test_a_timeout_between_chunks_is_an_error(client: openai.OpenAI, telemetry: Telemetry) -> None:
    stream = start(client.with_options(timeout=0.2), mock="chunk_delay=0.06;chunks=4;text=Here is a short")
    list(stream)
    telemetry.exporter.clear()
    with pytest.raises(openai.APITimeoutError):
        list(start(client.with_options(timeout=0.05), mock="chunk_delay=0.5"))
    check_failed(telemetry, "openai.APITimeoutError", text=False)


def test_a_request_for_a_stream_that_is_refused_is_still_a_stream_request(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    with pytest.raises(openai.RateLimitError):
        start(client, mock="status=429")
    check_failed(telemetry, "openai.RateLimitError", text=False)
    assert telemetry.attributes()[attr.REQUEST_STREAM] is True


@pytest.mark.parametrize("how", ["for", "with"])
def test_the_callers_own_exception_is_not_the_calls_error(
    how: str, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    with pytest.raises(ZeroDivisionError):
        if how == "with":
            with start(client) as stream:
                _fail_at(stream, 4)
        else:
            _fail_at(start(client), 4)
    collect()
    check_partial(telemetry, abandoned=how == "for")


def _fail_at(stream: Any, count: int) -> None:
    for number, _ in enumerate(stream, 1):
        if number == count:
            raise ZeroDivisionError


@pytest.mark.parametrize("how", ["for", "with"])
async def test_the_callers_own_exception_is_not_the_calls_error_async(
    how: str, async_client: openai.AsyncOpenAI, telemetry: Telemetry
) -> None:
    async def fail(stream: Any) -> None:
        await aread(stream, 4)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        if how == "with":
            async with await start(async_client) as stream:
                await fail(stream)
        else:
            await fail(await start(async_client))
    if how == "with":
        del stream
    await acollect()
    check_partial(telemetry, abandoned=how == "for")


async def test_a_task_that_is_cancelled_while_waiting_for_the_answer_is_an_error(
    async_client: openai.AsyncOpenAI, telemetry: Telemetry
) -> None:
    task = asyncio.ensure_future(start(async_client, mock="delay=5"))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    check_failed(telemetry, "asyncio.exceptions.CancelledError", text=False)


async def test_a_task_that_is_cancelled_while_reading_is_an_error_that_keeps_what_came(
    async_client: openai.AsyncOpenAI, telemetry: Telemetry
) -> None:
    seen = asyncio.Event()

    async def follow() -> None:
        number = 0
        async for _ in await start(async_client, mock="chunk_delay=0.05"):
            number += 1
            if number == 4:
                seen.set()

    task = asyncio.ensure_future(follow())
    await seen.wait()
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    check_failed(telemetry, "asyncio.exceptions.CancelledError")


async def test_a_coroutine_that_is_closed_while_waiting_did_not_fail(
    async_client: openai.AsyncOpenAI, telemetry: Telemetry
) -> None:
    coroutine = start(async_client, mock="delay=5")
    task = asyncio.ensure_future(asyncio.sleep(0))
    await task
    coroutine.send(None)
    coroutine.close()
    span = telemetry.one(NAME)
    assert (span.status.status_code.name, events_of(span)) == ("UNSET", [])


async def test_a_coroutine_that_is_never_awaited_makes_no_span(
    async_client: openai.AsyncOpenAI, telemetry: Telemetry
) -> None:
    start(async_client).close()
    assert telemetry.spans == []


def test_a_keyboard_interrupt_while_reading_is_an_error(client: openai.OpenAI, telemetry: Telemetry) -> None:
    stream = start(client)
    read(stream, 4)
    decode = client._process_response_data

    def interrupt(**kwargs: Any) -> Any:
        raise KeyboardInterrupt

    client._process_response_data = interrupt  # type: ignore[method-assign]
    stream2 = start(client)
    with pytest.raises(KeyboardInterrupt):
        next(stream2)
    client._process_response_data = decode  # type: ignore[method-assign]
    check_failed(telemetry, "KeyboardInterrupt", text=False)
    stream.close()


# --- the SDK's helpers ----------------------------------------------------------------------------------------
HELPED = [
    ("read", ()),
    ("leave", ()),
    ("close", ()),
    ("fail", (ZeroDivisionError,)),
    ("get_final", ()),
    ("untouched", ()),
]


def help_with(client: Any, api: str) -> Any:
    if api == "chat":
        return client.chat.completions.stream(model=MODEL, messages=MESSAGES)
    return client.responses.stream(model=MODEL, input="What is the capital of France?")


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("how", "errors"), HELPED)
def test_a_helper_ends_the_span_however_it_is_left(
    how: str, errors: Any, api: str, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    manager = help_with(client, api)
    assert telemetry.spans == []
    try:
        with manager as stream:
            if how == "read":
                list(stream)
            elif how == "get_final":
                stream.get_final_completion() if api == "chat" else stream.get_final_response()
            elif how != "untouched":
                read(stream, ENOUGH[api] + 4)
                if how == "close":
                    stream.close()
                    check_partial(telemetry)
                elif how == "fail":
                    raise ZeroDivisionError
    except errors:
        pass
    if how in ("read", "get_final"):
        check_complete(telemetry)
    else:
        check_partial(telemetry, text=how != "untouched")


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("how", "errors"), HELPED)
async def test_a_helper_ends_the_span_however_it_is_left_async(
    how: str, errors: Any, api: str, async_client: openai.AsyncOpenAI, telemetry: Telemetry
) -> None:
    manager = help_with(async_client, api)
    try:
        async with manager as stream:
            if how == "read":
                async for _ in stream:
                    pass
            elif how == "get_final":
                await (stream.get_final_completion() if api == "chat" else stream.get_final_response())
            elif how != "untouched":
                await aread(stream, ENOUGH[api] + 4)
                if how == "close":
                    await stream.close()
                    check_partial(telemetry)
                elif how == "fail":
                    raise ZeroDivisionError
    except errors:
        pass
    if how in ("read", "get_final"):
        check_complete(telemetry)
    else:
        check_partial(telemetry, text=how != "untouched")


def test_a_helper_that_is_never_entered_makes_no_span(client: openai.OpenAI, telemetry: Telemetry) -> None:
    help_with(client, "chat")
    assert telemetry.spans == []


# --- where the span is current --------------------------------------------------------------------------------
def test_a_span_opened_in_the_loop_is_a_sibling(client: openai.OpenAI, telemetry: Telemetry) -> None:
    tracer = trace.get_tracer("application")
    with tracer.start_as_current_span("request") as request:
        for number, _ in enumerate(start(client)):
            assert trace.get_current_span() is request
            if number < 2:
                with tracer.start_as_current_span("work"):
                    pass
    parents = {span.parent.span_id for span in telemetry.spans if span.parent is not None}
    assert parents == {request.get_span_context().span_id}
    assert sorted(span.name for span in telemetry.spans) == [NAME, "request", "work", "work"]


async def test_a_span_opened_in_the_loop_is_a_sibling_async(
    async_client: openai.AsyncOpenAI, telemetry: Telemetry
) -> None:
    tracer = trace.get_tracer("application")
    with tracer.start_as_current_span("request") as request:
        async for _ in await start(async_client):
            assert trace.get_current_span() is request
            with tracer.start_as_current_span("work"):
                pass
    parents = {span.parent.span_id for span in telemetry.spans if span.parent is not None}
    assert parents == {request.get_span_context().span_id}


def test_interleaved_streams_do_not_mix(client: openai.OpenAI, telemetry: Telemetry) -> None:
    streams = [start(client, mock=f"text={word * 4};chunks=4") for word in ("one ", "two ")]
    for first, second in zip(*streams, strict=True):
        assert first.id != second.id
    for stream in streams:
        assert list(stream) == []
    assert sorted(said(span).strip() for span in telemetry.spans) == ["one one one one", "two two two two"]
    assert len({(span.attributes or {})[attr.RESPONSE_ID] for span in telemetry.spans}) == 2
    assert all(span.parent is None for span in telemetry.spans)


async def test_concurrent_streams_do_not_mix_async(
    async_client: openai.AsyncOpenAI, telemetry: Telemetry
) -> None:
    async def follow(number: int) -> None:
        async for _ in await start(async_client, mock=f"text=number {number};chunk_delay=0.001"):
            pass

    await asyncio.gather(*(follow(number) for number in range(8)))
    assert sorted(said(span) for span in telemetry.spans) == [f"number {number}" for number in range(8)]
    assert all(span.parent is None for span in telemetry.spans)


def test_a_stream_may_be_read_in_another_thread(client: openai.OpenAI, telemetry: Telemetry) -> None:
    stream = start(client)
    thread = threading.Thread(target=list, args=(stream,))
    thread.start()
    thread.join(20)
    check_complete(telemetry)


async def test_a_stream_may_be_read_in_another_task(
    async_client: openai.AsyncOpenAI, telemetry: Telemetry
) -> None:
    stream = await start(async_client)

    async def follow() -> None:
        async for _ in stream:
            pass

    await asyncio.create_task(follow())
    check_complete(telemetry)


# --- the objects that the caller gets -------------------------------------------------------------------------
def test_the_objects_are_the_sdks_own(client: openai.OpenAI, telemetry: Telemetry) -> None:
    import httpx2

    stream = start(client)
    assert type(stream) is openai.Stream
    assert type(stream.response) is httpx2.Response
    with help_with(client, "chat") as helper:
        assert type(helper).__module__.startswith("openai.")
        assert type(helper._raw_stream) is openai.Stream
    stream.close()
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=MESSAGES, stream=True)
    assert type(raw).__name__ == "LegacyAPIResponse" and type(raw.http_response) is httpx2.Response
    assert type(raw.parse()) is openai.Stream
    assert raw.parse() is raw.parse()
    raw.http_response.close()


async def test_the_objects_are_the_sdks_own_async(
    async_client: openai.AsyncOpenAI, telemetry: Telemetry
) -> None:
    stream = await start(async_client)
    assert type(stream) is openai.AsyncStream
    assert await anext(stream) is not None
    await stream.close()


def test_a_hook_of_somebody_elses_on_the_response_stays(client: openai.OpenAI, telemetry: Telemetry) -> None:
    closed: list[str] = []
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=MESSAGES, stream=True)
    response = raw.http_response
    before = response.close

    def theirs() -> None:
        closed.append("theirs")
        before()

    response.close = theirs  # type: ignore[method-assign]
    stream = raw.parse()
    read(stream, 4)
    stream.close()
    assert closed == ["theirs"]
    assert vars(response)["close"] is theirs
    check_partial(telemetry)


def test_a_stream_that_ended_is_not_kept_alive_and_keeps_nothing_of_ours(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    from genai_otel.telemetry.operation import Operation

    collect()
    before = {id(found) for found in gc.get_objects() if isinstance(found, Operation)}
    stream = start(client)
    list(stream)
    collect()
    after = {id(found) for found in gc.get_objects() if isinstance(found, Operation)}
    assert after <= before
    reference = weakref.ref(stream)
    del stream
    collect()
    assert reference() is None


# --- raw responses --------------------------------------------------------------------------------------------
def raw_stream(client: Any) -> Any:
    return client.chat.completions.with_raw_response.create(model=MODEL, messages=MESSAGES, stream=True)


def test_a_raw_response_ends_its_span_at_once_whether_parsed_or_not(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=MESSAGES)
    check_complete(telemetry)
    assert raw.headers["x-request-id"] and raw._parsed_by_type == {}
    assert raw.parse().choices[0].message.content == ANSWER
    check_complete(telemetry)


async def test_a_raw_response_ends_its_span_at_once_whether_parsed_or_not_async(
    async_client: openai.AsyncOpenAI, telemetry: Telemetry
) -> None:
    raw = await async_client.chat.completions.with_raw_response.create(model=MODEL, messages=MESSAGES)
    check_complete(telemetry)
    assert raw.parse().choices[0].message.content == ANSWER


def test_a_raw_stream_is_followed_from_its_parsing_on_even_if_the_raw_response_is_dropped(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    stream = raw_stream(client).parse()
    collect()
    assert telemetry.spans == []
    list(stream)
    check_complete(telemetry)
    assert is_unhooked(stream.response)


async def test_a_raw_stream_is_followed_from_its_parsing_on_async(
    async_client: openai.AsyncOpenAI, telemetry: Telemetry
) -> None:
    stream = (await raw_stream(async_client)).parse()
    await acollect()
    assert telemetry.spans == []
    async for _ in stream:
        pass
    check_complete(telemetry)
    assert is_unhooked(stream.response)


def test_a_raw_stream_that_is_never_parsed_ends_when_it_is_dropped(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    raw = raw_stream(client)
    response = raw.http_response
    assert telemetry.spans == []
    del raw
    collect()
    check_partial(telemetry, abandoned=True, text=False)
    assert is_unhooked(response)


@pytest.mark.parametrize("how", ["close", "read the lines", "read the body"])
def test_a_raw_stream_that_is_never_parsed_ends_with_its_response(
    how: str, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    raw = raw_stream(client)
    if how == "close":
        raw.http_response.close()
    elif how == "read the lines":
        assert any(ANSWER.split()[0] in line for line in raw.http_response.iter_lines())
    else:
        assert ANSWER.split()[0] in raw.http_response.read().decode()
    check_partial(telemetry, text=False)
    assert is_unhooked(raw.http_response)


# --- streaming responses --------------------------------------------------------------------------------------
def streaming(client: Any, mock: str = "", **more: Any) -> Any:
    headers = {"x-mock": mock} if mock else None
    return client.chat.completions.with_streaming_response.create(
        model=MODEL, messages=MESSAGES, extra_headers=headers, **more
    )


def test_a_streaming_response_makes_no_span_before_it_is_entered(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    streaming(client)
    collect()
    assert telemetry.spans == []


@pytest.mark.parametrize("how", ["parse", "text", "json", "read", "iter_lines", "iter_bytes", "nothing"])
def test_a_streaming_response_stays_lazy_and_ends_when_it_is_left(
    how: str, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    with streaming(client) as response:
        assert response.http_response.is_stream_consumed is False
        assert not response.http_response.is_closed
        assert telemetry.spans == []
        if how != "nothing":
            found = getattr(response, how)()
            if how.startswith("iter"):
                found = list(found)
            assert found
        if how != "parse":
            assert telemetry.spans == []
    if how in ("parse", "text", "json", "read"):
        check_complete(telemetry)
    else:
        check_partial(telemetry, text=False)
    assert is_unhooked(response)
    assert is_unhooked(response.http_response)


@pytest.mark.parametrize("how", ["parse", "text", "json", "read", "iter_lines", "iter_bytes", "nothing"])
async def test_a_streaming_response_stays_lazy_and_ends_when_it_is_left_async(
    how: str, async_client: openai.AsyncOpenAI, telemetry: Telemetry
) -> None:
    async with streaming(async_client) as response:
        assert response.http_response.is_stream_consumed is False
        if how != "nothing":
            found = getattr(response, how)()
            found = [piece async for piece in found] if how.startswith("iter") else await found
            assert found
    if how in ("parse", "text", "json", "read"):
        check_complete(telemetry)
    else:
        check_partial(telemetry, text=False)
    assert is_unhooked(response)


@pytest.mark.parametrize("how", ["parse", "parse and leave", "iter_lines", "leave the lines"])
def test_a_streaming_response_of_a_stream_is_followed(
    how: str, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    with streaming(client, stream=True) as response:
        if how == "parse":
            list(response.parse())
            check_complete(telemetry)
        elif how == "parse and leave":
            read(response.parse(), 4)
        elif how == "iter_lines":
            list(response.iter_lines())
        else:
            read(response.iter_lines(), 4)
    if how == "parse":
        check_complete(telemetry)
    else:
        check_partial(telemetry, text=how == "parse and leave")
    assert is_unhooked(response) and is_unhooked(response.http_response)


async def test_a_streaming_response_of_a_stream_is_followed_async(
    async_client: openai.AsyncOpenAI, telemetry: Telemetry
) -> None:
    async with streaming(async_client, stream=True) as response:
        async for _ in await response.parse():
            pass
    check_complete(telemetry)


def test_an_exception_in_a_streaming_response_is_not_the_calls_error(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    with pytest.raises(ZeroDivisionError), streaming(client):
        raise ZeroDivisionError
    check_partial(telemetry, text=False)


def test_a_streaming_response_that_is_refused_is_an_error(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    with pytest.raises(openai.RateLimitError), streaming(client, "status=429"):
        pass
    check_failed(telemetry, "openai.RateLimitError", text=False)


# --- the garbage collector and the end of the process ---------------------------------------------------------
def test_a_stream_collected_in_the_middle_of_the_sdk_ends_in_a_thread_of_its_own(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    from opentelemetry.sdk.trace import SpanProcessor

    where: list[threading.Thread] = []

    class Noting(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            if span.name == NAME:
                where.append(threading.current_thread())
            elif span.name == "collecting":
                gc.collect()

    telemetry.tracer_provider.add_span_processor(Noting())
    stream = start(client)
    read(stream, 4)
    gc.disable()
    try:
        del stream
        trace.get_tracer("application").start_span("collecting").end()
    finally:
        gc.enable()
    for thread in threading.enumerate():
        if thread.name == "genai_otel.dropped":
            thread.join(20)
    assert [thread.name for thread in where] == ["genai_otel.dropped"]
    check_partial_of = [span for span in telemetry.spans if span.name == NAME]
    assert events_of(check_partial_of[0]) == [STREAM_ABANDONED]


@pytest.mark.parametrize("kept", [True, False])
def test_a_stream_that_is_open_when_the_process_ends_is_exported(kept: bool) -> None:
    code = """
        import sys
        import openai
        import genai_otel
        from genai_otel.testing.server import OpenAIServer
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter(formatter=lambda s: s.name + chr(10))))
        trace.set_tracer_provider(provider)
        genai_otel.autolog()
        server = OpenAIServer().start()
        client = openai.OpenAI(api_key="x", base_url=server.base_url)
        stream = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hi"}], stream=True
        )
        next(stream)
        if sys.argv[1] == "False":
            del stream
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(kept)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "chat m\n", "")


def test_a_local_server_was_all_that_was_spoken_to(server: OpenAIServer) -> None:
    assert server.base_url.startswith("http://127.0.0.1:")
