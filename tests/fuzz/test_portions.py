"""Batches of anything in portions: nothing lost, repeated or reordered, and each request as small as was promised."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from genai_otel.exporters.portions import REQUEST_BYTES, InPortions, item_size, portions
from tests.fuzz.budget import budget

texts = st.text(max_size=40) | st.sampled_from(
    ["x" * 2_000, "é" * 500, "\U0001f600" * 300, "\ud800" * 50, ""]
)
scalars = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | texts
attributes = st.dictionaries(
    st.text(min_size=1, max_size=30), scalars | st.lists(st.text(max_size=30), max_size=30), max_size=12
)
items = st.tuples(attributes, st.lists(attributes, max_size=2), st.text(max_size=60))
# what gRPC servers take, and what the estimate counts on
ROOM = 4 * 1024 * 1024 / REQUEST_BYTES


def spans(described: list[Any]) -> list[ReadableSpan]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    for given_attributes, events, name in described:
        span = provider.get_tracer("t").start_span(name, attributes=given_attributes)
        for event in events:
            span.add_event("exception", event)
        span.end()
    return list(exporter.get_finished_spans())


@budget(80)
@given(st.lists(items, max_size=8), st.integers(1, 8_000))
@example([({"k": ["x"] * 30}, [], "")], 100)
def test_portions_are_the_batch_and_within_the_limit(described: list[Any], limit: int) -> None:
    batch = spans(described)
    parts = list(portions(batch, limit))
    assert [span for part in parts for span in part] == batch
    assert all(parts) or parts == [batch]
    for part in parts:
        assert len(part) == 1 or sum(map(item_size, part)) <= limit


@budget(80)
@given(st.lists(items, min_size=1, max_size=4))
def test_the_estimate_leaves_room_for_what_is_sent(described: list[Any]) -> None:
    batch = spans(described)
    envelope = len(
        encode_spans(spans([({}, [], "")])).SerializeToString()
    )  # resource and scope, once a request
    sent = len(encode_spans(batch).SerializeToString())
    assert sent - envelope <= ROOM * sum(map(item_size, batch))


@budget(60)
@given(st.lists(items, max_size=6), st.lists(st.booleans(), min_size=6, max_size=6), st.integers(1, 3_000))
def test_a_portion_that_fails_makes_the_batch_fail_and_stops_no_other(
    described: list[Any], fails: list[bool], limit: int
) -> None:
    class Inner:
        seen: list[Any] = []

        def export(self, part: Any) -> SpanExportResult:
            self.seen = [*self.seen, *part]
            return SpanExportResult.FAILURE if fails[len(self.seen) - 1] else SpanExportResult.SUCCESS

    batch, inner = spans(described), Inner()
    ends = []
    for part in portions(batch, limit):
        ends.append((ends[-1] if ends else -1) + len(part))
    result = InPortions(inner, limit).export(batch) if batch else SpanExportResult.SUCCESS
    assert inner.seen == batch
    assert (result is SpanExportResult.FAILURE) == any(fails[end] for end in ends if batch)
