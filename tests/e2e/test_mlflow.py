"""``exporter="mlflow"`` against a real tracking server, read back through its API."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind, Status, StatusCode

import genai_otel
from genai_otel import SpanType, _configure
from genai_otel.compat import mlflow as compat
from genai_otel.exporters import mlflow_limits
from tests.configured import Exporter, fresh_process
from tests.e2e.backends import Mlflow

QUESTION = "What is the capital of France, and what do people eat there?"
ANSWER = "Paris. They eat bread."
DOCUMENTS = [
    {"id": "d1", "content": "Paris is the capital.", "score": 0.9, "url": "https://example.org/paris"}
]
EXPLICIT = {"request_preview": "Hi, how ar ... Bye!", "response_preview": "The answer, in short"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mlflow]:
    started = Mlflow(tmp_path_factory.mktemp("mlflow"))
    try:
        started.start()
        yield started
    finally:
        started.stop()


@pytest.fixture
def experiment() -> str:
    return f"e2e-{uuid.uuid4().hex[:8]}"


@contextmanager
def configured(server: Mlflow, experiment: str, **arguments: Any) -> Iterator[None]:
    with fresh_process():
        arguments.setdefault("exporter", "mlflow")
        genai_otel.configure(
            "e2e", tracking_uri=server.url, experiment=experiment, capture_content=True, **arguments
        )
        yield


def last_trace() -> str:
    trace_id = genai_otel.get_last_active_trace_id()
    assert trace_id is not None
    return trace_id


@genai_otel.trace(span_type=SpanType.RETRIEVER)
def retrieve(query: str) -> list[dict[str, Any]]:
    return DOCUMENTS


def generate(question: str) -> str:
    with genai_otel.start_span(span_type=SpanType.CHAT_MODEL, model="gpt-4o-mini", provider="openai") as span:
        tool = {
            "type": "function",
            "function": {"name": "search", "parameters": {"type": "object", "properties": {}}},
        }
        messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": question}]
        span.set_inputs({"messages": messages, "tools": [tool]})
        span.set_outputs({"role": "assistant", "content": ANSWER})
        span.set_usage(12, 7, cache_read_tokens=3)
    return ANSWER


@genai_otel.trace(span_type=SpanType.CHAIN, capture_inputs={"question"})
def rag(question: str, **about: Any) -> str:
    retrieve(question)
    if about:
        genai_otel.update_current_trace(**about)
    return generate(question)


def metadata(info: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = info["trace_metadata"]
    return found


def tokens(info: dict[str, Any]) -> Any:
    return json.loads(metadata(info)["mlflow.trace.tokenUsage"])


# --- the guide's pipeline -----------------------------------------------------------------------------------
def test_the_rag_pipeline_is_shown_with_all_that_was_said_of_it(server: Mlflow, experiment: str) -> None:
    about = {"session_id": "s-1", "user_id": "u-1", "client_request_id": "c-1", "name": "my rag"}
    with configured(server, experiment):
        rag(QUESTION, tags={"env": "test"}, metadata={"build": "7"}, **about, **EXPLICIT)
        assert genai_otel.flush(20_000)
        info = server.info(last_trace())
        spans = server.spans(last_trace())
    assert (info["request_preview"], info["response_preview"]) == tuple(EXPLICIT.values())
    assert info["state"] == "OK"
    assert info["client_request_id"] == "c-1"
    assert metadata(info)["mlflow.trace.session"] == "s-1"
    assert metadata(info)["mlflow.trace.user"] == "u-1"
    assert metadata(info)["build"] == "7"
    assert info["tags"]["env"] == "test"
    assert info["tags"]["mlflow.traceName"] == "my rag"
    assert tokens(info) == {
        "input_tokens": 12,
        "output_tokens": 7,
        "total_tokens": 19,
        "cache_read_input_tokens": 3,
    }
    kinds = {span["name"]: span["attributes"]["mlflow.spanType"] for span in spans}
    assert kinds == {"rag": "CHAIN", "retrieval": "RETRIEVER", "chat gpt-4o-mini": "CHAT_MODEL"}


def test_content_has_the_shapes_that_the_ui_reads(server: Mlflow, experiment: str) -> None:
    with configured(server, experiment):
        rag(QUESTION)
        assert genai_otel.flush(20_000)
        spans = {span["name"]: span["attributes"] for span in server.spans(last_trace())}
    chat = spans["chat gpt-4o-mini"]
    assert chat["mlflow.spanInputs"]["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": QUESTION},
    ]
    assert chat["mlflow.spanOutputs"]["choices"][0]["message"] == {"role": "assistant", "content": ANSWER}
    assert chat["mlflow.message.format"] == "openai"
    assert chat["mlflow.chat.tools"][0]["function"]["name"] == "search"
    assert (chat["mlflow.llm.model"], chat["mlflow.llm.provider"]) == ("gpt-4o-mini", "openai")
    (document,) = spans["retrieval"]["mlflow.spanOutputs"]
    assert (document["page_content"], document["id"]) == ("Paris is the capital.", "d1")
    assert document["metadata"]["doc_uri"] == "https://example.org/paris"
    assert spans["rag"]["mlflow.spanInputs"] == {"question": QUESTION}
    assert spans["rag"]["mlflow.spanOutputs"] == ANSWER


def test_previews_are_derived_where_none_is_set(server: Mlflow, experiment: str) -> None:
    with configured(server, experiment):
        rag(QUESTION)
        chain = last_trace()
        generate(QUESTION)
        chat = last_trace()
        assert genai_otel.flush(20_000)
        assert server.info(chain)["request_preview"] == json.dumps(
            {"question": QUESTION}, separators=(",", ":")
        )
        assert server.info(chain)["response_preview"] == ANSWER
        assert server.info(chat)["request_preview"] == QUESTION
        assert server.info(chat)["response_preview"] == ANSWER
        assert server.info(chat)["tags"]["mlflow.traceName"] == "chat gpt-4o-mini"


def test_nothing_is_shown_of_content_that_was_not_captured(server: Mlflow, experiment: str) -> None:
    with configured(server, experiment):
        genai_otel.configure(capture_content=False)
        retrieve(QUESTION)
        assert genai_otel.flush(20_000)
        info = server.info(last_trace())
        (span,) = server.spans(last_trace())
    assert "request_preview" not in info
    assert QUESTION not in json.dumps(span)
    assert span["attributes"]["mlflow.spanType"] == "RETRIEVER"


@pytest.mark.parametrize("kind", [kind.value for kind in SpanType] + ["my own"])
def test_every_span_type_is_kept(server: Mlflow, experiment: str, kind: str) -> None:
    with configured(server, "e2e-types"):
        with genai_otel.start_span(name="typed", span_type=kind) as span:
            span.set_outputs("x")
        assert genai_otel.flush(20_000)
        (found,) = server.spans(last_trace())
    assert found["attributes"]["mlflow.spanType"] == kind


def test_the_agents_tokens_are_not_counted_twice(server: Mlflow, experiment: str) -> None:
    with configured(server, experiment):
        with genai_otel.start_span(name="planner", span_type=SpanType.AGENT):
            generate(QUESTION)
            generate(QUESTION)
        assert genai_otel.flush(20_000)
        assert tokens(server.info(last_trace()))["total_tokens"] == 38


def test_the_experiment_is_made_for_generative_ai(server: Mlflow, experiment: str) -> None:
    with configured(server, experiment):
        rag(QUESTION)
        assert genai_otel.flush(20_000)
    assert {"key": "mlflow.experimentKind", "value": "genai_development"} in server.experiment(experiment)[
        "tags"
    ]


def test_an_experiment_is_found_by_its_id(server: Mlflow, experiment: str) -> None:
    made = server.post("/api/2.0/mlflow/experiments/create", {"name": experiment})["experiment_id"]
    with configured(server, made):
        rag(QUESTION)
        assert genai_otel.flush(20_000)
        location = server.info(last_trace())["trace_location"]
    assert location["mlflow_experiment"]["experiment_id"] == made


def test_the_code_of_the_guide_gives_the_same_through_compat(server: Mlflow, experiment: str) -> None:
    with fresh_process():
        genai_otel.configure(capture_content=True, exporter="none")
        compat.set_tracking_uri(server.url)
        compat.set_experiment(experiment)

        @compat.trace(span_type=compat.entities.SpanType.CHAIN)
        def predict(messages: list[dict[str, str]]) -> str:
            with compat.start_span(name="retrieve", span_type=compat.entities.SpanType.RETRIEVER) as span:
                span.set_outputs(DOCUMENTS)
            content = messages[-1]["content"]
            compat.update_current_trace(
                request_preview=f"{content[:10]} ... {content[-4:]}",
                tags={"env": "test"},
                metadata={"mlflow.trace.session": "s-2", "mlflow.trace.user": "u-2"},
            )
            return generate(content)

        try:
            predict([{"role": "user", "content": "Hi, how are you? I am fine. Bye!"}])
            assert genai_otel.flush(20_000)
            info = server.info(last_trace())
            kinds = {span["attributes"]["mlflow.spanType"] for span in server.spans(last_trace())}
        finally:
            compat._destination.forget()
    assert info["request_preview"] == "Hi, how ar ... Bye!"
    assert info["response_preview"] == ANSWER
    assert metadata(info)["mlflow.trace.session"] == "s-2"
    assert metadata(info)["mlflow.trace.user"] == "u-2"
    assert info["tags"]["env"] == "test"
    assert tokens(info)["total_tokens"] == 19
    assert kinds == {"CHAIN", "RETRIEVER", "CHAT_MODEL"}


# --- a root that isn't ours -----------------------------------------------------------------------------------
@pytest.mark.parametrize("status", [StatusCode.UNSET, StatusCode.ERROR])
def test_under_a_http_server_span(server: Mlflow, experiment: str, status: StatusCode) -> None:
    with configured(server, experiment):
        tracer = trace.get_tracer("http")
        with tracer.start_as_current_span("POST /ask", kind=SpanKind.SERVER) as span:
            rag(QUESTION, session_id="s-3", user_id="u-3", tags={"env": "web"}, **EXPLICIT)
            span.set_status(Status(status))
            time.sleep(0.05)
        assert genai_otel.flush(20_000)
        trace_id = f"{span.get_span_context().trace_id:032x}"
        info, spans = server.info(trace_id), server.spans(trace_id)
    assert (info["request_preview"], info["response_preview"]) == tuple(EXPLICIT.values())
    assert info["state"] == ("ERROR" if status is StatusCode.ERROR else "OK")
    assert (metadata(info)["mlflow.trace.session"], metadata(info)["mlflow.trace.user"]) == ("s-3", "u-3")
    assert (info["tags"]["env"], info["tags"]["mlflow.traceName"]) == ("web", "rag")
    assert tokens(info)["total_tokens"] == 19
    assert float(info["execution_duration"].rstrip("s")) >= 0.05
    assert len(spans) == 4


def test_the_server_span_may_arrive_much_later(server: Mlflow, experiment: str) -> None:
    with configured(server, experiment):
        tracer = trace.get_tracer("http")
        with tracer.start_as_current_span("POST /ask", kind=SpanKind.SERVER) as span:
            rag(QUESTION, **EXPLICIT)
            assert genai_otel.flush(20_000)
            trace_id = f"{span.get_span_context().trace_id:032x}"
            assert server.info(trace_id)["state"] == "OK"
            time.sleep(0.3)
            span.set_status(StatusCode.ERROR)
        assert genai_otel.flush(20_000)
        info = server.info(trace_id)
    assert info["state"] == "ERROR"
    assert float(info["execution_duration"].rstrip("s")) >= 0.3
    assert (info["request_preview"], info["response_preview"]) == tuple(EXPLICIT.values())


def test_a_remote_parent_that_is_never_sent_here(server: Mlflow, experiment: str) -> None:
    headers = {"traceparent": f"00-{uuid.uuid4().hex}-00f067aa0ba902b7-01"}
    with configured(server, experiment):
        with genai_otel.extract_headers(headers):
            rag(QUESTION, **EXPLICIT)
        assert genai_otel.flush(20_000)
        info = server.info(headers["traceparent"][3:35])
    assert info["state"] == "OK"
    assert info["request_preview"] == EXPLICIT["request_preview"]


def test_the_process_of_the_true_root_has_the_last_word(server: Mlflow, experiment: str) -> None:
    with configured(server, experiment):
        with genai_otel.start_span(name="front", span_type=SpanType.CHAIN) as root:
            headers = genai_otel.inject_headers()
            genai_otel.update_current_trace(request_preview="asked in front", tags={"where": "front"})
        assert genai_otel.flush(20_000)
    with configured(server, experiment):  # another process, which is slower to export
        with genai_otel.extract_headers(headers):
            rag(QUESTION, tags={"where": "behind", "more": "yes"}, **EXPLICIT)
        assert genai_otel.flush(20_000)
        info = server.info(root.trace_id)
    assert info["request_preview"] == "asked in front"
    assert (info["tags"]["where"], info["tags"]["more"]) == ("front", "yes")
    assert info["tags"]["mlflow.traceName"] == "front"


# --- feedback -------------------------------------------------------------------------------------------------
def test_feedback_becomes_an_assessment(server: Mlflow, experiment: str) -> None:
    with configured(server, experiment):
        with genai_otel.start_span(name="answer") as span:
            generate(QUESTION)
            inner = genai_otel.get_last_active_trace_id()
        genai_otel.log_feedback(value=0.9, explanation="well said", span=span)
        genai_otel.log_evaluation("tone", label="kind", span=(span.trace_id, span.span_id))
        genai_otel.log_evaluation("broken", error=TimeoutError("late"), span=span)
        assert genai_otel.flush(20_000)
        assert inner is not None
        found = {one["assessment_name"]: one for one in server.info(span.trace_id)["assessments"]}
    assert found["user_feedback"]["feedback"]["value"] == 0.9
    assert found["user_feedback"]["rationale"] == "well said"
    assert found["user_feedback"]["source"]["source_type"] == "HUMAN"
    assert "span_id" not in found["user_feedback"]
    assert found["tone"]["feedback"]["value"] == "kind"
    assert found["tone"]["source"]["source_type"] == "CODE"
    assert found["broken"]["feedback"]["error"]["error_code"] == "TimeoutError"


def test_feedback_on_a_span_inside_names_that_span(server: Mlflow, experiment: str) -> None:
    with configured(server, experiment):
        with genai_otel.start_span(name="answer"), genai_otel.start_span(name="inside") as inner:
            genai_otel.log_feedback(value=True)
        assert genai_otel.flush(20_000)
        (found,) = server.info(inner.trace_id)["assessments"]
    assert found["span_id"] == inner.span_id
    assert found["feedback"]["value"] == 1.0


def test_feedback_given_before_its_trace_has_arrived(server: Mlflow, experiment: str) -> None:
    with configured(server, experiment):
        with genai_otel.start_span(name="answer") as span:
            genai_otel.log_feedback(value=1)
            genai_otel.flush(5_000)  # the trace is not there yet
        assert genai_otel.flush(20_000)
        assert len(server.info(span.trace_id)["assessments"]) == 1


# --- values that the server refuses -----------------------------------------------------------------------------
POISON: dict[str, Any] = {
    "session.id": "s" * 300,
    "gen_ai.conversation.id": "c" * 300,
    "user.id": "u" * 300,
    "mlflow.chat.tokenUsage": '{"input_tokens": "many"}',
    "mlflow.llm.cost": "[1]",
    "gen_ai.usage.input_tokens": 2**62,
    "mlflow.traceTag.mlflow.traceName": "n" * 5_000,
    "mlflow.traceTag." + "k" * 300: "v",
    "mlflow.spanLogLevel": "loud",
    "nul": "a\x00b",
}


@pytest.mark.parametrize("key", POISON)
def test_one_bad_value_costs_nobody_anything(server: Mlflow, experiment: str, key: str) -> None:
    with configured(server, "e2e-poison"):
        rag(QUESTION)
        before = last_trace()
        with genai_otel.start_span(name="bad", attributes={key: POISON[key]}):
            pass
        bad = last_trace()
        rag(QUESTION)
        after = last_trace()
        assert genai_otel.flush(20_000)
        counts = [len(server.spans(one)) for one in (before, bad, after)]
    assert counts == [3, 1, 3]


def test_a_poisoned_batch_of_all_bad_values_arrives_whole(server: Mlflow, experiment: str) -> None:
    with configured(server, experiment):
        ids = []
        for name, value in POISON.items():
            with genai_otel.start_span(name="n" * 5_000, attributes={name: value}):
                genai_otel.update_current_trace(
                    tags={"t" * 300: "v" * 9_000}, metadata={"m" * 300: "v" * 9_000}, name="x" * 9_000
                )
            ids.append(last_trace())
        assert genai_otel.flush(20_000)
        assert all(server.info(one)["state"] == "OK" for one in ids)
        assert all(len(server.spans(one)) == 1 for one in ids)


def test_a_value_that_only_the_server_knows_to_be_bad_costs_one_span(
    server: Mlflow, experiment: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow_limits, "_CHECKS", {})
    with configured(server, experiment):
        ids = []
        for number in range(20):
            rag(QUESTION)
            ids.append(last_trace())
            if number == 10:
                with genai_otel.start_span(name="bad", attributes={"session.id": POISON["session.id"]}):
                    pass
        assert not genai_otel.flush(20_000)  # one was lost
        assert [len(server.spans(one)) for one in ids] == [3] * 20
    assert [record.levelname for record in caplog.records if "could not be sent" in record.message] == [
        "WARNING"
    ]


# --- many ---------------------------------------------------------------------------------------------------------
def test_a_thousand_traces_are_read_back_as_they_were(
    server: Mlflow, experiment: str, record_property: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10000")
    seen = Exporter()
    with configured(server, experiment, exporter=["mlflow", seen]):
        started = time.perf_counter()
        for number in range(1_000):
            rag(f"question {number}", request_preview=f"asked {number}", tags={"number": number})
        made = time.perf_counter()
        assert genai_otel.flush(120_000)
        flushed = time.perf_counter()
        found = server.search(server.experiment(experiment)["experiment_id"])
        spans = [span for one in found for span in server.spans(one["trace_id"][3:])]
    record_property("seconds to make 1,000 traces", round(made - started, 2))
    record_property("seconds to flush them", round(flushed - made, 2))
    print(f"\n1,000 traces: made in {made - started:.2f} s, flushed in {flushed - made:.2f} s")
    assert len(found) == 1_000
    numbers = {one["tags"]["number"]: one for one in found}
    for number in range(1_000):
        info = numbers[str(number)]
        assert info["request_preview"] == f"asked {number}"
        assert info["response_preview"] == ANSWER
        assert info["state"] == "OK"
        assert tokens(info)["total_tokens"] == 19
    assert_same_spans(seen, spans)


def assert_same_spans(seen: Exporter, stored: list[dict[str, Any]]) -> None:
    """Every span arrived once, with its parent, times, status and every attribute."""
    by_id = {span["attributes"]["mlflow.traceRequestId"] + span["name"]: span for span in stored}
    sent = seen.get_finished_spans()
    assert len(stored) == len(sent) == len(by_id) == 3_000
    for span in sent:
        assert span.context is not None
        found = by_id[f"tr-{span.context.trace_id:032x}{span.name}"]
        assert found["start_time_unix_nano"] == span.start_time
        assert found["end_time_unix_nano"] == span.end_time
        for key, value in (span.attributes or {}).items():
            if not key.startswith("genai_otel."):
                stored_value = found["attributes"][key]
                assert stored_value in (value, _parsed(value)), key


def _parsed(value: Any) -> Any:
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value


# --- beside an application's own set-up ---------------------------------------------------------------------------
def test_other_routes_see_nothing_of_mlflows(server: Mlflow, experiment: str) -> None:
    seen = Exporter()
    with configured(server, experiment, exporter=["mlflow", seen]):
        rag(QUESTION, **EXPLICIT)
        assert genai_otel.flush(20_000)
    keys = {key for span in seen.get_finished_spans() for key in span.attributes or {}}
    assert len(seen.names) == 3
    assert not [key for key in keys if key.startswith("mlflow.")]


def test_a_provider_of_the_applications_own(server: Mlflow, experiment: str) -> None:
    with fresh_process():
        provider = TracerProvider(shutdown_on_exit=False)
        trace.set_tracer_provider(provider)
        genai_otel.configure(
            exporter="mlflow", tracking_uri=server.url, experiment=experiment, capture_content=True
        )
        rag(QUESTION, **EXPLICIT)
        assert genai_otel.flush(20_000)
        assert trace.get_tracer_provider() is provider
        assert server.info(last_trace())["request_preview"] == EXPLICIT["request_preview"]
    assert _configure.describe()
