"""``start_span``, ``start_span_no_context`` and everything that a ``Span`` can do."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from opentelemetry import propagate
from opentelemetry import trace as otel_trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import genai_otel
from genai_otel import Span, SpanType, start_span, start_span_no_context
from tests.context_checks import context_given_back, nothing_leaks  # noqa: F401
from tests.hostile import VALUES, TextColour
from tests.telemetry_capture import Telemetry


# --- around a block ---------------------------------------------------------------------------------------------------
def test_a_span_is_current_inside_its_block_and_ended_after_it(telemetry: Telemetry) -> None:
    with context_given_back(), start_span("block") as span:
        assert otel_trace.get_current_span() is span
        assert genai_otel.get_current_span() is span
        assert genai_otel.get_current_active_span() is span
        assert telemetry.spans == []
    assert telemetry.one("block").parent is None
    assert genai_otel.get_current_span() is None


async def test_a_span_works_with_async_with(telemetry: Telemetry) -> None:
    with context_given_back():
        async with start_span("outer") as outer:
            async with start_span("inner") as inner:
                await asyncio.sleep(0)
                assert otel_trace.get_current_span() is inner
            assert otel_trace.get_current_span() is outer
    assert telemetry.one("inner").parent == telemetry.one("outer").context


def test_attributes_and_inputs_can_be_given_at_the_start(telemetry: Telemetry) -> None:
    with start_span("s", SpanType.CHAIN, {"k": 1}, inputs={"q": "?"}):
        pass
    attributes = telemetry.attributes()
    assert (attributes["k"], attributes["input.value"]) == (1, '{"q":"?"}')
    assert attributes["openinference.span.kind"] == "CHAIN"


def test_an_exception_goes_on_unchanged_and_is_recorded(telemetry: Telemetry) -> None:
    error = ValueError("went wrong")
    with context_given_back(), pytest.raises(ValueError) as caught, start_span("s"):
        raise error
    assert caught.value is error
    span = telemetry.one("s")
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "went wrong")
    (event,) = span.events
    assert event.name == "exception"
    assert event.attributes is not None
    assert set(event.attributes) == {"exception.type", "exception.message", "exception.stacktrace"}
    assert event.attributes["exception.type"] == "ValueError"
    assert event.attributes["exception.message"] == "went wrong"
    stacktrace = str(event.attributes["exception.stacktrace"])
    assert stacktrace.startswith("Traceback (most recent call last):\n")
    assert "raise error" in stacktrace
    assert stacktrace.endswith("ValueError: went wrong\n")


class CustomError(Exception):
    class Nested(Exception):
        pass


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("v"), "ValueError"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (SystemExit(2), "SystemExit"),
        (asyncio.CancelledError(), "asyncio.exceptions.CancelledError"),
        (CustomError("c"), "tests.test_spans.CustomError"),
        (CustomError.Nested("c"), "tests.test_spans.CustomError.Nested"),
        (json.JSONDecodeError("m", "", 0), "json.decoder.JSONDecodeError"),
    ],
)
def test_the_error_type_is_bare_for_built_ins_and_qualified_for_others(
    telemetry: Telemetry, error: BaseException, expected: str
) -> None:
    with pytest.raises(type(error)), start_span("s"):
        raise error
    span = telemetry.one("s")
    assert span.status.status_code is StatusCode.ERROR
    assert telemetry.attributes()["error.type"] == expected
    assert (span.events[0].attributes or {})["exception.type"] == expected


def test_a_generator_exit_is_not_an_error(telemetry: Telemetry) -> None:
    with pytest.raises(GeneratorExit), start_span("s"):
        raise GeneratorExit
    span = telemetry.one("s")
    assert span.status.status_code is StatusCode.UNSET
    assert span.events == ()


def test_causes_and_contexts_are_in_the_stack_trace(telemetry: Telemetry) -> None:
    with pytest.raises(RuntimeError), start_span("s"):
        try:
            raise KeyError("first")
        except KeyError as exc:
            raise RuntimeError("second") from exc
    stacktrace = str((telemetry.one().events[0].attributes or {})["exception.stacktrace"])
    assert (
        stacktrace.index("KeyError: 'first'")
        < stacktrace.index("direct cause")
        < stacktrace.index("RuntimeError")
    )


def test_an_exception_whose_text_cannot_be_read_or_encoded_is_recorded(telemetry: Telemetry) -> None:
    class Unreadable(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    for error in (Unreadable(), ValueError("lone \ud800"), ValueError("x" * 100_000), ExceptionlessText()):
        with pytest.raises(type(error)), start_span("s"):
            raise error
    for span in telemetry.spans:
        assert span.status.status_code is StatusCode.ERROR
        for value in (span.events[0].attributes or {}).values():
            str(value).encode()
            assert len(str(value)) < 20_000


class ExceptionlessText(Exception):
    def __str__(self) -> Any:  # type: ignore[override]
        return 5


# --- names ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("span_type", "change", "name"),
    [
        ("LLM", lambda span: span.set_model("gpt"), "chat gpt"),
        ("CHAT_MODEL", lambda span: span.set_attribute("gen_ai.request.model", "gpt"), "chat gpt"),
        ("COMPLETION", lambda span: span.set_model("gpt"), "text_completion gpt"),
        ("EMBEDDING", lambda span: span.set_model("ada"), "embeddings ada"),
        ("RETRIEVER", lambda span: span.set_attribute("gen_ai.data_source.id", "docs"), "retrieval docs"),
        ("TOOL", lambda span: span.set_tool_call("search"), "execute_tool search"),
        ("TOOL", lambda span: span.set_tool_call(id="call_1"), "execute_tool"),
        ("AGENT", lambda span: span.set_agent("planner"), "invoke_agent planner"),
        ("WORKFLOW", lambda span: span.set_attribute("gen_ai.workflow.name", "rag"), "invoke_workflow rag"),
        ("PLAN", lambda span: span.set_agent("planner"), "plan planner"),
        (
            "MEMORY",
            lambda span: span.set_attribute("gen_ai.operation.name", "create_memory"),
            "create_memory",
        ),
        ("LLM", lambda span: span.set_model(response="gpt-4o"), "chat"),
    ],
)
def test_default_names_follow_later_calls(
    telemetry: Telemetry, span_type: str, change: Callable[[Span], Any], name: str
) -> None:
    with start_span(span_type=span_type) as span:
        change(span)
        assert span.name == name
    assert telemetry.spans[0].name == name


@pytest.mark.parametrize("span_type", list(SpanType))
def test_a_given_name_never_changes(telemetry: Telemetry, span_type: SpanType) -> None:
    with start_span("mine", span_type) as span:
        span.set_model("m").set_tool_call("t").set_agent("a").set_attribute("gen_ai.workflow.name", "w")
        span.set_span_type(SpanType.LLM).set_model("n")
    assert telemetry.spans[0].name == "mine"


def test_a_model_given_at_the_start_completes_the_name(telemetry: Telemetry) -> None:
    with start_span(span_type="LLM", model="gpt", provider="openai"):
        pass
    attributes = telemetry.attributes("chat gpt")
    assert (attributes["gen_ai.request.model"], attributes["gen_ai.provider.name"]) == ("gpt", "openai")


def test_a_renamed_span_keeps_its_new_name(telemetry: Telemetry) -> None:
    with start_span(span_type="LLM") as span:
        span.update_name("renamed").set_model("gpt")
    assert telemetry.spans[0].name == "renamed"


# --- chaining and setters ---------------------------------------------------------------------------------------------
SETTERS: dict[str, Callable[[Span], Any]] = {
    "set_inputs": lambda span: span.set_inputs({"a": 1}),
    "set_outputs": lambda span: span.set_outputs("out"),
    "set_attribute": lambda span: span.set_attribute("k", "v"),
    "set_attributes": lambda span: span.set_attributes({"k": "v"}),
    "set_span_type": lambda span: span.set_span_type("TOOL"),
    "set_status": lambda span: span.set_status("ERROR", "d"),
    "add_event": lambda span: span.add_event("e", {"a": 1}),
    "record_exception": lambda span: span.record_exception(ValueError("v")),
    "set_model": lambda span: span.set_model("m", "n", "p"),
    "set_usage": lambda span: span.set_usage(
        1, 2, cache_read_tokens=3, cache_write_tokens=4, reasoning_tokens=5
    ),
    "set_finish_reasons": lambda span: span.set_finish_reasons(["stop"]),
    "set_documents": lambda span: span.set_documents([{"id": "1"}]),
    "set_tool_call": lambda span: span.set_tool_call("t", "i", "function", "d"),
    "set_agent": lambda span: span.set_agent("a", "i", "d", "v"),
    "update_name": lambda span: span.update_name("n"),
    "add_link": lambda span: span.add_link(SpanContext(1, 1, False)),
    "end": lambda span: span.end(),
}


@pytest.mark.parametrize("setter", sorted(SETTERS))
def test_every_method_is_chainable(telemetry: Telemetry, setter: str) -> None:
    span = start_span_no_context("s")
    assert SETTERS[setter](span) is span
    span.end()


@pytest.mark.parametrize("setter", sorted(SETTERS))
def test_after_the_end_every_method_is_ignored_silently(
    telemetry: Telemetry, caplog: pytest.LogCaptureFixture, setter: str
) -> None:
    span = start_span_no_context("s").end()
    before = telemetry.one().to_json()
    assert SETTERS[setter](span) is span
    assert telemetry.one().to_json() == before
    assert caplog.records == []


def test_the_model_the_answering_model_and_the_provider_are_set(telemetry: Telemetry) -> None:
    with start_span(span_type="LLM") as span:
        span.set_model("asked", "answered", "openai").set_model(provider="azure.ai.openai")
    attributes = telemetry.attributes()
    assert attributes["gen_ai.request.model"] == "asked"
    assert attributes["gen_ai.response.model"] == "answered"
    assert attributes["gen_ai.provider.name"] == "azure.ai.openai"


def test_token_counts_are_set_and_absent_ones_stay_absent(telemetry: Telemetry) -> None:
    with start_span("all", "LLM") as span:
        span.set_usage(1, 2, cache_read_tokens=3, cache_write_tokens=4, reasoning_tokens=5)
    with start_span("some", "LLM") as span:
        span.set_usage(output_tokens=np.int64(7))  # type: ignore[arg-type]
    usage = {key: value for key, value in telemetry.attributes("all").items() if "usage" in key}
    assert usage == {
        "gen_ai.usage.input_tokens": 1,
        "gen_ai.usage.output_tokens": 2,
        "gen_ai.usage.cache_read.input_tokens": 3,
        "gen_ai.usage.cache_write.input_tokens": 4,
        "gen_ai.usage.reasoning.output_tokens": 5,
    }
    some = {key: value for key, value in telemetry.attributes("some").items() if "usage" in key}
    assert some == {"gen_ai.usage.output_tokens": 7}
    assert type(some["gen_ai.usage.output_tokens"]) is int


@pytest.mark.parametrize("count", ["12", 1.5, True, -1, object(), 2**70])
def test_what_is_no_token_count_is_ignored(telemetry: Telemetry, count: Any) -> None:
    with start_span(span_type="LLM") as span:
        span.set_usage(count, count)
    assert not [key for key in telemetry.attributes() if "usage" in key]


@pytest.mark.parametrize(
    ("given", "recorded"),
    [(["stop", "length"], ("stop", "length")), ("stop", ("stop",)), ([TextColour.RED], ("red",)), ([], None)],
)
def test_finish_reasons_are_a_list_of_text(telemetry: Telemetry, given: Any, recorded: Any) -> None:
    with start_span(span_type="LLM") as span:
        span.set_finish_reasons(given)
    assert telemetry.attributes().get("gen_ai.response.finish_reasons") in (recorded, recorded or ())


def test_documents_are_recorded_from_dicts_and_objects(telemetry: Telemetry) -> None:
    class Document:
        id = "b"
        score = np.float32(0.5)
        page_content = "text b"

    with start_span(span_type="RETRIEVER") as span:
        span.set_documents([{"id": "a", "score": 0.9, "content": "text a"}, Document()])
    documents = json.loads(telemetry.attributes()["gen_ai.retrieval.documents"])
    assert documents == [
        {"id": "a", "score": 0.9, "content": "text a"},
        {"id": "b", "score": 0.5, "content": "text b"},
    ]


def test_tool_call_and_agent_details_are_set(telemetry: Telemetry) -> None:
    with start_span("t", "TOOL") as span:
        span.set_tool_call("search", "call_1", "function", "Searches.")
    with start_span("a", "AGENT") as span:
        span.set_agent("planner", "asst_1", "Plans.", "2")
    tool, agent = telemetry.attributes("t"), telemetry.attributes("a")
    assert [tool[f"gen_ai.tool.{key}"] for key in ("name", "call.id", "type", "description")] == [
        "search",
        "call_1",
        "function",
        "Searches.",
    ]
    assert [agent[f"gen_ai.agent.{key}"] for key in ("name", "id", "description", "version")] == [
        "planner",
        "asst_1",
        "Plans.",
        "2",
    ]


def test_the_last_value_set_wins(telemetry: Telemetry) -> None:
    with start_span("s", attributes={"k": 1}) as span:
        span.set_inputs("a").set_inputs("b").set_outputs("c").set_outputs("d")
        span.set_attribute("k", 2).set_attributes({"k": 3})
    attributes = telemetry.attributes()
    assert (attributes["input.value"], attributes["output.value"], attributes["k"]) == ("b", "d", 3)


@pytest.mark.parametrize(
    ("value", "recorded"),
    [
        ("text", "text"),
        (True, True),
        (3, 3),
        (1.5, 1.5),
        (2**63 - 1, 2**63 - 1),
        (2**64, str(2**64)),
        (["a", "b"], ("a", "b")),
        ((1, 2), (1, 2)),
        ([1, "a"], '[1,"a"]'),
        ({"a": 1}, '{"a":1}'),
        (TextColour.RED, "red"),
        (np.int32(4), 4),
        (np.float64(0.5), 0.5),
        (np.bool_(True), True),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("lone \ud800", "lone �"),
        ([], "[]"),
    ],
)
def test_attribute_values_are_native_where_they_can_be(
    telemetry: Telemetry, value: Any, recorded: Any
) -> None:
    with start_span("s", attributes={"start": value}) as span:
        span.set_attribute("later", value)
    attributes = telemetry.attributes()
    for key in ("start", "later"):
        assert attributes[key] == recorded or value == "lone \ud800"
        assert type(attributes[key]) is type(recorded)


def test_a_none_attribute_is_left_out(telemetry: Telemetry) -> None:
    with start_span("s", attributes={"a": None}) as span:
        span.set_attribute("b", None).set_attributes({"c": None})
    assert not {"a", "b", "c"} & set(telemetry.attributes())


# --- any value anywhere ------------------------------------------------------------------------------------------------
PLACES: dict[str, Callable[[Span, Any], Any]] = {
    "set_inputs": lambda span, value: span.set_inputs(value),
    "set_outputs": lambda span, value: span.set_outputs(value),
    "nested": lambda span, value: span.set_outputs({"nested": [value]}),
    "set_attribute": lambda span, value: span.set_attribute("k", value),
    "set_attributes": lambda span, value: span.set_attributes({"k": value}),
    "set_documents": lambda span, value: span.set_documents(
        [{"id": value, "score": value, "content": value}]
    ),
    "add_event": lambda span, value: span.add_event("e", {"k": value}),
    "set_usage": lambda span, value: span.set_usage(value, value),
    "set_model": lambda span, value: span.set_model(value, value, value),
    "set_tool_call": lambda span, value: span.set_tool_call(value, value, value, value),
    "set_agent": lambda span, value: span.set_agent(value, value, value, value),
    "set_finish_reasons": lambda span, value: span.set_finish_reasons([value]),
    "set_status": lambda span, value: span.set_status("ERROR", value),
    "record_exception": lambda span, value: span.record_exception(value),
    "end": lambda span, value: span.end(outputs=value, attributes={"k": value}),
}


@pytest.mark.parametrize(
    ("place", "span_type"),
    [(place, "UNKNOWN") for place in sorted(PLACES)]
    + [
        (place, span_type)
        for place in ("set_outputs", "set_inputs", "nested")
        for span_type in ("LLM", "TOOL", "RETRIEVER", "MEMORY", "EMBEDDING")
    ],
)
def test_any_value_is_taken_anywhere_and_can_be_exported(
    telemetry: Telemetry, place: str, span_type: str
) -> None:
    for value in VALUES.values():
        with start_span(span_type=span_type) as span:
            PLACES[place](span, value)
    assert len(telemetry.spans) == len(VALUES)
    for span_ in telemetry.spans:
        _assert_encodable(span_)


@pytest.mark.parametrize("span_type", list(SpanType))
def test_any_value_is_taken_at_the_start(telemetry: Telemetry, span_type: SpanType) -> None:
    for value in VALUES.values():
        with start_span("s", span_type, {"k": value}, inputs=value):
            pass
        start_span_no_context("s", span_type, inputs=value, attributes={"k": value}).end()
    assert len(telemetry.spans) == 2 * len(VALUES)
    for span in telemetry.spans:
        _assert_encodable(span)


def _assert_encodable(span: Any) -> None:
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    assert encode_spans([span]).SerializeToString()
    for key, value in span.attributes.items():
        if key.endswith((".messages", ".documents", ".arguments", ".result", ".records")):
            json.loads(value)


def test_values_are_read_but_never_consumed(telemetry: Telemetry) -> None:
    items = iter([1, 2])
    with start_span("s", inputs=items) as span:
        span.set_outputs(items).set_attribute("k", items)
    assert list(items) == [1, 2]


# --- status -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("given", "code", "description"),
    [
        (("OK",), StatusCode.OK, None),
        (("ok",), StatusCode.OK, None),
        (("ERROR", "why"), StatusCode.ERROR, "why"),
        (("ERROR",), StatusCode.ERROR, None),
        ((StatusCode.ERROR, "why"), StatusCode.ERROR, "why"),
        ((StatusCode.OK,), StatusCode.OK, None),
        ((Status(StatusCode.ERROR, "why"),), StatusCode.ERROR, "why"),
        ((Status(StatusCode.OK),), StatusCode.OK, None),
        (("UNSET",), StatusCode.UNSET, None),
        (("OK", "ignored"), StatusCode.OK, None),
    ],
)
def test_a_status_is_given_in_any_form(
    telemetry: Telemetry, given: tuple[Any, ...], code: StatusCode, description: str | None
) -> None:
    with start_span("s") as span:
        span.set_status(*given)
    status = telemetry.one().status
    assert (status.status_code, status.description) == (code, description)
    assert telemetry.attributes().get("error.type") == ("_OTHER" if code is StatusCode.ERROR else None)


def test_an_unknown_status_is_one_warning(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    with start_span("s") as span:
        span.set_status("FINE").set_status("FINE")
    assert [record.levelno for record in caplog.records if record.levelno >= logging.WARNING] == [
        logging.WARNING
    ]
    assert telemetry.one().status.status_code is StatusCode.UNSET


def test_success_leaves_the_status_unset(telemetry: Telemetry) -> None:
    with start_span("s"):
        pass
    assert telemetry.one().status.status_code is StatusCode.UNSET
    assert "error.type" not in telemetry.attributes()


def test_a_span_declared_ok_after_a_failure_is_no_error(telemetry: Telemetry) -> None:
    with start_span("s") as span:
        span.set_status("ERROR", "first").set_status("OK")
    assert telemetry.one().status.status_code is StatusCode.OK
    assert "error.type" not in telemetry.attributes()


def test_a_recorded_exception_leaves_the_status_alone(telemetry: Telemetry) -> None:
    with start_span("s") as span:
        span.record_exception(KeyError("handled"))
    span_ = telemetry.one()
    assert span_.status.status_code is StatusCode.UNSET
    assert [event.name for event in span_.events] == ["exception"]
    assert "error.type" not in telemetry.attributes()


def test_an_error_after_a_recorded_exception_has_its_type(telemetry: Telemetry) -> None:
    with start_span("s") as span:
        span.record_exception(KeyError("k")).set_status("ERROR", "failed")
    assert telemetry.attributes()["error.type"] == "KeyError"


# --- events and links -----------------------------------------------------------------------------------------------
def test_events_are_added_by_name_or_as_objects(telemetry: Telemetry) -> None:
    class Event:
        name = "object"
        attributes = {"a": {"b": 1}}
        timestamp = 5

    with start_span("s") as span:
        span.add_event("named", {"k": [1, 2]}, timestamp=7).add_event(Event()).add_event("bare")
    named, given, bare = telemetry.one().events
    assert (named.name, dict(named.attributes or {}), named.timestamp) == ("named", {"k": (1, 2)}, 7)
    assert (given.name, dict(given.attributes or {}), given.timestamp) == ("object", {"a": '{"b":1}'}, 5)
    assert (bare.name, dict(bare.attributes or {})) == ("bare", {})


def test_links_are_added_by_context_or_as_links(telemetry: Telemetry) -> None:
    other = SpanContext(3, 4, is_remote=True)
    with start_span("s") as span:
        span.add_link(other, {"a": 1}).add_link(Link(other))
    first, second = telemetry.one().links
    assert (first.context, dict(first.attributes or {})) == (other, {"a": 1})
    assert second.context == other


# --- ending ------------------------------------------------------------------------------------------------------------
def test_a_span_ends_once(telemetry: Telemetry) -> None:
    with start_span("s") as span:
        span.end().end()
        span.set_attribute("late", 1)
    assert len(telemetry.spans) == 1
    assert "late" not in telemetry.attributes()


def test_ending_takes_outputs_attributes_status_and_time(telemetry: Telemetry) -> None:
    span = start_span_no_context("s", start_time_ns=1_000)
    span.end(outputs={"a": 1}, attributes={"k": "v"}, status="ERROR", end_time_ns=5_000)
    ended = telemetry.one("s")
    attributes = telemetry.attributes()
    assert (ended.start_time, ended.end_time) == (1_000, 5_000)
    assert (attributes["output.value"], attributes["k"]) == ('{"a":1}', "v")
    assert ended.status.status_code is StatusCode.ERROR


def test_otels_own_way_of_giving_the_end_time_works(telemetry: Telemetry) -> None:
    start_span_no_context("s", start_time_ns=1).end(end_time=9)
    assert telemetry.one("s").end_time == 9


# --- reading ------------------------------------------------------------------------------------------------------------
def test_the_properties_tell_what_was_set(telemetry: Telemetry) -> None:
    value = {"question": ["?"]}
    before = time.time_ns()
    with start_span("outer") as outer, start_span("inner", "TOOL", {"k": 1}, inputs=value) as span:
        span.set_outputs("out").set_attribute("later", 2).set_status("ERROR", "d")
        assert span.name == "inner"
        assert re.fullmatch("[0-9a-f]{32}", span.trace_id)
        assert re.fullmatch("[0-9a-f]{16}", span.span_id)
        assert span.trace_id == outer.trace_id
        assert span.parent_id == outer.span_id
        assert outer.parent_id is None
        assert span.span_type == "TOOL"
        assert span.inputs is value
        assert span.outputs == "out"
        assert span.attributes["k"] == 1
        assert span.attributes["later"] == 2
        assert span.attributes["gen_ai.operation.name"] == "execute_tool"
        assert span.status.status_code is StatusCode.ERROR
        assert before <= (span.start_time_ns or 0) <= time.time_ns()
        assert span.end_time_ns is None
        assert span.is_recording()
    assert span.end_time_ns is not None
    assert span.end_time_ns >= (span.start_time_ns or 0)
    assert not span.is_recording()
    assert span.attributes["later"] == 2
    assert span.get_span_context() == telemetry.one("inner").context


def test_the_attributes_are_a_copy(telemetry: Telemetry) -> None:
    with start_span("s") as span:
        span.attributes["k"] = 1
    assert "k" not in telemetry.attributes()


def test_what_the_sdks_spans_have_beside_the_api_is_there(telemetry: Telemetry) -> None:
    with start_span(span_type="LLM") as span:
        assert span.kind is SpanKind.CLIENT
        assert span.resource is telemetry.tracer_provider.resource
        with pytest.raises(AttributeError):
            span.no_such_attribute
    assert "genai_otel.Span 'chat' LLM" in repr(span)


def test_the_last_active_trace_is_the_one_whose_root_ended_last(telemetry: Telemetry) -> None:
    with start_span("first") as first:
        with start_span("child"):
            pass
    assert genai_otel.get_last_active_trace_id() == first.trace_id
    with start_span("second") as second:
        assert genai_otel.get_last_active_trace_id() == first.trace_id
    assert genai_otel.get_last_active_trace_id() == second.trace_id


# --- with OpenTelemetry's own API ------------------------------------------------------------------------------------
def test_a_span_is_an_opentelemetry_span(telemetry: Telemetry) -> None:
    with start_span("s") as span:
        assert isinstance(span, otel_trace.Span)


def test_use_span_makes_a_detached_span_current(telemetry: Telemetry) -> None:
    span = start_span_no_context("detached")
    with context_given_back(), otel_trace.use_span(span, end_on_exit=True):
        assert otel_trace.get_current_span() is span
        assert genai_otel.get_current_span() is span
        with start_span("child"):
            pass
    assert telemetry.one("child").parent == telemetry.one("detached").context


def test_inside_use_span_usage_and_trace_information_reach_the_span(telemetry: Telemetry) -> None:
    agent = start_span_no_context("agent", "AGENT")
    with otel_trace.use_span(agent, end_on_exit=True), start_span("llm", "LLM") as call:
        call.set_usage(1, 2)
        genai_otel.update_current_trace(name="t")
    attributes = telemetry.attributes("agent")
    assert (attributes["gen_ai.usage.input_tokens"], attributes["genai_otel.trace_name"]) == (1, "t")


def test_use_span_records_an_exception(telemetry: Telemetry) -> None:
    with pytest.raises(KeyError), otel_trace.use_span(start_span_no_context("s"), end_on_exit=True):
        raise KeyError("k")
    span = telemetry.one("s")
    assert span.status.status_code is StatusCode.ERROR
    assert telemetry.attributes()["error.type"] == "KeyError"
    (event,) = span.events
    assert set(event.attributes or {}) == {"exception.type", "exception.message", "exception.stacktrace"}


def test_spans_of_ours_and_of_raw_opentelemetry_nest_both_ways(telemetry: Telemetry) -> None:
    tracer = otel_trace.get_tracer("raw")
    with tracer.start_as_current_span("raw outer"), start_span("ours"):
        with tracer.start_as_current_span("raw inner"), start_span("ours inner"):
            pass
    parents = {span.name: span.parent.span_id if span.parent else None for span in telemetry.spans}
    ids = {span.name: span.context.span_id for span in telemetry.spans}
    assert parents == {
        "raw outer": None,
        "ours": ids["raw outer"],
        "raw inner": ids["ours"],
        "ours inner": ids["raw inner"],
    }


def test_the_current_span_of_ours_is_found_inside_a_raw_one(telemetry: Telemetry) -> None:
    tracer = otel_trace.get_tracer("raw")
    with start_span("ours") as ours, tracer.start_as_current_span("raw"):
        found = genai_otel.get_current_span()
        assert found is not None
        assert found == ours
        assert found.span_id == ours.span_id
        found.set_attribute("found", True)
    assert telemetry.attributes("ours")["found"] is True
    assert "found" not in telemetry.attributes("raw")


def test_outside_any_span_of_ours_there_is_no_current_span(telemetry: Telemetry) -> None:
    assert genai_otel.get_current_span() is None
    with otel_trace.get_tracer("raw").start_as_current_span("raw"):
        assert genai_otel.get_current_span() is None


def test_a_span_can_be_linked_to_and_injected(telemetry: Telemetry) -> None:
    with start_span("s") as span:
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        link, flags = Link(span.get_span_context()), span.get_span_context().trace_flags
    assert flags & TraceFlags.SAMPLED
    assert carrier["traceparent"] == f"00-{span.trace_id}-{span.span_id}-{flags:02x}"
    with otel_trace.get_tracer("raw").start_as_current_span("linked", links=[link]):
        pass
    assert telemetry.one("linked").links[0].context == telemetry.one("s").context


# --- spans that are not current ---------------------------------------------------------------------------------------
def test_a_span_without_context_is_not_current_and_is_a_child_of_the_current_one(
    telemetry: Telemetry,
) -> None:
    with context_given_back():
        with start_span("outer") as outer:
            span = start_span_no_context(
                "detached", SpanType.TOOL, inputs={"a": 1}, attributes={"k": 2}, model="m"
            )
            assert otel_trace.get_current_span() is outer
        span.end()
    ended = telemetry.one("detached")
    assert ended.parent == telemetry.one("outer").context
    attributes = telemetry.attributes("detached")
    assert attributes["gen_ai.tool.call.arguments"] == '{"a":1}'
    assert (attributes["k"], attributes["gen_ai.request.model"]) == (2, "m")


@pytest.mark.parametrize(
    "as_parent",
    [
        lambda span: span,
        lambda span: span.get_span_context(),
        lambda span: otel_trace.set_span_in_context(span, Context()),
        lambda span: NonRecordingSpan(span.get_span_context()),
    ],
    ids=["span", "span context", "context", "raw span"],
)
def test_the_parent_may_be_given_in_any_form(telemetry: Telemetry, as_parent: Callable[[Span], Any]) -> None:
    parent = start_span_no_context("parent")
    with start_span("current"):
        start_span_no_context("child", parent=as_parent(parent)).end()
    parent.end()
    assert telemetry.one("child").parent is not None
    assert telemetry.one("child").context.trace_id == telemetry.one("parent").context.trace_id
    assert telemetry.one("child").parent.span_id == telemetry.one("parent").context.span_id  # type: ignore[union-attr]


def test_a_parent_that_is_none_of_these_is_one_warning(
    telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    start_span_no_context("s", parent="parent").end()  # type: ignore[arg-type]
    assert telemetry.one("s").parent is None
    assert "parent=str ignored" in caplog.text


def test_a_span_used_as_a_context_manager_itself_ends_and_records(telemetry: Telemetry) -> None:
    with pytest.raises(ValueError), start_span_no_context("s") as span:
        assert genai_otel.get_current_span() is None
        raise ValueError("v")
    assert span.status.status_code is StatusCode.ERROR
    assert len(telemetry.spans) == 1


# --- wrong arguments ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "arguments",
    [
        {"span_type": None},
        {"span_type": 5},
        {"span_type": ""},
        {"attributes": 5},
        {"attributes": [("a", 1)]},
        {"operation": "nonsense"},
        {"name": 5},
        {"model": 5, "provider": object()},
    ],
)
def test_wrong_arguments_never_fail_the_block(telemetry: Telemetry, arguments: dict[str, Any]) -> None:
    with start_span(**arguments):
        pass
    start_span_no_context(**arguments).end()
    assert len(telemetry.spans) == 2


# --- spans that record nothing ------------------------------------------------------------------------------------------
@pytest.fixture(params=["no provider", "sampled out", "suppressed", "remote parent not sampled"])
def not_recording(request: pytest.FixtureRequest) -> Any:
    if request.param == "no provider":
        yield None
        return
    with Telemetry(
        sampler=ALWAYS_OFF if request.param == "sampled out" else None, capture_content=True
    ) as captured:
        if request.param == "suppressed":
            with genai_otel.suppress():
                yield None
        elif request.param == "remote parent not sampled":
            headers = {"traceparent": f"00-{'1' * 32}-{'2' * 16}-00"}
            with genai_otel.extract_headers(headers):
                yield None
        else:
            yield None
        assert captured.spans == []


@pytest.mark.parametrize("setter", sorted(SETTERS))
def test_a_span_that_is_not_recorded_accepts_everything(not_recording: Any, setter: str) -> None:
    with start_span("s", inputs=1) as span:
        assert SETTERS[setter](span) is span
        assert not span.is_recording()
        assert span.inputs is None or span.inputs == {"a": 1} or span.inputs == 1
        assert span.status.status_code is StatusCode.UNSET
        assert isinstance(span.attributes, dict)
        assert isinstance(span.trace_id, str)
        assert isinstance(span.name, str)
        assert span.end_time_ns is None
    span.end()


def test_inside_a_span_that_is_not_recorded_there_is_a_current_span(not_recording: Any) -> None:
    @genai_otel.trace
    def traced() -> Any:
        return genai_otel.get_current_span()

    with context_given_back():
        with start_span("s"):
            found = genai_otel.get_current_span()
            assert isinstance(found, Span)
            assert found.set_outputs(1).set_attribute("k", 1) is found
        assert isinstance(traced(), Span)


async def test_a_span_that_is_not_recorded_works_in_async_code(not_recording: Any) -> None:
    async with start_span("s") as span:
        await asyncio.sleep(0)
        span.set_outputs(1)


def test_a_span_that_is_sampled_out_still_carries_ids(telemetry: Telemetry) -> None:
    with Telemetry(sampler=ALWAYS_OFF), start_span("s") as span:
        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier)
        assert carrier["traceparent"].startswith(f"00-{span.trace_id}-{span.span_id}-")
        assert not span.get_span_context().trace_flags & TraceFlags.SAMPLED


def test_a_suppressed_span_passes_the_outer_ids_on(telemetry: Telemetry) -> None:
    with start_span("outer") as outer, genai_otel.suppress(), start_span("inner") as inner:
        assert inner.get_span_context() == outer.get_span_context()
        inner.set_attribute("k", 1)
    assert "k" not in telemetry.attributes("outer")
    assert len(telemetry.spans) == 1


# --- changing the type ---------------------------------------------------------------------------------------------------
def test_changing_the_type_moves_what_was_recorded(telemetry: Telemetry) -> None:
    with start_span() as span:
        span.set_inputs("question").set_outputs("answer").set_span_type(SpanType.LLM).set_model("gpt")
        assert span.span_type == "LLM"
    (ended,) = telemetry.spans
    attributes = telemetry.attributes("chat gpt")
    assert ended.kind is SpanKind.CLIENT
    assert attributes["gen_ai.operation.name"] == "chat"
    assert json.loads(attributes["gen_ai.input.messages"])[0]["parts"][0]["content"] == "question"
    assert json.loads(attributes["gen_ai.output.messages"])[0]["parts"][0]["content"] == "answer"
    foreign = [key for key in attributes if not key.startswith("gen_ai.")]
    assert foreign == []


def test_changing_to_a_type_without_operation_moves_it_back(telemetry: Telemetry) -> None:
    with start_span("s", SpanType.LLM, inputs="question") as span:
        span.set_span_type("CHAIN").set_outputs({"a": 1})
    attributes = telemetry.attributes("s")
    assert attributes["openinference.span.kind"] == "CHAIN"
    assert (attributes["input.value"], attributes["output.value"]) == ("question", '{"a":1}')
    assert not [key for key in attributes if key.startswith("gen_ai.")]
    assert telemetry.one().kind is SpanKind.INTERNAL


def test_changing_the_type_keeps_the_users_attributes_and_fills_the_entity(telemetry: Telemetry) -> None:
    with start_span("search", attributes={"mine": 1}) as span:
        span.set_span_type(SpanType.TOOL)
    attributes = telemetry.attributes("search")
    assert (attributes["mine"], attributes["gen_ai.tool.name"]) == (1, "search")


def test_changing_the_type_records_the_metrics_of_the_new_one(telemetry: Telemetry) -> None:
    with start_span("s") as span:
        span.set_span_type(SpanType.TOOL)
    assert list(telemetry.metrics()) == ["gen_ai.execute_tool.duration"]


def test_changing_the_type_with_content_off_moves_only_what_was_set(
    telemetry_without_content: Telemetry,
) -> None:
    @genai_otel.trace
    def f(secret: str) -> str:
        span = genai_otel.get_current_span()
        assert span is not None
        span.set_span_type("TOOL")
        return secret

    f("the secret")
    assert "the secret" not in str(telemetry_without_content.attributes())
