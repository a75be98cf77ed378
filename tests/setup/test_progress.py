"""What a flush that takes long says to the person at a terminal, and to nobody else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

import genai_otel
from genai_otel import _configure
from genai_otel.setup import progress
from tests.configured import SOURCES, fresh_process, span
from tests.otlp_receivers import silent_address

pty = pytest.importorskip("pty", reason="terminals are simulated where there are pseudo-terminals")


class Terminal:
    """A pseudo-terminal: the standard error of a block, or a descriptor for another process."""

    def __init__(self) -> None:
        self._master, self.descriptor = pty.openpty()
        self._stream = os.fdopen(self.descriptor, "w")

    def __enter__(self) -> None:
        self._before, sys.stderr = sys.stderr, self._stream

    def __exit__(self, *exc: object) -> None:
        sys.stderr = self._before

    def text(self) -> str:
        """What has been written; closes the program's end."""
        self._stream.close()
        seen = b""
        try:
            while chunk := os.read(self._master, 65_536):
                seen += chunk
        except OSError:  # Linux says so at the end
            pass
        os.close(self._master)
        return seen.decode().replace("\r\n", "\n")


class Slow(SpanExporter):
    """Takes its time for every batch."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._down = threading.Event()

    def export(self, spans: Any) -> SpanExportResult:
        self._down.wait(self._seconds)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self._down.set()


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0.2)
    with fresh_process():
        yield


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


def make_spans(count: int, exporter: Any) -> None:
    genai_otel.configure(exporter=exporter)
    for _ in range(count):
        span("a")


WHERE = f"{Slow.__module__}.{Slow.__qualname__}"


def test_a_flush_that_takes_long_says_once_what_it_waits_for(terminal: Terminal) -> None:
    make_spans(3, Slow(0.8))
    with terminal:
        assert genai_otel.flush(5_000)
    said = terminal.text()
    assert re.match(rf"genai_otel: still sending 3 spans to {WHERE}; \d\.\d s more at most\n", said), said
    assert said.count("\n") == 1


def test_so_does_a_shutdown(terminal: Terminal) -> None:
    make_spans(1, Slow(0.8))
    with terminal:
        genai_otel.shutdown()
    assert f"still sending 1 span to {WHERE}" in terminal.text()


def test_each_signal_is_named_with_its_endpoint(terminal: Terminal) -> None:
    with silent_address() as address:
        genai_otel.configure("svc", endpoint=f"http://user:secret@{address}")
        with genai_otel.start_span(name="a", span_type="LLM", model="m", provider="p") as started:
            started.set_usage(1, 2)
        genai_otel.log_evaluation("quality", value=1.0, span=started)
        with terminal:
            _configure._end(0.9)
    said = terminal.text().splitlines()[0]
    for what in (
        f"1 span to http://{address}/v1/traces",
        f"1 event to http://{address}/v1/logs",
        "metrics to",
    ):
        assert what in said, said
    assert "secret" not in said


def test_exporters_that_the_application_has_set_up_are_waited_for_without_a_name(terminal: Terminal) -> None:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(Slow(0.6)))
    trace.set_tracer_provider(provider)
    span("a")
    with terminal:
        assert genai_otel.flush(5_000)
    assert "genai_otel: waiting for exporters to finish; " in terminal.text()


def test_a_quick_flush_says_nothing(terminal: Terminal) -> None:
    make_spans(1, Slow(0))
    with terminal:
        assert genai_otel.flush()
        genai_otel.shutdown()
    assert terminal.text() == ""


def test_a_wait_shorter_than_that_says_nothing(terminal: Terminal) -> None:
    make_spans(1, Slow(0.5))
    with terminal:
        assert genai_otel.flush(150) is False
    assert terminal.text() == ""


def test_what_is_no_terminal_is_told_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    make_spans(1, Slow(0.5))
    assert genai_otel.flush()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("gone", [None, "closed"])
def test_a_standard_error_that_is_gone_does_no_harm(
    gone: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = None
    if gone:
        stream = open(os.devnull, "w")
        stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    make_spans(1, Slow(0.3))
    assert genai_otel.flush()


def test_a_notebook_is_told_nothing(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    make_spans(1, Slow(0.5))
    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    with terminal:
        assert genai_otel.flush()
    assert terminal.text() == ""


@pytest.mark.parametrize("watched", [True, False])
def test_a_program_that_ends_with_spans_unsent_says_so_on_a_terminal_only(watched: bool) -> None:
    script = (
        "import genai_otel\n"
        "genai_otel.configure('svc', endpoint='http://{}')\n"
        "for _ in range(600):\n"
        "    genai_otel.start_span(name='a').__enter__().end()\n"
    )
    screen = Terminal()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PYTEST"))}
    with silent_address() as address:
        done = subprocess.run(
            [sys.executable, "-c", script.format(address)],
            env={**kept, "PYTHONPATH": str(SOURCES)},
            stderr=screen.descriptor if watched else subprocess.PIPE,
            timeout=60,
            check=False,
        )
    said = screen.text()
    assert done.returncode == 0
    if watched:
        assert f"genai_otel: still sending 600 spans to http://{address}/v1/traces; " in said, said
        assert said.count("still sending") == 1
    else:
        assert b"still sending" not in done.stderr
