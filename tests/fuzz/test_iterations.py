"""Several decorated generators, resumed in any order in any way: as their undecorated twins, and one span each.

A body is a list of steps, a schedule a list of actions on bodies. What a body and its consumer see is written down
for both twins and must be the same; in between, the consumer's context must never change.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry import context as context_api
from opentelemetry import trace

import genai_otel
from tests.context_checks import nothing_leaks  # noqa: F401
from tests.fuzz.budget import budget
from tests.telemetry_capture import Telemetry

# a body that fails while it is collected is reported by Python, for both twins
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Boom(Exception):
    pass


STEPS = ["yield", "yield", "yield", "open", "close", "span", "raise", "return", "tag"]
# what a body does with an exception thrown in at a yield
HABITS = ["propagate", "swallow", "yield again", "return", "other"]
ACTIONS = ["next", "next", "send", "throw", "close", "exit", "drop", "in a span"]
bodies = st.tuples(st.lists(st.sampled_from(STEPS), max_size=7), st.sampled_from(HABITS))
schedules = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(ACTIONS)), max_size=14)


class Body:
    """The steps of one generator; ``seen`` is what it observes."""

    def __init__(self, number: int, steps: list[str], habit: str, traced: bool) -> None:
        self.name = f"g{number}"
        self.steps = steps
        self.habit = habit
        self.traced = traced
        self.seen: list[Any] = []
        self.inner: dict[str, str] = {}  # name -> name of the parent that it should have
        self.stack = [self.name]
        self.ran = self.failed = False

    def span(self) -> Any:
        name = f"{self.name}.{len(self.inner)}"
        self.inner[name] = self.stack[-1]
        return genai_otel.start_span(name=name) if self.traced else _Nothing()

    def caught(self, exc: BaseException) -> str:
        self.seen.append(("caught", type(exc)))
        if isinstance(exc, GeneratorExit) and self.habit != "other":
            raise exc
        if self.habit == "propagate":
            raise exc
        if self.habit == "other":
            raise ValueError("other") from exc
        return self.habit


class _Nothing:
    def __enter__(self) -> None:
        return

    def __exit__(self, *exc: object) -> None:
        return


def generator(body: Body) -> Any:
    body.ran = True
    opened: list[Any] = []
    try:
        for number, step in enumerate(body.steps):
            if step == "yield":
                try:
                    body.seen.append((yield number))
                except BaseException as exc:
                    decided = body.caught(exc)
                    if decided == "return":
                        return "early"
                    if decided == "yield again":
                        body.seen.append((yield "again"))
            elif step == "open":
                opened.append(body.span())
                opened[-1].__enter__()
                body.stack.append(list(body.inner)[-1])
            elif step == "close" and opened:
                opened.pop().__exit__(None, None, None)
                body.stack.pop()
            elif step == "span":
                with body.span():
                    pass
            elif step == "tag" and body.traced:
                genai_otel.update_current_trace(tags={"k": body.name})
            elif step == "raise":
                raise Boom(number)
            elif step == "return":
                return number
    except BaseException as exc:
        body.failed = not isinstance(exc, GeneratorExit)
        raise
    finally:
        body.seen.append("finally")
        while opened:
            opened.pop().__exit__(None, None, None)


async def async_generator(body: Body) -> Any:
    body.ran = True
    opened: list[Any] = []
    try:
        for number, step in enumerate(body.steps):
            if step == "yield":
                try:
                    body.seen.append((yield number))
                except BaseException as exc:
                    decided = body.caught(exc)
                    if decided == "return":
                        return
                    if decided == "yield again":
                        body.seen.append((yield "again"))
            elif step == "open":
                opened.append(body.span())
                opened[-1].__enter__()
                body.stack.append(list(body.inner)[-1])
            elif step == "close" and opened:
                opened.pop().__exit__(None, None, None)
                body.stack.pop()
            elif step == "span":
                with body.span():
                    pass
            elif step == "tag" and body.traced:
                genai_otel.update_current_trace(tags={"k": body.name})
            elif step == "raise":
                raise Boom(number)
            elif step == "return":
                return
    except BaseException as exc:
        body.failed = not isinstance(exc, GeneratorExit)
        raise
    finally:
        body.seen.append("finally")
        while opened:
            opened.pop().__exit__(None, None, None)


def ended(coroutine: Any) -> Any:
    """Run an awaitable that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waited")


SYNC: dict[str, Callable[[Any], Any]] = {
    "next": next,
    "send": lambda made: made.send("sent"),
    "throw": lambda made: made.throw(Boom("thrown")),
    "exit": lambda made: made.throw(GeneratorExit()),
    "close": lambda made: made.close(),
}
ASYNC: dict[str, Callable[[Any], Any]] = {
    "next": lambda made: ended(made.asend(None)),
    "send": lambda made: ended(made.asend("sent")),
    "throw": lambda made: ended(made.athrow(Boom("thrown"))),
    "exit": lambda made: ended(made.athrow(GeneratorExit())),
    "close": lambda made: ended(made.aclose()),
}


def played(
    make: Callable[[Body], Any], acts: dict[str, Callable[[Any], Any]], bodies: list[Body], schedule: Any
) -> list[Any]:
    """Play a schedule; returns what the consumer saw of it."""
    seen: list[Any] = []
    made: list[Any] = []
    for body in bodies:
        with _consumer(f"creates {body.name}", body.traced):
            made.append(make(body))
    for which, action in schedule:
        if which >= len(made) or made[which] is None:
            continue
        before = context_api.get_current()
        if action == "drop":
            made[which] = None
            gc.collect(1)
        else:
            with _consumer("resumes", bodies[which].traced and action == "in a span"):
                inside = context_api.get_current()
                seen.append(_result(acts["next" if action == "in a span" else action], made[which]))
                assert context_api.get_current() is inside
        assert context_api.get_current() is before
    while made:  # those that are left, in order
        made.pop(0)
        gc.collect(1)
    return seen


def _consumer(name: str, traced: bool) -> Any:
    return genai_otel.start_span(name=name) if traced else _Nothing()


def _result(act: Callable[[Any], Any], made: Any) -> Any:
    try:
        return act(made)
    except BaseException as exc:
        return type(exc), str(exc.__cause__), exc.args


def check(
    telemetry: Telemetry, generator: Any, acts: dict[str, Callable[[Any], Any]], parts: Any, schedule: Any
) -> None:
    telemetry.exporter.clear()
    traced = [Body(number, *part, traced=True) for number, part in enumerate(parts)]
    plain = [Body(number, *part, traced=False) for number, part in enumerate(parts)]

    def make_traced(body: Body) -> Any:
        return genai_otel.trace(name=body.name)(generator)(body)

    assert played(make_traced, acts, traced, schedule) == played(generator, acts, plain, schedule)
    assert [body.seen for body in traced] == [body.seen for body in plain]
    spans = {span.context.span_id: span for span in telemetry.spans}
    assert len(spans) == len(telemetry.spans)
    for body in traced:
        own = [span for span in spans.values() if span.name == body.name]
        assert len(own) == body.ran
        for span in own:
            assert span.parent is not None
            assert spans[span.parent.span_id].name == f"creates {body.name}"
            assert span.status.is_ok != body.failed
        inner = [span for span in spans.values() if span.name.startswith(f"{body.name}.")]
        assert {span.name: spans[span.parent.span_id].name for span in inner} == body.inner
        assert all(
            one.start_time <= span.start_time <= span.end_time <= one.end_time
            for one in own
            for span in inner
        )
        assert all(_root_of(span, spans) == f"creates {body.name}" for span in own)
    for span in spans.values():
        assert span.end_time is not None and span.end_time >= (span.start_time or 0)
    assert trace.get_current_span() is trace.INVALID_SPAN


def _root_of(span: Any, spans: dict[int, Any]) -> str:
    while span.parent is not None:
        span = spans[span.parent.span_id]
    return str(span.name)


@budget(100)
@given(st.lists(bodies, min_size=1, max_size=3), schedules)
@example(
    [(["open", "yield"], "propagate"), (["yield"], "propagate")], [(0, "next"), (1, "next"), (0, "drop")]
)
@example([(["yield", "yield"], "swallow")], [(0, "next"), (0, "throw"), (0, "close")])
@example([(["open", "yield", "span", "yield"], "propagate")], [(0, "next"), (0, "next")])
@example([(["yield"], "other")], [(0, "next"), (0, "close")])
@example([(["open", "yield"], "yield again")], [(0, "next"), (0, "throw"), (0, "in a span")])
def test_generators_in_any_order(telemetry: Telemetry, parts: Any, schedule: Any) -> None:
    check(telemetry, generator, SYNC, parts, schedule)


@budget(100)
@given(st.lists(bodies, min_size=1, max_size=3), schedules)
@example(
    [(["open", "yield"], "propagate"), (["yield"], "propagate")], [(0, "next"), (1, "next"), (0, "close")]
)
@example([(["yield", "yield"], "swallow")], [(0, "next"), (0, "throw"), (0, "close")])
@example([(["open", "yield", "span", "yield"], "propagate")], [(0, "next"), (0, "next")])
def test_async_generators_in_any_order(telemetry: Telemetry, parts: Any, schedule: Any) -> None:
    check(telemetry, async_generator, ASYNC, parts, schedule)
