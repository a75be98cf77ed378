"""What type checkers see: decorating changes nothing, everything else has the type that it says.

Run by pytest for the run-time half, by mypy and pyright (``tests/test_typing.py``) for the other.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator
from concurrent.futures import Future
from typing import Any

from opentelemetry import trace as otel_trace
from typing_extensions import assert_type

import genai_otel
from genai_otel import Span, SpanType, TracingClient, start_span, start_span_no_context, trace


@trace
def bare(a: int, b: str = "b", *, c: bool = False) -> float:
    return float(a)


@trace()
def empty() -> None: ...


@trace(name="n", span_type=SpanType.TOOL, attributes={"k": 1}, capture_inputs=["a"], capture_outputs=False)
def parametrised(a: int) -> list[int]:
    return [a]


@trace
async def later(a: int) -> str:
    return str(a)


@trace(span_type="AGENT")
async def later_parametrised(a: int) -> str:
    return str(a)


@trace
def items(n: int) -> Iterator[int]:
    yield n


@trace(output_reducer=sum)
def echo(n: int) -> Generator[int, str, bool]:
    received = yield n
    return received == "x"


@trace
async def items_later(n: int) -> AsyncIterator[int]:
    yield n


@trace(span_type=SpanType.LLM, output_reducer="".join)
async def echo_later(n: int) -> AsyncGenerator[str, bytes]:
    yield str(n)


class Thing:
    @trace
    def method(self, x: int) -> str:
        return str(x)

    @trace(name="named")
    def parametrised(self, x: int) -> str:
        return str(x)

    @trace
    async def later(self, x: int) -> str:
        return str(x)

    @trace
    def items(self, n: int) -> Iterator[str]:
        yield str(n)

    @classmethod
    @trace
    def inner_class(cls, x: int) -> str:
        return str(x)

    @staticmethod
    @trace
    def inner_static(x: int) -> str:
        return str(x)

    @trace
    @staticmethod
    def outer_static(x: int) -> str:
        return str(x)

    @property
    @trace
    def value(self) -> int:
        return 5

    @trace
    def __call__(self, x: int) -> bytes:
        return b""


class OuterClassMethod:
    @trace
    @classmethod
    def build(cls, x: int) -> str:
        return str(x)


def plain(x: int) -> str:
    return str(x)


def test_decorated_functions_keep_their_signatures() -> None:
    assert_type(bare(1, "b", c=True), float)
    assert_type(empty(), None)
    assert_type(parametrised(a=1), "list[int]")
    takes_any_int: Callable[[int], list[int]] = parametrised
    assert takes_any_int(2) == [2]
    assert_type(trace(plain)(3), str)
    assert_type(trace(name="n")(plain)(3), str)


def test_decorated_coroutine_functions_keep_their_signatures() -> None:
    coroutine = later(1)
    awaited: Coroutine[Any, Any, str] = later_parametrised(1)
    coroutine.close()
    awaited.close()


def test_decorated_generators_keep_their_signatures() -> None:
    assert_type(items(1), "Iterator[int]")
    assert_type(echo(1), "Generator[int, str, bool]")
    assert_type(items_later(1), "AsyncIterator[int]")
    assert_type(echo_later(1), "AsyncGenerator[str, bytes]")


def test_decorated_methods_keep_their_signatures() -> None:
    thing = Thing()
    assert_type(thing.method(1), str)
    assert_type(thing.parametrised(x=1), str)
    assert_type(thing.items(1), "Iterator[str]")
    assert_type(Thing.inner_class(1), str)
    assert_type(Thing.inner_static(1), str)
    assert_type(thing.outer_static(1), str)
    assert_type(OuterClassMethod.build(1), str)
    assert_type(OuterClassMethod().build(x=1), str)
    assert_type(thing.value, int)
    assert_type(thing(1), bytes)
    coroutine = thing.later(1)
    awaited: Coroutine[Any, Any, str] = coroutine
    awaited.close()


def test_spans_are_typed_and_chain() -> None:
    with start_span("s", SpanType.LLM, {"k": 1}, inputs=[1], model="m", provider="p") as span:
        assert_type(span, Span)
        assert_type(span.set_inputs(1).set_outputs(2).set_attribute("k", 1), Span)
        assert_type(span.set_attributes({"k": 1}).set_span_type("TOOL").set_status("OK"), Span)
        assert_type(span.add_event("e", {"k": 1}).record_exception(ValueError()), Span)
        assert_type(span.set_model("m", "n", provider="p").set_usage(1, 2, reasoning_tokens=3), Span)
        assert_type(
            span.set_finish_reasons(["stop"]).set_documents([]).set_tool_call("t").set_agent("a"), Span
        )
        assert_type(span.end(outputs=1, attributes={}, status="OK", end_time_ns=1), Span)
        assert_type(span.name, str)
        assert_type(span.trace_id, str)
        assert_type(span.parent_id, "str | None")
        assert_type(span.start_time_ns, "int | None")
        as_otel: otel_trace.Span = span
        assert as_otel is span
    assert_type(start_span_no_context("s", parent=span, start_time_ns=1), Span)
    assert_type(genai_otel.get_current_span(), "Span | None")
    assert_type(genai_otel.get_last_active_trace_id(), "str | None")


async def test_spans_are_typed_in_async_blocks() -> None:
    async with start_span("s") as span:
        assert_type(span, Span)


def test_the_client_is_typed() -> None:
    client = TracingClient()
    root = client.start_trace("t", trace_id="0" * 31 + "1", tags={"a": "b"})
    assert_type(root, Span)
    assert_type(client.start_span("s", root.trace_id, root.span_id, span_type=SpanType.TOOL), Span)
    assert_type(client.get_span(root.trace_id, root.span_id), "Span | None")
    client.end_trace(root.trace_id, outputs=1, status="ERROR")


def test_the_context_helpers_are_typed() -> None:
    with genai_otel.context(session_id="s", tags={"a": 1}), genai_otel.suppress():
        genai_otel.update_current_trace(tags={"a": 1}, name="n")
    assert_type(genai_otel.propagate(plain)(1), str)
    assert_type(genai_otel.inject_headers(), "dict[str, str]")
    with genai_otel.extract_headers({"a": "b"}), genai_otel.ThreadPoolExecutor(1) as pool:
        future = pool.submit(plain, 1)
        assert_type(future, "Future[str]")
        result: Future[str] = future
        assert result.result() == "1"
    genai_otel.log_evaluation("e", value=True, span=("0" * 32, "0" * 16))
    genai_otel.log_feedback(value=1)


def never_called_because_a_checker_must_refuse_every_line() -> None:
    bare("text")  # type: ignore[arg-type]
    bare(1, d=2)  # type: ignore[call-arg]
    Thing().method("x")  # type: ignore[arg-type]
    Thing.inner_class("x")  # type: ignore[arg-type]
    trace(5)  # type: ignore[call-overload]
    trace(name="n", unknown=1)  # type: ignore[call-overload]
    trace(capture_outputs="yes")  # type: ignore[call-overload]
    start_span("s", "LLM", {}, 5)  # type: ignore[call-arg]
    start_span_no_context("s", parent="parent")  # type: ignore[arg-type]
    TracingClient().end_trace(5)  # type: ignore[arg-type]
