"""Celery tasks and process pools: work elsewhere belongs to the trace of whoever asked for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import genai_otel
from genai_otel.testing.server import OpenAIServer
from tests.configured import SOURCES, run, warnings_of
from tests.existing_setups.checks import exported, named, outline, received, untouched
from tests.existing_setups.throwaway import require
from tests.otlp_receivers import http_receiver

ROOT = Path(__file__).parents[2]


@pytest.fixture
def celery_tasks(new_process: None) -> Iterator[Any]:
    require("with Celery", "openai", "celery", "opentelemetry.instrumentation.celery")
    from celery.signals import setup_logging
    from examples.existing_setups import celery_tasks

    setup_logging.connect(_nothing)  # else the worker sets the levels of this process's loggers
    yield celery_tasks
    setup_logging.disconnect(_nothing)
    celery_tasks.CeleryInstrumentor().uninstrument()


def _nothing(**about: object) -> None:
    return


def test_a_celery_task_is_part_of_the_trace_that_sent_it(
    celery_tasks: Any, instrument_http: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    exporter = InMemorySpanExporter()
    provider = celery_tasks.set_up_telemetry(exporter)
    instrument_http()
    with (
        celery_tasks.start_worker(celery_tasks.app, perform_ping_check=False, shutdown_timeout=30),
        untouched(),
    ):
        genai_otel.autolog()
        assert celery_tasks.order("The lock is in stock.", session="s-1")
    provider.force_flush()
    spans = exported(exporter.get_finished_spans())
    assert outline(spans) == [
        "order",
        "  apply_async/summarise",
        "    run/summarise",
        "      summarise",
        "        chat gpt-4o-mini",
        "          POST",
    ]
    assert named(spans, "chat gpt-4o-mini").attributes["session.id"] == "s-1"
    assert named(spans, "run/summarise").attributes["session.id"] == "s-1"
    assert warnings_of(caplog) == []


def test_what_a_process_pool_does_is_part_of_the_trace(openai_server: OpenAIServer) -> None:
    require("with a process pool", "openai")
    with http_receiver() as receiver:
        done = run(
            f"import runpy; runpy.run_path({str(ROOT / 'examples/existing_setups/process_pool.py')!r}, run_name='__main__')",
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
            OPENAI_BASE_URL=os.environ["OPENAI_BASE_URL"],
            OPENAI_API_KEY="test",
            PYTHONPATH=os.pathsep.join([str(SOURCES), str(ROOT)]),
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert len(done.stdout.splitlines()) == 2
        spans = received(receiver)
    branch = ["  ask", "    chat gpt-4o-mini"]
    assert outline(spans) == ["batch", *branch, *branch]
    assert {span.attributes["session.id"] for span in spans} == {"s-1"}
