"""Two providers in one process, one for each tenant."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import genai_otel
from tests.configured import warnings_of
from tests.existing_setups.checks import exported, named, outline, untouched

openai = pytest.importorskip("openai")
from examples.existing_setups import multi_tenant  # noqa: E402

pytestmark = pytest.mark.usefixtures("new_process")
TREE = ["answer", "  chat gpt-4o-mini"]


@pytest.fixture
def exporters() -> dict[str, InMemorySpanExporter]:
    return {"acme": InMemorySpanExporter(), "globex": InMemorySpanExporter()}


def flushed(providers: dict[str, TracerProvider]) -> None:
    for provider in providers.values():
        assert provider.force_flush()


def test_each_tenant_gets_its_own_spans_automatic_ones_too(
    exporters: dict[str, InMemorySpanExporter], caplog: pytest.LogCaptureFixture
) -> None:
    with untouched():
        providers = multi_tenant.instrument(exporters)
        for name in exporters:
            with multi_tenant.tenant(name), genai_otel.context(session_id=f"session of {name}"):
                assert multi_tenant.answer(f"Who is {name}?")
        flushed(providers)
    assert trace._TRACER_PROVIDER is None
    for name, exporter in exporters.items():
        spans = exported(exporter.get_finished_spans())
        assert outline(spans) == TREE
        assert {span.attributes["session.id"] for span in spans} == {f"session of {name}"}
    assert warnings_of(caplog) == []


def test_the_tenant_goes_along_to_other_threads(exporters: dict[str, InMemorySpanExporter]) -> None:
    providers = multi_tenant.instrument(exporters)
    futures: list[Future[str]] = []
    with genai_otel.ThreadPoolExecutor(4) as pool:
        for name in ["acme", "globex"] * 5:
            with multi_tenant.tenant(name), genai_otel.start_span(f"root of {name}"):
                futures.append(pool.submit(multi_tenant.answer, "?"))
    assert all(future.result() for future in futures)
    flushed(providers)
    for name, exporter in exporters.items():
        spans = exported(exporter.get_finished_spans())
        traces = {span.trace_id for span in spans}
        assert len(traces) == 5
        for trace_id in traces:
            tree = outline(span for span in spans if span.trace_id == trace_id)
            assert tree == [f"root of {name}", "  answer", "    chat gpt-4o-mini"]


def test_outside_any_tenant_nothing_is_recorded(exporters: dict[str, InMemorySpanExporter]) -> None:
    providers = multi_tenant.instrument(exporters)
    assert multi_tenant.answer("?")
    flushed(providers)
    assert all(exporter.get_finished_spans() == () for exporter in exporters.values())


def test_explicit_lifecycles_need_nothing_but_the_provider(
    exporters: dict[str, InMemorySpanExporter],
) -> None:
    with untouched():
        providers = multi_tenant.instrument(exporters)
        with multi_tenant.tenant("globex"):  # the client's provider counts, not the current tenant
            multi_tenant.import_history(providers["acme"], [("Hello?", "Hello.")])
    flushed(providers)
    spans = exported(exporters["acme"].get_finished_spans())
    assert outline(spans) == ["conversation", "  turn"]
    assert "Hello." in named(spans, "turn").attributes["gen_ai.output.messages"]
    assert exporters["globex"].get_finished_spans() == ()
