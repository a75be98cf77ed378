"""Spans set up in any order: a retyped span is what it would be had it been of its last type from the start."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

import genai_otel
from genai_otel.conventions import attributes as attr
from genai_otel.conventions.span_types import RULES, SpanType, rules_for
from tests.fuzz.budget import budget
from tests.fuzz.documents import CONVERSATIONS
from tests.telemetry_capture import Telemetry

TYPES = st.sampled_from([*(one.value for one in SpanType), "custom"])
VALUES = st.sampled_from([*CONVERSATIONS, "text", {"a": 1}, ["x"], 7, {"query": "q"}])
NAMES = st.sampled_from(["x", "y"])
steps = st.one_of(
    st.tuples(st.just("set_span_type"), st.tuples(TYPES)),
    st.tuples(st.sampled_from(["set_inputs", "set_outputs"]), st.tuples(VALUES)),
    st.tuples(st.just("set_model"), st.tuples(NAMES, NAMES, NAMES)),
    st.tuples(st.sampled_from(["set_agent", "set_tool_call"]), st.tuples(NAMES, NAMES)),
    st.tuples(st.just("set_usage"), st.tuples(st.integers(0, 9), st.integers(0, 9))),
    st.tuples(st.just("set_attribute"), st.tuples(st.sampled_from(["mine", attr.REQUEST_MODEL]), NAMES)),
    st.tuples(st.just("set_status"), st.tuples(st.sampled_from(["OK", "ERROR", "UNSET"]))),
)
# what a given name fills in for some types, and keeps
ENTITIES = {rules.entity_key for rules in RULES.values()}


def made(telemetry: Telemetry, first: str, todo: list[Any], name: str | None) -> Any:
    telemetry.exporter.clear()
    # the finish reasons of messages depend on whether the span had failed when they were written
    todo = sorted(todo, key=lambda one: one[0] != "set_status")
    with genai_otel.start_span(name=name, span_type=first) as span:
        for method, arguments in todo:
            assert getattr(span, method)(*arguments) is span
    span.end()
    span.set_inputs("late").set_attribute("late", 1)
    assert "late" not in span.attributes
    (one,) = telemetry.spans
    return one


def comparable(span: Any, named: bool, operation: bool) -> Any:
    left_out = ENTITIES if named else set()
    attributes = {key: value for key, value in span.attributes.items() if key not in left_out}
    return attributes, span.kind, span.status.status_code, span.name if named or operation else None


@budget(150)
@given(TYPES, st.lists(steps, max_size=10), st.sampled_from([None, "given"]))
@example("MEMORY", [("set_outputs", (["x"],)), ("set_span_type", ("LLM",))], None)
@example("EMBEDDING", [("set_inputs", ("text",)), ("set_span_type", ("LLM",)), ("set_outputs", ("o",))], None)
@example(
    "TOOL",
    [("set_outputs", ({"a": 1},)), ("set_span_type", ("custom",)), ("set_span_type", ("AGENT",))],
    "given",
)
def test_a_retyped_span_is_as_if_made_of_its_last_type(
    telemetry: Telemetry, first: str, todo: list[Any], name: str | None
) -> None:
    last = [arguments[0] for method, arguments in todo if method == "set_span_type"]
    final = last[-1] if last else first
    retyped = made(telemetry, first, todo, name)
    direct = made(telemetry, final, [one for one in todo if one[0] != "set_span_type"], name)
    operation = rules_for(final).operation is not None
    assert comparable(retyped, name is not None, operation) == comparable(direct, name is not None, operation)


@budget(100)
@given(TYPES, st.lists(steps, max_size=8))
def test_a_name_that_was_given_never_changes_and_others_follow(
    telemetry: Telemetry, first: str, todo: list[Any]
) -> None:
    assert made(telemetry, first, todo, "given").name == "given"
    span = made(telemetry, first, todo, None)
    types = [first, *(arguments[0] for method, arguments in todo if method == "set_span_type")]
    rules = rules_for(types[-1])
    if rules.operation is not None:
        entity = span.attributes.get(rules.name_key)
        assert span.name == (f"{rules.operation} {entity}" if entity else rules.operation)
