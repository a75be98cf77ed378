"""What programs do with the library, each written so that it can be run with the library and without it.

A scenario is given ``api`` (the library, or :class:`Without`), and ``fault``, a context manager inside of which
something breaks; it returns all that its caller can see. What is arranged before ``fault`` is whole.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import copy
import functools
import gc
import inspect
import pickle
import types
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from opentelemetry import context as context_api
from opentelemetry import trace as otel_trace

from genai_otel import SpanType
from genai_otel.compat import mlflow
from tests.hostile import VALUES, Colour, Data, NoAttributes, NoComparison, NoRepr

Fault = AbstractContextManager[Any]
Scenario = Callable[[Any, Fault], Any]
SCENARIOS: dict[str, Scenario] = {}


def scenario(fn: Scenario) -> Scenario:
    SCENARIOS[fn.__name__.replace("_", " ")] = fn
    return fn


# --- the library, and what stands for it ----------------------------------------------------------------------
class Nothing:
    """A span that isn't there: every setter returns it, every text is a text."""

    trace_id = request_id = span_id = name = span_type = ""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: self

    def __enter__(self) -> Nothing:
        return self

    def __exit__(self, *exc: object) -> None:
        return

    async def __aenter__(self) -> Nothing:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return


class Without:
    """The names of the library, for a program that does the same without it."""

    Span = Nothing
    ThreadPoolExecutor = concurrent.futures.ThreadPoolExecutor

    def trace(self, name: Any = None, *args: Any, **kwargs: Any) -> Any:
        return name if name is not None and not isinstance(name, str) else lambda fn: fn

    def start_span(self, *args: Any, **kwargs: Any) -> Any:
        return Nothing()

    start_span_no_context = context = suppress = extract_headers = TracingClient = start_span

    def get_current_span(self) -> None:
        return None

    def propagate(self, fn: Any) -> Any:
        return fn

    def inject_headers(self, headers: Any = None) -> dict[str, str]:
        return dict(headers or {})

    def flush(self, *args: Any) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


class WithoutMlflow(Without):
    MlflowClient = Without.TracingClient

    def trace(self, func: Any = None, **kwargs: Any) -> Any:
        return func if func is not None else lambda fn: fn

    @property
    def tracing(self) -> Any:
        return types.SimpleNamespace(
            context=self.context,
            disable=lambda: None,
            enable=lambda: None,
            get_tracing_context_headers_for_http_request=dict,
            set_tracing_context_from_http_request_headers=lambda headers: Nothing(),
        )


def mlflow_of(api: Any) -> Any:
    return WithoutMlflow() if isinstance(api, Without) else mlflow


# --- what a caller can see ------------------------------------------------------------------------------------
class Failure(Exception):
    pass


FAILURE = Failure("the caller's own")
RESULT = {"answer": object()}


def told(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What a call came to, identities included."""
    try:
        result = call(*args, **kwargs)
    except Exception as exc:
        return _failed(exc)
    return "returned", "the result" if result is RESULT else result


def _failed(exc: BaseException) -> Any:
    frames = [frame for frame in ("fails", "later") if _passed(exc, frame)]
    seen = type(exc).__name__, exc is FAILURE, str(exc), exc.__cause__ is None, exc.__context__ is None
    FAILURE.__traceback__ = FAILURE.__context__ = None
    return "raised", *seen, frames


def _passed(exc: BaseException, name: str) -> bool:
    link = exc.__traceback__
    while link is not None:
        if link.tb_frame.f_code.co_name == name:
            return True
        link = link.tb_next
    return False


def fails(*args: Any, **kwargs: Any) -> Any:
    raise FAILURE


def here() -> bool:
    """Whether the current context is the empty one of these scenarios, or one with something in it."""
    return not context_api.get_current()


# --- decorated calls ------------------------------------------------------------------------------------------
@scenario
def functions(api: Any, fault: Fault) -> Any:
    passed: list[Any] = []

    @api.trace
    def echo(first: Any, /, second: Any = 2, *rest: Any, only: Any = None, **more: Any) -> Any:
        passed.append((first, second, rest, only, more))
        return RESULT

    @api.trace
    def plain(a: Any, b: Any = 1) -> Any:
        passed.append((a, b))
        return RESULT

    @api.trace(capture_inputs=["a", "c"], capture_outputs=True)
    def chosen(a: Any, b: Any = 1, **more: Any) -> Any:
        return RESULT

    failing = api.trace(fails)
    outer = api.trace(lambda value: plain(value))
    given = [1, {"x": NoRepr()}]
    with fault:
        seen = [
            told(echo, given, 3, 4, only=5, more=6),
            told(echo, second=1),
            told(plain, given),
            told(plain, given, c=3),
            told(plain, 1, 2, 3),
            told(chosen, 1, b=2, c=3),
            told(outer, given),
            told(failing, 1, a=2),
            told(api.trace(len), [1, 2]),
        ]
    return seen, [one[0] is given for one in passed], given[0], len(passed)


@scenario
def parameters_of_every_kind(api: Any, fault: Fault) -> Any:
    def decorated(**options: Any) -> Any:
        return api.trace(**options)(lambda value: RESULT)

    made = [
        decorated(
            name="named",
            span_type=kind,
            attributes={"a": 1, "b": [1, 2], "c": {"d": Colour.RED}},
            capture_inputs=True,
            capture_outputs=True,
            model="m",
            provider="p",
            operation="create_memory" if kind == "MEMORY" else None,
        )
        for kind in (*SpanType, "CUSTOM")
    ]
    made += [decorated(span_type=kind) for kind in SpanType]
    failing = [api.trace(span_type=kind)(fails) for kind in ("LLM", "TOOL", "AGENT")]
    with fault:
        return [told(one, {"query": "q", "x": object()}) for one in made] + [told(one, 1) for one in failing]


@scenario
def coroutines(api: Any, fault: Fault) -> Any:
    @api.trace
    async def later(value: Any) -> Any:
        await asyncio.sleep(0)
        if value == "fail":
            raise FAILURE
        return RESULT

    @api.trace(span_type="AGENT")
    async def nested(value: Any) -> Any:
        return await asyncio.gather(later(value), later(value))

    @api.trace
    async def stuck() -> Any:
        await asyncio.sleep(60)

    async def cancelled() -> Any:
        task = asyncio.ensure_future(stuck())
        await asyncio.sleep(0)
        task.cancel("the message")
        try:
            await task
        except asyncio.CancelledError as exc:
            return str(exc), task.cancelled()

    async def main() -> Any:
        seen = []
        for value in (1, "fail"):
            try:
                seen.append(await later(value) is RESULT)
            except Failure as exc:
                seen.append(_failed(exc))
        return seen, [one is RESULT for one in await nested(2)], await cancelled(), here()

    with fault:
        return asyncio.run(main()), inspect.iscoroutinefunction(later)


@scenario
def generators(api: Any, fault: Fault) -> Any:
    @api.trace
    def counting(n: int) -> Any:
        got = []
        try:
            for number in range(n):
                got.append((yield number))
        except Failure:
            got.append("thrown")
            yield "caught"
        return got

    @api.trace(span_type="LLM", output_reducer="".join)
    def words() -> Any:
        yield from ("a", "b")

    @api.trace(output_reducer=lambda items: items[7])
    def reduced_badly() -> Any:
        yield 1

    @api.trace
    def failing() -> Any:
        yield 1
        raise FAILURE

    def driven() -> Any:
        body = counting(3)
        seen = [next(body), here(), body.send("sent"), told(body.throw, FAILURE), told(lambda: next(body))]
        closed = counting(3)
        next(closed)
        closed.close()
        left = counting(3)
        for number in left:
            break
        del left
        gc.collect(0)
        return seen, told(lambda: next(closed)), told(closed.send, None), here()

    with fault:
        return (
            driven(),
            told(lambda: list(words())),
            told(lambda: list(reduced_badly())),
            told(lambda: list(failing())),
            inspect.isgeneratorfunction(counting),
            inspect.isgenerator(counting(1)),
        )


@scenario
def async_generators(api: Any, fault: Fault) -> Any:
    @api.trace
    async def counting(n: int) -> Any:
        try:
            for number in range(n):
                await asyncio.sleep(0)
                yield number
        except Failure:
            yield "caught"

    @api.trace(span_type="LLM", output_reducer=lambda items: items[0])
    async def failing() -> Any:
        yield 1
        raise FAILURE

    async def main() -> Any:
        body = counting(3)
        seen: list[Any] = [await anext(body), here(), await body.asend("sent"), await body.athrow(FAILURE)]
        try:
            await anext(body)
        except StopAsyncIteration:
            seen.append("over")
        closed = counting(2)
        await anext(closed)
        await closed.aclose()
        async for number in counting(2):
            break
        try:
            async for number in failing():
                seen.append(number)
        except Failure as exc:
            seen.append(_failed(exc))
        return seen, here(), [number async for number in counting(2)]

    with fault:
        return asyncio.run(main()), inspect.isasyncgenfunction(counting)


@scenario
def methods(api: Any, fault: Fault) -> Any:
    class Bot:
        @api.trace
        def method(self, x: Any) -> Any:
            return self, x

        @api.trace
        @classmethod
        def of_class(cls, x: Any) -> Any:
            return cls, x

        @classmethod
        @api.trace
        def of_class_inside(cls, x: Any) -> Any:
            return cls, x

        @staticmethod
        @api.trace
        def static(x: Any) -> Any:
            return x

        @api.trace
        @property
        def prop(self) -> Any:
            return RESULT

        @api.trace
        def items(self) -> Any:
            yield self

        @api.trace
        async def later(self) -> Any:
            return self

    bot = Bot()
    with fault:
        found, x = bot.method(1)
        return (
            found is bot,
            x,
            [one(2)[0] is Bot for one in (bot.of_class, Bot.of_class, bot.of_class_inside)],
            bot.static(3),
            bot.prop is RESULT,
            [one is bot for one in bot.items()],
            asyncio.run(bot.later()) is bot,
        )


class Callee:
    """A callable object with a state of its own."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: Any) -> Any:
        self.calls += 1
        return RESULT


class AsyncCallee:
    async def __call__(self, x: Any) -> Any:
        return RESULT


async def _later(x: Any, y: Any = None) -> Any:
    return RESULT


@types.coroutine
def _old_style(x: Any) -> Any:
    yield from asyncio.sleep(0).__await__()
    return RESULT


@scenario
def callable_objects(api: Any, fault: Fault) -> Any:
    callee = api.trace(Callee())
    later = [api.trace(one) for one in (AsyncCallee(), functools.partial(_later, y=1), _old_style)]
    returning = api.trace(lambda x: _later(x))
    partial = api.trace(functools.partial(max, 1))

    async def main() -> Any:
        return [await one(1) is RESULT for one in (*later, returning)]

    with fault:
        callee.note = "kept"
        seen = callee(1) is RESULT, callee.calls, callee.note, isinstance(callee, Callee), asyncio.run(main())
        del callee.note
        twins = copy.copy(callee), copy.deepcopy(callee), pickle.loads(pickle.dumps(callee))
        return (
            seen,
            hasattr(callee, "note"),
            [(one(1)["answer"] is RESULT["answer"], one.calls) for one in twins],
            partial(3),
            str(inspect.signature(callee)),
            repr(callee)[:20],
        )


def _module_function(a: Any, b: Any = 1) -> Any:
    """Its documentation."""
    return RESULT


def _module_generator(n: int) -> Any:
    yield n


@scenario
def decorating(api: Any, fault: Fault) -> Any:
    """What breaks while functions are decorated costs their spans, not the functions."""
    with fault:
        fn = api.trace(_module_function)
        named = api.trace(name="x", span_type="LLM", attributes={"a": 1}, capture_inputs=["a"])(
            _module_function
        )
        memory = api.trace(span_type="MEMORY", operation="search_memory", model="m")(_module_function)
        counting = api.trace(output_reducer=list, capture_outputs=False)(_module_generator)
        later = api.trace(_later)
        callee = api.trace(Callee())

        class Bot:
            method = api.trace(lambda self, x: x)
            of_class = api.trace(classmethod(lambda cls, x: x))
            static = api.trace(staticmethod(lambda x: x))
            prop = api.trace(property(lambda self: 1))

        return (
            [told(one, 1) for one in (fn, named, memory, callee)],
            list(counting(3)),
            asyncio.run(later(1)) is RESULT,
            [Bot().method(1), Bot.of_class(2), Bot.static(3), Bot().prop],
            [(one.__name__, one.__doc__, str(inspect.signature(one))) for one in (fn, named, memory)],
        )


@scenario
def rejected_when_decorating(api: Any, fault: Fault) -> Any:
    """Wrong arguments are refused, whatever else breaks, or decorate nothing: never another exception."""
    wrong: list[Callable[[], Any]] = [
        lambda: api.trace(name=""),
        lambda: api.trace(attributes=[1]),
        lambda: api.trace(span_type=3),
        lambda: api.trace(capture_inputs="a"),
        lambda: api.trace(capture_inputs=["nobody"])(_module_function),
        lambda: api.trace(output_reducer=list)(_module_function),
        lambda: api.trace(Callee),
        lambda: api.trace(3),
        lambda: api.trace(operation="search_memory"),
    ]
    with fault:
        for one in wrong:
            try:
                one()
            except (TypeError, ValueError):
                pass
    return True


# --- values -----------------------------------------------------------------------------------------------------
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVsbG8gd29ybGQ="}}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}
CHATS: list[Any] = [
    "a question",
    [
        {"role": "system", "content": "be kind"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "look: data:image/png;base64,aGVsbG8="}, PICTURE],
        },
        {"role": "assistant", "content": None, "tool_calls": [CALL], "refusal": "no"},
        {"role": "tool", "tool_call_id": "c1", "content": '{"r": 2}'},
        {
            "role": "user",
            "content": [{"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}],
        },
    ],
    {"model": "m", "messages": [{"role": "user", "content": "q"}], "tools": [TOOL, _module_function, "name"]},
    {"model": "m", "input": [{"type": "message", "role": "user", "content": "q"}, {"type": "reasoning"}]},
    {"input": "q", "instructions": "be kind", "tools": [{"name": "t", "input_schema": {"json": {}}}]},
    {"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "yes"}}]},
    {
        "output": [
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "web_search_call"},
        ]
    },
    [("system", "be kind"), ("human", "hello")],
    [
        {
            "role": "user",
            "content": [{"type": "document", "source": {"type": "text", "data": "d"}, "title": "t"}],
        },
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "hm"}, {"type": "tool_use", "name": "f"}],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "x"}]}
            ],
        },
        {
            "role": "user",
            "parts": [{"text": "gemini"}, {"inline_data": {"mime_type": "image/png", "data": "aGk="}}],
        },
        {
            "role": "assistant",
            "content": [{"type": "server_tool_use", "id": "1", "name": "search"}, {"type": "odd"}],
        },
        {
            "role": "user",
            "content": [
                {"type": "web_search_tool_result", "tool_use_id": "1"},
                {"type": "refusal", "refusal": "n"},
            ],
        },
    ],
    {"messages": [{"type": "human", "content": "q"}, {"type": "ai", "content": "a"}]},
    {"text": "x" * 2_000, "more": [{"deep": ["y" * 500] * 5}] * 5, "b": b"1234"},
    b"bytes",
]
DOCUMENTS: list[Any] = [
    {"id": 1, "score": 0.5, "content": "text"},
    {"page_content": "text", "metadata": {"source": "s"}},
    Data(1, Data(2)),
    "text",
]
TYPED: list[tuple[str, Any, Any]] = [
    *(("LLM", one, one) for one in CHATS),
    ("EMBEDDING", ["a", "b"], {"data": [{"embedding": [0.1, 0.2]}]}),
    ("EMBEDDING", "a", [[0.1, 0.2]]),
    ("RETRIEVER", {"query": "q", "k": 3}, DOCUMENTS),
    ("TOOL", {"a": 1}, '{"r": 1}'),
    ("TOOL", "text", [1, 2]),
    ("MEMORY", {"query": "q"}, [{"id": 1, "content": "c"}, "text"]),
    ("AGENT", "question", "answer"),
    ("CHAIN", CHATS[1], CHATS[5]),
]


@scenario
def values_of_every_kind(api: Any, fault: Fault) -> Any:
    traced = {kind: api.trace(span_type=kind)(lambda given, back: back) for kind, _, _ in TYPED}
    echo = api.trace(lambda value: value)
    with fault:
        seen = [traced[kind](given, back) is back for kind, given, back in TYPED]
        return seen, [echo(value) is value for value in VALUES.values()]


# --- spans --------------------------------------------------------------------------------------------------------
def _fill(span: Any) -> list[bool]:
    """Call every setter; each returns the span."""
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
        ("set_inputs", ({"a": NoRepr()},), {}),
        ("set_outputs", (CHATS[1],), {}),
        ("set_attribute", ("k", {"a": NoAttributes()}), {}),
        ("set_attribute", ("gen_ai.request.model", "m"), {}),
        ("set_attributes", ({"a": 1, "b": None, "c": [1, 2], "d": NoComparison()},), {}),
        ("set_span_type", ("RETRIEVER",), {}),
        ("set_documents", (DOCUMENTS,), {}),
        ("set_span_type", ("LLM",), {}),
        ("set_model", ("m", "m-1", "p"), {}),
        ("set_usage", (10, 5), {"cache_read_tokens": 1, "reasoning_tokens": -3}),
        ("set_finish_reasons", (["stop"],), {}),
        ("set_tool_call", ("t", "1", "function", "d"), {}),
        ("set_agent", ("a", "1", "d", "v"), {}),
        ("add_event", ("e", {"a": object()}), {}),
        ("record_exception", (FAILURE,), {}),
        ("set_status", ("ERROR", "description"), {}),
        ("set_status", ("nonsense",), {}),
        ("set_status", ("OK",), {}),
        ("update_name", ("renamed",), {}),
        ("set_span_type", ("TASK",), {}),
    ]
    return [getattr(span, name)(*args, **kwargs) is span for name, args, kwargs in calls]


@scenario
def spans_around_blocks(api: Any, fault: Fault) -> Any:
    async def later() -> Any:
        async with api.start_span("async", span_type="WORKFLOW") as span:
            await asyncio.sleep(0)
            return _fill(span), type(span.trace_id)

    def failing(**about: Any) -> Any:
        with api.start_span("failing", **about) as span:
            span.set_inputs(1)
            fails()

    def nested() -> Any:
        with api.start_span("agent", span_type="AGENT"), api.start_span(span_type="LLM", model="m") as span:
            span.set_usage(1, 2).set_finish_reasons(["stop"])
            return RESULT

    with fault:
        with api.start_span("x", inputs=CHATS[1], attributes={"a": [1]}, model="m", provider="p") as span:
            seen = _fill(span)
        texts = [type(getattr(span, name)) for name in ("name", "trace_id", "span_id", "span_type")]
        return (
            seen,
            texts,
            asyncio.run(later()),
            told(failing),
            told(failing, span_type="TOOL", attributes=3, operation="odd"),
            told(nested),
            here(),
        )


@scenario
def spans_on_their_own(api: Any, fault: Fault) -> Any:
    with fault:
        root = api.start_span_no_context(
            "root", span_type="CHAIN", inputs={"a": 1}, attributes={"k": 1}, start_time_ns=1
        )
        seen = [_fill(root), here()]
        child = api.start_span_no_context(parent=root, span_type="LLM", model="m")
        other = api.start_span_no_context("o", parent=root.get_span_context())
        wrong = api.start_span_no_context("w", parent=3)
        child.set_inputs(CHATS[1]).set_outputs("a")
        ended = [one.end() is one for one in (child, other, wrong)]
        ended.append(root.end(outputs={"b": 2}, attributes={"x": 1}, status="OK", end_time_ns=2) is root)
        ended.append(root.set_inputs("late").end() is root)
        with api.start_span_no_context("used") as used:
            used.set_outputs(1)
        return seen, ended, here()


@scenario
def reading_spans(api: Any, fault: Fault) -> Any:
    """Reading gives a value of some kind, also of a span that did not come about."""
    read = (
        "parent_id",
        "inputs",
        "outputs",
        "attributes",
        "status",
        "start_time_ns",
        "end_time_ns",
        "is_recording",
    )
    with fault:
        with api.start_span("x", inputs=1) as span:
            current = api.get_current_span()
            for name in read:
                getattr(span, name)
            same = span == span, repr(span) != "", hash(span) == hash(span)
            if current is not None:
                current.set_attribute("k", 1)
        api.get_current_active_span()
        api.get_last_active_trace_id()
    return same, here()


@scenario
def ambient_values(api: Any, fault: Fault) -> Any:
    def block() -> Any:
        ids = {"session_id": "s", "user_id": 3, "conversation_id": Colour.RED}
        with api.context(**ids, tags={"t": [1]}, metadata={"m": NoRepr()}, propagate=True):
            with api.context(session_id="inner"), api.start_span("x"):
                api.update_current_trace(
                    tags={"a": 1},
                    metadata={"b": {"c": 2}},
                    request_preview="q" * 2_000,
                    response_preview={"a": 1},
                    client_request_id="r",
                    session_id="s2",
                    user_id="u2",
                    name="n",
                )
                with otel_trace.get_tracer("another").start_as_current_span("another's"):
                    return RESULT

    def suppressed() -> Any:
        with api.suppress(), api.start_span("unseen"):
            fails()

    async def later() -> Any:
        async with api.context(user_id="u"), api.suppress():
            return await api.trace(_later)(1) is RESULT

    def reused() -> Any:
        both = api.context(session_id="s")
        with both, both:
            return here() is None

    with fault:
        api.update_current_trace(tags={"outside": 1})
        return told(block), told(suppressed), told(lambda: asyncio.run(later())), told(reused), here()


@scenario
def threads_and_services(api: Any, fault: Fault) -> Any:
    async def bound(x: Any) -> Any:
        return x

    headers = {"X-Mine": "1"}
    with fault:
        with api.start_span("x"), api.context(session_id="s", propagate=True):
            sent = api.inject_headers(headers)
            carried = api.propagate(lambda x: x), api.propagate(fails), api.propagate(bound)
            with api.ThreadPoolExecutor(2) as pool:
                futures = [pool.submit(lambda x: x, 1), pool.submit(fails)]
                mapped = list(pool.map(len, ["a", "bc"]))
                results = futures[0].result(), told(futures[1].result)
        with api.extract_headers({**sent, b"Bytes": b"v", "List": ["a"]}), api.start_span("served"):
            inside = RESULT
        with api.extract_headers(headers.items()), api.extract_headers(None), api.extract_headers(3):
            pass
        return (
            (type(sent), sent["X-Mine"], headers, api.inject_headers() is not None),
            (told(carried[0], 1), told(carried[1]), asyncio.run(carried[2](2))),
            (results, mapped, inside is RESULT, here()),
        )


@scenario
def the_client(api: Any, fault: Fault) -> Any:
    with fault:
        client = api.TracingClient()
        root = client.start_trace(
            "root", inputs=CHATS[1], attributes={"a": 1}, tags={"t": 1}, trace_id="ab" * 16
        )
        seen = [_fill(root), type(root.trace_id)]
        trace_id, span_id = (root.trace_id, root.span_id)
        child = client.start_span("child", trace_id, span_id, span_type="LLM", inputs="q")
        child.set_outputs("a")
        client.get_span(trace_id, span_id)
        client.end_span(trace_id, "12" * 8)
        client.end_span(trace_id, child.span_id, outputs=1, status="OK")
        client.start_span("open", request_id=trace_id, parent_id=span_id)
        client.start_span("remote", "9" * 32, "8" * 16)
        with api.start_span("current") as current:
            if current.is_recording():
                client.start_span("under", current.trace_id, current.span_id).end()
        client.end_trace(trace_id, outputs=2, attributes={"b": 1}, status="ERROR")
        client.end_trace(trace_id)
        client.end_trace("9" * 32)
        client.start_trace("abandoned").end()
    return seen, here()


@scenario
def judgements(api: Any, fault: Fault) -> Any:
    with fault:
        with api.start_span("x") as span:
            api.log_evaluation(
                "relevance", value=0.5, label="good", explanation="e", span=span, response_id="r"
            )
            api.log_feedback(value=True, explanation={"a": 1})
        api.log_evaluation("failed", error=FAILURE, span=("ab" * 16, "cd" * 8))
        api.log_evaluation("odd", value="text", error="timeout", span=3)
    return here()


# --- coming from MLflow -------------------------------------------------------------------------------------------
@scenario
def mlflow_fluent(api: Any, fault: Fault) -> Any:
    ml = mlflow_of(api)
    fn = ml.trace(lambda a: RESULT)
    named = ml.trace(name="n", span_type="LLM", attributes={"a": 1})(lambda a: RESULT)
    failing = ml.trace(fails)
    reduced = ml.trace(_module_generator, output_reducer=list) if ml is mlflow else _module_generator
    with fault:
        seen = [told(fn, 1), told(named, CHATS[1]), told(failing), list(reduced(3))]
        with ml.start_span("x", "CHAIN", {"a": 1}) as span:
            span.set_inputs({"a": 1})
            span.set_outputs(1)
            span.set_attribute("k", 1)
            span.set_attributes({"l": 2})
            span.set_status("OK")
            ml.update_current_trace(tags={"t": "1"}, metadata={"m": "2"}, session_id="s", user="u")
            ml.get_current_active_span()
            with ml.tracing.context(session_id="s", user="u", tags={"a": "b"}):
                sent = ml.tracing.get_tracing_context_headers_for_http_request()
            with ml.tracing.set_tracing_context_from_http_request_headers({"traceparent": "odd"}):
                pass
        own = ml.start_span_no_context("own", inputs=1, tags={"a": "b"}, metadata={"c": "d"})
        own.set_outputs(2)
        own.end()
        ml.get_last_active_trace_id()
        ml.flush_trace_async_logging()
        ml.tracing.disable()
        seen.append(told(fn, 2))
        ml.tracing.enable()
        return seen, type(sent), here()


@scenario
def mlflow_client(api: Any, fault: Fault) -> Any:
    ml = mlflow_of(api)
    with fault:
        client = ml.MlflowClient()
        root = client.start_trace("root", inputs={"a": 1}, tags={"t": "1"})
        ids = root.trace_id, root.span_id
        child = client.start_span("child", ids[0], ids[1], inputs=1)
        child.set_outputs(1)
        client.end_span(ids[0], child.span_id, outputs={"b": 2})
        client.end_trace(ids[0], outputs=3, status="OK")
    return here()


# --- where it goes ----------------------------------------------------------------------------------------------
def _work(api: Any) -> Any:
    """A trace with something of everything, and what its caller saw of it."""

    @api.trace(span_type="AGENT")
    def agent(question: Any) -> Any:
        with api.start_span(span_type="RETRIEVER") as span:
            span.set_inputs("q").set_documents(DOCUMENTS)
        with api.start_span(span_type="LLM", model="m", provider="openai") as span:
            span.set_inputs(CHATS[1]).set_outputs(CHATS[5]).set_usage(3, 4).set_finish_reasons(["stop"])
        with contextlib.suppress(Failure), api.start_span("tool", span_type="TOOL") as span:
            span.set_inputs({"a": 1})
            fails()
        with api.start_span(span_type="EMBEDDING", model="e") as span:
            span.set_outputs([[0.1, 0.2]])
        api.update_current_trace(
            tags={"t": 1}, metadata={"m": 2}, request_preview="q", name="n", session_id="s"
        )
        api.log_feedback(value=True, label="good", explanation="e", error=FAILURE)
        return RESULT

    with otel_trace.get_tracer("another").start_as_current_span("another's", record_exception=False):
        seen = told(agent, "question")
    with api.start_span("plain", inputs={"a": 1}) as span:
        span.set_outputs("x" * 100).add_event("e", {"a": 1})
        api.log_evaluation("relevance", value=1, span=span)
    return seen, here()


def exporting(exporter: Any) -> Scenario:
    """Configured before something breaks, shut down while it is broken."""

    def run(api: Any, fault: Fault) -> Any:
        arguments = exporter()
        with api.fresh():
            api.configure("unit", capture_content="span_and_event", **arguments)
            with fault:
                seen = _work(api), type(api.flush(500)), _work(api)
                api.shutdown()
            return seen, api.flush(1_000) in (True, False)

    return run


def configuring(exporter: Any) -> Scenario:
    """Configured, and once more, while something is broken."""

    def run(api: Any, fault: Fault) -> Any:
        arguments = exporter()
        with api.fresh():
            with fault:
                api.configure("unit", capture_content=True, max_content_length=500, **arguments)
                seen = _work(api), type(api.flush(500))
                api.configure(resource_attributes={"a": 1}, redact=lambda where, value: value)
                seen = *seen, _work(api), type(api.flush(500))
                api.shutdown()
            return seen

    return run
