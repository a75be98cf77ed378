"""``exporter="phoenix"`` against an OTLP receiver on loopback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import genai_otel
from genai_otel import SpanType
from genai_otel.exporters import phoenix
from genai_otel.exporters.registry import ExporterRequest
from genai_otel.telemetry import listeners
from tests.configured import Exporter, fresh_process, span, warnings_of
from tests.otlp_receivers import grpc_receiver, http_receiver


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PHOENIX_")]:
        monkeypatch.delenv(name)


@contextmanager
def configured(**arguments: Any) -> Iterator[None]:
    with fresh_process():
        arguments.setdefault("exporter", "phoenix")
        genai_otel.configure("unit", **arguments)
        yield


def attributes_of(sent: Any) -> dict[str, Any]:
    return {item.key: item.value.string_value for item in sent.attributes}


def test_spans_carry_openinference_on_this_route_only() -> None:
    seen = Exporter()
    with http_receiver() as receiver, configured(exporter=["phoenix", seen], endpoint=receiver.endpoint):
        with genai_otel.start_span(name="n", span_type=SpanType.WORKFLOW):
            pass
        assert genai_otel.flush()
        (sent,) = receiver.spans
    assert attributes_of(sent)["openinference.span.kind"] == "CHAIN"
    assert "openinference.span.kind" not in (seen.get_finished_spans()[0].attributes or {})
    assert receiver.paths == {"/v1/traces"}


def test_the_project_is_the_experiment() -> None:
    with http_receiver() as receiver, configured(endpoint=receiver.endpoint, experiment="mine"):
        span("one")
        assert genai_otel.flush()
        genai_otel.configure(experiment="other")
        span("two")
        assert genai_otel.flush()
        projects = [
            attributes_of(resource.resource)["openinference.project.name"]
            for body in receiver.of("/v1/traces")
            for resource in body.resource_spans
        ]
        assert receiver.resource()["service.name"] == "unit"
    assert projects == ["mine", "other"]


def test_variables_name_server_project_and_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with http_receiver() as receiver:
        monkeypatch.setenv("PHOENIX_COLLECTOR_ENDPOINT", receiver.endpoint + "/")
        monkeypatch.setenv("PHOENIX_PROJECT_NAME", "mine")
        monkeypatch.setenv("PHOENIX_API_KEY", "k0")
        monkeypatch.setenv("PHOENIX_CLIENT_HEADERS", "x-a=1,x-b=2%2C3")
        with configured(headers={"x-c": "3"}):
            span("one")
            assert genai_otel.flush()
        headers = receiver.headers("/v1/traces")
    assert receiver.resource()["openinference.project.name"] == "mine"
    assert headers["authorization"] == "Bearer k0"
    assert [headers[name] for name in ("x-a", "x-b", "x-c")] == ["1", "2,3", "3"]


def test_what_is_meant_for_another_backend_is_not_sent_here(monkeypatch: pytest.MonkeyPatch) -> None:
    with http_receiver() as receiver, http_receiver() as other:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", other.endpoint)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=secret")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        monkeypatch.setenv("PHOENIX_COLLECTOR_ENDPOINT", receiver.endpoint)
        with configured():
            span("one")
            assert genai_otel.flush()
        assert receiver.span_names == ["one"]
        assert "authorization" not in receiver.headers("/v1/traces")
        assert other.spans == []


def test_nor_over_grpc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=secret")
    with grpc_receiver() as receiver, configured(endpoint=receiver.address, protocol="grpc"):
        span("one")
        assert genai_otel.flush()
        assert "authorization" not in receiver.headers("/v1/traces")


def test_grpc() -> None:
    with grpc_receiver() as receiver, configured(endpoint=receiver.address, protocol="grpc"):
        span("one")
        assert genai_otel.flush()
        assert receiver.span_names == ["one"]


@pytest.mark.parametrize(
    ("variables", "request_", "endpoint"),
    [
        ({}, ExporterRequest(), "http://localhost:6006/v1/traces"),
        ({}, ExporterRequest(protocol="grpc"), "localhost:4317"),
        ({"PHOENIX_GRPC_PORT": "4400"}, ExporterRequest(protocol="grpc"), "localhost:4400"),
        (
            {"PHOENIX_COLLECTOR_ENDPOINT": "https://p.example/s/space"},
            ExporterRequest(),
            "https://p.example/s/space/v1/traces",
        ),
        ({"PHOENIX_COLLECTOR_ENDPOINT": "nonsense"}, ExporterRequest(), "http://localhost:6006/v1/traces"),
        ({}, ExporterRequest(endpoint="http://h:1/v1/traces"), "http://h:1/v1/traces"),
    ],
)
def test_where_it_sends_to(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], request_: ExporterRequest, endpoint: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    built = phoenix.build(request_)
    assert built is not None
    try:
        assert built.endpoint == endpoint
    finally:
        built.shutdown()


def test_a_variable_that_is_no_address_costs_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PHOENIX_COLLECTOR_ENDPOINT", "nonsense")
    with configured():
        assert len(warnings_of(caplog)) == 1


def test_after_shutdown_nobody_listens() -> None:
    before = listeners.finished
    with http_receiver() as receiver, configured(endpoint=receiver.endpoint):
        assert len(listeners.finished) == len(before) + 1
        genai_otel.shutdown()
        assert listeners.finished == before


def test_a_failed_export_is_no_success() -> None:
    with http_receiver(statuses=[400]) as receiver, configured(endpoint=receiver.endpoint):
        span("one")
        assert not genai_otel.flush()
