"""An application with its own TracerProvider, sampler and exporter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, TraceIdRatioBased

import genai_otel
from tests.configured import warnings_of
from tests.existing_setups.checks import exported, named, outline, untouched

openai = pytest.importorskip("openai")
from examples.existing_setups import own_provider  # noqa: E402

pytestmark = pytest.mark.usefixtures("new_process")
TREE = ["handle question", "  invoke_agent shop_assistant", "    chat gpt-4o-mini", "      POST"]


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


def test_its_spans_and_ours_are_one_trace_and_what_it_set_up_stays(
    exporter: InMemorySpanExporter, instrument_http: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    sampler = ParentBased(TraceIdRatioBased(1.0))
    provider = own_provider.set_up_telemetry(exporter, sampler)
    instrument_http()
    with untouched():
        own_provider.instrument()
        assert own_provider.handle("Is the lock in stock?")
        genai_otel.flush()
        genai_otel.shutdown()
    assert trace.get_tracer_provider() is provider
    assert provider.sampler is sampler
    spans = exported(exporter.get_finished_spans())
    assert outline(spans) == TREE
    assert "Is the lock in stock?" in named(spans, "chat gpt-4o-mini").attributes["gen_ai.input.messages"]
    assert warnings_of(caplog) == []


def test_it_still_exports_after_our_shutdown(exporter: InMemorySpanExporter) -> None:
    provider = own_provider.set_up_telemetry(exporter, ALWAYS_ON)
    own_provider.instrument()
    genai_otel.shutdown()
    own_provider.handle("?")
    provider.force_flush()
    assert outline(exported(exporter.get_finished_spans())) == TREE[:3]


def test_its_sampler_decides_about_ours(
    exporter: InMemorySpanExporter, instrument_http: Callable[[], None]
) -> None:
    provider = own_provider.set_up_telemetry(exporter, ParentBased(TraceIdRatioBased(0.0)))
    instrument_http()
    with untouched():
        own_provider.instrument()
        assert own_provider.handle("Is the lock in stock?")
    provider.force_flush()
    assert exporter.get_finished_spans() == ()


def test_an_exporter_that_is_named_is_added_and_each_gets_every_span_once(
    exporter: InMemorySpanExporter,
) -> None:
    own_provider.set_up_telemetry(exporter, ALWAYS_ON)
    second = InMemorySpanExporter()
    with untouched(exporters_added=1):
        own_provider.instrument()
        genai_otel.configure(exporter=second)
        genai_otel.configure(exporter=second)
        own_provider.handle("?")
        assert genai_otel.flush()
    assert outline(exported(exporter.get_finished_spans())) == TREE[:3]
    assert outline(exported(second.get_finished_spans())) == TREE[:3]


def test_its_own_exporter_named_to_us_gets_nothing_twice(
    exporter: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    own_provider.set_up_telemetry(exporter, ALWAYS_ON)
    genai_otel.configure(exporter=exporter)
    own_provider.instrument()
    own_provider.handle("?")
    assert genai_otel.flush()
    assert outline(exported(exporter.get_finished_spans())) == TREE[:3]
    assert [text for text in warnings_of(caplog) if "exports there already" in text]


def sync(**options: Any) -> None:
    answer = openai.OpenAI().chat.completions.create(**options)
    for _ in answer if options.get("stream") else ():
        pass


async def asynchronous(**options: Any) -> None:
    async with openai.AsyncOpenAI() as client:
        answer = await client.chat.completions.create(**options)
        if options.get("stream"):
            async for _ in answer:
                pass


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_http_spans_are_children_of_the_automatic_span(
    exporter: InMemorySpanExporter, instrument_http: Callable[[], None], kind: str, stream: bool
) -> None:
    provider = own_provider.set_up_telemetry(exporter, ALWAYS_ON)
    instrument_http()
    own_provider.instrument()
    options = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "?"}], "stream": stream}
    with trace.get_tracer("web").start_as_current_span("GET /ask"):
        if kind == "sync":
            sync(**options)
        else:
            await asynchronous(**options)
    provider.force_flush()
    assert outline(exported(exporter.get_finished_spans())) == ["GET /ask", "  chat gpt-4o-mini", "    POST"]
