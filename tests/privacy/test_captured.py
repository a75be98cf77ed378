"""What is captured on the user's behalf: nothing of it anywhere with content off, and where the mode says otherwise."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pydantic
import pytest

import genai_otel
from genai_otel import SpanType, trace

from .planted import SECRET, traces
from .signals import Everything

MODES = ["no_content", "span_only", "event_only", "span_and_event"]
INFERENCE = {SpanType.LLM, SpanType.CHAT_MODEL, SpanType.COMPLETION}


class Named(pydantic.BaseModel):
    name: str


@dataclasses.dataclass
class Data:
    x: Any


class Shown:
    def __repr__(self) -> str:
        return f"<Shown {SECRET}>"


Pair = collections.namedtuple("Pair", "a b")
HOLDERS: dict[str, Callable[[], Any]] = {
    "text": lambda: SECRET,
    "key": lambda: {SECRET: 1},
    "nested": lambda: {"a": [{"b": (1, [SECRET])}]},
    "set": lambda: {SECRET},
    "deque": lambda: collections.deque([SECRET]),
    "named tuple": lambda: Pair(1, SECRET),
    "model": lambda: Named(name=SECRET),
    "dataclass": lambda: Data(Data(SECRET)),
    "path": lambda: pathlib.PurePosixPath(SECRET),
    "array": lambda: np.array([SECRET]),
    "exception": lambda: ValueError(SECRET),
    "repr": Shown,
    "messages": lambda: [{"role": "system", "content": SECRET}, {"role": "user", "content": SECRET}],
    "parts": lambda: [{"role": "user", "content": [{"type": "text", "text": SECRET}]}],
    "request": lambda: {"messages": [{"role": "user", "content": "q"}], "tools": [{"name": SECRET}]},
    "tool calls": lambda: [
        {
            "role": "assistant",
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": SECRET}}],
        }
    ],
    "documents": lambda: [{"id": "1", "content": SECRET, "score": 0.5, "metadata": {"path": SECRET}}],
    "signed url": lambda: [
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": f"https://x/i.png?sig={SECRET}"}}],
        }
    ],
}
_NEVER: dict[str, Callable[[], Any]] = {
    "bytes": lambda: SECRET.encode(),
    "generator": lambda: (SECRET for _ in range(3)),
    "secret text": lambda: {"key": pydantic.SecretStr(SECRET)},
}


def call(fn: Any, value: Any) -> Any:
    with contextlib.suppress(KeyError):
        return fn(value, option=value)


def where_found(seen: Everything, span_type: Any = SpanType.UNKNOWN) -> tuple[bool, bool]:
    """Return whether a secret is on the spans and on the events; it must be nowhere else."""
    assert seen.spans, "nothing was recorded"
    assert not traces(seen.metrics_sent())
    assert not traces(seen.said())
    return bool(traces(seen.spans_sent() + seen.shown())), bool(traces(seen.events_sent()))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("span_type", list(SpanType))
def test_arguments_and_results_go_where_the_mode_says(mode: str, span_type: SpanType) -> None:
    with Everything(capture_content=mode) as seen:

        @trace(span_type=span_type)
        def work(question: str, *, option: Any = SECRET) -> Any:
            return {"said": [SECRET]}

        with genai_otel.start_span(
            "root"
        ):  # the worst case: previews of a root are derived from what is inside
            work(SECRET)
        work(SECRET)
        on_spans, on_events = where_found(seen)
    wants_span, wants_event = (
        mode in ("span_only", "span_and_event"),
        mode in ("event_only", "span_and_event"),
    )
    assert on_spans == (wants_span and span_type is not SpanType.EMBEDDING)
    assert on_events == (wants_event and span_type in INFERENCE)


@pytest.mark.parametrize("holder", [*HOLDERS, *_NEVER])
@pytest.mark.parametrize("side", ["argument", "result"])
def test_whatever_holds_it(holder: str, side: str) -> None:
    make = {**HOLDERS, **_NEVER}[holder]
    for span_type in (SpanType.CHAIN, SpanType.LLM, SpanType.TOOL, SpanType.RETRIEVER):
        fn = (lambda value, option: None) if side == "argument" else (lambda value, option: make())
        given = make() if side == "argument" else None
        for mode, expected in (("no_content", False), ("span_and_event", holder in HOLDERS)):
            with Everything(capture_content=mode) as seen:
                call(trace(span_type=span_type, name="work")(fn), given)
                found = where_found(seen)[0]
            if mode == "no_content" or holder in _NEVER:
                assert found is False
            elif span_type in (SpanType.CHAIN, SpanType.TOOL):
                assert found is expected


def _function(value: Any, option: Any = None) -> Any:
    return value


async def _coroutine(value: Any, option: Any = None) -> Any:
    return value


def _generator(value: Any, option: Any = None) -> Iterator[Any]:
    yield value
    yield value


async def _async_generator(value: Any, option: Any = None) -> Any:
    yield value


class _Holder:
    @trace
    def method(self, value: Any, option: Any = None) -> Any:
        return value

    @classmethod
    @trace
    def of_class(cls, value: Any, option: Any = None) -> Any:
        return value

    def __call__(self, value: Any, option: Any = None) -> Any:
        return value

    def __repr__(self) -> str:
        return SECRET


async def _consumed(iterator: Any) -> list[Any]:
    return [item async for item in iterator]


CALLS: dict[str, Callable[[Any], Any]] = {
    "function": lambda value: trace(_function)(value),
    "coroutine": lambda value: asyncio.run(trace(_coroutine)(value)),
    "generator": lambda value: list(trace(_generator)(value)),
    "generator closed early": lambda value: next(trace(_generator)(value)),
    "generator with a reducer": lambda value: list(trace(output_reducer=list)(_generator)(value)),
    "async generator": lambda value: asyncio.run(_consumed(trace(_async_generator)(value))),
    "method": lambda value: _Holder().method(value),
    "class method": lambda value: _Holder.of_class(value),
    "callable": lambda value: trace(_Holder())(value),
    "partial": lambda value: trace(functools.partial(_function, option=value))(value),
}


@pytest.mark.parametrize("kind", CALLS)
def test_every_kind_of_callable(kind: str) -> None:
    for mode in ("no_content", "span_only"):
        with Everything(capture_content=mode) as seen:
            CALLS[kind](SECRET)
            assert where_found(seen)[0] is (mode == "span_only")


def test_the_decorators_own_choice_wins_over_the_mode() -> None:
    for choice, mode in ((True, "no_content"), (False, "span_and_event")):
        with Everything(capture_content=mode) as seen:
            trace(capture_inputs=choice, capture_outputs=choice, span_type="LLM")(_function)(SECRET)
            found = where_found(seen)
        assert found[0] is choice
        assert found[1] is False


def test_an_argument_that_is_not_named_is_not_recorded() -> None:
    with Everything(capture_content=True) as seen:
        trace(capture_inputs=["option"], capture_outputs=False)(_function)(SECRET, option="recorded")
        assert where_found(seen)[0] is False
        assert b"recorded" in seen.spans_sent()


def test_whoever_passes_through_a_retyped_span_follows_the_mode_too() -> None:
    for mode in ("no_content", "span_only"):
        with Everything(capture_content=mode) as seen:

            @trace
            def work(value: str) -> str:
                span = genai_otel.get_current_span()
                assert span is not None
                span.set_span_type("LLM")
                return value

            work(SECRET)
            assert where_found(seen)[0] is (mode == "span_only")


@pytest.mark.parametrize("becomes", ["RETRIEVER", "MEMORY", "CHAIN", "TOOL", "AGENT"])
def test_what_was_captured_for_the_event_of_an_inference_goes_with_its_type(becomes: str) -> None:
    with Everything(capture_content="event_only") as seen:

        @trace(span_type="LLM")
        def work(query: str) -> str:
            span = genai_otel.get_current_span()
            assert span is not None
            span.set_span_type(becomes)
            return query

        work(SECRET)
        assert where_found(seen) == (False, False)
