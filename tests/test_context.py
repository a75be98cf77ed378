"""Trace-level information, ambient values, suppression, and the context across threads and services."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import inspect
import json
import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry import baggage
from opentelemetry import context as context_api
from opentelemetry import propagate as otel_propagate
from opentelemetry import trace as otel_trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.instrumentation.utils import is_instrumentation_enabled, suppress_instrumentation
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import genai_otel
from genai_otel import context, start_span, suppress, trace, update_current_trace
from tests.context_checks import context_given_back, nothing_leaks  # noqa: F401
from tests.hostile import VALUES
from tests.telemetry_capture import Telemetry

IDS = ("session.id", "user.id", "gen_ai.conversation.id")


def ids_of(telemetry: Telemetry, name: str) -> tuple[Any, ...]:
    attributes = telemetry.attributes(name)
    return tuple(attributes.get(key) for key in IDS)


def raw_span(name: str) -> None:
    with otel_trace.get_tracer("another.instrumentation").start_as_current_span(name):
        pass


# --- update_current_trace ------------------------------------------------------------------------------------------------
def test_every_argument_is_written_to_the_root(telemetry: Telemetry) -> None:
    with start_span("root"), start_span("child"), start_span("grandchild"):
        update_current_trace(
            tags={"env": "test", "n": 5},
            metadata={"list": [1, 2], "text": "t"},
            request_preview="asked",
            response_preview={"answer": 1},
            client_request_id="req-1",
            session_id="s1",
            user_id="u1",
            name="the trace",
        )
    own = {"openinference.span.kind"}
    assert {key: value for key, value in telemetry.attributes("root").items() if key not in own} == {
        "genai_otel.tag.env": "test",
        "genai_otel.tag.n": "5",
        "genai_otel.metadata.list": "[1,2]",
        "genai_otel.metadata.text": "t",
        "genai_otel.request_preview": "asked",
        "genai_otel.response_preview": '{"answer":1}',
        "genai_otel.client_request_id": "req-1",
        "genai_otel.trace_name": "the trace",
        "session.id": "s1",
        "user.id": "u1",
    }
    assert set(telemetry.attributes("child")) == set(telemetry.attributes("grandchild")) == own


def test_calls_merge_and_the_last_value_of_a_key_wins(telemetry: Telemetry) -> None:
    with start_span("root"):
        update_current_trace(tags={"a": "1", "b": "1"}, session_id="s1")
        with start_span("child"):
            update_current_trace(tags={"b": "2", "c": "2"}, user_id="u1")
    attributes = telemetry.attributes("root")
    assert [attributes[f"genai_otel.tag.{key}"] for key in "abc"] == ["1", "2", "2"]
    assert (attributes["session.id"], attributes["user.id"]) == ("s1", "u1")


def test_the_root_is_the_outermost_span_of_ours_below_a_raw_one(telemetry: Telemetry) -> None:
    tracer = otel_trace.get_tracer("raw")
    with (
        tracer.start_as_current_span("raw root"),
        start_span("ours"),
        tracer.start_as_current_span("raw inner"),
    ):
        update_current_trace(name="found")
    assert telemetry.attributes("ours")["genai_otel.trace_name"] == "found"
    assert "genai_otel.trace_name" not in telemetry.attributes("raw root")
    assert "genai_otel.trace_name" not in telemetry.attributes("raw inner")


def test_it_reaches_the_root_from_decorated_functions_generators_and_detached_spans(
    telemetry: Telemetry,
) -> None:
    @trace
    def items() -> Iterator[int]:
        update_current_trace(tags={"from": "generator"})
        yield 1

    @trace
    def root() -> None:
        update_current_trace(tags={"first": "function"})
        list(items())
        span = genai_otel.start_span_no_context("detached")
        with otel_trace.use_span(span, end_on_exit=True):
            update_current_trace(metadata={"from": "detached"})

    root()
    attributes = telemetry.attributes("root")
    assert attributes["genai_otel.tag.from"] == "generator"
    assert attributes["genai_otel.metadata.from"] == "detached"


def test_it_reaches_the_root_from_threads_and_tasks_that_carry_the_context(telemetry: Telemetry) -> None:
    async def task() -> None:
        update_current_trace(tags={"task": "yes"})

    with start_span("root"):
        thread = threading.Thread(
            target=genai_otel.propagate(lambda: update_current_trace(tags={"thread": "yes"}))
        )
        thread.start()
        thread.join()
        asyncio.run(task())
    attributes = telemetry.attributes("root")
    assert (attributes["genai_otel.tag.thread"], attributes["genai_otel.tag.task"]) == ("yes", "yes")


def test_another_trace_is_never_touched(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    with start_span("ours"):
        other = otel_trace.get_tracer("raw").start_span("other trace", context=Context())
        with otel_trace.use_span(other, end_on_exit=True):
            update_current_trace(name="of the other trace")
            assert genai_otel.get_current_span() is None
    assert "genai_otel.trace_name" not in telemetry.attributes("ours")
    assert "outside any trace" in caplog.text


@pytest.mark.parametrize("length", [999, 1_000, 1_001, 5_000])
def test_previews_are_cut_at_a_thousand_characters_with_an_ellipsis(
    telemetry: Telemetry, length: int
) -> None:
    text = "ä" * length
    with start_span("root"):
        update_current_trace(request_preview=text, response_preview=[text])
    attributes = telemetry.attributes("root")
    for preview, whole in (
        (attributes["genai_otel.request_preview"], text),
        (attributes["genai_otel.response_preview"], json.dumps([text], ensure_ascii=False)),
    ):
        if len(whole) <= 1_000:
            assert preview == whole
        else:
            assert len(preview) == 1_000
            assert preview.endswith("…")


def test_outside_any_trace_there_is_one_warning_and_nothing_else(
    telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        update_current_trace(name="nowhere")
    warned = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warned) == 1
    assert "outside any trace" in warned[0].getMessage()
    assert telemetry.spans == []


def test_inside_a_trace_that_is_not_recorded_there_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    with Telemetry(sampler=ALWAYS_OFF), start_span("root"):
        update_current_trace(name="n")
    with Telemetry(), suppress():
        update_current_trace(name="n")
        with start_span("s"):
            update_current_trace(name="n")
    with start_span("no provider"):
        update_current_trace(name="n")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("name", sorted(VALUES))
def test_any_value_is_taken(telemetry: Telemetry, name: str) -> None:
    value = VALUES[name]
    with (
        start_span("root"),
        context(session_id=value, user_id=value, tags={"k": value}, metadata={"k": value}),
    ):
        update_current_trace(
            tags={"k": value, value.__hash__ and 1 or "x": 1},
            metadata={"k": value},
            request_preview=value,
            response_preview=value,
            client_request_id=value,
            session_id=value,
            user_id=value,
            name=value,
        )
        with start_span("child"):
            pass
    for span in telemetry.spans:
        for attribute in (span.attributes or {}).values():
            str(attribute).encode()


def test_ids_that_are_no_text_have_no_quotes(telemetry: Telemetry) -> None:
    given = uuid.UUID(int=1)
    with context(session_id=given), start_span("root"):  # type: ignore[arg-type]
        update_current_trace(user_id=given, tags={"id": given})  # type: ignore[arg-type]
    attributes = telemetry.attributes("root")
    assert {attributes[key] for key in ("session.id", "user.id", "genai_otel.tag.id")} == {str(given)}


def test_explicit_values_are_written_with_content_off_and_after_redaction() -> None:
    def redact(where: str, value: Any) -> Any:
        return None if where.endswith(".secret") else str(value).replace("hunter2", "***")

    with Telemetry(redact=redact) as telemetry, start_span("root"):
        update_current_trace(request_preview="pw hunter2", tags={"secret": "x", "k": "hunter2"})
    attributes = telemetry.attributes("root")
    assert attributes["genai_otel.request_preview"] == "pw ***"
    assert attributes["genai_otel.tag.k"] == "***"
    assert "genai_otel.tag.secret" not in attributes


# --- derived previews ------------------------------------------------------------------------------------------------------
def test_previews_are_derived_and_stored_on_roots_without_operation(telemetry: Telemetry) -> None:
    chat = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "a"},
        {"role": "user", "content": "q"},
    ]
    with start_span("root") as root:
        root.set_inputs({"messages": chat}).set_outputs(
            {"choices": [{"message": {"role": "assistant", "content": "A"}}]}
        )
        with start_span("child") as child:
            child.set_inputs("x")
    attributes = telemetry.attributes("root")
    assert (attributes["genai_otel.request_preview"], attributes["genai_otel.response_preview"]) == ("q", "A")
    assert not [key for key in telemetry.attributes("child") if "preview" in key]


def test_previews_of_other_values_are_their_text_or_compact_json(telemetry: Telemetry) -> None:
    with start_span("root") as root:
        root.set_inputs({"a": 1}).set_outputs("x" * 2_000)
    attributes = telemetry.attributes("root")
    assert attributes["genai_otel.request_preview"] == '{"a":1}'
    assert len(attributes["genai_otel.response_preview"]) == 1_000
    assert attributes["genai_otel.response_preview"].endswith("…")
    assert len(attributes["output.value"]) == 2_000


@pytest.mark.parametrize(
    "span_type", ["LLM", "AGENT", "TOOL", "RETRIEVER", "WORKFLOW", "MEMORY", "EMBEDDING", "PLAN"]
)
def test_no_derived_preview_is_stored_on_roots_with_an_operation(
    telemetry: Telemetry, span_type: str
) -> None:
    with start_span("derived", span_type, inputs="q") as root:
        root.set_outputs("a")
    with start_span("set", span_type, inputs="q"):
        update_current_trace(request_preview="mine")
    assert not [key for key in telemetry.attributes("derived") if "preview" in key]
    previews = {key: value for key, value in telemetry.attributes("set").items() if "preview" in key}
    assert previews == {"genai_otel.request_preview": "mine"}


def test_a_preview_that_the_user_sets_wins_over_the_derived_one(telemetry: Telemetry) -> None:
    with start_span("before"):
        update_current_trace(request_preview="mine")
        span = genai_otel.get_current_span()
        assert span is not None
        span.set_inputs("derived")
    assert telemetry.attributes("before")["genai_otel.request_preview"] == "mine"


def test_without_content_no_preview_is_derived(telemetry_without_content: Telemetry) -> None:
    trace(lambda secret: secret)("the secret")
    assert not [key for key in telemetry_without_content.attributes() if "preview" in key]


# --- context() -------------------------------------------------------------------------------------------------------------
def test_every_span_started_inside_carries_the_ids(telemetry: Telemetry) -> None:
    with context_given_back(), context(session_id="s", user_id="u", conversation_id="c"):
        with start_span("llm", "LLM"), start_span("inner"):
            pass
        trace(name="function")(lambda: None)()
        genai_otel.start_span_no_context("detached").end()
        genai_otel.TracingClient().start_trace("client").end()
        raw_span("raw")
    for name in ("llm", "inner", "function", "detached", "client", "raw"):
        assert ids_of(telemetry, name) == ("s", "u", "c")


def test_spans_started_before_or_after_carry_nothing(telemetry: Telemetry) -> None:
    with start_span("before"), context(session_id="s"):
        pass
    with start_span("after"):
        pass
    raw_span("raw after")
    for name in ("before", "after", "raw after"):
        assert ids_of(telemetry, name) == (None, None, None)


def test_contexts_nest_the_inner_value_wins_and_leaving_restores(telemetry: Telemetry) -> None:
    with context(session_id="outer", user_id="u"):
        with context(session_id="inner", conversation_id="c"):
            with start_span("in"):
                pass
        with start_span("out"):
            pass
    assert ids_of(telemetry, "in") == ("inner", "u", "c")
    assert ids_of(telemetry, "out") == ("outer", "u", None)


def test_leaving_by_an_exception_restores(telemetry: Telemetry) -> None:
    with context_given_back(), contextlib.suppress(KeyError), context(session_id="s"):
        raise KeyError


async def test_context_works_with_async_with_and_reaches_tasks(telemetry: Telemetry) -> None:
    async def work() -> None:
        with start_span("task"):
            await asyncio.sleep(0)

    with context_given_back():
        async with context(session_id="s"):
            await asyncio.gather(work())
        async with suppress():
            await asyncio.gather(work())
    assert ids_of(telemetry, "task") == ("s", None, None)


def test_an_attribute_given_explicitly_wins_over_the_ambient_one(telemetry: Telemetry) -> None:
    with context(session_id="ambient", conversation_id="ambient"):
        with start_span("start", attributes={"session.id": "mine"}):
            pass
        with start_span("later") as span:
            span.set_attribute("session.id", "mine")
        tracer = otel_trace.get_tracer("raw")
        tracer.start_span("raw", attributes={"gen_ai.conversation.id": "theirs"}).end()
    assert ids_of(telemetry, "start") == ("mine", None, "ambient")
    assert ids_of(telemetry, "later") == ("mine", None, "ambient")
    assert ids_of(telemetry, "raw") == ("ambient", None, "theirs")


def test_the_span_processor_is_added_once(telemetry: Telemetry) -> None:
    processors = telemetry.tracer_provider._active_span_processor
    before = len(processors._span_processors)
    for _ in range(3):
        with context(session_id="s"):
            pass
    threads = [threading.Thread(target=lambda: context(session_id="t").__enter__()) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(processors._span_processors) == before + 1


def test_tags_and_metadata_go_to_the_outermost_span_started_inside(telemetry: Telemetry) -> None:
    with start_span("outside"), context(tags={"t": 1}, metadata={"m": [1]}):
        with start_span("first"), start_span("child"):
            pass
        with start_span("second"):
            pass
    for name in ("first", "second"):
        attributes = telemetry.attributes(name)
        assert (attributes["genai_otel.tag.t"], attributes["genai_otel.metadata.m"]) == ("1", "[1]")
    for name in ("outside", "child"):
        assert not [key for key in telemetry.attributes(name) if key.startswith("genai_otel.")]


def test_tags_of_nested_contexts_go_where_each_begins(telemetry: Telemetry) -> None:
    def tags(name: str) -> dict[str, Any]:
        return {key[15:]: value for key, value in telemetry.attributes(name).items() if ".tag." in key}

    with context(tags={"a": "outer", "b": "outer"}):
        with context(tags={"b": "inner"}), start_span("both"):
            pass
        with start_span("outer only"):
            with context(session_id="s"), start_span("nothing new"):
                pass
            with context(tags={"c": "inner"}), start_span("inner only"):
                pass
    assert tags("both") == {"a": "outer", "b": "inner"}
    assert tags("outer only") == {"a": "outer", "b": "outer"}
    assert tags("nothing new") == {}
    assert tags("inner only") == {"c": "inner"}


def test_one_block_can_be_used_again_nested_and_in_many_threads(telemetry: Telemetry) -> None:
    block = context(session_id="s")
    with context_given_back(), block, block:
        with start_span("nested"):
            pass
    barrier = threading.Barrier(8, timeout=10)
    given_back: list[bool] = []

    def work(n: int) -> None:
        before = context_api.get_current()
        with block:
            barrier.wait()
            with start_span(f"thread {n}"):
                pass
            barrier.wait()
        given_back.append(context_api.get_current() is before)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert given_back == [True] * 8
    assert {ids_of(telemetry, f"thread {n}")[0] for n in range(8)} == {"s"}


def test_without_a_provider_context_just_works() -> None:
    with context_given_back(), context(session_id="s", tags={"a": 1}):
        pass


def test_propagate_puts_the_ids_in_the_baggage_only_when_asked(telemetry: Telemetry) -> None:
    with context(session_id="s", user_id="u", conversation_id="c", tags={"t": 1}):
        assert baggage.get_all() == {}
    with (
        context_given_back(),
        context(session_id="s", user_id="u", conversation_id="c", tags={"t": 1}, propagate=True),
    ):
        assert baggage.get_all() == {"session.id": "s", "user.id": "u", "gen_ai.conversation.id": "c"}
    assert baggage.get_all() == {}


# --- suppress() --------------------------------------------------------------------------------------------------------------
def test_nothing_is_traced_inside_suppress(telemetry: Telemetry) -> None:
    with context_given_back(), suppress():
        assert not is_instrumentation_enabled()
        with start_span("s"):
            trace(lambda: None)()
        genai_otel.start_span_no_context("d").end()
        client = genai_otel.TracingClient()
        client.end_trace(client.start_trace("c").trace_id)
        genai_otel.log_feedback(value=1)
    assert is_instrumentation_enabled()
    assert telemetry.spans == []
    assert telemetry.events == []


def test_opentelemetrys_own_suppression_is_honoured(telemetry: Telemetry) -> None:
    with suppress_instrumentation():
        with start_span("s"):
            trace(lambda: None)()
    assert telemetry.spans == []


def test_suppression_ends_where_it_ends(telemetry: Telemetry) -> None:
    with start_span("root"):
        with suppress(), start_span("hidden"), suppress():
            pass
        with start_span("shown"):
            pass
    assert [span.name for span in telemetry.spans] == ["shown", "root"]
    assert telemetry.one("shown").parent == telemetry.one("root").context


# --- across threads ------------------------------------------------------------------------------------------------------
def test_propagate_binds_the_callers_context(telemetry: Telemetry) -> None:
    def work(x: int, *, y: int = 2) -> int:
        """Work."""
        with start_span("work"):
            return x + y

    with start_span("root"), context(session_id="s"):
        bound = genai_otel.propagate(work)
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(bound(1, y=5)))
    thread.start()
    thread.join()
    with context_given_back():
        results.append(bound(1))
    assert results == [6, 3]
    assert (bound.__name__, bound.__doc__) == ("work", "Work.")
    assert str(inspect.signature(bound)) == "(x: 'int', *, y: 'int' = 2) -> 'int'"
    root = telemetry.one("root").context
    for span in telemetry.spans[1:]:
        assert span.parent is not None
        assert span.parent.span_id == root.span_id
        assert (span.attributes or {})["session.id"] == "s"


def test_propagate_gives_the_context_back_when_the_callable_raises(telemetry: Telemetry) -> None:
    error = KeyError("k")

    def fail() -> None:
        raise error

    with context_given_back(), pytest.raises(KeyError) as caught:
        genai_otel.propagate(fail)()
    assert caught.value is error


def test_propagate_binds_the_context_of_a_whole_coroutine(telemetry: Telemetry) -> None:
    async def work() -> str:
        await asyncio.sleep(0)
        with start_span("work"):
            return "done"

    with start_span("root"):
        bound = genai_otel.propagate(work)
    assert inspect.iscoroutinefunction(bound)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: asyncio.run(bound())).result() == "done"
    assert telemetry.one("work").parent == telemetry.one("root").context


def test_propagate_takes_any_callable_and_refuses_others(telemetry: Telemetry) -> None:
    class Callee:
        def __call__(self) -> int:
            return 5

    assert genai_otel.propagate(Callee())() == 5
    with pytest.raises(TypeError, match="propagate binds callables, not int"):
        genai_otel.propagate(5)  # type: ignore[arg-type]


def test_the_executor_carries_the_context_of_whoever_submits(telemetry: Telemetry) -> None:
    @trace
    def leaf(x: int, y: int = 1) -> int:
        return x * y

    with genai_otel.ThreadPoolExecutor(max_workers=2) as pool:
        with start_span("submit"):
            assert pool.submit(leaf, 2, y=3).result() == 6
        with start_span("map"):
            assert list(pool.map(leaf, range(4), range(4))) == [0, 1, 4, 9]
        assert pool.submit(leaf, 1).result() == 1
    parents: list[int | None] = [span.parent.span_id if span.parent else None for span in telemetry.spans]
    submit, mapped = (telemetry.one(name).context.span_id for name in ("submit", "map"))
    assert sorted(parents, key=str) == sorted([submit, None, *[mapped] * 4, None, None], key=str)


def test_the_executor_is_the_standard_one(telemetry: Telemetry) -> None:
    with genai_otel.ThreadPoolExecutor(1, thread_name_prefix="p", initializer=lambda: None) as pool:
        assert isinstance(pool, concurrent.futures.ThreadPoolExecutor)
        future = pool.submit(lambda: 1 / 0)
        assert isinstance(future.exception(), ZeroDivisionError)
    with pytest.raises(RuntimeError):
        pool.submit(len, [])


async def test_the_executor_works_with_the_event_loop(telemetry: Telemetry) -> None:
    @trace
    def leaf() -> None: ...

    loop = asyncio.get_running_loop()
    with genai_otel.ThreadPoolExecutor(1) as pool, start_span("root"):
        await loop.run_in_executor(pool, leaf)
    assert telemetry.one("leaf").parent == telemetry.one("root").context


# --- across services -----------------------------------------------------------------------------------------------------
def test_headers_carry_the_trace_and_keep_what_was_there(telemetry: Telemetry) -> None:
    given = {"Accept": "*/*"}
    with start_span("client") as span, context(session_id="s", propagate=True):
        headers = genai_otel.inject_headers(given)
        assert genai_otel.inject_headers() == {
            key: value for key, value in headers.items() if key != "Accept"
        }
    assert given == {"Accept": "*/*"}
    assert headers["Accept"] == "*/*"
    assert headers["traceparent"].split("-")[1:3] == [span.trace_id, span.span_id]
    assert headers["baggage"] == "session.id=s"


def test_outside_any_trace_headers_carry_nothing(telemetry: Telemetry) -> None:
    assert genai_otel.inject_headers() == {}
    assert genai_otel.inject_headers({"a": "b"}) == {"a": "b"}


@pytest.mark.parametrize(
    "form",
    [
        lambda headers: headers,
        lambda headers: list(headers.items()),
        lambda headers: iter(headers.items()),
        lambda headers: {key.upper(): value for key, value in headers.items()},
        lambda headers: {key.title(): value for key, value in headers.items()},
        lambda headers: [(key.encode(), value.encode()) for key, value in headers.items()],
        lambda headers: {key: [value] for key, value in headers.items()},
        lambda headers: [*headers.items(), ("X-Odd", None), ("x-number", 5)],
    ],
    ids=["dict", "pairs", "iterator", "upper", "title", "bytes", "lists", "odd values"],
)
def test_headers_are_read_in_any_form(telemetry: Telemetry, form: Callable[[dict[str, str]], Any]) -> None:
    with start_span("client"), context(session_id="s", user_id="u", conversation_id="c", propagate=True):
        headers = genai_otel.inject_headers()
    with context_given_back(), genai_otel.extract_headers(form(headers)):
        with start_span("server"):
            pass
        raw_span("raw server")
    for name in ("server", "raw server"):
        served = telemetry.one(name)
        assert served.parent is not None
        assert served.parent.span_id == telemetry.one("client").context.span_id
        assert served.parent.is_remote
        assert ids_of(telemetry, name) == ("s", "u", "c")


async def test_headers_are_extracted_with_async_with(telemetry: Telemetry) -> None:
    with context_given_back():
        async with genai_otel.extract_headers({"traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}):
            with start_span("server"):
                await asyncio.sleep(0)
    assert telemetry.one("server").context.trace_id == int("1" * 32, 16)


@pytest.mark.parametrize("headers", [{}, None, [], {"traceparent": "nonsense"}, {"baggage": "=;,"}])
def test_headers_without_a_trace_start_a_new_one(telemetry: Telemetry, headers: Any) -> None:
    with context_given_back(), genai_otel.extract_headers(headers), start_span("server"):
        pass
    assert telemetry.one("server").parent is None


def test_an_update_in_a_continued_trace_goes_to_the_local_root(telemetry: Telemetry) -> None:
    headers = {"traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}
    with (
        start_span("unrelated"),
        genai_otel.extract_headers(headers),
        start_span("server"),
        start_span("child"),
    ):
        update_current_trace(name="served")
    assert telemetry.attributes("server")["genai_otel.trace_name"] == "served"
    assert "genai_otel.trace_name" not in telemetry.attributes("unrelated")


def test_overlong_ids_from_other_services_are_not_taken(telemetry: Telemetry) -> None:
    headers = {"baggage": f"session.id={'s' * 300},user.id=u"}
    with genai_otel.extract_headers(headers), start_span("server"):
        pass
    assert ids_of(telemetry, "server") == (None, "u", None)


class CapitalPropagator(TextMapPropagator):
    """Asks for a header in capitals, as X-Ray's does."""

    def extract(self, carrier: Any, context: Context | None = None, getter: Any = None) -> Context:
        (value,) = getter.get(carrier, "X-Amzn-Trace-Id") or [None]
        return context_api.set_value("found", value, context)

    def inject(self, carrier: Any, context: Context | None = None, setter: Any = None) -> None:
        setter.set(carrier, "X-Amzn-Trace-Id", "injected")

    @property
    def fields(self) -> set[str]:
        return {"X-Amzn-Trace-Id"}


@pytest.mark.parametrize("propagator", [CapitalPropagator(), W3CBaggagePropagator()])
def test_the_globally_configured_propagators_are_used(
    telemetry: Telemetry, request: pytest.FixtureRequest, propagator: TextMapPropagator
) -> None:
    before = otel_propagate.get_global_textmap()
    request.addfinalizer(lambda: otel_propagate.set_global_textmap(before))
    otel_propagate.set_global_textmap(propagator)
    with start_span("client"), context(session_id="s", propagate=True):
        headers = genai_otel.inject_headers()
    with genai_otel.extract_headers(headers):
        if isinstance(propagator, CapitalPropagator):
            assert headers == {"X-Amzn-Trace-Id": "injected"}
            assert context_api.get_value("found") == "injected"
        else:
            assert headers == {"baggage": "session.id=s"}
