"""Tracer providers that are not the SDK's and take no span processors."""

from __future__ import annotations

import json

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import genai_otel
from tests.configured import run, warnings_of
from tests.existing_setups.checks import Seen, outline, untouched

openai = pytest.importorskip("openai")
from examples.existing_setups import foreign_provider  # noqa: E402

pytestmark = pytest.mark.usefixtures("new_process")
TREE = ["GET /ask", "  answer", "    chat gpt-4o-mini"]


def seen(provider: foreign_provider.AgentTracerProvider) -> list[Seen]:
    return [
        Seen(
            span.tags["name"],
            f"{span.get_span_context().trace_id:032x}",
            f"{span.get_span_context().span_id:016x}",
            f"{span.parent_id:016x}" if span.parent_id else None,
            number,
            span.tags,
        )
        for number, span in enumerate(provider.spans)
    ]


def test_spans_go_through_it_and_it_stays_the_provider(caplog: pytest.LogCaptureFixture) -> None:
    provider = foreign_provider.set_up_telemetry()
    with untouched():
        genai_otel.configure(capture_content=True)
        genai_otel.autolog()
        answer = foreign_provider.handle("Is the lock in stock?")
        assert genai_otel.flush()
        genai_otel.shutdown()
    assert trace.get_tracer_provider() is provider
    assert outline(seen(provider)) == TREE
    assert [span.ends for span in provider.spans] == [1, 1, 1]
    _, ours, chat = (span.tags for span in provider.spans)
    assert ours["session.id"] == chat["session.id"] == "s-1"
    assert ours["output.value"] == answer
    assert chat["gen_ai.usage.input_tokens"] > 0
    assert "Is the lock in stock?" in chat["gen_ai.input.messages"]
    assert warnings_of(caplog) == []


def test_an_exporter_can_not_be_added_which_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    provider = foreign_provider.set_up_telemetry()
    exporter = InMemorySpanExporter()
    with untouched():
        for _ in range(2):
            genai_otel.configure(exporter=exporter)
        genai_otel.autolog()
        foreign_provider.handle("?")
    assert outline(seen(provider)) == TREE
    assert exporter.get_finished_spans() == ()
    (warning,) = warnings_of(caplog)
    assert warning.endswith("AgentTracerProvider takes no span processors: no exporter is added to it")


def test_trace_level_values_and_failures_reach_it(openai_server: object) -> None:
    provider = foreign_provider.set_up_telemetry()
    with (
        pytest.raises(ZeroDivisionError),
        genai_otel.start_span("outer", span_type="CHAIN"),
        genai_otel.start_span("inner", span_type="TOOL"),
    ):
        genai_otel.update_current_trace(name="named", tags={"a": "b"}, request_preview="asked")
        _ = 1 / 0
    outer, inner = (span.tags for span in provider.spans)
    assert (outer["genai_otel.trace_name"], outer["genai_otel.tag.a"]) == ("named", "b")
    assert inner["error.type"] == "ZeroDivisionError"
    assert inner["status"] == outer["status"] == "ERROR"


def test_with_a_runtime_context_of_the_agents_everything_is_in_its_place() -> None:
    done = run("import runpy; runpy.run_module('tests.existing_setups.agent_runtime', run_name='__main__')")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["spans"] == {
        "outer": [None, "s"],
        "inner": ["outer", "s"],
        "after": [None, None],
        "client": ["after", "carried"],
        "consumer": [None, None],
        "items": ["consumer", None],
        "item 1": ["consumer", None],
        "in body": ["items", None],
        "item 2": ["consumer", None],
        "tasks": [None, None],
        "task 1": ["tasks", "s-1"],
        "child 1": ["task 1", "s-1"],
        "task 2": ["tasks", "s-2"],
        "child 2": ["task 2", "s-2"],
    }
    assert found["root"] == {"genai_otel.tag.a": "b", "genai_otel.trace_name": "named"}
    assert found["headers"]["baggage"] == "session.id=carried"
