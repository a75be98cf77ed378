"""Generated programs of nested calls, blocks, generators, tasks and threads: each span has the parent it should have.

A program is a tree; its spans must form the same tree, whatever runs side by side. What it returns or raises must be
what it returns or raises undecorated.
"""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry import context as context_api

import genai_otel
from tests.context_checks import nothing_leaks  # noqa: F401
from tests.fuzz.budget import budget
from tests.telemetry_capture import Telemetry

LEAVES = ["sleep", "raise", "value", "cancelled", "suppressed", "ambient"]
KINDS = [
    "call",
    "async call",
    "block",
    "async block",
    "generator",
    "async generator",
    "gather",
    "threads",
    "catch",
]
programs = st.recursive(
    st.tuples(st.sampled_from(LEAVES), st.just(())),
    lambda inner: st.tuples(st.sampled_from(KINDS), st.lists(inner, max_size=3).map(tuple)),
    max_leaves=14,
)
# where a program without a loop of its own goes on in another thread or task
PARALLEL = ("gather", "threads")


class Boom(Exception):
    pass


class Run:
    """One run of a program, traced or not; nodes are numbered in the order of the text, not of the run."""

    def __init__(self, traced: bool) -> None:
        self.traced = traced
        self.expected: dict[str, str] = {}

    def name(self, kind: str, at: tuple[int, ...], parent: str) -> str:
        name = f"{kind} {'.'.join(map(str, at))}"
        self.expected[name] = parent
        return name

    def decorated(self, fn: Any, name: str) -> Any:
        return genai_otel.trace(name=name)(fn) if self.traced else fn

    async def node(self, program: Any, at: tuple[int, ...], parent: str) -> Any:
        kind, inner = program
        return await getattr(self, f"run_{kind.replace(' ', '_')}")(inner, at, parent)

    async def each(self, inner: Any, at: tuple[int, ...], parent: str) -> list[Any]:
        return [await self.node(one, (*at, number), parent) for number, one in enumerate(inner)]

    # --- leaves
    async def run_sleep(self, inner: Any, at: Any, parent: str) -> Any:
        for _ in range(len(at)):
            await asyncio.sleep(0)
        return "slept"

    async def run_value(self, inner: Any, at: Any, parent: str) -> Any:
        return at

    async def run_raise(self, inner: Any, at: Any, parent: str) -> Any:
        await asyncio.sleep(0)
        raise Boom(at)

    async def run_suppressed(self, inner: Any, at: Any, parent: str) -> Any:
        with genai_otel.suppress(), genai_otel.start_span(name="never"):
            await asyncio.sleep(0)

    async def run_ambient(self, inner: Any, at: Any, parent: str) -> Any:
        with genai_otel.context(session_id=str(at)):
            await asyncio.sleep(0)

    async def run_cancelled(self, inner: Any, at: Any, parent: str) -> Any:
        name = self.name("cancelled", at, parent)

        async def endless() -> None:
            await asyncio.sleep(60)

        task = asyncio.ensure_future(self.decorated(endless, name)())
        await asyncio.sleep(0)
        task.cancel()
        return [type(one) for one in await asyncio.gather(task, return_exceptions=True)]

    # --- nodes
    async def run_call(self, inner: Any, at: Any, parent: str) -> Any:
        name = self.name("call", at, parent)

        def call() -> Any:
            current = genai_otel.get_current_span()
            assert not self.traced or (current is not None and current.name == name)
            return genai_otel.propagate(self.each)(inner, at, name)

        return await self.decorated(call, name)()  # awaited outside, where ``propagate`` has kept the inside

    async def run_async_call(self, inner: Any, at: Any, parent: str) -> Any:
        name = self.name("acall", at, parent)

        async def call() -> Any:
            return await self.each(inner, at, name)

        return await self.decorated(call, name)()

    async def run_block(self, inner: Any, at: Any, parent: str) -> Any:
        name = self.name("block", at, parent)
        if not self.traced:
            return await self.each(inner, at, name)
        with genai_otel.start_span(name=name):
            return await self.each(inner, at, name)

    async def run_async_block(self, inner: Any, at: Any, parent: str) -> Any:
        name = self.name("ablock", at, parent)
        if not self.traced:
            return await self.each(inner, at, name)
        async with genai_otel.start_span(name=name):
            return await self.each(inner, at, name)

    async def run_generator(self, inner: Any, at: Any, parent: str) -> Any:
        """What is between the items belongs to the consumer."""
        name = self.name("generator", at, parent)

        def items() -> Any:
            yield from range(len(inner) + 1)

        found = []
        for number in self.decorated(items, name)():
            if number < len(inner):
                found.append(await self.node(inner[number], (*at, number), parent))
        return found

    async def run_async_generator(self, inner: Any, at: Any, parent: str) -> Any:
        """What is inside belongs to the generator."""
        name = self.name("agenerator", at, parent)

        async def items() -> Any:
            for number, one in enumerate(inner):
                yield await self.node(one, (*at, number), name)
            yield "last"

        return [item async for item in self.decorated(items, name)()]

    async def run_gather(self, inner: Any, at: Any, parent: str) -> Any:
        found = await asyncio.gather(
            *(self.node(one, (*at, number), parent) for number, one in enumerate(inner)),
            return_exceptions=True,
        )
        return [_shown(one) for one in found]

    async def run_threads(self, inner: Any, at: Any, parent: str) -> Any:
        async def alone(one: Any, number: int) -> Any:
            return await self.node(one, (*at, number), parent)

        def in_a_thread(one: Any, number: int) -> Any:
            try:
                return asyncio.run(alone(one, number))
            except Boom as exc:
                return _shown(exc)

        with genai_otel.ThreadPoolExecutor(2) as pool:
            return list(pool.map(in_a_thread, inner, range(len(inner))))

    async def run_catch(self, inner: Any, at: Any, parent: str) -> Any:
        try:
            return await self.each(inner, at, parent)
        except Boom as exc:
            return _shown(exc)


def _shown(one: Any) -> Any:
    return (type(one), one.args) if isinstance(one, BaseException) else one


def outcome(run: Run, program: Any) -> Any:
    try:
        return asyncio.run(run.node(program, (0,), "root"))
    except Boom as exc:
        return _shown(exc)


@budget(60)
@given(programs)
@example(("gather", (("async call", (("sleep", ()), ("raise", ()))), ("async generator", (("block", ()),)))))
@example(("async generator", (("cancelled", ()), ("generator", (("block", ()), ("raise", ()))))))
@example(("threads", (("call", (("block", ()),)), ("async call", (("suppressed", ()),)))))
def test_a_program_is_as_undecorated_and_its_spans_are_its_tree(telemetry: Telemetry, program: Any) -> None:
    telemetry.exporter.clear()
    before = context_api.get_current()
    run = Run(traced=True)
    with genai_otel.start_span(name="root"):
        traced = outcome(run, program)
    assert context_api.get_current() is before
    with genai_otel.suppress():
        assert traced == outcome(Run(traced=False), program)
    spans = {span.context.span_id: span for span in telemetry.spans}
    found = {
        span.name: "" if span.parent is None else spans[span.parent.span_id].name for span in spans.values()
    }
    assert len(spans) == len(telemetry.spans) == len(found)
    assert found == {"root": "", **run.expected}
