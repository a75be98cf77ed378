"""Messages and values that are nearly what they should be, all the way onto a span: valid, bounded, untouched."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import genai_otel
from genai_otel.conventions import attributes as attr
from genai_otel.conventions.span_types import SpanType
from tests.content.message_schema import assert_messages
from tests.fuzz.budget import budget
from tests.fuzz.documents import CHAT_CHUNKS, CONVERSATIONS, RESPONSE_EVENTS
from tests.fuzz.mutations import WRONG, mutated
from tests.hostile import NoAttributes
from tests.telemetry_capture import Telemetry

LIMIT = 200
HOSTILE: dict[str, Any] = {one.__name__: one for one in (NoAttributes, object, complex)}


def made(name: str) -> Any:
    """A hostile value that hypothesis can show."""
    return HOSTILE[name]()


values = st.one_of(
    mutated(CONVERSATIONS),
    mutated([*CHAT_CHUNKS, *RESPONSE_EVENTS]),
    st.recursive(
        st.one_of(
            st.sampled_from(WRONG),
            st.sampled_from(sorted(HOSTILE)).map(made),
            st.text(max_size=300),
            st.binary(max_size=9),
        ),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
        max_leaves=12,
    ),
)
MESSAGES = {attr.INPUT_MESSAGES: "input", attr.OUTPUT_MESSAGES: "output"}
JSON = (attr.TOOL_CALL_ARGUMENTS, attr.TOOL_CALL_RESULT, attr.RETRIEVAL_DOCUMENTS, attr.MEMORY_RECORDS)


@pytest.fixture
def limited() -> Any:
    with Telemetry(capture_content=True, max_length=LIMIT) as captured:
        yield captured


def check(telemetry: Telemetry, limit: int | None) -> None:
    for span in telemetry.spans:
        attributes = dict(span.attributes or {})
        for key, value in attributes.items():
            f"{key}{value}".encode()
            if limit is not None and key in attr.CONTENT and not key.endswith("_preview"):  # 1,000, always
                assert len(value) <= limit, key
        for key, side in MESSAGES.items():
            if key in attributes:
                assert_messages(json.loads(attributes[key]), side)
        for key in JSON:
            if key in attributes:
                json.loads(attributes[key])
        for key, mime in (
            (attr.INPUT_VALUE, attr.INPUT_MIME_TYPE),
            (attr.OUTPUT_VALUE, attr.OUTPUT_MIME_TYPE),
        ):
            if attributes.get(mime) == "application/json":
                json.loads(attributes[key])


def record(span_type: SpanType, value: Any) -> Any:
    """Record a value in every way there is; returns what the traced function returned."""

    @genai_otel.trace(span_type=span_type)
    def traced(messages: Any) -> Any:
        return messages

    with genai_otel.start_span(span_type=span_type, inputs=value) as span:
        genai_otel.update_current_trace(tags={"\ud800": value}, metadata={"m": value}, request_preview=value)
        span.set_outputs(value).set_attribute("mine", value).set_documents(value)
        span.add_event("said", {"value": value}).set_finish_reasons([value]).set_status(value)
    return traced(value)


@pytest.mark.parametrize("limit", [None, LIMIT])
@budget(70)
@given(span_type=st.sampled_from(list(SpanType)), value=values)
@example(
    span_type=SpanType.LLM, value=[{"role": "tool", "content": [{"type": "text", "text": "\ud800" * 300}]}]
)
def test_any_value_is_recorded_valid_and_within_the_limit(
    telemetry: Telemetry, limited: Telemetry, limit: int | None, span_type: SpanType, value: Any
) -> None:
    telemetry = telemetry if limit is None else limited
    telemetry.exporter.clear()
    with telemetry:
        try:
            before = copy.deepcopy(value)
        except Exception:
            before = None
        assert record(span_type, value) is value
        if before is not None and not any(type(one).__name__ in HOSTILE for one in _leaves(value)):
            assert value == before
    assert len(telemetry.spans) == 2
    check(telemetry, limit)


def _leaves(value: Any) -> list[Any]:
    if type(value) is dict:
        return [leaf for one in value.values() for leaf in _leaves(one)]
    return [leaf for one in value for leaf in _leaves(one)] if type(value) is list else [value]
