from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

import genai_otel
from genai_otel import _configure, _guard
from genai_otel.exporters.registry import ExporterRequest
from genai_otel.setup import pipeline
from genai_otel.setup.metric_pipeline import Ticker
from genai_otel.setup.routes import span_routes
from tests.configured import Exporter, fresh_process, span


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    with fresh_process():
        yield


class Hanging(SpanExporter):
    """Takes its time for every batch, until it is shut down."""

    def __init__(self, seconds: float = 30) -> None:
        self._seconds = seconds
        self._down = threading.Event()
        self.exported = 0

    def export(self, spans: Any) -> SpanExportResult:
        self._down.wait(self._seconds)
        self.exported += len(spans)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self._down.set()


def routes_of(*exporters: Any) -> tuple[Any, ...]:
    return span_routes(exporters, ExporterRequest(), ())


def provider_with(*routes: Any) -> tuple[TracerProvider, pipeline.SpanSwitch]:
    provider, switch = TracerProvider(shutdown_on_exit=False), pipeline.SpanSwitch()
    provider.add_span_processor(switch)
    switch.routes = routes
    return provider, switch


def end_spans(provider: TracerProvider, count: int = 1) -> None:
    for number in range(count):
        provider.get_tracer("t").start_span(str(number)).end()


def test_routes_are_ended_side_by_side() -> None:
    slow = [Hanging(0.4), Hanging(0.4), Hanging(0.4)]
    routes = routes_of(*slow)
    provider, _ = provider_with(*routes)
    end_spans(provider)
    started = time.monotonic()
    pipeline.end(routes, 5)
    assert time.monotonic() - started < 1.0
    assert [exporter.exported for exporter in slow] == [1, 1, 1]


def test_ending_routes_that_hang_is_bounded_and_shuts_their_exporters_down() -> None:
    hanging, quick = Hanging(), Exporter()
    routes = routes_of(hanging, quick)
    provider, _ = provider_with(*routes)
    end_spans(provider)
    started = time.monotonic()
    pipeline.end(routes, 0.3)
    assert time.monotonic() - started < 1.5
    assert hanging._down.is_set()
    assert (quick.names, quick.shutdowns) == (["0"], 1)


def test_routes_are_ended_once() -> None:
    exporter = Exporter()
    routes = routes_of(exporter)
    for _ in range(2):
        pipeline.end([*routes, *routes], 1)
    assert exporter.shutdowns == 1


def test_a_route_counts_what_was_delivered_lost_dropped_and_is_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Picky(Hanging):
        def export(self, spans: Any) -> SpanExportResult:
            super().export(spans)
            return SpanExportResult.FAILURE if len(spans) == 2 else SpanExportResult.SUCCESS

    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "4")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "60000")
    exporter = Picky(0)
    (route,) = routes_of(exporter)
    provider, _ = provider_with(route)
    end_spans(provider, 2)
    assert route.counts() == {"delivered": 0, "lost": 0, "dropped": 0, "waiting": 2}
    assert not route.flush(1_000)
    end_spans(provider)
    assert route.flush(1_000)
    assert route.counts() == {"delivered": 1, "lost": 2, "dropped": 0, "waiting": 0}
    with route._batch._export_lock:  # nothing can be sent
        end_spans(provider, 7)
        assert route.counts() == {"delivered": 1, "lost": 2, "dropped": 3, "waiting": 4}
    assert route.flush(1_000)
    assert route.counts() == {"delivered": 5, "lost": 2, "dropped": 3, "waiting": 0}


def test_ending_routes_starts_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = Exporter()
    routes = routes_of(exporter)
    provider, _ = provider_with(*routes)
    end_spans(provider)

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    pipeline.end(routes, 1)
    assert (exporter.names, exporter.shutdowns) == (["0"], 1)


def test_a_route_whose_processor_is_unlike_the_sdks_of_today_is_shut_down_all_the_same() -> None:
    class Processor:
        down = 0

        def shutdown(self) -> None:
            self.down += 1

    processor = Processor()
    pipeline.end([pipeline.BatchRoute("key", processor, None, {})], 1)
    assert processor.down == 1


def test_a_switch_passes_spans_to_all_its_routes_and_survives_one_that_raises() -> None:
    class Raising:
        def on_start(self, *args: Any) -> None:
            raise RuntimeError

        on_end = _on_ending = on_start

    exporter = Exporter()
    (route,) = routes_of(exporter)
    provider, switch = provider_with(pipeline.BatchRoute("raising", Raising(), None, {}), route)
    _guard.reset(raise_errors=False)
    try:
        end_spans(provider)
    finally:
        _guard.reset(raise_errors=True)
    assert route.flush(1_000)
    assert exporter.names == ["0"]
    switch.routes = (route,)
    switch.shutdown()
    assert exporter.shutdowns == 1


def test_a_span_that_was_not_sampled_is_not_exported() -> None:
    from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

    class RecordOnly(Sampler):
        def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
            return SamplingResult(Decision.RECORD_ONLY)

        def get_description(self) -> str:
            return "record only"

    exporter = Exporter()
    genai_otel.configure(exporter=exporter, sampler=RecordOnly())
    span("a")
    genai_otel.flush()
    assert exporter.names == []


def test_no_span_is_exported_twice_while_exporters_are_exchanged() -> None:
    first, second = Exporter(), Exporter()
    genai_otel.configure(exporter=first)
    stop = threading.Event()
    made: list[int] = []

    def work() -> None:
        while not stop.is_set():
            span("a")
            made.append(1)
            time.sleep(0.001)  # the queue is meant to bear it

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for exporter in [second, first] * 10:
        genai_otel.configure(exporter=exporter)
        time.sleep(0.01)
    stop.set()
    for worker in workers:
        worker.join()
    genai_otel.flush()
    ids = [ended.context.span_id for one in (first, second) for ended in one.get_finished_spans()]
    assert len(ids) == len(set(ids))
    assert len(ids) > 0.9 * len(made)


def test_flush_tells_what_an_exporter_that_buffers_says() -> None:
    class Buffering(Exporter):
        def force_flush(self, timeout_millis: int = 0) -> bool:
            return False

    genai_otel.configure(exporter=Buffering())
    assert genai_otel.flush() is False


def test_a_flush_that_hangs_keeps_no_other_exporter_waiting() -> None:
    hanging, quick = Hanging(), Exporter()
    genai_otel.configure(exporter=[hanging, quick])
    span("a")
    assert genai_otel.flush(300) is False
    assert quick.names == ["a"]
    hanging.shutdown()


def test_steps_run_side_by_side_within_one_limit() -> None:
    started = time.monotonic()
    assert pipeline.all_in_time([lambda ms: time.sleep(0.3)] * 3, 5_000)
    assert not pipeline.all_in_time([lambda ms: True, lambda ms: time.sleep(3)], 100)
    assert time.monotonic() - started < 1.5


def test_a_step_that_raises_or_returns_false_has_failed() -> None:
    assert pipeline.all_in_time([], 100)
    assert not pipeline.all_in_time([lambda ms: 1 / 0], 1_000)
    assert not pipeline.all_in_time([lambda ms: False], 1_000)


def test_steps_run_where_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert pipeline.all_in_time([lambda ms: True], 1_000)


def test_a_ticker_ticks_and_ticks_once_more_when_it_is_stopped() -> None:
    ticks: list[float] = []
    ticker = Ticker(lambda: ticks.append(time.monotonic()), 0.05)
    time.sleep(0.3)
    before = len(ticks)
    ticker.stop()
    ticker.thread.join(2)
    assert before >= 2
    assert len(ticks) in (before + 1, before + 2)
    assert not ticker.thread.is_alive()


def test_a_ticker_survives_a_tick_that_raises() -> None:
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(1)
        raise RuntimeError

    _guard.reset(raise_errors=False)
    try:
        ticker = Ticker(tick, 0.02)
        time.sleep(0.3)
        ticker.stop()
        ticker.thread.join(2)
    finally:
        _guard.reset(raise_errors=True)
    assert len(ticks) > 2


def test_another_thread_that_installs_a_provider_first_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry import trace

    theirs = TracerProvider(shutdown_on_exit=False)
    install = trace.set_tracer_provider

    def beaten(provider: Any) -> None:
        install(theirs)
        install(provider)

    monkeypatch.setattr(trace, "set_tracer_provider", beaten)
    exporter = Exporter()
    genai_otel.configure(exporter=exporter)
    assert trace.get_tracer_provider() is theirs
    assert _configure.describe()["provider"] == "existing"
    span("a")
    genai_otel.flush()
    assert exporter.names == ["a"]
