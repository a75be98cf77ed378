"""With what we depend upon made to raise, a program sees no difference: the SDK, encoders, hooks, the caller's objects."""

from __future__ import annotations

import asyncio
import itertools
import json
import marshal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import orjson
import pytest
from opentelemetry import baggage, metrics, trace
from opentelemetry import context as context_api
from opentelemetry import propagate as otel_propagate
from opentelemetry.sdk._logs import Logger
from opentelemetry.sdk.metrics import Histogram, Meter
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace import SpanProcessor, Tracer, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Sampler, StaticSampler
from opentelemetry.trace import NoOpTracerProvider

import genai_otel
from genai_otel import _guard, _settings
from tests.breaking import Injected
from tests.configured import Exporter, fresh_process, warnings_of
from tests.context_checks import context_given_back
from tests.fault_scenarios import SCENARIOS, TYPED
from tests.telemetry_capture import Telemetry
from tests.test_faults import MODES, Bare, Seen, With, absent, recording, run

# These speak to the SDK themselves.
OWN_USE = ("ambient values",)
PROGRAMS = {name: one for name, one in SCENARIOS.items() if name not in OWN_USE}


@pytest.fixture(autouse=True)
def guards_on() -> Iterator[None]:
    _guard.reset(raise_errors=False)
    yield
    _guard.reset(raise_errors=True)


@pytest.fixture(scope="module")
def bare() -> dict[str, Any]:
    return {name: run(one, Bare(), absent, nullcontext()).outcome for name, one in SCENARIOS.items()}


def no_difference(name: str, seen: Seen, bare: dict[str, Any], *, every_line_once: bool = True) -> None:
    assert seen.raised is None, (name, seen.raised)
    assert seen.outcome == bare[name], name
    assert seen.context_given_back, name
    assert not seen.noise, name
    lines = Counter(line for line in seen.log if "ended already?" not in line[1])
    assert all(where.startswith("genai_otel") for where, _ in lines), lines
    assert not every_line_once or all(count == 1 for count in lines.values()), lines


def fails(*args: Any, **kwargs: Any) -> Any:
    raise Injected


# --- OpenTelemetry -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (TracerProvider, "get_tracer"),
        (Tracer, "start_span"),
        *((SdkSpan, name) for name in ("set_attributes", "end", "add_event", "set_status", "update_name")),
        (SdkSpan, "is_recording"),
        (metrics, "get_meter_provider"),
        (Meter, "create_histogram"),
        (Histogram, "record"),
        (Logger, "emit"),
        (trace, "get_tracer_provider"),
        (trace, "set_span_in_context"),
        (RandomIdGenerator, "generate_span_id"),
        (RandomIdGenerator, "generate_trace_id"),
        (StaticSampler, "should_sample"),
        (otel_propagate, "inject"),
        (otel_propagate, "extract"),
        (baggage, "set_baggage"),
        (baggage, "get_all"),
        (orjson, "dumps"),
        (json, "dumps"),
        (json, "loads"),
        (marshal, "dumps"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_dependency_that_raises_makes_no_difference(owner: Any, name: str, bare: dict[str, Any]) -> None:
    calls = []

    def failing(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        raise Injected

    @contextmanager
    def fault() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(owner, name, failing)
            yield

    for program, scenario in PROGRAMS.items():
        for mode in ("everything", "nothing"):
            no_difference(program, run(scenario, With(), MODES[mode], fault()), bare)
    assert calls


class Raising(SpanProcessor):
    on_start = on_end = _on_ending = fails


class Undecided(Sampler):
    should_sample = get_description = fails


@contextmanager
def _raising_processor(seen: Seen) -> Iterator[None]:
    with MODES["content"](seen):
        trace.get_tracer_provider().add_span_processor(Raising())  # type: ignore[attr-defined]
        yield


@contextmanager
def _raising_id_generator(seen: Seen) -> Iterator[None]:
    with MODES["content"](seen):
        generator = RandomIdGenerator()
        generator.generate_span_id = fails  # type: ignore[method-assign]
        trace.get_tracer_provider().id_generator = generator  # type: ignore[attr-defined]
        yield


@pytest.mark.parametrize(
    "mode",
    [recording(sampler=Undecided()), _raising_processor, _raising_id_generator],
    ids=["sampler", "processor", "id generator"],
)
def test_nor_does_a_part_of_the_providers(mode: Any, bare: dict[str, Any]) -> None:
    for program, scenario in PROGRAMS.items():
        no_difference(program, run(scenario, With(), mode, nullcontext()), bare)


class OfAnother(trace.TracerProvider):
    """A tracer provider that is not the SDK's."""

    def __init__(self) -> None:
        self.inner = TracerProvider(shutdown_on_exit=False)
        self.asked = 0

    def get_tracer(self, *args: Any, **kwargs: Any) -> trace.Tracer:
        self.asked += 1
        return self.inner.get_tracer("another's")


def test_everything_is_off_with_the_sdk_disabled_whoever_made_the_provider(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "True")
    provider = OfAnother()
    with fresh_process():
        genai_otel.configure(tracer_provider=provider)
        with genai_otel.start_span("x") as span:
            assert not span.is_recording()
            assert not span.get_span_context().is_valid
        assert genai_otel.TracingClient(provider).start_trace("x").is_recording() is False
        assert provider.asked == 0


def test_a_provider_that_is_not_the_sdk_s_is_used(bare: dict[str, Any]) -> None:
    for provider in (OfAnother(), NoOpTracerProvider()):

        @contextmanager
        def mode(seen: Seen, provider: Any = provider) -> Iterator[None]:
            with absent(seen):
                trace.set_tracer_provider(provider)
                _settings.reload()
                yield

        for program, scenario in PROGRAMS.items():
            no_difference(program, run(scenario, With(), mode, nullcontext()), bare)


# --- exporters of the user's -------------------------------------------------------------------------------------
class Failing(Exporter):
    def export(self, spans: Any) -> Any:
        return SpanExportResult.FAILURE


class RaisingExporter(Exporter):
    export = fails
    force_flush = fails

    def shutdown(self) -> None:
        raise Injected


class Hanging(Exporter):
    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()

    def export(self, spans: Any) -> Any:
        self.let_go.wait(60)
        return SpanExportResult.SUCCESS


@pytest.mark.parametrize("kind", [Failing, RaisingExporter, Hanging])
def test_an_exporter_that_fails_costs_its_spans(
    kind: type[Exporter], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genai_otel._configure._EXIT_SECONDS", 0.2)
    monkeypatch.setattr("genai_otel.setup.pipeline.SHUTDOWN_SECONDS", 0.2)
    exporter, other = kind(), Exporter()
    with fresh_process():
        genai_otel.configure(exporter=[exporter, other])
        with context_given_back(), genai_otel.start_span("x"):
            pass
        assert genai_otel.flush(500) is False
        genai_otel.shutdown()
        if isinstance(exporter, Hanging):
            exporter.let_go.set()
    assert other.names == ["x"]


# --- hooks of the user's -----------------------------------------------------------------------------------------
def _mutating(where: str, value: Any) -> Any:
    if isinstance(value, dict):
        value.clear()
    return value


def _circular(where: str, value: Any) -> Any:
    made: list[Any] = []
    made.append(made)
    return made


def _raising(kind: type[BaseException]) -> Callable[[str, Any], Any]:
    def redact(where: str, value: Any) -> Any:
        raise kind

    return redact


REDACTORS: dict[str, Callable[..., Any]] = {
    **{
        kind.__name__: _raising(kind)
        for kind in (Injected, MemoryError, RecursionError, SystemExit, asyncio.CancelledError, GeneratorExit)
    },
    "nothing": lambda where, value: None,
    "an object": lambda where, value: object(),
    "a number": lambda where, value: 3,
    "bytes": lambda where, value: b"\xff",
    "not a number": lambda where, value: float("nan"),
    "a generator": lambda where, value: (one for one in [value]),
    "a class": lambda where, value: dict,
    "the place": lambda where, value: where,
    "circular": _circular,
    "the value, changed": _mutating,
    "too few parameters": lambda value: value,
    "tracing": genai_otel.trace(lambda where, value: value),
}


@pytest.mark.parametrize("name", REDACTORS)
def test_a_redactor_makes_no_difference(name: str, bare: dict[str, Any]) -> None:
    mode = recording(capture_content="span_and_event", redact=REDACTORS[name], max_length=200)
    for program, scenario in SCENARIOS.items():
        no_difference(program, run(scenario, With(), mode, nullcontext()), bare)


def test_a_redactor_is_in_force_although_the_rest_of_the_configuration_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exporter = Exporter()
    with fresh_process():
        genai_otel.configure(exporter=exporter)
        monkeypatch.setattr("genai_otel._configure._settings_for", fails)
        genai_otel.configure(redact=lambda where, value: "redacted")
        with genai_otel.start_span("x") as span:
            span.set_inputs("secret")
        genai_otel.flush()
        assert exporter.get_finished_spans()[0].attributes["input.value"] == "redacted"


@pytest.mark.parametrize(
    "reducer",
    [
        *(_raising(kind) for kind in (Injected, MemoryError, SystemExit, asyncio.CancelledError)),
        lambda items: object(),
        lambda items: items.clear(),
        lambda: None,
    ],
)
def test_a_reducer_makes_no_difference(reducer: Any) -> None:
    def numbers() -> Any:
        yield from range(3)

    async def numbers_later() -> Any:
        for number in range(3):
            yield number

    async def main() -> list[int]:
        return [number async for number in genai_otel.trace(numbers_later, **options)]  # type: ignore[arg-type]

    options: dict[str, Any] = {}
    traced = genai_otel.trace(output_reducer=reducer)
    with Telemetry(capture_content=True) as telemetry, context_given_back():
        assert list(traced(numbers)()) == [0, 1, 2]

        async def collected() -> list[int]:
            return [number async for number in traced(numbers_later)()]

        assert asyncio.run(collected()) == [0, 1, 2]
    assert [span.name for span in telemetry.spans] == ["numbers", "numbers_later"]


# --- cancellation ------------------------------------------------------------------------------------------------
class Cancelled:
    """Runs a coroutine step by step on a loop, cancelling it at the one with a given number."""

    def __init__(self, at: int) -> None:
        self.at, self.steps = at, 0

    async def run(self, work: Any) -> Any:
        task = asyncio.ensure_future(work)
        for _ in range(self.at):
            await asyncio.sleep(0)
        task.cancel("now")
        try:
            return "returned", await task
        except asyncio.CancelledError as exc:
            return "cancelled", exc.args, task.cancelled()


def _async_program(api: Any) -> Callable[[], Any]:
    @api.trace
    async def later(n: int) -> int:
        for _ in range(n):
            await asyncio.sleep(0)
        return n

    @api.trace
    async def counting(n: int) -> Any:
        try:
            for number in range(n):
                await asyncio.sleep(0)
                yield number
        finally:
            await asyncio.sleep(0)

    async def program() -> Any:
        seen = []
        try:
            async with api.start_span("x"), api.context(session_id="s"):
                seen.append(await later(2))
                async for number in counting(2):
                    seen.append(number)
                    await asyncio.sleep(0)
        finally:
            seen.append(not context_api.get_current())
        return seen

    return program


@pytest.mark.parametrize("at", range(12))
def test_a_cancellation_arrives_wherever_the_program_waits(at: int) -> None:
    expected = asyncio.run(Cancelled(at).run(_async_program(Bare())()))
    with Telemetry(capture_content=True) as telemetry, context_given_back():
        assert asyncio.run(Cancelled(at).run(_async_program(With())())) == expected
    assert all(span.end_time for span in telemetry.spans)


# --- objects of the caller's -------------------------------------------------------------------------------------
ASKED = (
    "class",
    "repr",
    "str",
    "eq",
    "hash",
    "bool",
    "len",
    "iter",
    "getattr",
    "getattribute",
    "dir",
    "call",
)
ASKED += (
    "contains",
    "getitem",
    "int",
    "float",
    "index",
    "bytes",
    "format",
    "reduce_ex",
    "sizeof",
    "instancecheck",
)
ANSWERS = (
    RuntimeError,
    asyncio.CancelledError,
    SystemExit,
    GeneratorExit,
    RecursionError,
    MemoryError,
    StopIteration,
)


def refusing(asked: str, answer: type[BaseException]) -> Any:
    """An object that answers one question by raising."""

    def refuses(self: Any, *args: Any) -> Any:
        raise answer

    members: dict[str, Any] = {f"__{asked}__": property(refuses) if asked == "class" else refuses}
    if asked == "eq":
        members["__hash__"] = object.__hash__
    return type("Refusing", (), members)()


def _shapes(value: Any) -> Iterator[Any]:
    yield value
    yield [value, "kept"]
    yield {"a": value, "query": value}
    yield [{"role": "user", "content": value}, {"role": value, "content": [value, "kept"]}]
    yield {"model": value, "messages": [value, {"role": "user", "content": "kept"}], "tools": [value]}
    yield [{"id": value, "score": value, "content": "kept"}, value]


def _recorded(value: Any) -> None:
    """Give a value to everything that records one."""
    for kind in dict.fromkeys(kind for kind, _, _ in TYPED):
        for shape in _shapes(value):
            with genai_otel.start_span("x", span_type=kind, inputs=shape, attributes={"a": shape}) as span:
                span.set_outputs(shape).set_attribute("b", shape).set_documents(shape)
                span.set_model(value, value, value).set_tool_call(value, value).set_agent(value, value)
                span.set_finish_reasons([value]).add_event("e", {"c": shape})
            traced = genai_otel.trace(span_type=kind)(lambda given: given)
            assert traced(shape) is shape
    with genai_otel.context(session_id=value, tags={"a": value}), genai_otel.start_span("x"):
        genai_otel.update_current_trace(
            tags={"a": value}, request_preview=value, name=value, metadata={"b": [value]}
        )
        genai_otel.log_evaluation(value, label=value, explanation=value)


def _given(value: Any) -> None:
    """Give a value as every argument that is none to be recorded."""
    for call in (
        lambda: genai_otel.start_span(value, value, value, inputs=value, model=value, operation=value),
        lambda: genai_otel.start_span_no_context(value, value, value, start_time_ns=None),
        lambda: genai_otel.extract_headers(value),
        lambda: genai_otel.extract_headers([(value, value)]),
    ):
        with call():
            pass
    with genai_otel.start_span("x") as span:
        span.set_status(value, value).set_usage(value, value).set_span_type(value).record_exception(value)
        span.add_event(value).add_link(value).set_attributes(value).set_finish_reasons(value).update_name(
            value
        )
        genai_otel.log_evaluation("e", value=value, error=value, span=value)
        genai_otel.update_current_trace(tags=value, metadata=value)


@pytest.mark.parametrize("asked", ASKED)
def test_an_object_that_refuses_an_answer_is_recorded(asked: str, caplog: pytest.LogCaptureFixture) -> None:
    for answer in ANSWERS:
        if asked in ("class", "getattribute") and answer not in (RuntimeError, RecursionError, MemoryError):
            continue  # asked at every step: others may be an exit that a signal handler asked for
        with Telemetry(capture_content="span_and_event"), context_given_back():
            _guard.reset(raise_errors=False)
            _recorded(refusing(asked, answer))
    assert not [line for line in warnings_of(caplog) if "internal error" in line]


@pytest.mark.parametrize("asked", ASKED)
def test_an_object_that_refuses_an_answer_is_no_error_anywhere(asked: str) -> None:
    for answer in ANSWERS:
        if issubclass(answer, Exception):  # others may be an exit that a signal handler asked for
            with Telemetry(capture_content=True), context_given_back():
                _guard.reset(raise_errors=False)
                _given(refusing(asked, answer))


@pytest.mark.parametrize("kind", dict.fromkeys(kind for kind, _, _ in TYPED))
def test_an_object_without_a_class_is_a_placeholder_beside_what_is_kept(kind: str) -> None:
    value = refusing("class", RuntimeError)
    with Telemetry(capture_content=True) as telemetry:
        for shape in itertools.islice(_shapes(value), 1, None):
            with genai_otel.start_span("x", span_type=kind, inputs=shape) as span:
                span.set_attribute("k", shape)
    for span in telemetry.spans:
        recorded = " ".join(str(one) for one in (span.attributes or {}).values())
        assert "Refusing object>" in recorded


@pytest.mark.parametrize("asked", ["repr", "class", "getattr"])
def test_an_interrupt_while_an_object_is_read_reaches_the_caller(asked: str) -> None:
    value = refusing(asked, KeyboardInterrupt)
    taking = genai_otel.trace(name="taking", span_type="LLM")(lambda messages: None)
    giving = genai_otel.trace(name="giving", span_type="LLM")(lambda: [value])
    with Telemetry(capture_content=True) as telemetry, context_given_back():
        with pytest.raises(KeyboardInterrupt):
            taking([value])
        with pytest.raises(KeyboardInterrupt):
            giving()
        with pytest.raises(KeyboardInterrupt), genai_otel.start_span("inside", span_type="LLM") as span:
            span.set_inputs(value).set_attribute("a", value)
        with pytest.raises(KeyboardInterrupt), genai_otel.start_span("before", span_type="LLM", inputs=value):
            pass
    assert [span.name for span in telemetry.spans] == ["taking", "giving", "inside", "before"]


def test_an_interrupt_while_an_exception_is_described_reaches_the_caller() -> None:
    class Slow(Exception):
        def __str__(self) -> str:
            raise KeyboardInterrupt

    def failing() -> None:
        raise Slow

    with Telemetry() as telemetry, context_given_back():
        with pytest.raises(KeyboardInterrupt):
            genai_otel.trace(failing)()
        with pytest.raises(KeyboardInterrupt), genai_otel.start_span("block"):
            raise Slow
    assert [span.name for span in telemetry.spans] == ["failing", "block"]
