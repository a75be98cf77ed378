"""The cases. Each returns the cost of one unit (a call, an item, a chunk) in microseconds."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

SMALL = {"question": "what is the answer?", "limit": 3}
MESSAGES = [
    {"role": "system", "content": "You are a careful assistant."},
    {"role": "user", "content": "What is the answer to everything, and why?"},
]


def payload(size: int) -> list[dict[str, Any]]:
    """Return about ``size`` bytes of JSON-like data, nested as chat histories are."""
    return [
        {"role": "user", "content": "lorem ipsum dolor sit amet " * 10, "index": index}
        for index in range(size // 310)
    ]


class Bench:
    """What a case needs: the adapter, and the proof that spans were exported."""

    def __init__(self, adapter: Any, provider: Any, sink: Any, *, suppressed: bool) -> None:
        self.adapter = adapter
        self.provider = provider
        self.sink = sink
        self.suppressed = suppressed
        self.kept: dict[str, Any] = {}

    def once(self, key: str, make: Callable[[], Any]) -> Any:
        if key not in self.kept:
            self.kept[key] = make()
        return self.kept[key]

    def measured(self, run: Callable[[], None], units: int, spans: int) -> dict[str, Any]:
        """Time ``run`` and say how many of the expected spans arrived."""
        with self._context():
            before = self._flushed()
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            arrived = self._flushed() - before
        return {"cpu": cpu / units * 1e6, "wall": wall / units * 1e6, "expected": spans, "arrived": arrived}

    def _flushed(self) -> int:
        if self.provider is not None:
            self.provider.force_flush()
        return int(self.sink.spans)

    def _context(self) -> Any:
        if not self.suppressed:
            return contextlib.nullcontext()
        from opentelemetry.instrumentation.utils import suppress_instrumentation

        return suppress_instrumentation()


def _work(question: str, limit: int = 3) -> dict[str, Any]:
    return {"answer": 42, "limit": limit}


def case_sync(bench: Bench) -> dict[str, Any]:
    fn = bench.once("sync", lambda: bench.adapter.sync(_work))

    def run() -> None:
        for _ in range(2_000):
            fn("what is the answer?", 3)

    return bench.measured(run, 2_000, 2_000)


def _large(size: int, calls: int) -> Callable[[Bench], dict[str, Any]]:
    def case(bench: Bench) -> dict[str, Any]:
        data = bench.once(f"data{size}", lambda: payload(size))

        def echo(messages: Any) -> Any:
            return messages

        fn = bench.once(f"large{size}", lambda: bench.adapter.sync(echo))

        def run() -> None:
            for _ in range(calls):
                fn(data)

        return bench.measured(run, calls, calls)

    return case


def case_async(bench: Bench) -> dict[str, Any]:
    async def work(question: str, limit: int = 3) -> dict[str, Any]:
        return {"answer": 42, "limit": limit}

    fn = bench.once("async", lambda: bench.adapter.coroutine(work))

    async def calls() -> None:
        for _ in range(2_000):
            await fn("what is the answer?", 3)

    return bench.measured(lambda: asyncio.run(calls()), 2_000, 2_000)


def _tasks(count: int) -> Callable[[Bench], dict[str, Any]]:
    def case(bench: Bench) -> dict[str, Any]:
        async def work(question: str, limit: int = 3) -> dict[str, Any]:
            await asyncio.sleep(0)
            return {"answer": 42, "limit": limit}

        fn = bench.once("tasks", lambda: bench.adapter.coroutine(work))

        async def calls() -> None:
            for _ in range(2_000 // count):
                await asyncio.gather(*(fn("what is the answer?", 3) for _ in range(count)))

        return bench.measured(lambda: asyncio.run(calls()), 2_000, 2_000)

    return case


def case_generator(bench: Bench) -> dict[str, Any]:
    def items(count: int) -> Any:
        for index in range(count):  # noqa: UP028 - each item passes the body, as in a real generator
            yield index

    fn = bench.once("generator", lambda: bench.adapter.generator(items))

    def run() -> None:
        for _ in range(20):
            for _item in fn(10_000):
                pass

    return bench.measured(run, 200_000, 20)


def case_block(bench: Bench) -> dict[str, Any]:
    def work() -> dict[str, int]:
        return {"answer": 42}

    def run() -> None:
        for _ in range(2_000):
            bench.adapter.block(SMALL, work)

    return bench.measured(run, 2_000, 2_000)


def case_client(bench: Bench) -> dict[str, Any]:
    def work() -> dict[str, int]:
        return {"answer": 42}

    def run() -> None:
        for _ in range(2_000):
            bench.adapter.client(SMALL, work)

    return bench.measured(run, 2_000, 2_000)


def _nested(depth: int) -> Callable[[Bench], dict[str, Any]]:
    def case(bench: Bench) -> dict[str, Any]:
        def make() -> Any:
            def descend(level: int) -> int:
                return fn(level - 1) if level > 1 else 0

            fn = bench.adapter.sync(descend)
            return fn

        fn = bench.once("nested", make)
        rounds = 1_000 // depth

        def run() -> None:
            for _ in range(rounds):
                fn(depth)

        return bench.measured(run, rounds * depth, rounds * depth)

    return case


def _threads(count: int) -> Callable[[Bench], dict[str, Any]]:
    def case(bench: Bench) -> dict[str, Any]:
        fn = bench.once("sync", lambda: bench.adapter.sync(_work))

        def calls() -> None:
            for _ in range(2_000 // count):
                fn("what is the answer?", 3)

        def run() -> None:
            workers = [threading.Thread(target=calls) for _ in range(count)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()

        return bench.measured(run, 2_000, 2_000)

    return case


# --- the OpenAI SDK, against a transport in this process --------------------------------------------------------
def _client(bench: Bench) -> Any:
    def make() -> Any:
        import openai

        from benchmarks.transport import canned

        bench.adapter.openai()
        return openai.OpenAI(api_key="x", base_url="http://127.0.0.1:9/v1", http_client=canned())

    return bench.once("client", make)


def case_chat(bench: Bench) -> dict[str, Any]:
    client = _client(bench)

    def run() -> None:
        for _ in range(150):
            client.chat.completions.create(model="gpt-4o", messages=MESSAGES)

    return bench.measured(run, 150, 150)


def _stream(chunks: int) -> Callable[[Bench], dict[str, Any]]:
    def case(bench: Bench) -> dict[str, Any]:
        client = _client(bench)

        def run() -> None:
            for _ in range(max(1, 3_000 // chunks)):
                stream = client.chat.completions.create(
                    model=f"stream-{chunks}", messages=MESSAGES, stream=True
                )
                for _chunk in stream:
                    pass

        rounds = max(1, 3_000 // chunks)
        return bench.measured(run, rounds * chunks, rounds)

    return case


def case_embeddings(bench: Bench) -> dict[str, Any]:
    client = _client(bench)

    def run() -> None:
        for _ in range(5):
            client.embeddings.create(model="text-embedding-3-small", input=["text"] * 100)

    return bench.measured(run, 5, 5)


def case_stream_memory(bench: Bench) -> dict[str, Any]:
    """Peak memory of one stream, in bytes per chunk: 11,000 chunks against 1,000."""
    client = _client(bench)

    def peak(chunks: int) -> int:
        stream = client.chat.completions.create(model=f"stream-{chunks}", messages=MESSAGES, stream=True)
        next(iter(stream))
        tracemalloc.start()
        for _chunk in stream:
            pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1_000)
    per_chunk = (peak(11_000) - peak(1_000)) / 10_000
    return {"cpu": per_chunk, "wall": per_chunk, "expected": 0, "arrived": 0}


def case_wire(bench: Bench) -> dict[str, Any]:
    """Bytes on the wire of one decorated call's span, as OTLP protobuf."""
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    kept: list[Any] = []
    original = bench.sink.export
    bench.sink.export = lambda spans: (kept.extend(spans), original(spans))[1]
    try:
        fn = bench.once("sync", lambda: bench.adapter.sync(_work))
        bench.measured(lambda: [fn("what is the answer?", 3) for _ in range(100)] and None, 100, 100)
    finally:
        bench.sink.export = original
    size = len(encode_spans(kept).SerializeToString()) / max(1, len(kept))
    return {"cpu": size, "wall": size, "expected": 100, "arrived": len(kept)}


CASES: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "sync": case_sync,
    "1 kB": _large(1_000, 1_000),
    "10 kB": _large(10_000, 300),
    "100 kB": _large(100_000, 40),
    "1 MB": _large(1_000_000, 4),
    "async": case_async,
    "generator item": case_generator,
    "block": case_block,
    "client": case_client,
    **{f"depth {depth}": _nested(depth) for depth in (1, 10, 100)},
    **{f"{count} threads": _threads(count) for count in (1, 8)},
    **{f"{count} tasks": _tasks(count) for count in (1, 1_000)},
    "chat": case_chat,
    **{f"stream of {chunks}, chunk": _stream(chunks) for chunks in (100, 1_000, 10_000)},
    "embeddings 100 x 1536": case_embeddings,
    "stream memory, bytes a chunk": case_stream_memory,
    "wire, bytes a span": case_wire,
}

__all__ = ["CASES", "Bench"]
