from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import ProxyTracerProvider

import genai_otel
from genai_otel import _configure, _settings
from tests.configured import Exporter, fresh_process


@pytest.fixture(autouse=True)
def _fresh() -> Any:
    with fresh_process():
        yield


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            {"exporter": "oltp"},
            ["exporter='oltp'", "did you mean 'otlp'", "'console'", "'none'", "SpanExporter"],
        ),
        ({"exporter": "OTLP"}, ["exporter='OTLP'", "did you mean 'otlp'"]),
        ({"exporter": ["console", "jaeger"]}, ["exporter='jaeger'", "'phoenix'", "'mlflow'"]),
        ({"exporter": ["otlp", "none"]}, ["exporter=", "'none' can't be combined"]),
        ({"exporter": ""}, ["exporter=''"]),
        ({"endpoint": "localhost:4318"}, ["endpoint='localhost:4318'", "http://", "protocol='grpc'"]),
        ({"endpoint": "collector"}, ["endpoint='collector'", "https://"]),
        ({"endpoint": "ftp://collector"}, ["endpoint='ftp://collector'", "scheme", "https://"]),
        ({"endpoint": "http://"}, ["endpoint='http://'", "no host"]),
        ({"endpoint": "http://collector:port"}, ["endpoint=", "http://"]),
        ({"endpoint": "http://collector:70000"}, ["endpoint=", "http://"]),
        ({"endpoint": "http://[::1"}, ["endpoint=", "http://"]),
        ({"endpoint": "http://collector :4318"}, ["endpoint=", "blanks"]),
        ({"endpoint": ""}, ["endpoint=''", "empty"]),
        ({"endpoint": "http://collector/otlp", "protocol": "grpc"}, ["endpoint=", "no path", "host:port"]),
        ({"protocol": "http"}, ["protocol='http'", "did you mean 'http/protobuf'", "'grpc'"]),
        ({"protocol": "http/json"}, ["protocol='http/json'", "'http/protobuf'", "'grpc'"]),
        ({"capture_content": "everything"}, ["capture_content='everything'", "'span_and_event'"]),
        ({"max_content_length": 63}, ["max_content_length=63", "64"]),
        ({"service_name": " "}, ["service_name"]),
        ({"tracking_uri": ""}, ["tracking_uri"]),
        ({"headers": {"x-key": "a\nb"}}, ["headers['x-key']"]),
        ({"headers": {"": "a"}}, ["headers['']"]),
    ],
)
def test_a_bad_value_raises_value_error_naming_the_argument_and_what_is_allowed(
    arguments: dict[str, Any], said: list[str]
) -> None:
    with pytest.raises(ValueError) as caught:
        genai_otel.configure(**arguments)
    assert [part for part in said if part not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"service_name": 3}, "service_name must be a str, not int"),
        ({"endpoint": 4318}, "endpoint must be a str, not int"),
        ({"exporter": 3}, "exporter=int is not allowed"),
        ({"exporter": InMemorySpanExporter}, "exporter=the class InMemorySpanExporter is not allowed"),
        ({"exporter": [None]}, "exporter=NoneType is not allowed"),
        ({"exporter": b"otlp"}, "exporter=bytes is not allowed"),
        ({"headers": "a=b"}, "headers must be a mapping"),
        ({"headers": {"a": 1}}, "headers['a'] must be a str"),
        ({"resource_attributes": ["a"]}, "resource_attributes must be a mapping"),
        ({"resource_attributes": {"a": object()}}, "resource_attributes['a'] must be"),
        ({"resource_attributes": {1: "a"}}, "resource_attributes must have str keys"),
        ({"sampler": "always_on"}, "sampler must be a Sampler, not str"),
        ({"redact": "x"}, "redact must be a callable"),
        ({"max_content_length": "100"}, "max_content_length must be an int"),
        ({"tracer_provider": object()}, "tracer_provider must be a TracerProvider"),
        ({"meter_provider": object()}, "meter_provider must be a MeterProvider"),
        ({"logger_provider": object()}, "logger_provider must be a LoggerProvider"),
    ],
)
def test_a_value_of_the_wrong_type_raises_type_error_naming_the_argument(
    arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(TypeError) as caught:
        genai_otel.configure(**arguments)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "bad",
    [
        {"exporter": "oltp"},
        {"protocol": "x"},
        {"capture_content": "x"},
        {"max_content_length": 1},
        {"sampler": 1},
    ],
)
def test_nothing_has_changed_after_a_bad_argument(bad: dict[str, Any]) -> None:
    settings = _settings.current()
    with pytest.raises((ValueError, TypeError)):
        genai_otel.configure(
            **{"service_name": "svc", "exporter": Exporter(), "capture_content": True, **bad}
        )
    assert isinstance(trace.get_tracer_provider(), ProxyTracerProvider)
    assert _settings.current() is settings
    assert _configure._state.arguments.given() == {}


def test_an_error_about_headers_or_an_endpoint_tells_no_credentials() -> None:
    with pytest.raises(ValueError) as caught:
        genai_otel.configure(headers={"authorization": "Bearer s3cret\n"})
    assert "s3cret" not in str(caught.value)
    with pytest.raises(ValueError) as caught:
        genai_otel.configure(endpoint="ftp://me:s3cret@collector/?token=s3cret")
    assert "s3cret" not in str(caught.value)


def test_an_endpoint_is_checked_against_the_protocol_in_force() -> None:
    genai_otel.configure(endpoint="http://localhost:4318/base", exporter="none")
    with pytest.raises(ValueError, match="no path"):
        genai_otel.configure(protocol="grpc")


def test_a_grpc_endpoint_without_a_scheme_is_allowed_where_the_environment_says_grpc(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    genai_otel.configure(endpoint="localhost:4317", exporter="none")


def test_resource_attributes_of_none_are_left_out() -> None:
    genai_otel.configure(resource_attributes={"git.sha": None, "zone": "a"}, exporter="none")
    resource: Any = trace.get_tracer_provider()
    assert resource.resource.attributes["zone"] == "a"
    assert "git.sha" not in resource.resource.attributes
