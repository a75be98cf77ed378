"""``capture_spans``: everything a block records, nothing of what others do, and failures that explain themselves."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import genai_otel
from genai_otel import SpanType, _settings
from genai_otel.exporters.console import render
from genai_otel.telemetry import listeners
from genai_otel.testing import Capture, CapturedSpan, capture_spans
from genai_otel.testing.server import OpenAIServer
from tests.configured import fresh_process
from tests.telemetry_capture import Telemetry


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    with fresh_process():
        yield


@genai_otel.trace
def answer(question: str) -> str:
    documents = look_up(question)
    with genai_otel.start_span(span_type=SpanType.LLM, model="gpt-4o-mini", inputs=question) as span:
        span.set_usage(input_tokens=12, output_tokens=3).set_outputs("Hamburg")
    return documents[0]["content"]


@genai_otel.trace(span_type=SpanType.RETRIEVER, attributes={"gen_ai.data_source.id": "handbook"})
def look_up(query: str) -> list[dict[str, Any]]:
    return [{"id": "a", "content": "Hamburg"}]


@genai_otel.trace(span_type=SpanType.TOOL)
def broken(city: str) -> None:
    raise ValueError("no such city")


ANSWER_TREE = """
    answer
    ├─ retrieval handbook [RETRIEVER]
    └─ chat gpt-4o-mini [LLM] 12→3
"""


# --- what is collected -----------------------------------------------------------------------------------------
def test_spans_come_in_the_order_of_their_start() -> None:
    with capture_spans() as captured:
        answer("Where?")
    assert [span.name for span in captured] == ["answer", "retrieval handbook", "chat gpt-4o-mini"]
    assert len(captured) == 3


def test_a_captured_span_is_an_otel_span_and_answers_like_ours() -> None:
    with capture_spans() as captured:
        answer("Where?")
    root, child = captured.one(name="answer"), captured.one(span_type="RETRIEVER")
    assert isinstance(child, CapturedSpan) and isinstance(child, ReadableSpan)
    assert (child.trace_id, child.parent_id) == (root.trace_id, root.span_id)
    assert (root.parent_id, len(root.trace_id), len(root.span_id)) == (None, 32, 16)
    assert (child.span_type, root.span_type) == ("RETRIEVER", "UNKNOWN")
    assert (root.inputs, root.outputs) == ({"question": "Where?"}, "Hamburg")
    assert child.outputs == [{"id": "a", "content": "Hamburg"}]
    assert child.end_time is not None and child.start_time is not None and child.end_time >= child.start_time
    assert "retrieval handbook" in render([child], width=80)


def test_inputs_and_outputs_have_their_types_back() -> None:
    with capture_spans() as captured, genai_otel.start_span("sum", inputs=[1, 2]) as span:
        span.set_outputs(3)
    assert (captured.one().inputs, captured.one().outputs) == ([1, 2], 3)


def test_types_that_share_an_operation_keep_their_own_name() -> None:
    with capture_spans() as captured, genai_otel.start_span("p", span_type="PARSER"):
        pass
    assert captured.one().span_type == "PARSER"
    assert captured.find(span_type="CHAIN") == []


def test_metrics_and_events_are_collected() -> None:
    with capture_spans() as captured:
        answer("Where?")
        genai_otel.log_feedback(value=True)
    assert "gen_ai.client.token.usage" in captured.metrics()
    assert [event.event_name for event in captured.events] == ["gen_ai.evaluation.result"]


def test_automatic_spans_are_collected() -> None:
    genai_otel.autolog("openai")
    try:
        with OpenAIServer() as server, capture_spans() as captured:
            client = openai.OpenAI(api_key="test", base_url=server.base_url)
            client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hi"}])
    finally:
        genai_otel.autolog("openai", disable=True)
    assert captured.one(span_type=SpanType.CHAT_MODEL).inputs[0]["parts"][0]["content"] == "Hi"


def test_other_threads_and_tasks_are_captured() -> None:
    async def both() -> None:
        await asyncio.gather(asyncio.to_thread(answer, "a"), asyncio.to_thread(answer, "b"))

    with capture_spans() as captured:
        thread = threading.Thread(target=answer, args=("c",))
        thread.start()
        thread.join()
        asyncio.run(both())
    assert len(captured.find(name="answer", parent=None)) == 3


def test_a_span_that_ends_after_the_block_lands_in_its_capture() -> None:
    with capture_spans() as captured:
        span = genai_otel.start_span_no_context("late")
    assert len(captured) == 0
    span.end()
    assert captured.one().name == "late"


# --- isolation ---------------------------------------------------------------------------------------------------
def test_what_is_installed_gets_nothing_and_gets_everything_again_afterwards() -> None:
    with Telemetry() as installed:
        with capture_spans() as captured:
            answer("Where?")
        assert (len(captured), installed.spans, installed.metrics()) == (3, [], {})
        answer("Where?")
        assert (len(captured), len(installed.spans)) == (3, 3)


def test_nothing_global_changes() -> None:
    before = trace.get_tracer_provider(), _settings.current(), listeners.finished
    with capture_spans():
        answer("Where?")
    assert (trace.get_tracer_provider(), _settings.current(), listeners.finished) == before


def test_a_global_provider_that_is_listened_to_can_still_be_flushed() -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    trace.set_tracer_provider(provider)
    with capture_spans(include_global=True):
        assert provider.force_flush()


def test_the_innermost_capture_gets_everything() -> None:
    with capture_spans() as outer:
        answer("a")
        with capture_spans() as inner:
            broken_quietly("b")
        answer("c")
    assert [span.name for span in inner] == ["execute_tool broken"]
    assert [span.name for span in outer.find(parent=None)] == ["answer", "answer"]


def test_captures_may_end_in_any_order() -> None:
    first, second = Capture().__enter__(), Capture().__enter__()
    first.__exit__(None, None, None)
    answer("a")
    second.__exit__(None, None, None)
    answer("b")
    assert (len(first), len(second)) == (0, 3)


def test_configure_inside_does_not_take_the_spans_away() -> None:
    with capture_spans() as captured:
        genai_otel.configure("app", exporter="none", redact=lambda where, value: "redacted")
        answer("Where?")
    assert captured.one(name="answer").outputs == "redacted"


def test_what_configure_said_inside_holds_afterwards() -> None:
    with capture_spans():
        genai_otel.configure("app", exporter="none", capture_content="span_and_event")
    assert _settings.current().content_source == "argument capture_content"
    assert _settings.current().providers.tracer_provider is None
    assert _settings.current().content.event


def test_an_exception_leaves_the_block_and_ends_the_capture() -> None:
    with pytest.raises(ValueError, match="no such city"), capture_spans() as captured:
        broken("Atlantis")
    answer("Where?")
    assert len(captured) == 1


# --- options -------------------------------------------------------------------------------------------------------
def test_content_is_captured_unless_switched_off() -> None:
    with capture_spans(capture_content=False) as captured:
        look_up("secret")
    assert (captured.one().inputs, captured.one().outputs) == (None, None)
    assert "secret" not in str(captured.snapshot())


def test_content_none_follows_the_configuration() -> None:
    with capture_spans(capture_content=None) as by_default:
        answer("Where?")
    genai_otel.configure("app", exporter="none", capture_content=True)
    with capture_spans(capture_content=None) as configured:
        answer("Where?")
    assert (by_default.spans[0].inputs, configured.spans[0].inputs) == (None, {"question": "Where?"})


def test_an_unknown_content_mode_is_an_error_and_changes_nothing() -> None:
    before = (_settings.current(), listeners.finished)
    with pytest.raises(ValueError, match="is not a content mode"), capture_spans(capture_content="all"):
        pass
    assert (_settings.current(), listeners.finished) == before


def test_event_content_lands_in_events() -> None:
    with capture_spans(capture_content="span_and_event") as captured:
        answer("Where?")
    (event,) = captured.events
    assert event.attributes["gen_ai.input.messages"][0]["parts"][0]["content"] == "Where?"


def test_redact_sees_what_is_recorded() -> None:
    with capture_spans(redact=lambda where, value: f"<{where}>") as captured:
        answer("secret")
    assert captured.one(name="answer").inputs == "<input.value>"


def test_every_span_is_kept_unless_a_sampler_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    with capture_spans() as everything, capture_spans(sampler=ALWAYS_OFF) as nothing:
        answer("Where?")
    assert len(nothing) == 0
    with everything:
        answer("Where?")
    assert len(everything) == 3


def test_deterministic_captures_are_the_same_in_every_run() -> None:
    def run() -> list[tuple[Any, ...]]:
        with capture_spans(deterministic=True) as captured:
            answer("Where?")
            broken_quietly("Atlantis")
            genai_otel.log_feedback(value=1)
        events = [(event.timestamp,) for event in captured.events]
        return [(s.trace_id, s.span_id, s.parent_id, s.start_time, s.end_time) for s in captured] + events

    first = run()
    assert first == run()
    assert first[1][:3] == (f"{1:032x}", f"{2:016x}", f"{1:016x}")


def test_deterministic_ids_are_what_goes_out_in_headers() -> None:
    with capture_spans(deterministic=True), genai_otel.start_span("call"):
        headers = genai_otel.inject_headers()
    assert headers["traceparent"] == f"00-{1:032x}-{1:016x}-01"


def test_deterministic_parents_start_before_and_end_after_their_children() -> None:
    with capture_spans(deterministic=True) as captured:
        answer("Where?")
    root, first, second = captured.spans
    times = [root.start_time, first.start_time, first.end_time, second.start_time, second.end_time]
    assert [*times, root.end_time] == sorted([*times, root.end_time])  # type: ignore[type-var]


# --- other instrumentations --------------------------------------------------------------------------------------
def foreign_around_answer() -> None:
    with trace.get_tracer("web").start_as_current_span("GET /answer", kind=trace.SpanKind.SERVER):
        answer("Where?")


def test_spans_of_other_instrumentations_stay_out() -> None:
    trace.set_tracer_provider(TracerProvider(shutdown_on_exit=False))
    with capture_spans() as captured:
        foreign_around_answer()
    assert len(captured) == 3


@pytest.mark.parametrize("installed", [True, False])
def test_spans_of_other_instrumentations_are_in_the_same_tree_on_request(installed: bool) -> None:
    if installed:
        trace.set_tracer_provider(TracerProvider(shutdown_on_exit=False))
    for _ in range(2):
        with capture_spans(include_global=True) as captured:
            foreign_around_answer()
        captured.assert_tree(
            """
            GET /answer [SERVER]
            └─ answer
               ├─ retrieval handbook [RETRIEVER]
               └─ chat gpt-4o-mini [LLM] 12→3
            """
        )
    foreign_around_answer()
    assert len(captured) == 4


def test_ambient_ids_reach_the_spans_of_other_instrumentations() -> None:
    with capture_spans(include_global=True) as captured, genai_otel.context(session_id="s1"):
        foreign_around_answer()
    assert {(span.attributes or {}).get("session.id") for span in captured} == {"s1"}


# --- looking -----------------------------------------------------------------------------------------------------
@pytest.fixture
def captured() -> Capture:
    with capture_spans() as captured:
        answer("Where?")
        broken_quietly("Atlantis")
    return captured


def broken_quietly(city: str) -> None:
    with pytest.raises(ValueError, match="no such city"):
        broken(city)


def names(spans: list[CapturedSpan]) -> list[str]:
    return [span.name for span in spans]


def test_find_by_name_pattern_type_attributes_and_parent(captured: Capture) -> None:
    assert names(captured.find()) == names(captured.spans)
    assert names(captured.find(name="answer")) == ["answer"]
    assert names(captured.find(name=re.compile("^chat"))) == ["chat gpt-4o-mini"]
    assert names(captured.find(span_type=SpanType.TOOL)) == ["execute_tool broken"]
    assert names(captured.find(span_type="chat_model")) == ["chat gpt-4o-mini"]
    assert names(captured.find(attributes={"gen_ai.usage.input_tokens": 12})) == ["chat gpt-4o-mini"]
    assert names(captured.find(attributes={"gen_ai.usage.input_tokens": 13})) == []
    assert names(captured.find(parent="answer")) == ["retrieval handbook", "chat gpt-4o-mini"]
    assert names(captured.find(parent=captured.one(name="answer"), span_type="LLM")) == ["chat gpt-4o-mini"]
    assert names(captured.find(parent=None)) == ["answer", "execute_tool broken"]


def test_find_compares_lists_with_the_tuples_that_spans_hold() -> None:
    with capture_spans() as captured, genai_otel.start_span("s", attributes={"tags": ["a", "b"]}):
        pass
    assert (
        captured.find(attributes={"tags": ["a", "b"]}) == captured.find(attributes={"tags": ("a", "b")}) != []
    )


def test_find_by_a_live_span_as_parent() -> None:
    with capture_spans() as captured, genai_otel.start_span("live") as live:
        answer("Where?")
        assert names(captured.find(parent=live)) == ["answer"]


def test_one_explains_what_it_did_not_find(captured: Capture) -> None:
    with pytest.raises(AssertionError) as failure:
        captured.one(name="chat", span_type=SpanType.LLM, parent=None)
    text = str(failure.value)
    assert text.startswith("expected one span with name='chat', span_type='LLM', parent=None, found 0\n")
    assert "  ├─ retrieval handbook [RETRIEVER]\n" in text


def test_one_refuses_to_choose(captured: Capture) -> None:
    with pytest.raises(AssertionError, match=r"expected one span with parent='answer', found 2"):
        captured.one(parent="answer")


def test_a_failure_names_what_is_still_open() -> None:
    with capture_spans() as captured, genai_otel.start_span("stream"):
        with pytest.raises(AssertionError, match=r"nothing was captured\nstill open: stream"):
            captured.one()


def test_a_failure_says_that_the_sdk_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with capture_spans() as captured:
        answer("Where?")
    with pytest.raises(AssertionError, match="OTEL_SDK_DISABLED is set"):
        captured.one()


def test_the_tree_has_types_models_tokens_and_errors_but_no_times(captured: Capture) -> None:
    captured.assert_tree(
        ANSWER_TREE
        + """
    ✗ execute_tool broken [TOOL]
      ValueError: no such city
    """
    )


def test_the_tree_does_not_depend_on_the_terminal(captured: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = captured.tree()
    monkeypatch.setenv("COLUMNS", "20")
    assert captured.tree() == wide


def test_assert_tree_shows_the_difference(captured: Capture) -> None:
    with pytest.raises(AssertionError) as failure:
        captured.assert_tree(ANSWER_TREE)
    assert "+✗ execute_tool broken [TOOL]" in str(failure.value)


def test_assert_spans_compares_names_in_the_order_of_the_tree() -> None:
    with capture_spans() as captured, genai_otel.start_span("outer") as outer:
        other = genai_otel.start_span_no_context("other root", parent=trace.INVALID_SPAN)
        with trace.use_span(outer):
            answer("Where?")
        other.end()
    captured.assert_spans(["outer", "answer", "retrieval handbook", "chat gpt-4o-mini", "other root"])
    with pytest.raises(AssertionError, match=r"expected the spans \['outer'\], found"):
        captured.assert_spans(["outer"])


def test_the_snapshot_is_plain_nested_data(captured: Capture) -> None:
    root, tool = captured.snapshot(ignore=["openinference.span.kind"])
    assert [child["name"] for child in root["children"]] == ["retrieval handbook", "chat gpt-4o-mini"]
    assert root["attributes"]["input.value"] == {"question": "Where?"}
    assert "openinference.span.kind" not in root["attributes"]
    assert tool == {
        "name": "execute_tool broken",
        "type": "TOOL",
        "status": "ERROR",
        "description": "no such city",
        "attributes": {
            "error.type": "ValueError",
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.call.arguments": {"city": "Atlantis"},
            "gen_ai.tool.name": "broken",
        },
        "events": [
            {
                "name": "exception",
                "attributes": {"exception.message": "no such city", "exception.type": "ValueError"},
            }
        ],
    }


def test_clear_forgets_spans_metrics_and_events() -> None:
    with capture_spans() as captured:
        answer("a")
        genai_otel.log_feedback(value=1)
        captured.clear()
        assert (captured.spans, captured.metrics(), captured.events) == ([], {}, [])
        answer("b")
        genai_otel.log_feedback(value=0)
    counts = [point.count for point in captured.metrics()["gen_ai.client.operation.duration"]]
    assert (len(captured), sum(counts), len(captured.events)) == (3, 1, 1)
