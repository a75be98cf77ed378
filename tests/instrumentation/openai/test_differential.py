"""The caller's program does not change: the same calls bare and instrumented, with everything visible compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import genai_otel
from genai_otel.testing.server import OpenAIServer
from tests.telemetry_capture import Telemetry

from .bare_and_traced import OpenSpans, difference, observe, observe_style
from .battery import ASYNC_STYLES, STYLES, run_in_loops_that_are_closed

NAMES = [*STYLES, *ASYNC_STYLES]


@pytest.fixture(autouse=True)
def off_again() -> Iterator[None]:
    yield
    genai_otel.autolog(disable=True)


def test_the_battery_is_large() -> None:
    assert len(NAMES) >= 150


@pytest.mark.parametrize("name", NAMES)
def test_the_caller_and_the_server_see_no_difference(name: str, server: OpenAIServer) -> None:
    bare = observe_style(server, name)
    assert bare["context given back"]
    for content in (False, "span_and_event"):
        with Telemetry(capture_content=content) as telemetry:
            spans = OpenSpans(telemetry)
            genai_otel.autolog()
            traced = observe_style(server, name)
            genai_otel.autolog(disable=True)
            assert spans.open() == []
        assert difference(bare, traced) is None


def test_loops_that_come_and_go_make_no_difference(server: OpenAIServer) -> None:
    bare = observe(server, lambda: run_in_loops_that_are_closed(server))
    with Telemetry(capture_content=True):
        genai_otel.autolog()
        traced = observe(server, lambda: run_in_loops_that_are_closed(server))
    assert difference(bare, traced) is None


def test_a_difference_would_be_noticed(server: OpenAIServer) -> None:
    name = "chat: a plain question"
    bare: Any = observe_style(server, name)
    with Telemetry():
        genai_otel.autolog(request_stream_usage=True)
        assert difference(bare, observe_style(server, name)) is None
        assert difference(bare, observe_style(server, "chat: three choices")) is not None
    server.script("/chat/completions", ["text=another answer"])
    calls = observe(server, lambda: None)
    assert difference(bare, calls) is not None
