"""From spans to nodes, and from nodes to trees."""

from __future__ import annotations

import pytest
from opentelemetry.trace import SpanKind

from genai_otel.exporters.tree import SpanNode, build_traces, from_readable, span_node

from .scripted import Script, message, support_agent


def node(span_id: str, parent_id: str | None = None, start_ns: int = 0, **fields: object) -> SpanNode:
    values: dict[str, object] = {"name": span_id, "trace_id": "t", "end_ns": start_ns + 10, **fields}
    return span_node(span_id=span_id, parent_id=parent_id, start_ns=start_ns, **values)  # type: ignore[arg-type]


def only(script: Script) -> SpanNode:
    (span,) = script.spans()
    return from_readable(span)


@pytest.mark.parametrize(
    ("operation", "label"),
    [
        ("chat", "LLM"),
        ("text_completion", "LLM"),
        ("fetch_response", "LLM"),
        ("embeddings", "EMBEDDING"),
        ("retrieval", "RETRIEVER"),
        ("execute_tool", "TOOL"),
        ("invoke_agent", "AGENT"),
        ("invoke_workflow", "WORKFLOW"),
        ("plan", "PLAN"),
        ("search_memory", "MEMORY"),
        ("create_memory_store", "MEMORY"),
        ("something_new", "SOMETHING_NEW"),
    ],
)
def test_the_operation_gives_the_label(operation: str, label: str) -> None:
    script = Script()
    script.start("x", kind=SpanKind.CLIENT, gen_ai__operation__name=operation)
    assert only(script).label == label


@pytest.mark.parametrize(
    ("kind", "openinference", "label"),
    [
        (SpanKind.INTERNAL, "CHAIN", "CHAIN"),
        (SpanKind.INTERNAL, "UNKNOWN", "SPAN"),
        (SpanKind.INTERNAL, None, "SPAN"),
        (SpanKind.SERVER, None, "SERVER"),
        (SpanKind.CONSUMER, None, "CONSUMER"),
    ],
)
def test_without_an_operation_openinference_then_the_kind_gives_the_label(
    kind: SpanKind, openinference: str | None, label: str
) -> None:
    script = Script()
    script.start("x", kind=kind, **({"openinference__span__kind": openinference} if openinference else {}))
    assert only(script).label == label


def test_a_node_has_what_the_span_has() -> None:
    script = Script()
    parent = script.start("parent", 0, 5)
    script.start(
        "chat m", 1, 4, parent, error=("timeout", "too slow"), gen_ai__operation__name="chat",
        gen_ai__request__model="m", gen_ai__usage__input_tokens=3, gen_ai__usage__output_tokens=4,
        gen_ai__response__time_to_first_chunk=0.25,
    )  # fmt: skip
    child, root = map(from_readable, script.spans())
    assert (child.parent_id, child.trace_id) == (root.span_id, root.trace_id)
    assert (len(child.trace_id), len(child.span_id), root.parent_id) == (32, 16, None)
    assert child.end_ns is not None and child.end_ns - child.start_ns == 3_000_000
    assert (child.failed, child.error_type, child.error_message) == (True, "timeout", "too slow")
    assert (child.model, child.input_tokens, child.output_tokens) == ("m", 3, 4)
    assert child.time_to_first_chunk == 0.25


def test_the_error_comes_from_the_exception_event_where_the_status_is_silent() -> None:
    script = Script()
    span = script.start("x")
    with pytest.raises(ValueError):
        with script.provider.get_tracer("t").start_as_current_span("y", set_status_on_exception=True):
            raise ValueError("bad value")
    span.end()
    failed = from_readable(script.spans()[0])
    assert (failed.name, failed.error_type) == ("y", "ValueError")
    assert failed.error_message is not None and "bad value" in failed.error_message


def test_the_response_model_wins_over_the_requested_one() -> None:
    script = Script()
    script.start("x", gen_ai__request__model="m", gen_ai__response__model="m-2025")
    assert only(script).model == "m-2025"


def test_values_of_a_wrong_type_are_left_out() -> None:
    odd = node(
        "a", attributes={"gen_ai.usage.input_tokens": "12", "gen_ai.request.model": 7, "error.type": ""}
    )
    assert (odd.input_tokens, odd.model, odd.error_type) == (None, None, None)


def test_siblings_are_in_order_of_their_start() -> None:
    (trace,) = build_traces([node("late", "root", 5), node("early", "root", 1), node("root")])
    assert [child.name for child in trace.roots[0].children] == ["early", "late"]
    assert [n.name for n in trace.walk()] == ["root", "early", "late"]


def test_a_span_whose_parent_is_elsewhere_is_a_root() -> None:
    (trace,) = build_traces([node("a", "remote"), node("b", "a")])
    assert [root.name for root in trace.roots] == ["a"]


def test_traces_are_kept_apart_and_in_order() -> None:
    traces = build_traces([node("a", start_ns=9, trace_id="2"), node("b", start_ns=1, trace_id="1")])
    assert [trace.trace_id for trace in traces] == ["1", "2"]


def test_a_span_given_twice_appears_once() -> None:
    (trace,) = build_traces([node("a", name="first"), node("b", "a"), node("a", name="second")])
    assert [n.name for n in trace.walk()] == ["second", "b"]


@pytest.mark.parametrize(
    "parents", [{"a": "a"}, {"a": "b", "b": "a"}, {"a": "b", "b": "c", "c": "b", "d": "a"}]
)
def test_parents_in_a_circle_lose_no_span(parents: dict[str, str]) -> None:
    (trace,) = build_traces([node(span_id, parent) for span_id, parent in parents.items()])
    assert sorted(n.span_id for n in trace.walk()) == sorted(parents)


def test_usage_is_not_counted_twice_where_an_agent_sums_it() -> None:
    (trace,) = build_traces(map(from_readable, support_agent(Script()).spans()))
    assert trace.usage == (12 + 1204 + 1276, 58 + 233)


def test_usage_of_a_remote_agent_counts_although_nothing_below_has_any() -> None:
    (trace,) = build_traces(
        [node("agent", attributes={"gen_ai.usage.output_tokens": 7}), node("step", "agent")]
    )
    assert trace.usage == (0, 7)


def test_a_trace_is_called_what_the_user_called_it() -> None:
    (trace,) = build_traces(
        [node("root"), node("a", "root", attributes={"genai_otel.trace_name": "my trace"})]
    )
    assert trace.name == "my trace"


def test_previews_are_those_of_the_outermost_span_that_has_a_type() -> None:
    (trace,) = build_traces(map(from_readable, support_agent(Script()).spans()))
    assert trace.request_preview == "Can I still return order 1234?\nIt arrived on Monday."
    assert trace.response_preview == "Yes: within 30 days of delivery."


def test_a_preview_set_by_the_user_wins() -> None:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.input.messages": message("user", "recorded"),
        "genai_otel.request_preview": "chosen",
    }
    (trace,) = build_traces([node("chat", attributes=attributes)])
    assert (trace.request_preview, trace.response_preview) == ("chosen", None)


@pytest.mark.parametrize(
    ("attributes", "request_text", "response_text"),
    [
        ({"input.value": "plain", "output.value": '{"a": 1}'}, "plain", '{"a":1}'),
        ({"gen_ai.tool.call.arguments": '{"q": "x"}', "gen_ai.tool.call.result": "[broken"},
         '{"q":"x"}', "[broken"),
        ({"gen_ai.retrieval.query.text": "find me"}, "find me", None),
        ({"gen_ai.input.messages": message("user", "hi"),
          "gen_ai.output.messages": message("assistant", "ho")}, "hi", "ho"),
        ({}, None, None),
    ],
)  # fmt: skip
def test_previews_are_derived_from_what_was_recorded(
    attributes: dict[str, str], request_text: str | None, response_text: str | None
) -> None:
    recorded = node("a", attributes=attributes)
    assert (recorded.request_preview, recorded.response_preview) == (request_text, response_text)
