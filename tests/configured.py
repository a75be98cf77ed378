"""Aids of the tests around ``configure()``: a process as good as new, and exporters that count."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import genai_otel
from genai_otel import _configure, _guard, _settings
from tests.telemetry_capture import reset_globals

SOURCES = Path(genai_otel.__file__).parent.parent


@contextmanager
def fresh_process() -> Iterator[None]:
    """No global provider and nothing configured, before and after."""
    _forget()
    try:
        yield
    finally:
        _forget()


def _forget() -> None:
    _configure._end(0.2)  # what a test leaves behind goes nowhere: its receiver is gone
    _configure.reset()
    reset_globals()
    _guard.reset()
    _settings.reload()


class Exporter(InMemorySpanExporter):
    """Keeps spans also after its shutdown, and counts the shutdowns."""

    shutdowns = 0

    def shutdown(self) -> None:
        self.shutdowns += 1

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.get_finished_spans()]


def span(name: str) -> None:
    """Make one span through the settings in force."""
    with genai_otel.start_span(name=name):
        pass


def run(script: str, timeout: float = 30, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``script`` in a process of its own that has only these ``OTEL_*`` variables."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PYTEST"))
    }
    path = os.pathsep.join([str(SOURCES), str(Path(__file__).parent.parent)])
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**inherited, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def warnings_of(caplog: Any) -> list[str]:
    """The warnings that the library logged."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "genai_otel" and record.levelname == "WARNING"
    ]
