"""With any function of ours made to raise, one at a time, a program sees no difference, and its log says so once."""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import os
import re
import sys
import threading
import traceback
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import pytest
from opentelemetry import context as context_api
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import genai_otel
from genai_otel import _configure, _custom_runtime, _guard, _runtime
from tests import breaking
from tests.breaking import Fault, Injected, Site
from tests.configured import Exporter, fresh_process
from tests.exporters.mlflow_stand_in import StandIn, stand_in
from tests.fault_scenarios import FAILURE, SCENARIOS, Scenario, Without, configuring, exporting
from tests.otlp_receivers import HttpReceiver, http_receiver
from tests.telemetry_capture import Telemetry, reset_globals

# The whole product of functions, scenarios, modes and kinds of faults; else a sample that has every function.
WHOLE = "GENAI_OTEL_TEST_ALL_FAULTS"
SECONDS = 60.0
# Programs of their own, beside which nobody's code runs; automatic spans have tests of their own kind in
# tests/instrumentation/openai.
LEFT_OUT = ("genai_otel.testing", "genai_otel.cli", "genai_otel.instrumentation")
MODULES = breaking.modules(genai_otel, without=LEFT_OUT)
SITES = breaking.sites(MODULES)
KINDS: dict[str, tuple[type[BaseException], bool]] = {
    "error": (Injected, False),
    "interrupt": (KeyboardInterrupt, True),
    "once": (Injected, True),
    "no memory": (MemoryError, False),
    "too deep": (RecursionError, False),
    "no key": (KeyError, False),
}
# What a fault in cannot be told from a program that never goes on: a lock that is not let go.
UNBREAKABLE = {f"_forks.Lock.__{name}__" for name in ("init", "enter", "exit")}
# What has nothing around it but the caller. Interrupts arrive there, too.
ENTRANCES = [
    re.compile(f"{pattern}$")
    for pattern in (
        # what callers call
        r"_client\.TracingClient\.(__init__|start_trace|start_span|end_span|end_trace|get_span)",
        r"_configure\.(configure|flush|shutdown)",
        r"_context\.(ThreadPoolExecutor\.submit|context|suppress|propagate|inject_headers|extract_headers)",
        r"_decorators\.trace",
        r"_evaluation\.log_feedback",
        r"_span_scope\.(start_span|start_span_no_context)",
        r"_spans\.get_(current_span|last_active_trace_id)",
        r"__getattr__",
        r"compat\.mlflow\._fluent\.(trace|start_span|start_span_no_context|get_current_active_span|flush_trace_.*)",
        r"compat\.mlflow\.client\.MlflowClient\.__init__",
        # what callers hold
        r"_context\._Block\.\w+",
        r"_proxies\.TracedCallable\.[^<]*(<lambda>)?",
        r"_span_scope\.SpanScope\.\w+",
        r"_spans\.Span\.\w+",
        r"compat\.mlflow\._fluent\._Scope\.\w+",
        r"compat\.mlflow\._live_span\.(LiveSpan\.\w+|live)",
        r"exporters\.console\.ConsoleTree\.(on_start|on_end|force_flush|shutdown)",
        # what stands for a function of the caller's
        r"_context\._bound_(coroutine_)?function\.call",
        r"_decorators\.(_\w+_wrapper|_generator_call)\.wrapper",
        r"_generators\.(drive|drive_async|_start_unseen|Iteration\.\w+)",
        # what the SDK calls, on the caller's thread, for spans of anyone's
        r"_ambient_processor\.AmbientProcessor\.\w+",
        r"setup\.pipeline\.((Span|Log)Switch|Refused)\.\w+",
        r"(exporters\.guarded\.GuardedExporter|setup\.metric_pipeline\._Fan)\.export",
        # what threads of ours begin with
        r"exporters\.console\.ConsoleTree\._run",
        r"exporters\.errands\.Errands\._work",
        r"setup\.metric_pipeline\.Ticker\._(run|collect)",
        # the guards
        r"_client\._checked",
        r"_decorators\.(_decorate|_wrap_again)",
        r"_generators\._give_back",
        r"_guard\.(report|guarded\.decorate\.wrapper)",
        r"_spans\.(_setter\.wrapper|facade|finish)",
        r"_traced\.(enter|leave|leave_failed|_give_back)",
        r"setup\.pipeline\.(_attempt|all_in_time\.run)",
        # that which gives back the context: there is no other way to
        r"_runtime\.(detach|leave|_put_back)",
        r"_custom_runtime\.\w+(\.\w+)?",
        # refusals, which raise on purpose
        r"compat\.mlflow\._refusals\.refuse_given",
        r"compat\.mlflow\._destination\.refuse_other_experiment",
    )
]

# Python runs nothing of a context manager's whose __exit__ is interrupted before its first line.
EXITS = re.compile(r".*(SpanScope|_Block|_Scope)\.__a?exit__$")


def is_entrance(site: Site) -> bool:
    name = site.name.removeprefix("genai_otel.")
    return any(pattern.match(name) for pattern in ENTRANCES)


# --- one run ----------------------------------------------------------------------------------------------------
@dataclass
class Seen:
    """What a run of a scenario came to."""

    outcome: Any = None
    raised: BaseException | None = None
    log: list[tuple[str, str]] = field(default_factory=list)
    noise: list[Any] = field(default_factory=list)
    spans: Counter[str] = field(default_factory=Counter)
    context_given_back: bool = True
    thread: int = 0


class Listening(logging.Handler):
    def __init__(self, lines: list[tuple[str, str]]) -> None:
        super().__init__(logging.WARNING)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append((record.name, record.getMessage()))


@contextmanager
def listening(seen: Seen) -> Iterator[None]:
    """Hear every log line, and every exception that nobody handled."""
    handler = Listening(seen.log)
    unraisable, in_thread = sys.unraisablehook, threading.excepthook
    sys.unraisablehook = lambda said: seen.noise.append(said.exc_value)
    threading.excepthook = lambda said: seen.noise.append(said.exc_value)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        sys.unraisablehook, threading.excepthook = unraisable, in_thread


def run(
    scenario: Scenario, api: Any, mode: Callable[[Seen], AbstractContextManager[None]], fault: Any
) -> Seen:
    """Run a scenario in a thread of its own, with a context of its own, in limited time."""
    seen = Seen()
    FAILURE.__traceback__ = FAILURE.__context__ = None

    def body() -> None:
        seen.thread = threading.get_ident()
        before = context_api.get_current()
        try:
            seen.outcome = scenario(api, fault)
        except BaseException as exc:
            seen.raised = exc
        seen.context_given_back = context_api.get_current() is before
        if isinstance(seen.raised, KeyboardInterrupt):
            gc.collect()  # what the event loop has to say of it, it says now

    with listening(seen), mode(seen), collecting_afterwards():
        thread = threading.Thread(target=body, daemon=True)
        thread.start()
        thread.join(SECONDS)
        if thread.is_alive():
            frame = sys._current_frames()[thread.ident or 0]
            pytest.fail("it hangs:\n" + "".join(traceback.format_stack(frame)))
    return seen


@contextmanager
def collecting_afterwards() -> Iterator[None]:
    """Let the garbage collector run between scenarios only.

    Before Python 3.12 it runs inside of any allocation. One in the midst of setting a context variable, which ends
    what an interrupt left of asynchronous generators, makes the interpreter read freed memory (hamt.c).
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class With:
    """The library, and what tests need of it."""

    describe = staticmethod(_configure.describe)
    fresh = staticmethod(fresh_process)

    def __getattr__(self, name: str) -> Any:
        return getattr(genai_otel, name)


class Bare(Without):
    fresh = staticmethod(nullcontext)


# --- modes ------------------------------------------------------------------------------------------------------
def recording(**arguments: Any) -> Callable[[Seen], AbstractContextManager[None]]:
    @contextmanager
    def mode(seen: Seen) -> Iterator[None]:
        with Telemetry(**arguments) as telemetry:
            _prepare()
            yield
        seen.spans = Counter(span.name for span in telemetry.spans)

    return mode


@contextmanager
def absent(seen: Seen) -> Iterator[None]:
    reset_globals()
    _prepare()
    yield


@contextmanager
def custom_context(seen: Seen) -> Iterator[None]:
    """As where another library replaced the runtime context."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("current", "attach", "detach"):
            patched.setattr(_runtime, name, getattr(_custom_runtime, name))
        patched.setattr(_runtime, "leave", lambda token, attached: _custom_runtime.detach(token))
        with MODES["everything"](seen):
            yield


def _prepare() -> None:
    _guard.reset(raise_errors=False)
    for cache in CACHES:
        cache.cache_clear()


CACHES = breaking.caches(MODULES)
MODES: dict[str, Callable[[Seen], AbstractContextManager[None]]] = {
    "everything": recording(
        capture_content="span_and_event", max_length=300, redact=lambda where, value: value
    ),
    "content": recording(capture_content=True),
    "nothing": recording(),
    "unsampled": recording(sampler=ALWAYS_OFF),
    "absent": absent,
    "custom context": custom_context,
}


# --- destinations -----------------------------------------------------------------------------------------------
class Destinations:
    """Servers on loopback and what has arrived there."""

    def __init__(self, receiver: HttpReceiver, server: StandIn) -> None:
        self.receiver, self.server = receiver, server
        self.own = Exporter()
        self.terminal = io.StringIO()

    def arguments(self, name: str) -> Callable[[], dict[str, Any]]:
        def made() -> dict[str, Any]:
            self.receiver.requests.clear()
            self.server.asked.clear()
            self.own = Exporter()
            return {
                "console": {"exporter": "console"},
                "otlp": {"endpoint": self.receiver.endpoint},
                "phoenix": {"exporter": "phoenix", "endpoint": self.receiver.endpoint, "experiment": "p"},
                "mlflow": {"exporter": "mlflow", "tracking_uri": self.server.uri, "experiment": "e"},
                "own": {"exporter": [self.own]},
            }[name]

        return made

    @contextmanager
    def mode(self, seen: Seen) -> Iterator[None]:
        self.terminal = io.StringIO()
        with contextlib.redirect_stderr(self.terminal), pytest.MonkeyPatch.context() as patched:
            for name in ("setup.pipeline.SHUTDOWN_SECONDS", "setup.apply.SHUTDOWN_SECONDS"):
                patched.setattr(f"genai_otel.{name}", 0.5)  # what is broken is waited for no longer
            patched.setattr("genai_otel.exporters.console._SHUTDOWN_SECONDS", 0.5)
            _prepare()
            yield
        shown = self.terminal.getvalue()
        names = [*self.receiver.span_names, *self.server.span_names, *self.own.names]
        names += ["shown"] if "internal error" not in shown and shown.strip() else []
        seen.spans = Counter(names)


ROUTES = ("console", "otlp", "phoenix", "mlflow", "own")


@pytest.fixture(scope="module")
def cases() -> Iterator[dict[str, Case]]:
    with http_receiver() as receiver, stand_in() as server:
        destinations = Destinations(receiver, server)
        found = {
            f"{name}, {mode}": Case(scenario, how)
            for name, scenario in SCENARIOS.items()
            for mode, how in MODES.items()
        }
        for route in ROUTES:
            made = destinations.arguments(route)
            found[f"exporting to {route}"] = Case(exporting(made), destinations.mode)
            found[f"configuring {route}"] = Case(configuring(made), destinations.mode)
        breaking.keep_still()
        for case in found.values():
            case.prepare()
        yield found
    gc.unfreeze()
    _guard.reset(raise_errors=True)


@dataclass
class Case:
    """A scenario in a mode: what is seen of it without us and with us whole, and which functions it comes by."""

    scenario: Scenario
    mode: Callable[[Seen], AbstractContextManager[None]]
    bare: Seen = field(default_factory=Seen)
    whole: Seen = field(default_factory=Seen)
    reached: set[Site] = field(default_factory=set)
    seconds: float = 0.0

    def prepare(self) -> None:
        self.bare = run(self.scenario, Bare(), absent, nullcontext())
        self.whole = run(self.scenario, With(), self.mode, self.watching())
        started = perf_counter()
        run(self.scenario, With(), self.mode, nullcontext())
        self.seconds = perf_counter() - started

    @contextmanager
    def watching(self) -> Iterator[None]:
        with breaking.watched(SITES.values()) as seen:
            yield
        self.reached = {site for site in seen if site.name.partition(".")[2] not in UNBREAKABLE}

    def broken(self, site: Site, kind: str) -> tuple[Fault, Seen]:
        exception, once = KINDS[kind]
        faults: list[Fault] = []

        @contextmanager
        def fault() -> Iterator[None]:
            with breaking.broken(site, exception, once=once) as made:
                faults.append(made)
                yield

        seen = run(self.scenario, With(), self.mode, fault())
        return faults[0] if faults else Fault(), seen


def problems(case: Case, kind: str, fault: Fault, seen: Seen) -> Iterator[str]:
    """Say what a caller would notice of a fault."""
    if not fault.raised:
        return
    if not seen.context_given_back:
        yield "the context is not given back"
    if kind == "interrupt":
        yield from _interrupt_problems(fault, seen)
        return
    if seen.raised is not None:
        yield f"raised {seen.raised!r}"
        return
    if seen.outcome != case.bare.outcome:
        yield f"saw {seen.outcome!r} instead of {case.bare.outcome!r}"
    if seen.noise:
        yield f"nobody handled {seen.noise!r}"
    lines = Counter(line for line in seen.log if "ended already?" not in line[1])  # said at each call
    usual = Counter(case.whole.log)
    for (where, line), count in lines.items():
        if where == "genai_otel" and count > max(usual[where, line], 1):
            yield f"logged {count} times: {line}"
        if not where.startswith(("genai_otel", "opentelemetry.")):
            yield f"logged by {where}: {line}"
    if seen.spans.total() < case.whole.spans.total() and not lines - usual:
        yield f"lost without a word: {dict(case.whole.spans - seen.spans)}"


def _interrupt_problems(fault: Fault, seen: Seen) -> Iterator[str]:
    if fault.threads != {seen.thread} or any(one in fault.raised for one in seen.noise):
        return  # in a thread of ours, where none arrives, or in a finaliser, which no exception can leave
    if seen.raised is not fault.raised[0]:
        yield f"an interrupt became {seen.raised!r}"


@pytest.fixture(autouse=True)
def guards_on() -> Iterator[None]:
    _guard.reset(raise_errors=False)
    yield
    _guard.reset(raise_errors=True)


def test_without_faults_nothing_is_different(cases: dict[str, Case]) -> None:
    for name, case in cases.items():
        assert case.whole.raised is None, (name, case.whole.raised)
        assert case.whole.outcome == case.bare.outcome, name
        assert not case.whole.noise, name
        assert case.whole.context_given_back, name


# --- every function, broken -------------------------------------------------------------------------------------
def planned(cases: dict[str, Case]) -> dict[str, list[tuple[Site, str]]]:
    """Which functions are broken in which scenario, and how: all in all that reach them, or a sample."""
    plan: dict[str, list[tuple[Site, str]]] = {name: [] for name in cases}
    for site in SITES.values():
        by_cost = sorted((case.seconds, name) for name, case in cases.items() if site in case.reached)
        reaching = [name for _, name in by_cost]
        for kind in KINDS:
            if not (EXITS.match(site.name) if kind == "interrupt" else is_entrance(site)):
                for name in reaching if os.environ.get(WHOLE) else _sample(site, kind, reaching):
                    plan[name].append((site, kind))
    return plan


def _sample(site: Site, kind: str, reaching: list[str]) -> list[str]:
    """One of the quicker half of the scenarios, always the same; few where telemetry is sent, which takes its time."""
    if not reaching:
        return []
    chance = zlib.crc32(f"{site.name} {kind}".encode())
    chosen = reaching[chance // 16 % ((len(reaching) + 1) // 2)]
    one_in = (
        (8 if kind == "error" else 16)
        if chosen in ON_THE_WAY
        else (1 if kind in ("error", "interrupt") else 4)
    )
    return [] if chance % one_in else [chosen]


ON_THE_WAY = [f"{what} {route}" for route in ROUTES for what in ("exporting to", "configuring")]
NAMES = [*(f"{name}, {mode}" for name in SCENARIOS for mode in MODES), *ON_THE_WAY]


@pytest.fixture(scope="module")
def plan(cases: dict[str, Case]) -> dict[str, list[tuple[Site, str]]]:
    return planned(cases)


@pytest.mark.parametrize("name", NAMES)
def test_a_function_that_raises_makes_no_difference(
    name: str,
    cases: dict[str, Case],
    plan: dict[str, list[tuple[Site, str]]],
    record_property: Callable[[str, object], None],
) -> None:
    case, broken, found = cases[name], 0, []
    for site, kind in plan[name]:
        fault, seen = case.broken(site, kind)
        broken += bool(fault.raised)
        found += [f"{site.name} ({kind}): {problem}" for problem in problems(case, kind, fault, seen)]
    record_property("broken", broken)
    assert not found, "\n".join(found)


def test_the_scenarios_come_by_most_of_the_code(cases: dict[str, Case]) -> None:
    reached = set[Site]().union(*(case.reached for case in cases.values()))
    missed = sorted(name for name, site in SITES.items() if site not in reached)
    assert len(SITES) > 1_200
    assert len(missed) < 0.3 * len(SITES), missed


def test_a_fault_would_be_noticed(cases: dict[str, Case]) -> None:
    """With the guards off the harness itself sees what it looks for."""
    case = cases["functions, content"]
    site = SITES["genai_otel.telemetry.operation.Operation.set_inputs"]
    fault, seen = case.broken(site, "error")
    assert fault.raised
    assert list(problems(case, "error", fault, seen)) == []
    entrance = SITES["genai_otel._traced.enter"]
    fault, seen = case.broken(entrance, "error")
    assert any("Injected" in problem for problem in problems(case, "error", fault, seen))
    restoring = SITES["genai_otel._runtime.leave"]
    fault, seen = case.broken(restoring, "error")
    assert "the context is not given back" in list(problems(case, "error", fault, seen))


def test_what_is_broken_is_mended() -> None:
    chosen = list(SITES.values())[::40]
    codes = {site: site.outermost.__code__ for site in chosen}
    for site in chosen:
        with breaking.broken(site):
            assert site.outermost.__code__ is not codes[site]
    assert all(site.outermost.__code__ is code for site, code in codes.items())
