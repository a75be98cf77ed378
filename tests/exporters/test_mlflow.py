"""``exporter="mlflow"`` against a server on loopback that does as it is told."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind

import genai_otel
from genai_otel import SpanType, _runtime
from genai_otel.exporters import mlflow, mlflow_finisher, mlflow_server, registry
from genai_otel.exporters.registry import ExporterRequest
from genai_otel.telemetry import listeners
from tests.configured import Exporter, fresh_process, run, warnings_of
from tests.exporters.mlflow_stand_in import Asked, StandIn, stand_in
from tests.otlp_receivers import refusing_address, silent_address

QUICK = {"OTEL_EXPORTER_OTLP_TIMEOUT": "1"}


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def server() -> Iterator[StandIn]:
    with stand_in() as started:
        yield started


@contextmanager
def configured(uri: str, **arguments: Any) -> Iterator[None]:
    with fresh_process():
        arguments.setdefault("capture_content", True)
        genai_otel.configure("unit", exporter="mlflow", tracking_uri=uri, **arguments)
        yield


def traced(name: str = "root", **about: Any) -> None:
    with genai_otel.start_span(name=name, span_type=SpanType.CHAIN) as span:
        span.set_inputs({"a": 1})
        span.set_outputs("text")
        if about:
            genai_otel.update_current_trace(**about)


# --- where to send ----------------------------------------------------------------------------------------
def test_nothing_is_asked_before_the_first_spans_are_sent(server: StandIn) -> None:
    with configured(server.uri):
        traced()
        assert server.asked == []
        assert genai_otel.flush()
    assert server.span_names == ["root"]


@pytest.mark.parametrize("uri", ["sqlite:///mlflow.db", "databricks", "http://", "localhost:5000"])
def test_a_tracking_uri_that_is_no_server_is_an_error(uri: str) -> None:
    with fresh_process(), pytest.raises(ValueError, match="tracking_uri"):
        genai_otel.configure(exporter="mlflow", tracking_uri=uri)


def test_the_variable_names_the_server(server: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri + "/")
    with fresh_process():
        genai_otel.configure(exporter="mlflow")
        traced()
        assert genai_otel.flush()
    assert server.span_names == ["root"]


def test_a_variable_that_names_no_server_costs_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    with fresh_process():
        assert mlflow_server.address_of(ExporterRequest()).uri == "http://localhost:5000"
    assert len(warnings_of(caplog)) == 1


@pytest.mark.parametrize(
    ("variables", "header"),
    [
        ({"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "pw"}, "Basic YWRhOnB3"),
        ({"MLFLOW_TRACKING_TOKEN": "t0"}, "Bearer t0"),
    ],
)
def test_credentials_go_with_every_request(
    server: StandIn, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], header: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with configured(server.uri, headers={"x-extra": "1"}):
        traced()
        assert genai_otel.flush()
    assert len(server.asked) >= 3
    assert {asked.headers["authorization"] for asked in server.asked} == {header}
    assert {asked.headers["x-extra"] for asked in server.asked} == {"1"}


def test_credentials_are_not_shown() -> None:
    request = ExporterRequest(tracking_uri="http://u:secret@h:1", headers={"authorization": "secret"})
    address = mlflow_server.address_of(request)
    assert "secret" not in repr(address.headers and mlflow_server.MlflowServer(address).shown)


# --- the experiment ---------------------------------------------------------------------------------------
def experiment_of(server: StandIn) -> set[str]:
    return {asked.headers["x-mlflow-experiment-id"] for asked in server.span_requests}


def test_an_experiment_is_made_where_it_is_missing(server: StandIn) -> None:
    with configured(server.uri, experiment="mine"):
        traced()
        assert genai_otel.flush()
        traced()
        assert genai_otel.flush()
    (created,) = server.of("create")
    assert created.body["tags"] == [{"key": "mlflow.experimentKind", "value": "genai_development"}]
    assert experiment_of(server) == {server.experiments["mine"]}
    assert len(server.of("get-by-name")) == 1  # and then remembered


def test_an_experiment_is_found_by_name_and_by_id(server: StandIn) -> None:
    server.experiments["theirs"] = "7"
    for key in ("theirs", "7"):
        with configured(server.uri, experiment=key):
            traced()
            assert genai_otel.flush()
    assert experiment_of(server) == {"7"}
    assert not server.of("create")


def test_digits_may_be_a_name(server: StandIn) -> None:
    with configured(server.uri, experiment="2024"):
        traced()
        assert genai_otel.flush()
    assert "2024" in server.experiments


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({}, "0"), ({"MLFLOW_EXPERIMENT_ID": "7"}, "7"), ({"MLFLOW_EXPERIMENT_NAME": "theirs"}, "7")],
)
def test_variables_name_the_experiment(
    server: StandIn, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str
) -> None:
    server.experiments["theirs"] = "7"
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with configured(server.uri):
        traced()
        assert genai_otel.flush()
    assert experiment_of(server) == {expected}


def test_an_experiment_made_by_somebody_faster_is_used() -> None:
    def race(asked: Asked) -> tuple[int, Any] | None:
        if asked.path.endswith("create"):
            server.experiments["mine"] = "9"
            return 400, {"error_code": "RESOURCE_ALREADY_EXISTS"}
        return None

    with stand_in(race) as server, configured(server.uri, experiment="mine"):
        traced()
        assert genai_otel.flush()
        assert experiment_of(server) == {"9"}


# --- failures ---------------------------------------------------------------------------------------------
def test_a_busy_server_is_asked_again() -> None:
    statuses = [503, 429]
    with stand_in(lambda asked: (statuses.pop(), {}) if asked.names and statuses else None) as server:
        with configured(server.uri):
            traced()
            assert genai_otel.flush()
        assert len(server.span_requests) == 3


@pytest.mark.parametrize("status", [401, 403, 501])
def test_a_refusal_is_said_once_and_not_asked_again(status: int, caplog: pytest.LogCaptureFixture) -> None:
    with stand_in(lambda asked: (status, {}) if asked.names else None) as server, configured(server.uri):
        for _ in range(3):
            traced()
            traced()
            assert not genai_otel.flush()
        assert len(server.span_requests) == 3
        assert server.traces == []
        (warning,) = warnings_of(caplog)
    assert str(status) in warning


def test_one_bad_span_does_not_cost_its_batch() -> None:
    with stand_in(lambda asked: (422, {}) if "bad" in asked.names else None) as server:
        with configured(server.uri):
            for number in range(30):
                traced("bad" if number == 17 else f"good {number:02}")
            assert not genai_otel.flush()
        accepted = [
            name for asked in server.span_requests if "bad" not in asked.names for name in asked.names
        ]
        assert sorted(accepted) == [f"good {number:02}" for number in range(30) if number != 17]
        assert len(server.span_requests) <= 12
        assert len(server.traces) == 29  # nothing is said of a trace that was not delivered


def test_a_server_that_refuses_everything_is_not_asked_for_ever() -> None:
    with stand_in(lambda asked: (400, {}) if asked.names else None) as server, configured(server.uri):
        for _ in range(200):
            traced()
        assert not genai_otel.flush()
        assert len(server.span_requests) <= 64


def test_a_deleted_experiment_is_looked_up_anew() -> None:
    statuses = [404]
    with stand_in(lambda asked: (statuses.pop(), {}) if asked.names and statuses else None) as server:
        with configured(server.uri, experiment="mine"):
            traced()
            assert not genai_otel.flush()
            del server.experiments["mine"]
            traced()
            assert genai_otel.flush()
        assert len(server.of("create")) == 2


def test_the_caller_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with silent_address() as address:
        started = time.perf_counter()
        with fresh_process():
            genai_otel.configure(exporter="mlflow", tracking_uri=f"http://{address}")
            traced()
            genai_otel.log_feedback(value=1, span=("ab" * 16, "cd" * 8))
            assert time.perf_counter() - started < 0.5
            assert not genai_otel.flush(300)


def test_the_process_ends_soon_without_a_server() -> None:
    script = """
import time, genai_otel
genai_otel.configure(exporter="mlflow", tracking_uri="http://{}", experiment="mine")
with genai_otel.start_span(name="one"):
    genai_otel.update_current_trace(request_preview="p")
    genai_otel.log_feedback(value=1)
print(time.time())
"""
    with refusing_address() as address:
        done = run(script.format(address))
    assert done.returncode == 0, done.stderr
    assert time.time() - float(done.stdout) < 2.5
    assert "Traceback" not in done.stderr


# --- what is said by REST ---------------------------------------------------------------------------------
def test_what_the_user_says_of_a_trace_is_said_by_rest(server: StandIn) -> None:
    about = {"request_preview": "req", "response_preview": "res", "client_request_id": "c", "name": "n"}
    with configured(server.uri):
        traced(tags={"t": 1}, metadata={"m": "x"}, session_id="s", user_id="u", **about)
        assert genai_otel.flush()
    (said,) = server.traces
    assert (said["request_preview"], said["response_preview"]) == ("req", "res")
    assert said["client_request_id"] == "c"
    assert said["tags"] == {"t": "1", "mlflow.traceName": "n"}
    assert said["trace_metadata"] == {"m": "x", "mlflow.trace.session": "s", "mlflow.trace.user": "u"}
    assert said["state"] == "OK"


def test_nothing_is_said_where_the_spans_say_it_all(server: StandIn) -> None:
    with configured(server.uri):
        with genai_otel.start_span(span_type=SpanType.LLM, model="m") as span:
            span.set_inputs("hello")
            span.set_outputs("hi")
        with genai_otel.start_span(name="json"):
            genai_otel.update_current_trace(tags={"t": 1}, session_id="s", user_id="u", name="n")
        genai_otel.configure(capture_content=False)
        _quiet(1)
        assert genai_otel.flush()
    assert len(server.span_names) == 3
    assert server.traces == []


@genai_otel.trace
def _quiet(argument: int) -> int:
    return argument


def test_a_session_that_another_span_named_first_is_put_right(server: StandIn) -> None:
    with configured(server.uri):
        with genai_otel.start_span(name="outer"):
            with genai_otel.context(session_id="inner"), genai_otel.start_span(name="child"):
                pass
            assert genai_otel.flush()  # the child arrives first
            genai_otel.update_current_trace(session_id="outer")
        assert genai_otel.flush()
    (said,) = server.traces
    assert said["trace_metadata"]["mlflow.trace.session"] == "outer"


def test_the_root_comes_first_in_its_batch(server: StandIn) -> None:
    with configured(server.uri):
        with genai_otel.start_span(name="root"), genai_otel.start_span(name="child"):
            pass
        assert genai_otel.flush()
    assert server.span_requests[0].names == ["root", "child"]


def test_a_trace_whose_root_is_not_ours_is_completed(server: StandIn) -> None:
    with configured(server.uri):
        with trace.get_tracer("http").start_as_current_span("GET /", kind=SpanKind.SERVER):
            traced(request_preview="first")
            traced(response_preview="last")
        assert genai_otel.flush()
    (said,) = server.traces  # of both, in one batch, with the span around them
    assert (said["request_preview"], said["response_preview"]) == ("first", "last")


def test_a_failure_of_rest_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with stand_in(lambda asked: (400, {}) if asked.path.endswith("mlflow/traces") else None) as server:
        with configured(server.uri):
            traced()
            traced()
            assert not genai_otel.flush()
        assert len(server.span_names) == 2
        assert len(warnings_of(caplog)) == 1


# --- feedback ---------------------------------------------------------------------------------------------
def test_feedback_waits_for_its_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_finisher, "_PAUSES", (0.0, 0.05, 0.05, 0.05))
    statuses = [404, 404]
    ready = threading.Event()

    def decide(asked: Asked) -> tuple[int, Any] | None:
        if not asked.path.endswith("assessments"):
            return None
        if statuses:
            return statuses.pop(), {}
        ready.set()
        return None

    with stand_in(decide) as server, configured(server.uri):
        genai_otel.log_feedback(value=0.5, span=("ab" * 16, "cd" * 8))
        assert ready.wait(5)
        assert len(server.assessments) == 3
        assert server.assessments[-1]["trace_id"] == "tr-" + "ab" * 16
        assert server.assessments[-1]["span_id"] == "cd" * 8


def test_feedback_on_a_trace_that_never_comes_is_given_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(mlflow_finisher, "_PAUSES", (0.0, 0.01))
    with stand_in(lambda asked: (404, {}) if asked.path.endswith("assessments") else None) as server:
        with configured(server.uri):
            genai_otel.log_feedback(value=0.5, span=("ab" * 16, "cd" * 8))
            assert not genai_otel.flush()
            time.sleep(0.05)
            genai_otel.flush()
        assert len(server.assessments) == 2
        assert len(warnings_of(caplog)) == 1


def test_feedback_works_where_there_is_nobody_for_events(server: StandIn) -> None:
    with configured(server.uri):
        with genai_otel.start_span(name="root") as span:
            pass
        genai_otel.log_evaluation("tone", label="kind", value=1, response_id="r", span=span)
        assert genai_otel.flush()
    (said,) = server.assessments
    assert said["feedback"] == {"value": 1.0}
    assert said["metadata"] == {"gen_ai.evaluation.score.label": "kind", "gen_ai.response.id": "r"}
    assert "span_id" not in said


# --- manners ------------------------------------------------------------------------------------------------
def test_our_own_requests_are_not_traced(server: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    suppressed: list[bool] = []
    once = mlflow_server.MlflowServer._once

    def watched(self: Any, *arguments: Any) -> Any:
        suppressed.append(_runtime.suppressed(_runtime.current()))
        return once(self, *arguments)

    monkeypatch.setattr(mlflow_server.MlflowServer, "_once", watched)
    with configured(server.uri):
        traced()
        assert genai_otel.flush()
    assert len(suppressed) == 3
    assert all(suppressed)


def test_spans_themselves_stay_as_they_are(server: StandIn) -> None:
    seen = Exporter()
    with fresh_process():
        genai_otel.configure(exporter=["mlflow", seen], tracking_uri=server.uri, capture_content=True)
        traced(request_preview="p")
        assert genai_otel.flush()
    (span,) = seen.get_finished_spans()
    assert not [key for key in span.attributes or {} if key.startswith("mlflow.")]
    (sent,) = server.span_requests[0].body.resource_spans[0].scope_spans[0].spans
    assert not [item.key for item in sent.attributes if item.key.startswith("genai_otel.")]


def test_after_shutdown_nobody_listens(server: StandIn) -> None:
    before = (listeners.finished, listeners.evaluated)
    with configured(server.uri):
        assert len(listeners.finished) == len(before[0]) + 1
        genai_otel.shutdown()
        assert (listeners.finished, listeners.evaluated) == before


def test_what_is_still_to_be_said_is_said_at_shutdown(server: StandIn) -> None:
    with configured(server.uri):
        traced(request_preview="p")
        genai_otel.shutdown()
    assert server.span_names == ["root"]
    assert len(server.traces) == 1


def test_configuring_again_keeps_the_exporter(server: StandIn) -> None:
    with configured(server.uri, experiment="mine"):
        genai_otel.configure(capture_content=False)
        traced()
        assert genai_otel.flush()
    assert server.span_names == ["root"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_sends_its_own_and_nothing_else(server: StandIn) -> None:
    with configured(server.uri):
        traced("warm")
        assert genai_otel.flush()
        traced("parent", request_preview="of the parent")
        child = os.fork()
        if child == 0:
            traced("child", request_preview="of the child")
            os._exit(0 if genai_otel.flush(10_000) else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert genai_otel.flush()
    assert server.span_names == ["child", "parent", "warm"]
    previews = sorted(str(said["request_preview"]) for said in server.traces)
    assert previews == ["of the child", "of the parent", '{"a":1}']


def test_gzip_as_the_variable_says(server: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    with configured(server.uri):
        traced()
        assert genai_otel.flush()
    assert server.span_requests[0].headers["content-encoding"] == "gzip"


def test_the_exporter_says_where_it_sends_to() -> None:
    built = registry.build("mlflow", ExporterRequest(tracking_uri="http://localhost:5000/"))
    assert isinstance(built, mlflow.MlflowSpanExporter)
    try:
        assert built.endpoint == "http://localhost:5000"
    finally:
        built.shutdown(0)
