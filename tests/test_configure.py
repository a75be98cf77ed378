from __future__ import annotations

import inspect
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

import genai_otel
from genai_otel import _configure
from tests.configured import Exporter, fresh_process, run, span, warnings_of
from tests.otlp_receivers import (
    GrpcReceiver,
    HttpReceiver,
    grpc_receiver,
    http_receiver,
    refusing_address,
    silent_address,
)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    with fresh_process():
        yield


@pytest.fixture
def http() -> Iterator[HttpReceiver]:
    with http_receiver() as receiver:
        yield receiver


@pytest.fixture
def grpc() -> Iterator[GrpcReceiver]:
    with grpc_receiver() as receiver:
        yield receiver


def record_all_signals(name: str = "a") -> None:
    with genai_otel.start_span(name=name, span_type="LLM", model="m", provider="p") as made:
        made.set_usage(1, 2)
    genai_otel.log_evaluation("quality", value=1.0, span=made)


# --- OTLP


def test_spans_metrics_and_events_go_to_an_http_endpoint(http: HttpReceiver) -> None:
    genai_otel.configure("svc", endpoint=http.endpoint)
    record_all_signals()
    assert genai_otel.flush()
    assert http.span_names == ["a"]
    assert "gen_ai.client.operation.duration" in http.metric_names
    assert [record.event_name for record in http.log_records] == ["gen_ai.evaluation.result"]
    assert http.paths == {"/v1/traces", "/v1/metrics", "/v1/logs"}


def test_spans_metrics_and_events_go_to_a_grpc_endpoint(grpc: GrpcReceiver) -> None:
    genai_otel.configure("svc", endpoint=grpc.address, protocol="grpc")
    record_all_signals()
    assert genai_otel.flush()
    assert grpc.span_names == ["a"]
    assert "gen_ai.client.operation.duration" in grpc.metric_names
    assert len(grpc.log_records) == 1


def test_a_grpc_endpoint_may_be_a_url(grpc: GrpcReceiver) -> None:
    genai_otel.configure(endpoint=f"http://{grpc.address}", protocol="grpc")
    span("a")
    assert genai_otel.flush()
    assert grpc.span_names == ["a"]


def test_all_signals_carry_the_same_resource(http: HttpReceiver) -> None:
    genai_otel.configure("svc", resource_attributes={"zone": "b"}, endpoint=http.endpoint)
    record_all_signals()
    genai_otel.flush()
    spans, metrics, logs = (http.resource(path) for path in ("/v1/traces", "/v1/metrics", "/v1/logs"))
    assert spans == metrics == logs
    assert (spans["service.name"], spans["zone"]) == ("svc", "b")


def test_a_service_name_given_later_reaches_all_signals(http: HttpReceiver) -> None:
    genai_otel.configure("one", endpoint=http.endpoint)
    record_all_signals()
    genai_otel.flush()
    genai_otel.configure("two")
    record_all_signals()
    genai_otel.flush()
    names = [http.resource(path)["service.name"] for path in ("/v1/traces", "/v1/metrics", "/v1/logs")]
    assert names == ["two"] * 3


def test_a_path_in_front_of_the_signal_paths_is_kept(http: HttpReceiver) -> None:
    genai_otel.configure(endpoint=f"{http.endpoint}/api/otel/")
    record_all_signals()
    genai_otel.flush()
    assert http.paths == {"/api/otel/v1/traces", "/api/otel/v1/metrics", "/api/otel/v1/logs"}


def test_the_full_url_of_traces_serves_all_signals(http: HttpReceiver) -> None:
    genai_otel.configure(endpoint=f"{http.endpoint}/x/v1/traces")
    record_all_signals()
    genai_otel.flush()
    assert http.paths == {"/x/v1/traces", "/x/v1/metrics", "/x/v1/logs"}


def test_headers_go_with_all_signals_over_those_of_the_environment(
    http: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=env,x-env=1")
    genai_otel.configure(endpoint=http.endpoint, headers={"X-Tenant": "given"})
    record_all_signals()
    genai_otel.flush()
    for path in ("/v1/traces", "/v1/metrics", "/v1/logs"):
        assert http.headers(path)["x-tenant"] == "given"
        assert http.headers(path)["x-env"] == "1"


def test_headers_go_with_grpc_in_lower_case(grpc: GrpcReceiver) -> None:
    genai_otel.configure(endpoint=grpc.address, protocol="grpc", headers={"X-Tenant": "given"})
    record_all_signals()
    assert genai_otel.flush()
    for path in ("/v1/traces", "/v1/metrics", "/v1/logs"):
        assert grpc.headers(path)["x-tenant"] == "given"


def test_the_environment_alone_configures_otlp(http: HttpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{http.endpoint}/base")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{http.endpoint}/as/it/is/v1/traces")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "env")
    genai_otel.configure()
    record_all_signals()
    assert genai_otel.flush()
    assert http.paths == {"/as/it/is/v1/traces", "/base/v1/metrics", "/base/v1/logs"}
    assert http.headers("/v1/traces")["content-encoding"] == "gzip"
    assert http.resource()["service.name"] == "env"


@pytest.mark.parametrize("variable", ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"])
def test_the_protocol_of_the_environment_is_used(
    grpc: GrpcReceiver, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "grpc")
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
    genai_otel.configure(endpoint=grpc.address)
    span("a")
    assert genai_otel.flush()
    assert grpc.span_names == ["a"]


def test_the_endpoint_given_wins_over_the_environment(
    http: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:9/v1/traces")
    genai_otel.configure(endpoint=http.endpoint)
    span("a")
    assert genai_otel.flush()
    assert http.span_names == ["a"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/xml"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "-1"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zip"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "often"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "0"),
    ],
)
def test_a_bad_variable_costs_one_warning_and_the_default_is_used(
    http: HttpReceiver,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    variable: str,
    value: str,
) -> None:
    monkeypatch.setenv(variable, value)
    genai_otel.configure(endpoint=http.endpoint)
    record_all_signals()
    assert genai_otel.flush()
    assert http.span_names == ["a"]
    assert "gen_ai.client.operation.duration" in http.metric_names
    (warning,) = warnings_of(caplog)
    assert f"{variable}={value!r}" in warning


def test_a_malformed_endpoint_in_the_environment_costs_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")
    genai_otel.configure()
    assert _configure.describe()["exporters"][0]["endpoint"] == "http://localhost:4318/v1/traces"
    (warning,) = warnings_of(caplog)
    assert "OTEL_EXPORTER_OTLP_ENDPOINT='collector:4318'" in warning


def test_metrics_and_logs_can_be_switched_off(http: HttpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
    genai_otel.configure(endpoint=http.endpoint)
    record_all_signals()
    genai_otel.flush()
    assert http.paths == {"/v1/traces"}


def test_metrics_can_be_exported_without_spans(http: HttpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "otlp")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", http.endpoint)
    genai_otel.configure(exporter="none")
    record_all_signals()
    genai_otel.flush()
    assert http.paths == {"/v1/metrics"}


def test_another_endpoint_moves_all_signals(http: HttpReceiver) -> None:
    with http_receiver() as second:
        genai_otel.configure(endpoint=http.endpoint)
        record_all_signals("a")
        genai_otel.configure(endpoint=second.endpoint)
        assert (http.span_names, len(http.log_records)) == (["a"], 1)
        assert "gen_ai.client.operation.duration" in http.metric_names
        before = len(http.requests)
        record_all_signals("b")
        assert genai_otel.flush()
        assert (second.span_names, len(second.log_records)) == (["b"], 1)
        assert "gen_ai.client.operation.duration" in second.metric_names
        assert len(http.requests) == before


def test_the_same_endpoint_again_exports_each_span_once(http: HttpReceiver) -> None:
    for _ in range(3):
        genai_otel.configure(endpoint=http.endpoint)
        record_all_signals()
    assert genai_otel.flush()
    assert http.span_names == ["a"] * 3
    assert len(http.log_records) == 3


def test_metrics_are_collected_by_themselves(http: HttpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "50")
    genai_otel.configure(endpoint=http.endpoint)
    record_all_signals()
    deadline = time.monotonic() + 10
    while len(http.of("/v1/metrics")) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(http.of("/v1/metrics")) >= 2


# --- flush


def test_flush_with_nothing_configured_is_true() -> None:
    assert genai_otel.flush()


def test_flush_is_false_when_time_runs_out() -> None:
    with silent_address() as address:
        genai_otel.configure(endpoint=f"http://{address}")
        record_all_signals()
        started = time.monotonic()
        assert genai_otel.flush(timeout_ms=300) is False
        assert time.monotonic() - started < 2


def test_flush_is_false_when_nothing_could_be_delivered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")
    with refusing_address() as address:
        genai_otel.configure(endpoint=f"http://{address}")
        span("a")
        assert genai_otel.flush() is False


def test_a_flush_after_one_that_failed_can_succeed(monkeypatch: pytest.MonkeyPatch) -> None:
    with http_receiver(statuses=[400]) as receiver:
        genai_otel.configure(endpoint=receiver.endpoint)
        span("lost")
        assert genai_otel.flush() is False
        span("kept")
        assert genai_otel.flush() is True
        assert receiver.span_names == ["kept"]


def test_flush_waits_for_the_slowest_signal_only() -> None:
    with http_receiver(delay=0.4) as receiver:
        genai_otel.configure(endpoint=receiver.endpoint)
        record_all_signals()
        started = time.monotonic()
        assert genai_otel.flush()
        assert time.monotonic() - started < 1.1
        assert receiver.paths == {"/v1/traces", "/v1/metrics", "/v1/logs"}


# --- exporters that misbehave


class Raising(SpanExporter):
    def export(self, spans: Any) -> SpanExportResult:
        raise RuntimeError("content of a span")

    def shutdown(self) -> None:
        raise RuntimeError("content of a span")


def test_an_exporter_that_raises_costs_one_warning_and_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    genai_otel.configure(exporter=Raising())
    for _ in range(3):
        span("a")
        assert genai_otel.flush() is False
    shown = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.exc_info for record in shown] == [None]
    assert "Raising.export raised RuntimeError" in shown[0].getMessage()
    assert "content of a span" not in shown[0].getMessage()


def test_an_exporter_that_raises_does_not_keep_the_others_from_exporting() -> None:
    other = Exporter()
    genai_otel.configure(exporter=[Raising(), other])
    span("a")
    genai_otel.flush()
    genai_otel.shutdown()
    assert (other.names, other.shutdowns) == (["a"], 1)


# --- shutdown


def test_shutdown_sends_what_is_left_and_may_be_called_again(http: HttpReceiver) -> None:
    genai_otel.configure(endpoint=http.endpoint)
    record_all_signals()
    genai_otel.shutdown()
    assert (http.span_names, len(http.log_records)) == (["a"], 1)
    assert "gen_ai.client.operation.duration" in http.metric_names
    before = len(http.requests)
    genai_otel.shutdown()
    record_all_signals("late")
    assert genai_otel.flush()
    assert len(http.requests) == before


def test_shutdown_without_configure_does_nothing() -> None:
    genai_otel.shutdown()
    assert trace.get_tracer_provider().__class__.__name__ == "ProxyTracerProvider"


def test_shutdown_leaves_no_thread_behind(http: HttpReceiver) -> None:
    before = set(threading.enumerate())
    genai_otel.configure(endpoint=http.endpoint)
    record_all_signals()
    genai_otel.shutdown()
    ours = [
        thread.name for thread in set(threading.enumerate()) - before if "process_request" not in thread.name
    ]
    assert ours == []


def test_configure_works_again_after_shutdown(http: HttpReceiver) -> None:
    genai_otel.configure("svc", endpoint=http.endpoint)
    provider = trace.get_tracer_provider()
    record_all_signals("a")
    genai_otel.shutdown()
    requests = len(http.requests)
    with http_receiver() as second:
        genai_otel.configure(endpoint=second.endpoint)
        assert trace.get_tracer_provider() is provider
        record_all_signals("b")
        assert genai_otel.flush()
        assert (second.span_names, len(second.log_records)) == (["b"], 1)
        assert "gen_ai.client.operation.duration" in second.metric_names
        assert second.resource()["service.name"] == "svc"
    assert len(http.requests) == requests


def test_the_same_configuration_works_again_after_shutdown(http: HttpReceiver) -> None:
    for name in ("a", "b"):
        genai_otel.configure("svc", endpoint=http.endpoint)
        record_all_signals(name)
        assert genai_otel.flush()
        genai_otel.shutdown()
    assert http.span_names == ["a", "b"]
    assert len(http.log_records) == 2


def test_what_was_given_before_a_shutdown_stays(http: HttpReceiver) -> None:
    genai_otel.configure("svc", endpoint=http.endpoint)
    genai_otel.shutdown()
    genai_otel.configure(capture_content=True)
    record_all_signals()
    assert genai_otel.flush()
    assert http.span_names == ["a"]


def test_shutdown_is_bounded_when_the_collector_never_answers() -> None:
    with silent_address() as address:
        genai_otel.configure(endpoint=f"http://{address}")
        record_all_signals()
        started = time.monotonic()
        genai_otel.shutdown()
        assert time.monotonic() - started < 8


# --- the process


def test_the_package_and_its_functions_import_no_sdk_until_configure_is_called() -> None:
    done = run(
        "import sys, genai_otel\n"
        "assert 'genai_otel._configure' not in sys.modules\n"
        "genai_otel.configure\n"
        "genai_otel.flush()\n"
        "genai_otel.shutdown()\n"
        "heavy = ('opentelemetry.sdk', 'opentelemetry.exporter', 'requests', 'grpc', 'rich', 'openai')\n"
        "print([name for name in sys.modules if name.startswith(heavy)])\n"
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_http_loads_no_grpc() -> None:
    done = run(
        "import sys, genai_otel\n"
        "genai_otel.configure(endpoint='http://127.0.0.1:9')\n"
        "print([name for name in sys.modules if name == 'grpc'])\n"
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_sdk_disabled_turns_everything_off(http: HttpReceiver) -> None:
    done = run(
        "import sys, threading, genai_otel\n"
        f"genai_otel.configure('svc', endpoint={http.endpoint!r}, capture_content=True)\n"
        "with genai_otel.start_span(name='a', span_type='LLM', model='m') as span: pass\n"
        "print(threading.active_count(), span.is_recording(), genai_otel.flush())\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry.sdk')])\n"
        "from opentelemetry import trace; print(type(trace.get_tracer_provider()).__name__)\n"
        "from genai_otel import _configure; print(_configure.describe()['provider'])\n",
        OTEL_SDK_DISABLED="True",
    )
    assert done.stdout.splitlines() == ["1 False True", "[]", "ProxyTracerProvider", "disabled"], done.stderr
    assert http.requests == []


def test_a_bad_argument_raises_also_when_the_sdk_is_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with pytest.raises(ValueError, match="exporter="):
        genai_otel.configure(exporter="x")


def test_a_forked_child_exports_its_own_spans_once_and_can_configure(http: HttpReceiver) -> None:
    done = run(
        "import os, genai_otel\n"
        f"genai_otel.configure('svc', endpoint={http.endpoint!r})\n"
        "def record(name):\n"
        "    with genai_otel.start_span(name=name, span_type='LLM', model='m', provider='p') as s: pass\n"
        "    genai_otel.log_evaluation(name, value=1.0, span=s)\n"
        "record('before')\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    record('child')\n"
        f"    genai_otel.configure(endpoint={http.endpoint!r})\n"
        "    record('child again')\n"
        "    raise SystemExit(0)\n"
        "print(os.waitpid(child, 0)[1])\n"
        "record('after')\n"
    )
    assert done.stdout.strip() == "0", done.stderr
    assert http.span_names == ["after", "before", "child", "child again"]
    assert len(http.log_records) == 4
    assert len(http.of("/v1/metrics")) == 2
    assert "Traceback" not in done.stderr


def test_the_signature_is_the_documented_one() -> None:
    parameters = inspect.signature(genai_otel.configure).parameters
    assert list(parameters) == [
        "service_name",
        "exporter",
        "endpoint",
        "protocol",
        "headers",
        "resource_attributes",
        "sampler",
        "capture_content",
        "redact",
        "max_content_length",
        "tracking_uri",
        "experiment",
        "tracer_provider",
        "meter_provider",
        "logger_provider",
    ]
    assert all(parameter.default is None for parameter in parameters.values())
    keyword_only = [name for name, one in parameters.items() if one.kind is one.KEYWORD_ONLY]
    assert keyword_only == list(parameters)[1:]
    assert inspect.signature(genai_otel.flush).parameters["timeout_ms"].default == 30_000
