"""Documents out of lines and spans out of documents, however they are laid out or damaged."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genai_otel.cli.reading import console_json, otlp_json
from genai_otel.cli.reading.documents import Documents
from genai_otel.exporters.console import draw
from tests.cli.view_files import document, span


def read(text: str) -> tuple[list[Any], int, bool]:
    documents = Documents(text.splitlines(keepends=True))
    return list(documents), documents.skipped, documents.cut_short


ONE, TWO = {"name": 'a "quoted" {', "list": [{"x": []}]}, {"name": "two", "empty": {}}


# --- documents ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        f"{json.dumps(ONE)}\n{json.dumps(TWO)}\n",
        f"{json.dumps(ONE)}{json.dumps(TWO)}",
        f"\n\n{json.dumps(ONE, indent=4)}\n{json.dumps(TWO, indent=4)}",
        f"{json.dumps(ONE, indent=0)}\r\n{json.dumps(TWO, indent=1)}\r\n",
    ],
)
def test_documents_are_found_in_any_layout(text: str) -> None:
    assert read(text) == ([ONE, TWO], 0, False)


def test_a_list_over_many_lines_is_one_document() -> None:
    assert read(f"[\n{json.dumps(ONE)},\n{json.dumps(TWO)}\n]\n") == ([[ONE, TWO]], 0, False)


@pytest.mark.parametrize("cut", range(1, len(json.dumps(ONE))))
def test_a_line_cut_anywhere_does_not_harm_the_next(cut: int) -> None:
    found, skipped, _ = read(f"{json.dumps(ONE)[:cut]}\n" + json.dumps({"resourceSpans": []}))
    assert (found, skipped) == ([{"resourceSpans": []}], 1)


_LINES = json.dumps(ONE, indent=4).split("\n")


# not after "[", which an object may follow: that it was cut there can't be seen
@pytest.mark.parametrize("cut", [cut for cut in range(1, len(_LINES)) if not _LINES[cut - 1].endswith("[")])
def test_a_document_cut_after_a_line_does_not_harm_the_next(cut: int) -> None:
    begun = "\n".join(_LINES[:cut])
    found, skipped, cut_short = read(f"{begun}\n{json.dumps(TWO, indent=4)}")
    assert (found, skipped, cut_short) == ([TWO], cut, False)


def test_log_lines_that_look_like_the_beginning_of_something_are_skipped() -> None:
    lines = [
        "[INFO] up",
        "{'python': 1}",
        "[",
        "{ok",
        json.dumps(ONE),
        "[12:00:01] {",
        "] }",
        "[INFO] to [",
        json.dumps(TWO),
    ]
    assert read("\n".join(lines)) == ([ONE, TWO], 7, False)


def test_nesting_that_is_too_deep_is_a_line_to_skip() -> None:
    assert read("[" * 200_000 + "]" * 200_000 + f"\n{json.dumps(ONE)}") == ([ONE], 1, False)


@settings(max_examples=40)
@given(st.lists(st.dictionaries(st.text(), st.text() | st.lists(st.integers())), max_size=4), st.booleans())
def test_every_document_between_foreign_lines_is_found(documents: list[Any], indented: bool) -> None:
    texts = [json.dumps(one, indent=2 if indented else None) for one in documents]
    found, skipped, _ = read("\nsome log line: done\n".join(["", *texts, ""]))
    assert (found, skipped) == (documents, len(documents) + 1)


# --- OTLP -----------------------------------------------------------------------------------------------------
def attributes(value: Any) -> Any:
    found = otlp_json.spans_of(document(span(attributes={"key": value})))
    assert found is not None
    return next(found).node.attributes["key"]


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({"stringValue": "x"}, "x"),
        ({"intValue": "42"}, 42),
        ({"intValue": 42}, 42),
        ({"doubleValue": 0.5}, 0.5),
        ({"boolValue": False}, False),
        ({"bytesValue": "AAE="}, "AAE="),
        ({"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "x"}]}}, [1, "x"]),
        ({"arrayValue": {}}, []),
        (
            {"kvlistValue": {"values": [{"key": "a", "value": {"arrayValue": {"values": [{}]}}}]}},
            {"a": [None]},
        ),
        ({}, None),
        ({"intValue": "much"}, "much"),
    ],
)
def test_every_kind_of_value_is_read(value: dict[str, Any], plain: Any) -> None:
    assert attributes(value) == plain


def test_infinite_and_huge_numbers_are_read() -> None:
    assert attributes({"doubleValue": "-Infinity"}) == float("-inf")
    assert attributes({"intValue": "9" * 30}) == int("9" * 30)


def test_resource_scope_kind_and_links_are_kept() -> None:
    link = {"traceId": "AB" * 16, "spanId": "cd" * 8, "attributes": []}
    [found] = otlp_json.spans_of(document(span(kind="SPAN_KIND_SERVER", links=[link]))) or ()
    assert (found.resource, found.scope, found.kind) == ({"service.name": "shop"}, "test", "SERVER")
    assert [(link.trace_id, link.span_id) for link in found.links] == [("ab" * 16, "cd" * 8)]


@pytest.mark.parametrize("field", ["traceId", "spanId"])
@pytest.mark.parametrize("value", [None, "", "0" * 32, "xyz", 7, "ab"])
def test_a_span_without_a_real_id_is_left_out(field: str, value: Any) -> None:
    assert list(otlp_json.spans_of(document(span(**{field: value}), span())) or ()) != []
    assert list(otlp_json.spans_of(document(span(**{field: value}))) or ()) == []


def test_a_span_without_an_end_is_still_running() -> None:
    [found] = otlp_json.spans_of(document(span(endTimeUnixNano="0"))) or ()
    assert found.node.end_ns is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_SPAN = span(events=[{}], links=[{}])


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from([*_SPAN, "kind"]), _JSON, max_size=4), _JSON)
def test_fields_of_any_shape_never_raise(fields: dict[str, Any], other: Any) -> None:
    for damaged in (document({**_SPAN, **fields}), {"resourceSpans": other}, {"resourceSpans": [other]}):
        for found in otlp_json.spans_of(damaged) or ():
            assert draw([found.node])


# --- the console exporter -------------------------------------------------------------------------------------
CONSOLE = {
    "name": "chat",
    "context": {"trace_id": "0x" + "ab" * 16, "span_id": "0x" + "cd" * 8, "trace_state": "[]"},
    "kind": "SpanKind.CLIENT",
    "parent_id": None,
    "start_time": "2026-01-02T03:04:05.000006Z",
    "end_time": None,
    "status": {"status_code": "ERROR", "description": "no"},
    "attributes": {"n": 1},
    "events": [{"name": "e", "timestamp": "2026-01-02T03:04:05.000007Z", "attributes": {}}],
    "links": [],
    "resource": {"attributes": {"service.name": "shop"}, "schema_url": ""},
}


def test_a_span_of_the_console_exporter_is_read_to_the_microsecond() -> None:
    found = console_json.span_of(CONSOLE)
    assert found is not None
    node = found.node
    assert (node.trace_id, node.span_id, node.parent_id) == ("ab" * 16, "cd" * 8, None)
    assert node.start_ns == 1_767_323_045_000_006_000
    assert node.end_ns is None
    assert (node.status, node.error_message, found.kind) == ("ERROR", "no", "CLIENT")
    assert node.events[0].time_ns - node.start_ns == 1_000
    assert found.resource == {"service.name": "shop"}


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from([*CONSOLE]), _JSON, max_size=4))
def test_a_damaged_span_of_the_console_exporter_never_raises(fields: dict[str, Any]) -> None:
    found = console_json.span_of({**CONSOLE, **fields})
    assert found is None or draw([found.node])


# --- a line of a collector's file exporter, cut down to two spans ---------------------------------------------
COLLECTOR = """
{"resourceSpans":[{"resource":{"attributes":[{"key":"telemetry.sdk.language","value":{"stringValue":"python"}},
{"key":"service.name","value":{"stringValue":"genai-otel-demo"}}]},"scopeSpans":[{"scope":{"name":"genai_otel","version":"0.1.0"},"spans":[{"traceId":"f426348b4aaa9976ba4c117b118c0ab8","spanId":"23b01d279250c9a2","parentSpanId":"45734f5ebe6c42a7","flags":256,"name":"execute_tool courier_quote","kind":1,"startTimeUnixNano":"1795677836220447726","endTimeUnixNano":"1795677836247009391",
"attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"execute_tool"}},
{"key":"error.type","value":{"stringValue":"TimeoutError"}}],
"events":[{"timeUnixNano":"1795677836246974720","name":"exception","attributes":[{"key":"exception.type","value":{"stringValue":"TimeoutError"}},
{"key":"exception.message","value":{"stringValue":"the courier did not answer"}}]}],"status":{"message":"the courier did not answer","code":2}},
{"traceId":"f426348b4aaa9976ba4c117b118c0ab8","spanId":"45734f5ebe6c42a7","flags":256,"name":"invoke_agent shop_assistant","kind":1,"startTimeUnixNano":"1795677836071624499","endTimeUnixNano":"1795677836485133422",
"attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"invoke_agent"}},
{"key":"gen_ai.usage.input_tokens","value":{"intValue":"313"}},
{"key":"gen_ai.response.finish_reasons","value":{"arrayValue":{"values":[{"stringValue":"stop"}]}}}],"status":{}}],"schemaUrl":"https://opentelemetry.io/schemas/gen-ai-dev/1.42.0-dev"}]}]}
"""


def test_what_the_collector_writes_is_read() -> None:
    agent, tool = sorted(otlp_json.spans_of(json.loads(COLLECTOR)) or (), key=lambda one: one.node.start_ns)
    assert (agent.node.parent_id, tool.node.parent_id) == (None, agent.node.span_id)
    assert (agent.node.name, agent.kind, agent.scope) == (
        "invoke_agent shop_assistant",
        "INTERNAL",
        "genai_otel 0.1.0",
    )
    assert (agent.node.input_tokens, agent.node.label, agent.node.status) == (313, "AGENT", "UNSET")
    assert (tool.node.status, tool.node.error_type) == ("ERROR", "TimeoutError")
    assert tool.node.error_message == "the courier did not answer"
    assert tool.node.events[0].attributes["exception.type"] == "TimeoutError"
    assert agent.resource["service.name"] == "genai-otel-demo"
