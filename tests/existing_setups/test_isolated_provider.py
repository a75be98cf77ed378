"""Providers given to us, apart from the application's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

import genai_otel
from tests.configured import warnings_of
from tests.existing_setups.checks import exported, outline, untouched

openai = pytest.importorskip("openai")
from examples.existing_setups import isolated_provider, own_provider  # noqa: E402

pytestmark = pytest.mark.usefixtures("new_process")
TREE = ["answer", "  chat gpt-4o-mini"]


def test_nothing_global_is_installed(caplog: pytest.LogCaptureFixture) -> None:
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    with untouched():
        provider = isolated_provider.instrument(exporter, reader)
        assert isolated_provider.answer("?")
        assert genai_otel.flush()
    assert trace._TRACER_PROVIDER is None
    assert outline(exported(exporter.get_finished_spans())) == TREE
    assert "gen_ai.client.operation.duration" in str(reader.get_metrics_data())
    assert warnings_of(caplog) == []
    provider.shutdown()


def test_beside_an_application_with_its_own_each_gets_its_own_spans(
    instrument_http: Callable[[], None],
) -> None:
    theirs, exporter = InMemorySpanExporter(), InMemorySpanExporter()
    application = own_provider.set_up_telemetry(theirs, ALWAYS_ON)
    instrument_http()
    with untouched(application):
        provider = isolated_provider.instrument(exporter)
        with genai_otel.context(session_id="s-1"):
            isolated_provider.answer("?")
    application.force_flush()
    provider.force_flush()
    spans = exported(exporter.get_finished_spans())
    assert outline(spans) == TREE
    (http,) = exported(theirs.get_finished_spans())
    assert http.name == "POST"
    assert http.parent_id == next(span.span_id for span in spans if span.name == TREE[1].strip())


def test_autolog_alone_takes_a_provider_too() -> None:
    exporter = InMemorySpanExporter()
    provider = isolated_provider.TracerProvider()
    provider.add_span_processor(isolated_provider.BatchSpanProcessor(exporter))
    with untouched(provider):
        genai_otel.autolog(tracer_provider=provider)
        isolated_provider.answer("?")
    provider.force_flush()
    assert outline(exported(exporter.get_finished_spans())) == ["chat gpt-4o-mini"]
