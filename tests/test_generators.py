"""Decorated generators: the whole protocol as undecorated, one span over the iteration, never the consumer's."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import logging
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace as otel_trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

import genai_otel
from genai_otel import SpanType, trace
from tests.context_checks import context_given_back, nothing_leaks  # noqa: F401
from tests.telemetry_capture import Telemetry


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent is not None else None


def current_name() -> str | None:
    span = genai_otel.get_current_span()
    return None if span is None else span.name


@trace
def numbers(n: int = 3) -> Iterator[int]:
    yield from range(n)


@trace
async def numbers_later(n: int = 3) -> AsyncIterator[int]:
    for number in range(n):
        yield number


# --- sync: one span over the iteration -----------------------------------------------------------------------------
def test_the_span_covers_the_iteration_and_records_the_items(telemetry: Telemetry) -> None:
    generator = numbers(2)
    assert telemetry.spans == []
    assert next(generator) == 0
    assert telemetry.spans == []
    assert list(generator) == [1]
    attributes = telemetry.attributes("numbers")
    assert attributes["input.value"] == '{"n":2}'
    assert attributes["output.value"] == "[0,1]"
    assert telemetry.one().status.status_code is StatusCode.UNSET


def test_a_generator_never_iterated_makes_no_span(telemetry: Telemetry) -> None:
    generator = numbers()
    generator.close()
    del generator
    numbers()
    gc.collect()
    assert telemetry.spans == []


def test_an_empty_generator_makes_one_span(telemetry: Telemetry) -> None:
    assert list(numbers(0)) == []
    assert telemetry.attributes()["output.value"] == "[]"


def test_wrong_arguments_raise_at_the_call_and_make_no_span(telemetry: Telemetry) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'm'"):
        numbers(m=1)  # type: ignore[call-arg]
    assert telemetry.spans == []


def test_the_consumer_never_sees_the_generators_span(telemetry: Telemetry) -> None:
    inside: list[str | None] = []

    @trace
    def body() -> Iterator[int]:
        for number in range(3):
            inside.append(current_name())
            yield number

    with genai_otel.start_span("consumer") as consumer:
        for _ in body():
            assert otel_trace.get_current_span() is consumer
            with genai_otel.start_span("between"):
                pass
    assert inside == ["body"] * 3
    between = [span for span in telemetry.spans if span.name == "between"]
    assert {parent_of(span) for span in between} == {telemetry.one("consumer").context.span_id}


def test_the_context_is_the_very_same_between_items(telemetry: Telemetry) -> None:
    generator = numbers()
    for _ in range(3):
        with context_given_back():
            next(generator)
    with context_given_back(), pytest.raises(StopIteration):
        next(generator)


def test_the_parent_is_what_was_current_at_creation(telemetry: Telemetry) -> None:
    with genai_otel.start_span("creator"):
        generator = numbers()
    with genai_otel.start_span("consumer"):
        list(generator)
    assert parent_of(telemetry.one("numbers")) == telemetry.one("creator").context.span_id


def test_spans_opened_in_the_body_are_its_children_across_yields(telemetry: Telemetry) -> None:
    @trace
    def body() -> Iterator[str | None]:
        with genai_otel.start_span("held"):
            yield current_name()
            with genai_otel.start_span("deeper"):
                yield current_name()
            yield current_name()
        yield current_name()

    with genai_otel.start_span("consumer"):
        assert list(body()) == ["held", "deeper", "held", "body"]
    names = {span.context.span_id: span.name for span in telemetry.spans}
    assert {span.name: names.get(parent_of(span) or 0) for span in telemetry.spans} == {
        "consumer": None,
        "body": "consumer",
        "held": "body",
        "deeper": "held",
    }


def test_interleaved_generators_are_siblings(telemetry: Telemetry) -> None:
    @trace
    def body(name: str) -> Iterator[str | None]:
        with genai_otel.start_span(f"child of {name}"):
            for _ in range(3):
                yield current_name()

    with genai_otel.start_span("consumer"):
        for first, second in zip(body("a"), body("b"), strict=True):
            assert (first, second) == ("child of a", "child of b")
            assert current_name() == "consumer"
    consumer = telemetry.one("consumer").context.span_id
    bodies = [span for span in telemetry.spans if span.name == "body"]
    assert [parent_of(span) for span in bodies] == [consumer] * 2
    children = [parent_of(span) for span in telemetry.spans if span.name.startswith("child")]
    assert sorted(children, key=str) == sorted((span.context.span_id for span in bodies), key=str)


def test_a_generator_delegating_to_a_decorated_one_is_its_parent(telemetry: Telemetry) -> None:
    @trace
    def inner() -> Generator[str, Any, str]:
        received = yield "first"
        return f"got {received}"

    @trace
    def outer() -> Generator[str, Any, None]:
        result = yield from inner()
        yield result

    generator = outer()
    assert next(generator) == "first"
    assert generator.send("this") == "got this"
    assert list(generator) == []
    assert parent_of(telemetry.one("inner")) == telemetry.one("outer").context.span_id


# --- sync: the protocol ---------------------------------------------------------------------------------------------
def test_send_and_the_return_value_reach_their_targets(telemetry: Telemetry) -> None:
    @trace
    def echo() -> Generator[Any, Any, str]:
        received = None
        for _ in range(2):
            received = yield received
        return "returned"

    generator = echo()
    value = object()
    assert next(generator) is None
    assert generator.send(value) is value
    with pytest.raises(StopIteration) as stopped:
        next(generator)
    assert stopped.value.value == "returned"


def test_an_exception_thrown_by_the_consumer_reaches_the_body_as_the_very_object(
    telemetry: Telemetry,
) -> None:
    caught: list[BaseException] = []

    @trace
    def body() -> Iterator[str]:
        try:
            yield "first"
        except LookupError as exc:
            caught.append(exc)
            yield "handled"

    generator: Any = body()
    next(generator)
    error = LookupError("thrown")
    assert generator.throw(error) == "handled"
    assert caught == [error]
    assert list(generator) == []
    assert telemetry.one("body").status.status_code is StatusCode.UNSET
    assert telemetry.attributes("body")["output.value"] == '["first","handled"]'


def test_a_thrown_exception_that_the_body_lets_through_is_an_error(telemetry: Telemetry) -> None:
    generator: Any = numbers()
    next(generator)
    error = LookupError("thrown")
    with pytest.raises(LookupError) as raised:
        generator.throw(error)
    assert raised.value is error
    attributes = telemetry.attributes("numbers")
    assert attributes["error.type"] == "LookupError"
    assert attributes["output.value"] == "[0]"


@pytest.mark.parametrize(
    "error", [ValueError("v"), KeyboardInterrupt(), SystemExit(1), asyncio.CancelledError()]
)
def test_an_exception_in_the_body_is_recorded_with_the_items_so_far(
    telemetry: Telemetry, error: BaseException
) -> None:
    @trace
    def body() -> Iterator[int]:
        yield 1
        raise error

    generator = body()
    next(generator)
    with context_given_back(), pytest.raises(type(error)) as raised:
        next(generator)
    assert raised.value is error
    span = telemetry.one("body")
    assert span.status.status_code is StatusCode.ERROR
    assert telemetry.attributes()["output.value"] == "[1]"
    with pytest.raises(StopIteration):
        next(generator)
    assert len(telemetry.spans) == 1


def test_stop_iteration_raised_in_the_body_becomes_the_usual_runtime_error(telemetry: Telemetry) -> None:
    @trace
    def body() -> Iterator[int]:
        yield 1
        raise StopIteration("inside")

    with pytest.raises(RuntimeError, match="generator raised StopIteration"):
        list(body())
    assert telemetry.attributes("body")["error.type"] == "RuntimeError"


def test_a_loop_left_early_closes_the_body_and_is_not_an_error(telemetry: Telemetry) -> None:
    closed: list[str | None] = []

    @trace
    def body() -> Iterator[int]:
        try:
            yield from range(10)
        finally:
            closed.append(current_name())

    for number in body():
        if number == 1:
            break
    gc.collect()
    assert closed == ["body"]
    span = telemetry.one("body")
    assert span.status.status_code is StatusCode.UNSET
    assert span.events == ()
    attributes = telemetry.attributes()
    assert "error.type" not in attributes
    assert attributes["output.value"] == "[0,1]"


def test_close_ends_the_span_once_and_may_be_repeated(telemetry: Telemetry) -> None:
    generator: Any = numbers()
    next(generator)
    with context_given_back():
        generator.close()
        generator.close()
    assert len(telemetry.spans) == 1
    assert telemetry.one().status.status_code is StatusCode.UNSET


def test_an_exception_while_closing_is_an_error_and_reaches_the_caller(telemetry: Telemetry) -> None:
    @trace
    def body() -> Iterator[int]:
        try:
            yield 1
        finally:
            raise OSError("on close")

    generator: Any = body()
    next(generator)
    with pytest.raises(OSError, match="on close"):
        generator.close()
    assert telemetry.attributes("body")["error.type"] == "OSError"


def test_a_body_that_ignores_closing_raises_the_usual_runtime_error(telemetry: Telemetry) -> None:
    @trace
    def body() -> Iterator[int]:
        try:
            yield 1
        except GeneratorExit:
            yield 2

    generator: Any = body()
    next(generator)
    with pytest.raises(RuntimeError, match="generator ignored GeneratorExit"):
        generator.close()
    del generator
    gc.collect()
    assert len(telemetry.spans) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_body_that_never_gives_in_ends_its_span_when_collected(telemetry: Telemetry) -> None:
    @trace
    def body() -> Iterator[int]:
        while True:
            try:
                yield 1
            except GeneratorExit:
                pass

    generator = body()
    next(generator)
    del generator
    gc.collect()
    assert telemetry.one("body").status.status_code is StatusCode.UNSET


@pytest.mark.skipif(sys.version_info < (3, 13), reason="close() returns nothing before 3.13")
def test_close_returns_what_the_body_returns(telemetry: Telemetry) -> None:
    @trace
    def body() -> Generator[int, None, str]:
        try:
            yield 1
        except GeneratorExit:
            return "closed"
        return "exhausted"

    generator: Any = body()
    next(generator)
    assert generator.close() == "closed"


def test_an_abandoned_generator_ends_its_span_when_collected(telemetry: Telemetry) -> None:
    generator = numbers()
    next(generator)
    del generator
    gc.collect()
    assert telemetry.one("numbers").status.status_code is StatusCode.UNSET
    assert telemetry.attributes()["output.value"] == "[0]"


def test_an_abandoned_generator_in_a_cycle_ends_its_span_when_collected(telemetry: Telemetry) -> None:
    class Node:
        items: Any

    node = Node()

    @trace
    def body(holder: Node) -> Iterator[int]:
        yield 1
        yield 2

    node.items = body(node)
    next(node.items)
    del node
    with context_given_back():
        gc.collect()
    assert len(telemetry.spans) == 1


def test_a_body_finalised_in_another_thread_ends_its_span_there(telemetry: Telemetry) -> None:
    held = [numbers()]
    next(held[0])
    before: list[Any] = []

    def drop() -> None:
        before.append(current_name())
        held.clear()
        gc.collect()
        before.append(current_name())

    thread = threading.Thread(target=drop)
    thread.start()
    thread.join()
    assert before == [None, None]
    assert len(telemetry.spans) == 1


def test_a_generator_can_be_consumed_in_another_thread(telemetry: Telemetry) -> None:
    with genai_otel.start_span("creator"):
        generator = numbers()
        next(generator)
    collected: list[int] = []
    thread = threading.Thread(target=lambda: collected.extend(generator))
    thread.start()
    thread.join()
    assert collected == [1, 2]
    assert parent_of(telemetry.one("numbers")) == telemetry.one("creator").context.span_id


def test_reentering_raises_the_usual_value_error(telemetry: Telemetry) -> None:
    @trace
    def body() -> Iterator[Any]:
        yield next(generator)

    generator = body()
    with pytest.raises(ValueError, match="generator already executing"):
        next(generator)


def test_arguments_live_no_longer_than_the_body_needs_them(telemetry_without_content: Telemetry) -> None:
    class Big:
        pass

    @trace
    def body(big: Any) -> Iterator[int]:
        yield 1
        del big
        yield 2

    big = Big()
    watched = weakref.ref(big)
    generator = body(big)
    del big
    next(generator)
    assert watched() is not None
    next(generator)
    assert watched() is None
    generator.close()  # type: ignore[attr-defined]


def test_an_exception_is_not_kept_alive_by_the_generator(telemetry: Telemetry) -> None:
    class Watched(Exception):
        pass

    generator: Any = numbers()
    next(generator)
    error = Watched()
    watched = weakref.ref(error)
    gc.disable()
    try:
        with contextlib.suppress(Watched):
            generator.throw(error)
        del generator, error
        assert watched() is None
    finally:
        gc.enable()


# --- sync: uses ---------------------------------------------------------------------------------------------------
def test_a_context_manager_over_a_decorated_generator_works(telemetry: Telemetry) -> None:
    @contextlib.contextmanager
    @trace
    def resource() -> Iterator[str]:
        yield "open"

    with context_given_back(), resource() as opened:
        assert opened == "open"
        assert current_name() is None
    assert telemetry.attributes("resource")["output.value"] == '["open"]'


def test_a_context_manager_over_a_decorated_generator_may_swallow_or_pass_on(telemetry: Telemetry) -> None:
    @contextlib.contextmanager
    @trace
    def resource(swallow: bool) -> Iterator[None]:
        try:
            yield
        except KeyError:
            if not swallow:
                raise

    with resource(True):
        raise KeyError("swallowed")
    error = KeyError("passed on")
    with pytest.raises(KeyError) as raised, resource(False):
        raise error
    assert raised.value is error
    first, second = telemetry.spans
    assert (first.status.status_code, second.status.status_code) == (StatusCode.UNSET, StatusCode.ERROR)


def test_a_context_manager_lets_stop_iteration_of_its_block_through(telemetry: Telemetry) -> None:
    @contextlib.contextmanager
    @trace
    def resource() -> Iterator[None]:
        yield

    error = StopIteration("of the block")
    with pytest.raises(StopIteration) as raised, resource():
        raise error
    assert raised.value is error


@pytest.fixture
@trace
def traced_fixture(telemetry: Telemetry) -> Iterator[str]:
    yield f"set up in {current_name()}"
    assert current_name() == "traced_fixture"
    with genai_otel.start_span("tear down"):
        pass


def test_a_fixture_can_be_traced(traced_fixture: str, telemetry: Telemetry) -> None:
    assert traced_fixture == "set up in traced_fixture"
    assert current_name() is None
    assert telemetry.spans == []


def test_an_output_reducer_folds_the_items(telemetry: Telemetry) -> None:
    @trace(output_reducer=lambda items: {"total": sum(items)})
    def body() -> Iterator[int]:
        yield from (1, 2, 3)

    assert list(body()) == [1, 2, 3]
    assert telemetry.attributes()["output.value"] == '{"total":6}'


def test_a_raising_output_reducer_leaves_the_items_and_the_caller_alone(
    telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    @trace(output_reducer=lambda items: items[99])
    def body() -> Iterator[int]:
        yield 1

    for _ in range(3):
        assert list(body()) == [1]
    assert {span.attributes["output.value"] for span in telemetry.spans if span.attributes} == {"[1]"}
    warned = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.getMessage() for record in warned] == [
        "output_reducer raised IndexError: the items are recorded"
    ]


def test_an_output_reducer_sees_the_items_of_a_failed_iteration(telemetry: Telemetry) -> None:
    @trace(output_reducer="".join)
    def body() -> Iterator[str]:
        yield "par"
        yield "tial"
        raise ValueError

    with pytest.raises(ValueError):
        list(body())
    assert telemetry.attributes()["output.value"] == "partial"


def test_text_chunks_of_a_model_become_one_message(telemetry: Telemetry) -> None:
    @trace(span_type=SpanType.LLM)
    def stream(prompt: str) -> Iterator[str]:
        yield "Hel"
        yield "lo"

    list(stream("hi"))
    attributes = telemetry.attributes("chat")
    assert attributes["gen_ai.output.messages"].count('"content":"Hello"') == 1


def test_without_content_no_items_are_kept(telemetry_without_content: Telemetry) -> None:
    class Item:
        pass

    alive: list[weakref.ref[Item]] = []

    @trace(output_reducer=list)
    def body() -> Iterator[Item]:
        for _ in range(3):
            item = Item()
            alive.append(weakref.ref(item))
            yield item
            del item

    for _ in body():
        pass
    del _
    gc.collect()
    assert [ref() for ref in alive] == [None] * 3
    assert "output.value" not in telemetry_without_content.attributes()


def test_captured_outputs_of_a_generator_can_be_forced_and_refused(
    telemetry_without_content: Telemetry,
) -> None:
    @trace(capture_outputs=True)
    def shown() -> Iterator[int]:
        yield 1

    list(shown())
    assert telemetry_without_content.attributes("shown")["output.value"] == "[1]"


# --- async ---------------------------------------------------------------------------------------------------------
async def test_an_async_generator_is_traced_over_the_iteration(telemetry: Telemetry) -> None:
    with context_given_back():
        assert [item async for item in numbers_later(2)] == [0, 1]
    attributes = telemetry.attributes("numbers_later")
    assert (attributes["input.value"], attributes["output.value"]) == ('{"n":2}', "[0,1]")


async def test_an_async_generator_never_iterated_makes_no_span(telemetry: Telemetry) -> None:
    generator: Any = numbers_later()
    await generator.aclose()
    numbers_later()
    gc.collect()
    assert telemetry.spans == []


async def test_the_async_consumer_never_sees_the_generators_span(telemetry: Telemetry) -> None:
    @trace
    async def body() -> AsyncIterator[str | None]:
        with genai_otel.start_span("held"):
            for _ in range(3):
                await asyncio.sleep(0)
                yield current_name()

    async with genai_otel.start_span("consumer") as consumer:
        async for name in body():
            assert name == "held"
            assert otel_trace.get_current_span() is consumer
            with genai_otel.start_span("between"):
                await asyncio.sleep(0)
    consumer_id = telemetry.one("consumer").context.span_id
    assert {parent_of(span) for span in telemetry.spans if span.name in ("between", "body")} == {consumer_id}
    assert parent_of(telemetry.one("held")) == telemetry.one("body").context.span_id


async def test_interleaved_async_generators_are_siblings(telemetry: Telemetry) -> None:
    async with genai_otel.start_span("consumer"):
        first, second = numbers_later(2), numbers_later(2)
        assert [await anext(first), await anext(second), await anext(first), await anext(second)] == [
            0,
            0,
            1,
            1,
        ]
        assert [item async for item in first] == [item async for item in second] == []
        assert current_name() == "consumer"
    consumer_id = telemetry.one("consumer").context.span_id
    assert [parent_of(span) for span in telemetry.spans if span.name == "numbers_later"] == [consumer_id] * 2


async def test_the_parent_of_an_async_generator_is_what_was_current_at_creation(telemetry: Telemetry) -> None:
    async with genai_otel.start_span("creator"):
        generator = numbers_later()
    async with genai_otel.start_span("consumer"):
        _ = [item async for item in generator]
    assert parent_of(telemetry.one("numbers_later")) == telemetry.one("creator").context.span_id


async def test_asend_and_athrow_reach_the_body(telemetry: Telemetry) -> None:
    @trace
    async def echo() -> Any:
        received: Any = None
        while True:
            try:
                received = yield received
            except LookupError as exc:
                received = exc

    generator = echo()
    value, error = object(), LookupError("thrown")
    assert await generator.asend(None) is None
    assert await generator.asend(value) is value
    assert await generator.athrow(error) is error
    with context_given_back():
        await generator.aclose()
    assert telemetry.one("echo").status.status_code is StatusCode.UNSET


async def test_aclose_awaits_the_bodys_clean_up_inside_the_span(telemetry: Telemetry) -> None:
    cleaned: list[str | None] = []

    @trace
    async def body() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            cleaned.append(current_name())

    generator: Any = body()
    await anext(generator)
    with context_given_back():
        await generator.aclose()
        await generator.aclose()
    assert cleaned == ["body"]
    span = telemetry.one("body")
    assert span.status.status_code is StatusCode.UNSET
    assert span.events == ()


@pytest.mark.parametrize("error", [ValueError("v"), SystemError("s"), asyncio.CancelledError()])
async def test_an_exception_in_an_async_body_is_recorded(telemetry: Telemetry, error: BaseException) -> None:
    @trace
    async def body() -> AsyncIterator[int]:
        yield 1
        raise error

    generator = body()
    assert await anext(generator) == 1
    with context_given_back(), pytest.raises(type(error)) as raised:
        await anext(generator)
    assert raised.value is error
    assert telemetry.one("body").status.status_code is StatusCode.ERROR
    assert telemetry.attributes()["output.value"] == "[1]"


@pytest.mark.parametrize("error", [StopIteration(), StopAsyncIteration()])
async def test_stop_raised_in_an_async_body_becomes_the_usual_runtime_error(
    telemetry: Telemetry, error: Exception
) -> None:
    @trace
    async def body() -> AsyncIterator[int]:
        yield 1
        raise error

    with pytest.raises(RuntimeError, match=f"async generator raised {type(error).__name__}"):
        _ = [item async for item in body()]
    assert telemetry.attributes("body")["error.type"] == "RuntimeError"


async def test_a_break_in_async_for_gives_the_context_back_and_ends_the_span(telemetry: Telemetry) -> None:
    with context_given_back():
        async for _ in numbers_later():
            break
        gc.collect()
        for _ in range(5):
            await asyncio.sleep(0)
    assert telemetry.one("numbers_later").status.status_code is StatusCode.UNSET


async def test_cancellation_from_another_task_is_recorded_and_passed_on(telemetry: Telemetry) -> None:
    started = asyncio.Event()

    @trace
    async def body() -> AsyncIterator[int]:
        yield 1
        started.set()
        await asyncio.sleep(60)
        yield 2

    async def consume() -> list[int]:
        return [item async for item in body()]

    task = asyncio.create_task(consume())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    attributes = telemetry.attributes("body")
    assert attributes["error.type"] == "asyncio.exceptions.CancelledError"
    assert attributes["output.value"] == "[1]"


async def test_a_timeout_while_the_body_waits_is_recorded(telemetry: Telemetry) -> None:
    @trace
    async def body() -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(60)

    generator = body()
    with context_given_back():
        assert await asyncio.wait_for(anext(generator), 5) == 1
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext(generator), 0.01)
    assert telemetry.attributes("body")["error.type"] == "asyncio.exceptions.CancelledError"


async def test_a_body_that_survives_cancellation_goes_on(telemetry: Telemetry) -> None:
    started = asyncio.Event()

    @trace
    async def body() -> AsyncIterator[str]:
        try:
            started.set()
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            yield "survived"
        yield "more"

    async def consume() -> list[str]:
        return [item async for item in body()]

    task = asyncio.create_task(consume())
    await started.wait()
    task.cancel()
    assert await task == ["survived", "more"]
    assert telemetry.one("body").status.status_code is StatusCode.UNSET


async def test_every_step_may_run_in_a_task_of_its_own(telemetry: Telemetry) -> None:
    @trace
    async def body() -> AsyncIterator[str | None]:
        with genai_otel.start_span("held"):
            yield current_name()
        with genai_otel.context(session_id="s"):
            yield current_name()
        with genai_otel.start_span("after"):
            yield current_name()
        yield current_name()

    async def step() -> str | None:
        return await anext(generator)

    generator = body()
    seen = [await asyncio.create_task(step()) for _ in range(4)]
    assert seen == ["held", "body", "after", "body"]
    await generator.aclose()  # type: ignore[attr-defined]
    body_id = telemetry.one("body").context.span_id
    assert parent_of(telemetry.one("held")) == parent_of(telemetry.one("after")) == body_id
    assert "session.id" not in telemetry.attributes("after")


async def test_tasks_started_in_the_body_are_its_children(telemetry: Telemetry) -> None:
    @trace
    async def leaf() -> None:
        await asyncio.sleep(0)

    @trace
    async def body() -> AsyncIterator[int]:
        task = asyncio.create_task(leaf())
        yield 1
        await task

    assert [item async for item in body()] == [1]
    assert parent_of(telemetry.one("leaf")) == telemetry.one("body").context.span_id


async def test_an_async_context_manager_over_a_decorated_generator_works(telemetry: Telemetry) -> None:
    @contextlib.asynccontextmanager
    @trace
    async def resource() -> AsyncIterator[str]:
        try:
            yield "open"
        except KeyError:
            await asyncio.sleep(0)

    with context_given_back():
        async with resource() as opened:
            assert (opened, current_name()) == ("open", None)
            raise KeyError
    assert telemetry.one("resource").status.status_code is StatusCode.UNSET


@pytest.mark.parametrize("rounds", range(3))
def test_a_stopping_event_loop_finalises_generators_quietly(
    telemetry: Telemetry, caplog: pytest.LogCaptureFixture, rounds: int
) -> None:
    closed: list[int] = []
    kept: list[Any] = []

    @trace
    async def body(number: int) -> AsyncIterator[int]:
        try:
            yield number
            yield number
        finally:
            await asyncio.sleep(0.001)
            closed.append(number)

    async def main() -> None:
        for number in range(5):
            generator = body(number)
            await anext(generator)
            kept.append(generator)

    asyncio.run(main())
    assert sorted(closed) == list(range(5))
    assert len(telemetry.spans) == 5
    assert {span.status.status_code for span in telemetry.spans} == {StatusCode.UNSET}
    assert [
        record for record in caplog.records if record.name == "asyncio" and record.levelno > logging.DEBUG
    ] == []


async def test_an_abandoned_async_generator_is_finalised_by_the_loop(telemetry: Telemetry) -> None:
    closed: list[str | None] = []

    @trace
    async def body() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            closed.append(current_name())

    generator = body()
    await anext(generator)
    del generator
    gc.collect()
    await asyncio.sleep(0.01)
    assert closed == ["body"]
    assert telemetry.one("body").status.status_code is StatusCode.UNSET


def test_an_async_generator_driven_by_hand_and_dropped_ends_its_span(telemetry: Telemetry) -> None:
    generator: Any = numbers_later()
    with pytest.raises(StopIteration) as item:
        generator.asend(None).send(None)
    assert item.value.value == 0
    del generator
    gc.collect()
    assert len(telemetry.spans) == 1


async def test_an_async_output_reducer_folds_the_items(telemetry: Telemetry) -> None:
    @trace(span_type=SpanType.LLM, model="m", output_reducer=lambda chunks: "".join(chunks).upper())
    async def stream() -> AsyncIterator[str]:
        yield "a"
        yield "b"

    assert [chunk async for chunk in stream()] == ["a", "b"]
    assert '"AB"' in telemetry.attributes("chat m")["gen_ai.output.messages"]


# --- sampled out, suppressed, no provider ----------------------------------------------------------------------------
def test_without_a_provider_generators_just_work() -> None:
    assert list(numbers()) == [0, 1, 2]


def test_suppressed_generators_work_and_make_no_span(telemetry: Telemetry) -> None:
    with genai_otel.suppress():
        assert list(numbers()) == [0, 1, 2]
    assert telemetry.spans == []


# --- decorated behaves like undecorated -------------------------------------------------------------------------------
class _Scripted(Exception):
    """An exception of a script's."""


_THROWN: dict[str, Callable[[], BaseException]] = {
    "scripted": lambda: _Scripted("thrown"),
    "stop": lambda: StopIteration("thrown"),
    "stop async": lambda: StopAsyncIteration("thrown"),
    "exit": lambda: GeneratorExit("thrown"),
    "interrupt": lambda: KeyboardInterrupt("thrown"),
}
_BODY = st.lists(
    st.sampled_from(["yield", "catch", "catch all", "raise", "return", "finally yield", "span", "reraise"]),
    max_size=5,
)
_CLOSING: list[tuple[Any, ...]] = [("close",)] * 12  # until the most stubborn body gives in
_STEP = st.one_of(
    st.just(("next",)),
    st.tuples(st.just("send"), st.integers(0, 9)),
    st.tuples(st.just("throw"), st.sampled_from(sorted(_THROWN))),
    st.just(("close",)),
)


def _body(script: list[str], log: list[Any]) -> Generator[Any, Any, Any]:
    log.append("started")
    for index, act in enumerate(script):
        if act == "yield":
            log.append((yield index))
        elif act == "catch":
            try:
                log.append((yield index))
            except _Scripted as exc:
                log.append(("caught", type(exc).__name__))
        elif act == "catch all":
            try:
                log.append((yield index))
            except BaseException as exc:
                log.append(("caught", type(exc).__name__))
        elif act == "reraise":
            try:
                log.append((yield index))
            except BaseException as exc:
                raise _Scripted("other") from exc
        elif act == "finally yield":
            try:
                log.append((yield index))
            finally:
                log.append((yield f"finally {index}"))
        elif act == "span":
            with genai_otel.start_span("inside"):
                log.append((yield index))
        elif act == "raise":
            raise _Scripted(f"at {index}")
        else:
            return f"returned at {index}"
    return "end"


async def _async_body(script: list[str], log: list[Any]) -> Any:
    inner = _body(script, log)
    resume: Callable[[Any], Any] = inner.send
    value: Any = None
    while True:
        try:
            item = resume(value)
        except StopIteration:
            return
        await asyncio.sleep(0)
        try:
            value = yield item
            resume = inner.send
        except BaseException as exc:
            resume, value = inner.throw, exc


def _described(exc: BaseException) -> tuple[Any, ...]:
    cause = exc.__cause__
    return (type(exc).__name__, str(exc), None if cause is None else _described(cause))


def _played(
    generator: Any, steps: list[tuple[Any, ...]], given_back: Any = contextlib.nullcontext
) -> list[Any]:
    outcomes: list[Any] = []
    for step in [*steps, *_CLOSING]:
        try:
            with given_back():
                outcomes.append(_take(generator, step))
        except BaseException as exc:
            outcomes.append(("raised", *_described(exc)))
    return outcomes


def _take(generator: Any, step: tuple[Any, ...]) -> Any:
    match step:
        case ("next",):
            return next(generator)
        case ("send", value):
            return generator.send(value)
        case ("throw", name):
            return generator.throw(_THROWN[name]())
        case _:
            return generator.close()


async def _played_async(
    generator: Any, steps: list[tuple[Any, ...]], given_back: Any = contextlib.nullcontext
) -> list[Any]:
    outcomes: list[Any] = []
    for step in [*steps, *_CLOSING]:
        try:
            with given_back():
                outcomes.append(await _take_async(generator, step))
        except BaseException as exc:
            outcomes.append(("raised", *_described(exc)))
    return outcomes


async def _take_async(generator: Any, step: tuple[Any, ...]) -> Any:
    match step:
        case ("next",):
            return await anext(generator)
        case ("send", value):
            return await generator.asend(value)
        case ("throw", name):
            return await generator.athrow(_THROWN[name]())
        case _:
            return await generator.aclose()


def _check_spans(telemetry: Telemetry, name: str, log: list[Any]) -> None:
    own = [span for span in telemetry.spans if span.name == name]
    assert len(own) == (1 if "started" in log else 0)
    for span in telemetry.spans:
        assert span.name == name or parent_of(span) == own[0].context.span_id


@settings(max_examples=300, deadline=None)
@given(script=_BODY, steps=st.lists(_STEP, max_size=8))
def test_any_generator_script_behaves_as_undecorated(script: list[str], steps: list[tuple[Any, ...]]) -> None:
    plain_log: list[Any] = []
    traced_log: list[Any] = []
    # spans left open between the items stay current for who consumes an undecorated generator: elsewhere, please
    expected = contextvars.copy_context().run(_played, _body(script, plain_log), steps)
    with Telemetry(capture_content=True) as telemetry:
        assert _played(trace(_body)(script, traced_log), steps, context_given_back) == expected
        assert traced_log == plain_log
        _check_spans(telemetry, "_body", traced_log)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@settings(max_examples=150, deadline=None)
@given(script=_BODY, steps=st.lists(_STEP, max_size=6))
def test_any_async_generator_script_behaves_as_undecorated(
    script: list[str], steps: list[tuple[Any, ...]]
) -> None:
    async def play(fn: Callable[..., Any], log: list[Any], *check: Any) -> list[Any]:
        return await _played_async(fn(script, log), steps, *check)

    plain_log: list[Any] = []
    traced_log: list[Any] = []
    expected = asyncio.run(play(_async_body, plain_log))
    with Telemetry(capture_content=True) as telemetry:
        assert asyncio.run(play(trace(_async_body), traced_log, context_given_back)) == expected
        assert traced_log == plain_log
        if "started" in traced_log and not telemetry.spans:
            gc.collect()  # once an async generator ignored its closing, Python never closes it properly
        _check_spans(telemetry, "_async_body", traced_log)
