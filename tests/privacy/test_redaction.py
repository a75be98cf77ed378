"""Redactors good and bad: content passes one whole or not at all, and the caller never notices."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest

import genai_otel
from genai_otel import SpanType, start_span, trace

from .planted import SECRET, traces
from .redactors import ALL, DROPS, KEEPS_CONTENT, REMOVED, WRONG, raises, removes
from .signals import Everything

VALUES: dict[str, Any] = {
    "text": SECRET,
    "messages": [{"role": "user", "content": [{"type": "text", "text": SECRET}]}],
    "request": {"messages": [{"role": "system", "content": SECRET}], "tools": [{"name": SECRET}]},
    "query": {"query": SECRET, "top_k": 3},
    "documents": [{"id": "1", "content": SECRET}],
    "memories": [{"id": "1", "memory": SECRET}],
    "nested": {"a": {"b": [SECRET, {SECRET: None}]}},
}
TYPES = [SpanType.LLM, SpanType.TOOL, SpanType.RETRIEVER, SpanType.MEMORY, SpanType.EMBEDDING, SpanType.CHAIN]


@pytest.mark.parametrize("redactor", ALL)
def test_nothing_of_a_secret_is_left_and_the_callers_own_is_untouched(redactor: str) -> None:
    given = copy.deepcopy(VALUES)
    with Everything(capture_content="span_and_event", redact=ALL[redactor]) as seen:
        for value, span_type in itertools.product(given.values(), TYPES):
            assert trace(span_type=span_type, name="work")(lambda argument: argument)(value) is value
            with start_span("s", span_type=span_type) as span:
                span.set_inputs(value).set_outputs(value).set_attribute("a", value)
        assert given == VALUES
        assert len(seen.spans) == 2 * len(TYPES) * len(VALUES)
        assert traces(seen.dump()) == []


@pytest.mark.parametrize("redactor", KEEPS_CONTENT)
def test_what_a_redactor_leaves_is_recorded(redactor: str) -> None:
    for span_type in TYPES:
        with Everything(redact=KEEPS_CONTENT[redactor]) as seen:
            with start_span("s", span_type=span_type) as span:
                span.set_inputs({"query": f"kept {SECRET}"})
            assert b"kept " + REMOVED.encode() in seen.spans_sent()


@pytest.mark.parametrize("redactor", DROPS)
def test_a_failure_says_so_once_and_not_of_what(redactor: str) -> None:
    with Everything(capture_content=True, redact=DROPS[redactor]) as seen:
        for _ in range(3):
            with start_span("s") as span:
                span.set_inputs(SECRET)
                span.set_attribute(f"key {SECRET}", 1)
        told = [line for line in seen.warnings_logged if "redact()" in line]
        assert len(told) == (0 if redactor == "returns none" else 2)  # of the inputs, and of attributes
        assert traces(seen.said()) == []
        assert traces(seen.spans_sent()) == [], "the key went with its value"


@pytest.mark.parametrize("redactor", WRONG)
def test_messages_keep_their_shape_whatever_comes_back(redactor: str) -> None:
    import json

    with Everything(capture_content=True, redact=WRONG[redactor]) as seen:
        with start_span("s", span_type="LLM") as span:
            span.set_inputs(VALUES["messages"]).set_outputs("an answer")
        found = seen.attributes()
    for key in ("gen_ai.input.messages", "gen_ai.output.messages"):
        recorded = json.loads(found.get(key, "[]"))
        assert isinstance(recorded, list)
        assert all({"role", "parts"} <= set(message) for message in recorded)


def test_the_redactor_is_told_where_and_given_plain_data() -> None:
    seen: list[tuple[str, Any]] = []

    def redact(where: str, value: Any) -> Any:
        seen.append((where, value))
        return value

    with Everything(capture_content=True, redact=redact):
        trace(span_type="LLM", name="work")(lambda question: ("an", "answer"))(question={1, 2})
        with start_span("s") as span:
            span.set_attribute("mine", (1, "a"))
    places = {where for where, _ in seen}
    assert {"gen_ai.input.messages", "gen_ai.output.messages", "mine"} <= places
    assert all(type(value) in (str, list, dict, int, float, bool) for _, value in seen)


def test_a_redactor_may_call_what_is_traced() -> None:
    calls = []

    @trace(span_type="LLM")
    def ask_a_model(text: str) -> str:
        calls.append(text)
        return text.replace(SECRET, REMOVED)

    with Everything(capture_content=True, redact=lambda where, value: ask_a_model(str(value))) as seen:
        with start_span("s") as span:
            span.set_inputs(SECRET)
            assert genai_otel.get_current_span() == span
        assert len(calls) == 1
        assert [one.name for one in seen.spans] == ["s"]
        assert traces(seen.dump()) == []


# --- a secret at the edge --------------------------------------------------------------------------------------
LIMIT = 64


class Long:
    def __init__(self, before: int) -> None:
        self._before = before

    def __repr__(self) -> str:
        return f"<{'x' * self._before}{SECRET}{'y' * 60}>"


def raised(before: int) -> None:
    with pytest.raises(ValueError), start_span("s"):
        raise ValueError("x" * before + SECRET + "y" * 60)


def previewed(before: int) -> None:
    with start_span("s"):
        genai_otel.update_current_trace(request_preview="x" * before + SECRET + "y" * 60)


def derived(before: int) -> None:
    with start_span("s") as span:
        span.set_inputs("x" * before + SECRET + "y" * 60)


def shown(before: int) -> None:
    for span_type in ("CHAIN", "LLM", "RETRIEVER"):
        trace(name="s", span_type=span_type)(lambda value: [value])(Long(before))


def tagged(before: int) -> None:
    with start_span("s") as span:
        genai_otel.update_current_trace(tags={"t": Long(before)}, metadata={"m": "x" * before + SECRET})
        span.set_attribute("a", Long(before))


# what is shortened -> where its limit is, near which every place is tried
EDGES: dict[str, tuple[Any, int, int]] = {
    "preview": (previewed, 1_000, 3),
    "derived preview": (derived, 1_000, 3),
    "repr": (shown, 1_000, 3),
    "repr of more than is read": (shown, 20_000, 9),
    "tags": (tagged, 1_000, 3),
    "exception": (raised, 4_096, 3),
}


@pytest.mark.parametrize("edge", EDGES)
def test_a_secret_at_the_edge_of_a_limit_is_removed_whole(edge: str) -> None:
    run, limit, step = EDGES[edge]
    with Everything(capture_content=True, redact=removes) as seen:
        for before in range(limit - len(SECRET) - 30, limit + 3, step):
            run(before)
        assert seen.spans
        assert traces(seen.dump()) == []


@pytest.mark.parametrize("span_type", ["CHAIN", "LLM", "TOOL", "RETRIEVER", "MEMORY", "EMBEDDING"])
def test_a_secret_at_the_edge_of_the_content_length_is_removed_whole(span_type: str) -> None:
    with Everything(capture_content="span_and_event", redact=removes, max_length=LIMIT) as seen:
        for before in range(LIMIT + 3):
            text = "x" * before + SECRET + "y" * LIMIT
            with start_span("s", span_type=span_type) as span:
                span.set_inputs(text).set_outputs({"query": text}).set_attribute("a", [text, text])
        attributes = [value for span_ in seen.spans for value in (span_.attributes or {}).values()]
        assert max(len(value) for value in attributes if isinstance(value, str)) <= LIMIT
        assert traces(seen.dump()) == []


def test_without_a_redactor_the_same_would_show_a_part_of_it() -> None:
    with Everything(capture_content=True, max_length=LIMIT) as seen:
        with start_span("s") as span:
            span.set_inputs("x" * (LIMIT - 10) + SECRET)
        assert traces(seen.dump())


def test_a_redactor_that_fails_on_a_generators_items_costs_the_output_only() -> None:
    with Everything(capture_content=True, redact=raises) as seen:

        @trace
        def items(value: str) -> Any:
            yield value
            yield SECRET

        assert list(items(SECRET)) == [SECRET, SECRET]
        assert [span.status.status_code.name for span in seen.spans] == ["UNSET"]
        assert traces(seen.dump()) == []
