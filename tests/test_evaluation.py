"""``log_evaluation`` and ``log_feedback``: one event on the span that is judged."""

from __future__ import annotations

import decimal
import logging
import uuid
from typing import Any

import numpy as np
import pytest
from opentelemetry import trace as otel_trace
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import genai_otel
from genai_otel import log_evaluation, log_feedback, start_span
from tests.context_checks import context_given_back, nothing_leaks  # noqa: F401
from tests.hostile import VALUES
from tests.telemetry_capture import Telemetry

TRACE_ID, SPAN_ID = "0123456789abcdef0123456789abcdef", "0123456789abcdef"


def emitted(telemetry: Telemetry) -> Any:
    (event,) = telemetry.events
    assert event.event_name == "gen_ai.evaluation.result"
    return event


def test_every_argument_has_its_attribute(telemetry: Telemetry) -> None:
    log_evaluation(
        "relevance", value=0.75, label="pass", explanation="on topic", response_id="resp_1", error="timeout"
    )
    assert dict(emitted(telemetry).attributes) == {
        "gen_ai.evaluation.name": "relevance",
        "gen_ai.evaluation.score.value": 0.75,
        "gen_ai.evaluation.score.label": "pass",
        "gen_ai.evaluation.explanation": "on topic",
        "gen_ai.response.id": "resp_1",
        "error.type": "timeout",
    }


def test_what_is_not_given_is_absent(telemetry: Telemetry) -> None:
    log_evaluation("relevance")
    assert dict(emitted(telemetry).attributes) == {"gen_ai.evaluation.name": "relevance"}


def test_the_current_span_is_the_default(telemetry: Telemetry) -> None:
    with start_span("s") as span, context_given_back():
        log_evaluation("relevance", value=1)
    event = emitted(telemetry)
    assert (f"{event.trace_id:032x}", f"{event.span_id:016x}") == (span.trace_id, span.span_id)


def test_a_raw_current_span_is_judged_too(telemetry: Telemetry) -> None:
    with otel_trace.get_tracer("raw").start_as_current_span("raw") as span:
        log_evaluation("relevance")
    assert emitted(telemetry).span_id == span.get_span_context().span_id


@pytest.mark.parametrize(
    "reference",
    [
        lambda span, ended: span,
        lambda span, ended: ended,
        lambda span, ended: span.get_span_context(),
        lambda span, ended: (span.trace_id, span.span_id),
        lambda span, ended: [span.trace_id.upper(), span.span_id.upper()],
        lambda span, ended: (str(uuid.UUID(span.trace_id)), span.span_id),
        lambda span, ended: (uuid.UUID(span.trace_id), span.span_id),
        lambda span, ended: (ended.context.trace_id, ended.context.span_id),
        lambda span, ended: (f"tr-{span.trace_id}", span.span_id),
    ],
    ids=[
        "ended span",
        "exported span",
        "span context",
        "pair",
        "upper case",
        "uuid text",
        "uuid",
        "numbers",
        "prefix",
    ],
)
def test_a_span_may_be_given_in_any_form_also_after_its_end(telemetry: Telemetry, reference: Any) -> None:
    with start_span("judged") as span:
        pass
    with start_span("judging"):
        log_evaluation("relevance", span=reference(span, telemetry.one("judged")))
    event = emitted(telemetry)
    assert (f"{event.trace_id:032x}", f"{event.span_id:016x}") == (span.trace_id, span.span_id)


@pytest.mark.parametrize(
    "reference", ["x", 5, ("a", "b"), (TRACE_ID,), ("0" * 32, SPAN_ID), (TRACE_ID * 2, SPAN_ID)]
)
def test_what_is_no_span_is_one_warning_and_judges_no_span(
    telemetry: Telemetry, caplog: pytest.LogCaptureFixture, reference: Any
) -> None:
    with start_span("current"):
        for _ in range(2):
            log_evaluation("relevance", span=reference, response_id="r")
    assert [event.span_id for event in telemetry.events] == [0, 0]
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1


@pytest.mark.parametrize(
    ("value", "recorded"),
    [
        (1, 1.0),
        (True, 1.0),
        (False, 0.0),
        (0, 0.0),
        ("0.5", 0.5),
        (np.float32(0.5), 0.5),
        (decimal.Decimal("0.25"), 0.25),
        ("good", None),
        (10**400, None),
        (object(), None),
    ],
)
def test_the_score_is_a_float_or_left_out(telemetry: Telemetry, value: Any, recorded: float | None) -> None:
    log_evaluation("relevance", value=value)
    found = emitted(telemetry).attributes.get("gen_ai.evaluation.score.value")
    assert found == recorded
    assert recorded is None or type(found) is float


def test_an_exception_gives_its_type_and_not_its_message(telemetry: Telemetry) -> None:
    log_evaluation("relevance", error=TimeoutError("quotes the prompt"))
    event = emitted(telemetry)
    assert event.attributes["error.type"] == "TimeoutError"
    assert "quotes" not in str(event.attributes)


def test_feedback_is_an_evaluation_of_that_name(telemetry: Telemetry) -> None:
    with start_span("s") as span:
        log_feedback(value=True, label="thumbs_up", explanation="great")
        log_feedback("stars", value=4, span=span)
    first, second = telemetry.events
    assert dict(first.attributes) == {
        "gen_ai.evaluation.name": "user_feedback",
        "gen_ai.evaluation.score.value": 1.0,
        "gen_ai.evaluation.score.label": "thumbs_up",
        "gen_ai.evaluation.explanation": "great",
    }
    assert second.attributes["gen_ai.evaluation.name"] == "stars"
    assert first.span_id == second.span_id == int(span.span_id, 16)


def test_explanations_are_explicit_recorded_with_content_off_after_redaction_and_the_limit() -> None:
    def redact(where: str, value: Any) -> Any:
        assert where == "gen_ai.evaluation.explanation"
        return None if value == "drop" else value.replace("hunter2", "***")

    with Telemetry(redact=redact, max_length=64) as telemetry:
        log_evaluation("a", explanation="hunter2")
        log_evaluation("b", explanation="drop")
        log_evaluation("c", explanation="x" * 500)
    found = [event.attributes.get("gen_ai.evaluation.explanation") for event in telemetry.events]
    assert found[:2] == ["***", None]
    assert len(found[2]) <= 64


@pytest.mark.parametrize("name", sorted(VALUES))
def test_any_value_is_taken(telemetry: Telemetry, name: str) -> None:
    value = VALUES[name]
    log_evaluation(
        value, value=value, label=value, explanation=value, response_id=value, error=value, span=value
    )
    for attribute in emitted(telemetry).attributes.values():
        assert isinstance(attribute, (str, float))
        str(attribute).encode()


def test_nothing_is_emitted_while_suppressed(telemetry: Telemetry) -> None:
    with genai_otel.suppress():
        log_evaluation("relevance")
    assert telemetry.events == []


def test_a_span_that_is_sampled_out_can_be_judged() -> None:
    with Telemetry(sampler=ALWAYS_OFF) as telemetry, start_span("s") as span:
        log_evaluation("relevance", value=1)
    assert f"{emitted(telemetry).span_id:016x}" == span.span_id


def test_without_a_logger_provider_it_does_nothing() -> None:
    with context_given_back():
        log_evaluation("relevance", value=1)
        log_feedback(value=0)
