from __future__ import annotations

from typing import Any

import pytest

from genai_otel import _guard
from genai_otel.exporters import otlp
from genai_otel.exporters.registry import ExporterRequest
from tests.configured import warnings_of


@pytest.fixture(autouse=True)
def _fresh() -> None:
    _guard.reset()


def resolve(signal: str = "traces", **arguments: Any) -> otlp.Target:
    return otlp.resolve(ExporterRequest(**arguments), signal)


@pytest.mark.parametrize(
    ("protocol", "endpoint"),
    [(None, "http://localhost:4318/v1/traces"), ("grpc", "localhost:4317")],
)
def test_without_anything_given_a_collector_on_this_machine_is_meant(
    protocol: str | None, endpoint: str
) -> None:
    target = resolve(protocol=protocol)
    assert (target.endpoint, target.seconds, target.compression, target.headers) == (
        endpoint,
        10.0,
        "none",
        (),
    )


@pytest.mark.parametrize(
    ("endpoint", "insecure"),
    [("localhost:4317", True), ("http://host:4317", True), ("https://host:4317", False)],
)
def test_a_grpc_connection_is_insecure_unless_the_url_says_https(endpoint: str, insecure: bool) -> None:
    assert resolve(endpoint=endpoint, protocol="grpc").insecure is insecure


def test_the_insecure_variable_decides_for_an_endpoint_without_scheme(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_INSECURE", "false")
    target = resolve(endpoint="localhost:4317", protocol="grpc")
    assert getattr(otlp.exporter(target), "_credentials", None) is not None


def test_a_grpc_endpoint_of_the_environment_without_scheme_is_secure_as_the_sdk_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")
    target = resolve(protocol="grpc")
    assert target.endpoint == "collector:4317"
    assert getattr(otlp.exporter(target), "_credentials", None) is not None


def test_the_endpoint_variable_of_a_signal_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://host/base")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://host/own")
    assert resolve("traces").endpoint == "http://host/own"
    assert resolve("logs").endpoint == "http://host/base/v1/logs"
    assert resolve("traces", endpoint="http://given").endpoint == "http://given/v1/traces"


def test_variables_of_a_signal_win_over_the_shared_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, shared, own in [
        ("PROTOCOL", "grpc", "http/protobuf"),
        ("TIMEOUT", "5", "7"),
        ("COMPRESSION", "deflate", "gzip"),
        ("HEADERS", "a=shared", "a=own"),
    ]:
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name}", shared)
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_LOGS_{name}", own)
    traces, logs = resolve("traces"), resolve("logs")
    assert (traces.protocol, traces.seconds, traces.compression, dict(traces.headers)) == (
        "grpc",
        5.0,
        "deflate",
        {"a": "shared"},
    )
    assert (logs.protocol, logs.seconds, logs.compression, dict(logs.headers)) == (
        "http/protobuf",
        7.0,
        "gzip",
        {"a": "own"},
    )


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("compression", ["none", "gzip", "deflate"])
@pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
def test_an_exporter_of_the_sdk_is_made_for_every_target(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    protocol: str,
    compression: str,
    signal: str,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", compression)
    made = otlp.exporter(resolve(signal, protocol=protocol, headers={"A-B": "c"}))
    assert made is not None
    assert type(made).__module__.startswith("opentelemetry.exporter.otlp.proto.")
    made.shutdown()
    assert warnings_of(caplog) == []


def test_what_keeps_an_exporter_from_being_made_costs_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER", "no-such-provider")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "soon")
    for _ in range(2):
        made = otlp.exporter(resolve(protocol="grpc"))
    assert made is None
    assert len(warnings_of(caplog)) == 2  # the variable, and that no exporter can be made


def test_a_target_shows_no_headers_and_no_credentials() -> None:
    target = resolve(endpoint="http://me:secret@host", headers={"authorization": "secret"})
    assert "secret" not in repr(target)
    assert "secret" not in repr(ExporterRequest("http://me:secret@host", headers={"authorization": "secret"}))
