"""Tracing on every event loop that programs run on: asyncio, uvloop, trio, and greenlets under gevent."""

from __future__ import annotations

import gc
import importlib.util
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan

import genai_otel
from tests.configured import run
from tests.context_checks import context_given_back, nothing_leaks
from tests.otlp_receivers import http_receiver
from tests.telemetry_capture import Telemetry

__all__ = ["nothing_leaks"]
anyio = pytest.importorskip("anyio")

# what trio says about generators that were left to the garbage collector: those of these tests, and the SDK's own
pytestmark = pytest.mark.filterwarnings("ignore:Async generator .* was garbage collected:ResourceWarning")

Main = Callable[[], Awaitable[Any]]


def _lacking(module: str) -> pytest.MarkDecorator:
    missing = importlib.util.find_spec(module) is None
    return pytest.mark.skipif(missing, reason=f"{module} is not installed: NOT TESTED on it")


LOOPS = [
    pytest.param(("asyncio", {}), id="asyncio"),
    pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop", marks=_lacking("uvloop")),
    pytest.param(("trio", {}), id="trio", marks=_lacking("trio")),
]


@pytest.fixture(params=LOOPS)
def on_loop(request: pytest.FixtureRequest) -> Callable[[Main], Any]:
    """Runs a coroutine function on the loop."""
    backend, options = request.param

    def run_main(main: Main) -> Any:
        return anyio.run(main, backend=backend, backend_options=options)

    return run_main


@genai_otel.trace
async def double(number: int) -> int:
    await anyio.sleep(0.001)
    return number * 2


@genai_otel.trace(name="count", output_reducer=sum)
async def count(to: int) -> AsyncIterator[int]:
    for number in range(to):
        await double(number)
        yield number


def children_of(telemetry: Telemetry, parent: ReadableSpan) -> list[str]:
    ids = parent.context.span_id if parent.context else 0
    return [span.name for span in telemetry.spans if span.parent is not None and span.parent.span_id == ids]


def test_the_context_is_given_back_by_every_kind_of_tracing(
    on_loop: Callable[[Main], Any], telemetry: Telemetry
) -> None:
    async def main() -> None:
        with context_given_back():
            assert await double(2) == 4
        with context_given_back():
            async for _ in count(3):
                with context_given_back():
                    assert genai_otel.get_current_span() is None
                    await anyio.sleep(0)
        with context_given_back():
            async with genai_otel.start_span("block"):
                await double(1)

    on_loop(main)
    assert sorted(span.name for span in telemetry.spans) == ["block", "count", *["double"] * 5]
    assert children_of(telemetry, telemetry.one("count")) == ["double"] * 3
    assert children_of(telemetry, telemetry.one("block")) == ["double"]


def test_tasks_have_the_span_that_started_them_as_parent_and_never_each_other(
    on_loop: Callable[[Main], Any], telemetry: Telemetry
) -> None:
    @genai_otel.trace
    async def branch(number: int) -> None:
        for _ in range(3):
            await double(number)

    async def main() -> None:
        async with genai_otel.start_span("all"), anyio.create_task_group() as group:
            for number in range(5):
                group.start_soon(branch, number)

    on_loop(main)
    assert children_of(telemetry, telemetry.one("all")) == ["branch"] * 5
    branches = [span for span in telemetry.spans if span.name == "branch"]
    assert [children_of(telemetry, span) for span in branches] == [["double"] * 3] * 5


def test_a_function_sent_to_a_thread_keeps_its_parent(
    on_loop: Callable[[Main], Any], telemetry: Telemetry
) -> None:
    @genai_otel.trace
    def in_thread() -> None: ...

    async def main() -> None:
        async with genai_otel.start_span("all"):
            await anyio.to_thread.run_sync(in_thread)

    on_loop(main)
    assert children_of(telemetry, telemetry.one("all")) == ["in_thread"]


def test_cancellation_ends_every_span_once_and_is_an_error(
    on_loop: Callable[[Main], Any], telemetry: Telemetry
) -> None:
    @genai_otel.trace
    async def forever() -> None:
        await anyio.sleep_forever()

    @genai_otel.trace
    async def items() -> AsyncIterator[int]:
        yield 1
        await anyio.sleep_forever()

    async def main() -> str:
        with context_given_back(), anyio.move_on_after(0.01):
            await forever()
        with context_given_back(), anyio.move_on_after(0.01):
            async for _ in items():
                pass
        return f"{anyio.get_cancelled_exc_class().__module__}.{anyio.get_cancelled_exc_class().__qualname__}"

    cancelled = on_loop(main)
    assert sorted(span.name.rpartition(".")[2] for span in telemetry.spans) == ["forever", "items"]
    for span in telemetry.spans:
        assert not span.status.is_ok
        assert (span.attributes or {})["error.type"] == cancelled


def test_a_generator_that_is_left_early_ends_its_span_once(
    on_loop: Callable[[Main], Any], telemetry: Telemetry
) -> None:
    async def main() -> None:
        closed = count(5)
        with context_given_back():
            async for _ in closed:
                break
            await closed.aclose()
        forgotten = count(5)
        with context_given_back():
            async for _ in forgotten:
                break
            del forgotten
            gc.collect()
            for _ in range(5):
                await anyio.sleep(0.001)  # the loop finalises it

    on_loop(main)
    counted = [span for span in telemetry.spans if span.name == "count"]
    assert [(span.status.is_unset, dict(span.attributes or {})["output.value"]) for span in counted] == [
        (True, "0"),
        (True, "0"),
    ]


def test_a_generator_may_be_driven_from_several_tasks(
    on_loop: Callable[[Main], Any], telemetry: Telemetry
) -> None:
    async def step(generator: Any) -> None:
        with context_given_back():
            await generator.__anext__()

    async def main() -> None:
        generator = count(3)
        for _ in range(3):
            async with anyio.create_task_group() as group:
                group.start_soon(step, generator)
        await generator.aclose()

    on_loop(main)
    assert children_of(telemetry, telemetry.one("count")) == ["double"] * 3


def test_automatic_spans_of_streams(on_loop: Callable[[Main], Any], telemetry: Telemetry) -> None:
    openai = pytest.importorskip("openai")
    from genai_otel.testing.server import OpenAIServer

    async def ask(client: Any) -> None:
        stream = await client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": "Hi"}], stream=True
        )
        async for _ in stream:
            with context_given_back():
                await anyio.sleep(0)

    async def main() -> None:
        async with openai.AsyncOpenAI(api_key="test", base_url=server.base_url, max_retries=0) as client:
            async with genai_otel.start_span("all"), anyio.create_task_group() as group:
                for _ in range(3):
                    group.start_soon(ask, client)

    genai_otel.openai.autolog()
    try:
        with OpenAIServer() as server:
            on_loop(main)
    finally:
        genai_otel.openai.autolog(disable=True)
    assert children_of(telemetry, telemetry.one("all")) == ["chat gpt-4o-mini"] * 3
    assert all(span.status.is_unset for span in telemetry.spans)


# --- gevent ------------------------------------------------------------------------------------------------------
GEVENT = """
from gevent import monkey
monkey.patch_all()
import json, logging, sys, threading, time
import gevent
import genai_otel

complaints = []
class Listening(logging.Handler):
    def emit(self, record):
        complaints.append(record.getMessage())
logging.getLogger("opentelemetry").addHandler(Listening(level=logging.WARNING))
logging.getLogger("genai_otel").addHandler(Listening(level=logging.WARNING))

genai_otel.configure("svc", endpoint=ENDPOINT)
"""
GREENLETS = """
@genai_otel.trace
def inner(number):
    gevent.sleep(0.001)
    return number

@genai_otel.trace
def outer(number):
    assert genai_otel.get_current_span().name == "outer"
    for step in range(3):
        inner(step)
        assert genai_otel.get_current_span().name == "outer"
    return number

@genai_otel.trace
def items():
    for number in range(3):
        inner(number)
        yield number

def interleaved():
    for _ in items():
        gevent.sleep(0)
        assert genai_otel.get_current_span().name == "all"

with genai_otel.start_span("all"):
    greenlets = [gevent.spawn(genai_otel.propagate(outer), number) for number in range(10)]
    greenlets += [gevent.spawn(genai_otel.propagate(interleaved)) for _ in range(3)]
    greenlets += [gevent.spawn(outer, 1)]  # a greenlet begins with no context, as a thread does
    gevent.joinall(greenlets, raise_error=True)
assert genai_otel.get_current_span() is None

with genai_otel.start_span("pool"), genai_otel.ThreadPoolExecutor(4) as pool:
    assert list(pool.map(outer, range(8))) == list(range(8))

killed = gevent.spawn(outer, 1)
gevent.sleep(0.002)
killed.kill()

flushed = genai_otel.flush(10_000)
genai_otel.start_span("at the end").__enter__().end()
print(json.dumps({"flushed": flushed, "complaints": complaints}), flush=True)
"""


@_lacking("gevent")
def test_greenlets_of_a_program_patched_by_gevent() -> None:
    with http_receiver() as received:
        done = run(GEVENT.replace("ENDPOINT", repr(received.endpoint)) + GREENLETS, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"flushed": True, "complaints": []}
    spans = {span.span_id: span for span in received.spans}
    parents = [
        (span.name, spans[span.parent_span_id].name if span.parent_span_id else "") for span in spans.values()
    ]
    counted = {pair: parents.count(pair) for pair in parents}
    in_killed = counted.pop(("inner", "outer")) - 19 * 3
    assert 0 <= in_killed <= 3
    assert counted == {
        ("all", ""): 1,
        ("outer", "all"): 10,
        ("items", "all"): 3,
        ("inner", "items"): 9,
        ("pool", ""): 1,
        ("outer", "pool"): 8,
        ("outer", ""): 2,
        ("at the end", ""): 1,
    }
    failed = [span for span in spans.values() if span.status.code]
    assert [span.name for span in failed if "GreenletExit" in str(span.attributes)] in (
        ["outer"],
        ["inner", "outer"],
    )


CALLS = """
import openai
from genai_otel.testing.server import OpenAIServer
genai_otel.openai.autolog()

def ask(number):
    with genai_otel.start_span(f"ask {number}"):
        stream = client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": "Hi"}], stream=True
        )
        for _ in stream:
            assert genai_otel.get_current_span().name == f"ask {number}"
            gevent.sleep(0)

with OpenAIServer() as server, openai.OpenAI(api_key="test", base_url=server.base_url, max_retries=0) as client:
    gevent.joinall([gevent.spawn(ask, number) for number in range(5)], raise_error=True)
    genai_otel.flush(20_000)
print(json.dumps(complaints), flush=True)
"""


@_lacking("gevent")
@_lacking("openai")
def test_automatic_spans_in_greenlets() -> None:
    with http_receiver() as received:
        done = run(
            GEVENT.replace("ENDPOINT", repr(received.endpoint)) + CALLS, timeout=60, NO_PROXY="127.0.0.1"
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
    spans = {span.span_id: span for span in received.spans}
    called = [spans[span.parent_span_id].name for span in spans.values() if span.name.startswith("chat ")]
    assert sorted(called) == [f"ask {number}" for number in range(5)]
