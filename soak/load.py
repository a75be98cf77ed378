"""The load: everything that an application does with the library, at a steady rate, checking every answer."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import openai

import genai_otel
from genai_otel import SpanType

_SAYING = "text=one%20two%20three"
_SAID = "one two three"
_FAILING: dict[str, type[Exception]] = {
    "status=400": openai.BadRequestError,
    "status=429": openai.RateLimitError,
    "status=500": openai.InternalServerError,
    "drop": openai.APIConnectionError,
}


_KINDS = 11  # of operations


class Tally:
    """What was done, and what went wrong that a caller could see."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.done: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()

    def did(self, what: str) -> None:
        with self._lock:
            self.done[what] += 1

    def often(self, times: int) -> list[str]:
        """Return what was done so many times."""
        with self._lock:
            return [what for what, done in self.done.items() if done >= times]

    def failed(self, what: str, exc: BaseException) -> None:
        with self._lock:
            self.errors[f"{what}: {type(exc).__name__}: {exc}"[:200]] += 1


def _chat(behaviour: str) -> dict[str, Any]:
    return {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": f"question {random.random()}"}],
        "extra_headers": {"x-mock": behaviour},
    }


class Service:
    """Sync and async clients, decorated functions, pools and clients of our own."""

    def __init__(self, base_url: str) -> None:
        self.client = openai.OpenAI(api_key="test", base_url=base_url, max_retries=0, timeout=30)
        self.base_url = base_url
        self.pool = genai_otel.ThreadPoolExecutor(4)
        self.tracing = genai_otel.TracingClient()

    # --- on threads
    @genai_otel.trace(span_type=SpanType.AGENT)
    def ask(self) -> None:
        answer = self.client.chat.completions.create(**_chat(_SAYING))
        assert answer.choices[0].message.content == _SAID

    @genai_otel.trace
    def stream(self) -> None:
        chunks = self.client.chat.completions.create(**_chat(_SAYING), stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == _SAID

    def stream_left_early(self) -> None:
        for _ in self.client.chat.completions.create(**_chat(_SAYING), stream=True):
            break
        with self.client.chat.completions.create(**_chat(_SAYING), stream=True) as chunks:
            next(iter(chunks))

    def respond(self) -> None:
        headers = {"x-mock": _SAYING}
        answer = self.client.responses.create(model="gpt-4o-mini", input="hello", extra_headers=headers)
        assert answer.output_text == _SAID
        events = self.client.responses.create(
            model="gpt-4o-mini", input="hello", stream=True, extra_headers=headers
        )
        assert [event.type for event in events][-1] == "response.completed"

    def fail(self) -> None:
        behaviour = random.choice(list(_FAILING))
        try:
            self.client.chat.completions.create(**_chat(behaviour))
        except _FAILING[behaviour]:
            return
        raise AssertionError(f"{behaviour} raised nothing")

    @genai_otel.trace
    def fan_out(self) -> None:
        with genai_otel.context(session_id="s", tags={"k": "v"}):
            assert sorted(self.pool.map(self.tool, range(4))) == [0, 1, 4, 9]

    @genai_otel.trace(span_type=SpanType.TOOL)
    def tool(self, number: int) -> int:
        genai_otel.update_current_trace(metadata={"number": number})
        return number * number

    def iterate(self) -> None:
        assert list(self.items(5)) == [0, 1, 2, 3, 4]
        left = self.items(5)
        next(left)

    @genai_otel.trace
    def items(self, count: int) -> Iterator[int]:
        for number in range(count):
            with genai_otel.start_span(name="item"):
                yield number

    def trace_by_hand(self) -> None:
        root = self.tracing.start_trace("job", inputs={"n": 1})
        for _ in range(3):
            child = self.tracing.start_span("step", root.trace_id, root.span_id)
            self.tracing.end_span(root.trace_id, child.span_id, outputs="done")
        self.tracing.end_trace(root.trace_id, status="OK")

    # --- on an event loop
    @genai_otel.trace
    async def ask_async(self, client: openai.AsyncOpenAI) -> None:
        asked = (client.chat.completions.create(**_chat(_SAYING)) for _ in range(3))
        for answer in await asyncio.gather(*asked):
            assert answer.choices[0].message.content == _SAID

    @genai_otel.trace
    async def stream_async(self, client: openai.AsyncOpenAI) -> None:
        said = ""
        async for chunk in await client.chat.completions.create(**_chat(_SAYING), stream=True):
            said += (chunk.choices and chunk.choices[0].delta.content) or ""
        assert said == _SAID

    async def cancel(self, client: openai.AsyncOpenAI) -> None:
        slow = asyncio.ensure_future(client.chat.completions.create(**_chat("delay=5")))
        await asyncio.sleep(0.02)
        slow.cancel()
        try:
            await slow
        except asyncio.CancelledError:
            return
        raise AssertionError("a cancelled call returned")


class Load:
    """The workers: threads, and an event loop with tasks on a thread of its own."""

    def __init__(self, base_url: str, *, pause: float = 0.02) -> None:
        self.tally = Tally()
        self._service = service = Service(base_url)
        self._pause = pause
        self._stopping = threading.Event()
        steps = (
            (service.ask, service.stream, service.fail),
            (service.stream_left_early, service.respond),
            (service.fan_out, service.iterate, service.trace_by_hand),
        )
        self._threads = [threading.Thread(target=self._run, args=(one,)) for one in steps]
        self._threads.append(threading.Thread(target=lambda: asyncio.run(self._run_tasks())))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def warm_up(self, times: int, seconds: float) -> None:
        """Wait until everything was done so many times, but not for longer than ``seconds``."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and len(self.tally.often(times)) < _KINDS:
            time.sleep(0.1)

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def close(self) -> None:
        self._service.pool.shutdown()
        self._service.client.close()

    def _run(self, steps: tuple[Callable[[], None], ...]) -> None:
        while not self._stopping.is_set():
            for step in steps:
                try:
                    step()
                    self.tally.did(step.__name__)
                except Exception as exc:
                    self.tally.failed(step.__name__, exc)
                time.sleep(self._pause)

    async def _run_tasks(self) -> None:
        async with openai.AsyncOpenAI(
            api_key="test", base_url=self._service.base_url, max_retries=0, timeout=30
        ) as client:
            service = self._service
            steps = (service.ask_async, service.stream_async, service.cancel)
            await asyncio.gather(*(self._run_task(step, client) for step in steps))

    async def _run_task(self, step: Callable[[Any], Awaitable[None]], client: openai.AsyncOpenAI) -> None:
        while not self._stopping.is_set():
            try:
                await step(client)
                self.tally.did(step.__name__)
            except Exception as exc:
                self.tally.failed(step.__name__, exc)
            await asyncio.sleep(self._pause)
