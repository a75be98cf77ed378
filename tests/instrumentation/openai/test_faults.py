"""With any function of ours made to raise, one at a time, the caller sees no difference."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import pytest

import genai_otel
from genai_otel import _guard, content, telemetry
from genai_otel.instrumentation import openai as instrumentation
from genai_otel.testing.server import OpenAIServer
from tests import breaking
from tests.breaking import Site, broken
from tests.telemetry_capture import Telemetry

from .bare_and_traced import difference, observe_style

# What holds the guards itself: each of these runs in the caller's stack and has nothing around it but the caller.
# Functions that are made by others are left to the tests of decorated calls, but for those of this folder.
ENTRANCES = {
    "funnel.request_sync",
    "funnel.request_async",
    "watching._watch",
    "watching._AsyncWatch.__anext__",
    "watching._AsyncWatch.__aiter__",
    "watching._AsyncWatch.__getattr__",
    "holding._dropped",
    *(f"sockets.{name}" for name in ("_parse", "_receive", "_async_receive", "_queue", "_close")),
    "sockets._guarded",  # the guard itself, and a reset of the like
    "sockets._sent",
    # and what the caller calls to switch on
    "openai.autolog",
    "state.Active.__init__",
    "state.use",
}
# Ordinary and odd calls of every kind; for each function, some of those that come by it are made.
BATTERY = (
    "chat: every parameter",
    "chat: sound and a file",
    "chat: arguments as a dict",
    "chat: an extra query",
    "chat answered with usage with odd counts",
    "chat answered with rate limited",
    "chat answered with dropped",
    "chat answered with no json",
    "chat stream: three choices",
    "chat stream of two tool calls",
    "chat stream of reasoning",
    "chat stream of content as a list in a delta",
    "chat stream of an error in the stream",
    "chat stream of a drop in the middle",
    "chat stream in a with block",
    "chat raw that is never parsed",
    "chat raw parsed into other types",
    "chat raw stream of two tool calls",
    "chat streaming response read in every way",
    "chat streaming response of a stream",
    "chat helper left early",
    "chat parse cut short",
    "chat through azure",
    "by hand into a response",
    "completions: a stream",
    "completions: a list",
    "embeddings of a list",
    "embeddings raw",
    "responses: what was answered before",
    "responses: tools",
    "responses answered with every kind of item",
    "responses answered with a failure that is a success",
    "responses stream of every kind of item",
    "responses stream of a drop",
    "responses stream of an error",
    "responses retrieved and more",
    "images",
    "speech",
    "transcriptions",
    "moderations and decisions",
    "vector stores",
    "assistants",
    "realtime over a socket",
    "responses over a socket",
    "async responses over a socket",
    "an agents session",
    "async chat: every parameter",
    "async chat stream of two tool calls",
    "async chat stream of an error in the stream",
    "async chat raw",
    "async chat streaming response",
    "async chat parse and helper",
    "async a cancelled stream",
)
MODES = ("everything", "nothing")


@contextmanager
def recording(mode: str) -> Iterator[None]:
    """Record as much as can be, inside of an agent, or no content."""
    if mode == "nothing":
        with Telemetry():
            yield
        return
    with (
        Telemetry(capture_content="span_and_event", max_length=300, redact=lambda where, value: value),
        genai_otel.context(session_id="s", tags={"a": "b"}),
        genai_otel.start_span("librarian", span_type="AGENT"),
    ):
        yield


def functions() -> dict[str, Site]:
    """Every function and method defined in those modules, by its name."""
    found = breaking.sites(breaking.modules(instrumentation, telemetry, content), nested=False)
    named = {
        ".".join(name.split(".")[-1 - site.outermost.__qualname__.count(".") - 1 :]): site
        for name, site in found.items()
    }
    return {name: site for name, site in named.items() if name not in ENTRANCES}


FUNCTIONS = functions()


@pytest.fixture(scope="module")
def bare_of(running_server: OpenAIServer) -> Callable[[str], Any]:
    known: dict[str, Any] = {}

    def observed(name: str) -> Any:
        if name not in known:
            known[name] = observe_style(running_server, name)
        return known[name]

    return observed


@pytest.fixture(scope="module")
def callers(running_server: OpenAIServer) -> dict[Site, list[tuple[str, str]]]:
    """Function -> the calls of the battery that come by it, and what is recorded of them; quick ones first."""
    found: dict[Site, list[tuple[float, str, str]]] = {}
    for name in BATTERY:
        for mode in MODES:
            started = perf_counter()
            with recording(mode), breaking.watched(FUNCTIONS.values()) as seen:
                genai_otel.autolog()
                observe_style(running_server, name)
                genai_otel.autolog(disable=True)
            for site in seen:
                found.setdefault(site, []).append((perf_counter() - started, mode, name))
    return {site: [(mode, name) for _, mode, name in sorted(calls)] for site, calls in found.items()}


@pytest.fixture(autouse=True)
def nothing_hangs_or_stays() -> Iterator[None]:
    _guard.reset(raise_errors=False)
    if hasattr(signal, "SIGALRM"):
        signal.alarm(60)
    yield
    if hasattr(signal, "SIGALRM"):
        signal.alarm(0)
    _guard.reset(raise_errors=True)
    genai_otel.autolog(disable=True)


def test_the_battery_comes_by_most_of_the_code(callers: dict[Site, list[tuple[str, str]]]) -> None:
    missed = sorted(name for name, site in FUNCTIONS.items() if site not in callers)
    assert len(FUNCTIONS) > 400
    print(missed)
    assert len(missed) < 0.4 * len(FUNCTIONS), missed


def test_a_fault_would_be_noticed(running_server: OpenAIServer) -> None:
    _guard.reset(raise_errors=True)
    name = "chat: every parameter"
    bare_one = observe_style(running_server, name)
    with Telemetry(capture_content=True), broken(FUNCTIONS["chat.record_answer"]):
        genai_otel.autolog()
        assert difference(bare_one, observe_style(running_server, name)) is not None


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_that_raises_makes_no_difference(
    name: str,
    callers: dict[Site, list[tuple[str, str]]],
    bare_of: Callable[[str], Any],
    running_server: OpenAIServer,
) -> None:
    function = FUNCTIONS[name]
    calls = callers.get(function, [])
    for mode, style in {
        *calls[:1],
        *calls[len(calls) // 2 : len(calls) // 2 + 1],
    }:  # the quickest, and another one
        expected = bare_of(style)
        with recording(mode):
            with broken(function):
                genai_otel.autolog()
                found = observe_style(running_server, style)
            genai_otel.autolog(disable=True)
        for line in found["log"]:
            # what the SDK's client says when the garbage collector closes one of an earlier test
            if "coro=<AsyncClient.aclose()" not in line:
                assert line.startswith("genai_otel WARNING "), line
        assert difference({**expected, "log": None}, {**found, "log": None}) is None, style
