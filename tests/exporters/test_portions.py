"""Requests stay below what collectors take."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.trace.export import SpanExportResult

import genai_otel
from genai_otel.exporters.portions import InPortions, item_size, portions
from tests.configured import fresh_process
from tests.otlp_receivers import grpc_receiver, http_receiver
from tests.telemetry_capture import Telemetry

MIB = 1024 * 1024


class Inner:
    """Takes what an exporter is given, and answers as told."""

    def __init__(self, *answers: Any) -> None:
        self.batches: list[list[Any]] = []
        self._answers = list(answers)
        self.endpoint = "somewhere"

    def export(self, batch: Any) -> Any:
        self.batches.append(list(batch))
        return self._answers.pop(0) if self._answers else SpanExportResult.SUCCESS


def spans(telemetry: Telemetry, *sizes: int, text: str = "x") -> list[Any]:
    """Make one span for each size, whose attributes have that many characters."""
    for number, size in enumerate(sizes):
        with genai_otel.start_span(name=f"span-{number}") as span:
            span.set_attribute("content", text * size)
    return telemetry.spans


def test_a_batch_within_the_bound_goes_as_it_is(telemetry: Telemetry) -> None:
    batch = spans(telemetry, 10, 10)
    assert list(portions(batch, 10_000)) == [batch]
    assert next(iter(portions(batch, 10_000))) is batch


def test_a_larger_batch_goes_in_order_and_whole(telemetry: Telemetry) -> None:
    batch = spans(telemetry, *[900] * 10)
    inner = Inner()
    assert InPortions(inner, limit=3_500).export(batch) is SpanExportResult.SUCCESS
    assert [len(one) for one in inner.batches] == [3, 3, 3, 1]
    assert [span for one in inner.batches for span in one] == batch


def test_an_item_over_the_bound_goes_alone(telemetry: Telemetry) -> None:
    batch = spans(telemetry, 10, 10, 9_000, 10, 10)
    inner = Inner()
    InPortions(inner, limit=2_000).export(batch)
    assert [len(one) for one in inner.batches] == [2, 1, 2]


def test_one_failure_is_the_result_and_the_rest_is_sent(telemetry: Telemetry) -> None:
    batch = spans(telemetry, 900, 900, 900)
    inner = Inner(SpanExportResult.SUCCESS, SpanExportResult.FAILURE, SpanExportResult.SUCCESS)
    assert InPortions(inner, limit=1_200).export(batch) is SpanExportResult.FAILURE
    assert len(inner.batches) == 3


def test_everything_else_is_the_exporters() -> None:
    assert InPortions(Inner()).endpoint == "somewhere"


@pytest.mark.parametrize("text", ["x", "ü", "漢", "🚲"])
def test_the_estimate_is_not_below_the_size_of_the_request(telemetry: Telemetry, text: str) -> None:
    batch = spans(telemetry, 1, 100, 10_000, text=text)
    with genai_otel.start_span(name="shape") as span:
        span.set_attributes({"list": [1, 2, 3], "texts": ["a", text], "flag": True, "ratio": 0.5})
        span.add_event("event", {"said": text * 500})
    for one in [*batch, telemetry.spans[-1]]:
        resource = encode_spans([one]).resource_spans[0]
        assert resource.scope_spans[0].spans[0].ByteSize() <= item_size(one)


def test_the_estimate_covers_the_structured_values_of_events() -> None:
    with Telemetry(capture_content="event_only") as telemetry:
        with genai_otel.start_span(span_type="LLM", model="m", provider="p") as span:
            span.set_inputs([{"role": "user", "content": "ü" * 5_000}] * 3)
        records = telemetry.log_exporter.get_finished_logs()
    for one in records:
        record = encode_logs([one]).resource_logs[0].scope_logs[0].log_records[0]
        assert 15_000 < record.ByteSize() <= item_size(one)
    assert InPortions(Inner(LogRecordExportResult.FAILURE)).export(records) is LogRecordExportResult.FAILURE


def test_many_large_spans_reach_a_grpc_receiver_with_the_default_limit() -> None:
    with fresh_process(), grpc_receiver() as receiver:
        genai_otel.configure("svc", endpoint=receiver.address, protocol="grpc")
        _large_spans(100, MIB // 8)
        assert genai_otel.flush(30_000)
        assert len(receiver.spans) == 100
        assert max(body.ByteSize() for body in receiver.of("/v1/traces")) < 4 * MIB


def test_a_span_that_is_refused_for_its_size_takes_no_other_with_it() -> None:
    with fresh_process(), grpc_receiver() as receiver:
        genai_otel.configure("svc", endpoint=receiver.address, protocol="grpc")
        _large_spans(5, 10)
        _large_spans(1, 5 * MIB)
        _large_spans(5, 10)
        assert not genai_otel.flush(30_000)
        assert len(receiver.spans) == 10


def test_large_requests_are_split_over_http_as_well() -> None:
    with fresh_process(), http_receiver() as receiver:
        genai_otel.configure("svc", endpoint=receiver.endpoint)
        _large_spans(50, MIB // 4)
        assert genai_otel.flush(30_000)
        assert len(receiver.spans) == 50
        assert max(body.ByteSize() for body in receiver.of("/v1/traces")) < 4 * MIB


def _large_spans(count: int, size: int) -> None:
    for _ in range(count):
        with genai_otel.start_span(name="large") as span:
            span.set_attribute("content", "x" * size)
