"""What is said of a whole trace: from one outermost span, from several, and from the span around them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from genai_otel.exporters.mlflow_trace import (
    TraceSummary,
    beneath,
    covered,
    is_finished,
    merged,
    rest_body,
    says_all,
)
from tests.exporters.scripted import Script

BASE = TraceSummary(
    trace_id=1,
    name="n",
    start_ns=1_700_000_000_123_456_789,
    end_ns=1_700_000_001_123_456_789,
    failed=False,
    request="q",
    response="a",
    request_set=False,
    response_set=False,
    nested=True,
    remote=False,
)


def body(summary: TraceSummary) -> dict[str, Any]:
    found: dict[str, Any] = rest_body(summary, "7")["trace"]["trace_info"]
    return found


def test_the_body() -> None:
    found = body(replace(BASE, failed=True, session="s", metadata={"k": "v"}))
    assert found["trace_id"] == "tr-" + "0" * 31 + "1"
    assert found["request_time"] == "2023-11-14T22:13:20.123Z"
    assert found["execution_duration"] == "1.000000000s"
    assert found["state"] == "ERROR"
    assert found["tags"] == {"mlflow.traceName": "n"}
    assert found["trace_metadata"] == {"k": "v", "mlflow.trace.session": "s"}
    assert "client_request_id" not in found


def test_of_two_outermost_spans_the_later_speaks_unless_the_first_was_told_what_to_say() -> None:
    later = replace(BASE, request="q2", response="a2", start_ns=BASE.end_ns, end_ns=BASE.end_ns + 5)
    both = merged(replace(BASE, request_set=True, tags={"a": "1"}), replace(later, tags={"b": "2"}))
    assert (both.request, both.response) == ("q", "a2")
    assert (both.start_ns, both.end_ns) == (BASE.start_ns, BASE.end_ns + 5)
    assert both.tags == {"a": "1", "b": "2"}
    assert merged(replace(BASE, request_set=True), replace(later, request_set=True)).request == "q2"
    assert merged(BASE, replace(later, response=None)).response == "a"


def test_the_root_of_the_whole_trace_speaks_for_it() -> None:
    root = replace(BASE, nested=False, request=None, name="root")
    assert merged(replace(BASE, request_set=True), root).request is None


def test_the_span_around_decides_times_and_outcome() -> None:
    script = Script()
    around = script.start("GET /", 0, 9, error=("E", "m"))
    around.end(end_time=around.start_time + 9_000_000)  # type: ignore[operator]
    inside = replace(BASE, start_ns=around.start_time + 1, end_ns=around.start_time + 2)  # type: ignore[operator]
    found = covered(inside, around)
    assert (found.start_ns, found.end_ns) == (around.start_time, around.end_time)
    assert found.failed == (around.status.status_code.name == "ERROR")
    assert found.request == "q"


def test_a_service_behind_only_adds() -> None:
    there = {
        "request_time": "t",
        "execution_duration": "d",
        "state": "OK",
        "tags": {"a": "theirs"},
        "trace_metadata": {"mlflow.trace.infoFinalized": "true"},
    }
    assert is_finished(there)
    assert not is_finished({})
    ours = rest_body(replace(BASE, failed=True, tags={"a": "ours", "b": "new"}), "7")
    found = beneath(ours, there)["trace"]["trace_info"]
    assert "request_preview" not in found
    assert (found["request_time"], found["state"]) == ("t", "OK")
    assert found["tags"] == {"a": "theirs", "b": "new", "mlflow.traceName": "n"}


CHAT = json.dumps({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}]})
ANSWER = json.dumps({"choices": [{"message": {"role": "assistant", "content": "a"}}]})
PLAIN = '{"x":1}'


@pytest.mark.parametrize(
    ("change", "inputs", "outputs", "enough"),
    [
        ({}, CHAT, ANSWER, True),
        ({"request": PLAIN, "response": None}, PLAIN, None, True),
        ({"request": None, "response": None}, None, None, True),
        ({"request": "set"}, CHAT, ANSWER, False),
        ({"request": "text", "response": None}, "text", None, False),  # the server would quote it
        ({"request": "5", "response": None}, 5, None, False),
        ({"metadata": {"k": "v"}}, CHAT, ANSWER, False),
        ({"client_request_id": "c"}, CHAT, ANSWER, False),
        ({"nested": True}, CHAT, ANSWER, False),
        ({"request": None}, CHAT, ANSWER, False),
        ({"request": '{"input":[1]}', "response": None}, '{"input":[1]}', None, False),
        ({"request": "x" * 1_000, "response": None}, json.dumps({"a": "x" * 1_000}), None, False),
    ],
)
def test_when_the_spans_say_it_all(change: dict[str, Any], inputs: Any, outputs: Any, enough: bool) -> None:
    assert says_all(replace(replace(BASE, nested=False), **change), inputs, outputs) is enough
