"""Two web services in processes of their own, with instrumentation of server and client."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opentelemetry import baggage, trace

import genai_otel
from genai_otel.testing.server import OpenAIServer
from tests.configured import SOURCES
from tests.existing_setups.checks import exported, named, outline, received
from tests.existing_setups.throwaway import require
from tests.otlp_receivers import HttpReceiver, http_receiver
from tests.telemetry_capture import Telemetry

ROOT = Path(__file__).parents[2]
NEEDED = (
    "openai",
    "fastapi",
    "uvicorn",
    "httpx",
    "opentelemetry.instrumentation.fastapi",
    "opentelemetry.instrumentation.httpx",
)
TREE = [
    "GET /ask",
    "  plan",
    "    GET",
    "      GET /answer",
    "        invoke_agent assistant",
    "          chat gpt-4o-mini",
    "            POST",
]


@contextmanager
def service(name: str, receiver: HttpReceiver, **variables: str) -> Iterator[str]:
    """Run a service; yield its URL. Afterwards it has exported everything and left everything alone."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "PYTEST"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.existing_setups.service", name],
        cwd=ROOT,
        env={
            **inherited,
            "PYTHONPATH": os.pathsep.join([str(SOURCES), str(ROOT)]),
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            **variables,
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip()
        assert port, process.communicate()[1]
        yield f"http://127.0.0.1:{port}"
        out, complaints = process.communicate(timeout=30)
        assert out.strip() == "untouched", complaints
        assert complaints == ""
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_one_trace_goes_through_both_and_carries_the_session(openai_server: OpenAIServer) -> None:
    require("with two services", *NEEDED)
    with http_receiver() as receiver:
        with (
            service("answers", receiver) as answers,
            service("gateway", receiver, ANSWERS_URL=answers) as gateway,
            urllib.request.urlopen(f"{gateway}/ask?question=hello&session=s-1", timeout=20) as response,
        ):
            assert response.status == 200
        spans = received(receiver)
    assert outline(spans, leave_out=(" http send", " http receive")) == TREE
    for name in ("plan", "GET", "invoke_agent assistant", "chat gpt-4o-mini"):
        assert named(spans, name).attributes["session.id"] == "s-1", name


# --- what the second service relies on ------------------------------------------------------------------------
TRACEPARENT = f"00-{'1' * 32}-{'2' * 16}-01"


def test_a_server_span_stays_the_parent_where_the_headers_are_extracted_again(telemetry: Telemetry) -> None:
    headers = {"traceparent": TRACEPARENT, "baggage": "session.id=s-1,user.id=u-1"}
    with genai_otel.extract_headers(headers):  # as the instrumentation of the web framework does
        server = trace.get_tracer("web").start_span("GET /")
    with (
        trace.use_span(server, end_on_exit=True),
        genai_otel.extract_headers(headers),
        genai_otel.start_span("ours"),
    ):
        pass
    ours, served = telemetry.one("ours"), telemetry.one("GET /")
    assert ours.parent is not None
    assert ours.parent.span_id == served.context.span_id
    assert telemetry.attributes("ours")["session.id"] == "s-1"


def test_headers_of_another_trace_than_the_current_one_are_followed(telemetry: Telemetry) -> None:
    with (
        trace.get_tracer("worker").start_as_current_span("poll"),
        genai_otel.extract_headers({"traceparent": TRACEPARENT}),
        genai_otel.start_span("ours"),
    ):
        pass
    assert telemetry.one("ours").context.trace_id == int("1" * 32, 16)


def test_ids_in_the_baggage_are_on_spans_of_ours_whoever_extracted_it(telemetry: Telemetry) -> None:
    from opentelemetry.context import attach, detach

    carried = baggage.set_baggage("session.id", "s-1", baggage.set_baggage("user.id", "u" * 300))
    token = attach(baggage.set_baggage("tenant", "acme", carried))
    try:
        with (
            genai_otel.start_span("ours"),
            genai_otel.context(tags={"a": "b"}),
            genai_otel.start_span("tagged"),
        ):
            pass
        genai_otel.TracingClient().start_trace("by hand").end()
        with genai_otel.context(session_id="s-2"), genai_otel.start_span("own session"):
            pass
    finally:
        detach(token)
    found = {span.name: span.attributes for span in exported(telemetry.spans)}
    assert {name: attributes["session.id"] for name, attributes in found.items()} == {
        "ours": "s-1",
        "tagged": "s-1",
        "by hand": "s-1",
        "own session": "s-2",
    }
    for attributes in found.values():
        assert "user.id" not in attributes
        assert "tenant" not in attributes
