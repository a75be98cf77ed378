from __future__ import annotations

from typing import Any

import pytest

from genai_otel import _runtime, _settings
from genai_otel.conventions import attributes as attr
from genai_otel.conventions.span_types import RULES
from genai_otel.instrumentation.openai import chunks
from genai_otel.telemetry.operation import Operation, begin
from tests.telemetry_capture import Telemetry

PER_CHUNK = "gen_ai.client.operation.time_per_output_chunk"


@pytest.fixture
def op(telemetry_without_content: Telemetry) -> Operation:
    _, operation = begin(RULES["LLM"], _settings.current(), "chat", {}, _runtime.current())
    assert operation is not None
    return operation


def measured(monkeypatch: pytest.MonkeyPatch, op: Operation, started: float, *ticks: float) -> None:
    """Let chunks come at these times and finish."""
    clock = iter(ticks)
    monkeypatch.setattr(chunks, "perf_counter", lambda: next(clock))
    timer = chunks.ChunkTimer(op, started)
    for _ in ticks:
        timer.tick()
    timer.finish()
    op.finish()


def test_the_first_chunk_counts_from_the_request_and_the_others_from_the_one_before(
    monkeypatch: pytest.MonkeyPatch, op: Operation, telemetry_without_content: Telemetry
) -> None:
    measured(monkeypatch, op, 10.0, 10.5, 10.75, 11.75)

    assert telemetry_without_content.attributes()[attr.TIME_TO_FIRST_CHUNK] == 0.5
    (gaps,) = telemetry_without_content.metrics()[PER_CHUNK]
    assert (gaps.count, gaps.sum, gaps.min, gaps.max) == (2, 1.25, 0.25, 1.0)


def test_without_chunks_there_is_nothing_to_tell(
    monkeypatch: pytest.MonkeyPatch, op: Operation, telemetry_without_content: Telemetry
) -> None:
    measured(monkeypatch, op, 10.0)

    assert attr.TIME_TO_FIRST_CHUNK not in telemetry_without_content.attributes()
    assert PER_CHUNK not in telemetry_without_content.metrics()


def test_many_chunks_are_summed_up_in_the_metrics_buckets(
    monkeypatch: pytest.MonkeyPatch, op: Operation, telemetry_without_content: Telemetry
) -> None:
    gaps = [0.005, 0.03, 0.05, 200.0] * 1_000
    times = [10.5]
    for gap in gaps:
        times.append(times[-1] + gap)
    measured(monkeypatch, op, 10.0, *times)

    assert telemetry_without_content.attributes()[attr.TIME_TO_FIRST_CHUNK] == 0.5
    (points,) = telemetry_without_content.metrics()[PER_CHUNK]
    assert points.count == 4_000
    assert points.sum == pytest.approx(sum(gaps))
    counted: dict[float, Any] = dict(
        zip((*points.explicit_bounds, float("inf")), points.bucket_counts, strict=True)
    )
    assert {bound: count for bound, count in counted.items() if count} == {
        0.01: 1_000,
        0.04: 1_000,
        0.08: 1_000,
        float("inf"): 1_000,
    }
    assert len(op.chunk_gaps or {}) == 4


def test_without_a_meter_only_the_first_chunk_is_kept(
    monkeypatch: pytest.MonkeyPatch, op: Operation, telemetry_without_content: Telemetry
) -> None:
    op.instruments = None
    measured(monkeypatch, op, 10.0, *(10.5 + number for number in range(3_000)))

    assert telemetry_without_content.attributes()[attr.TIME_TO_FIRST_CHUNK] == 0.5
    assert op.chunk_gaps is None
