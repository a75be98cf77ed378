from __future__ import annotations

import pytest

from genai_otel.exporters import urls


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://localhost:4318", "http://localhost:4318/v1/traces"),
        ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
        ("https://host/api/otel", "https://host/api/otel/v1/traces"),
        ("https://host/api/otel/", "https://host/api/otel/v1/traces"),
        ("https://host/v1/traces", "https://host/v1/traces"),
        ("https://host/api/v1/traces/", "https://host/api/v1/traces/"),
        ("https://host/v1/metrics", "https://host/v1/traces"),
        ("https://host/x?token=1", "https://host/x/v1/traces?token=1"),
        ("http://[::1]:4318", "http://[::1]:4318/v1/traces"),
    ],
)
def test_the_url_of_traces_is_the_endpoint_or_below_it(endpoint: str, url: str) -> None:
    assert urls.signal_url(endpoint, "traces") == url


@pytest.mark.parametrize("signal", ["metrics", "logs"])
def test_the_urls_of_the_other_signals_are_derived_from_that_of_traces(signal: str) -> None:
    assert urls.signal_url("https://host/api/v1/traces", signal) == f"https://host/api/v1/{signal}"


@pytest.mark.parametrize(
    ("endpoint", "target"),
    [
        ("localhost:4317", ("localhost:4317", None)),
        ("http://localhost:4317", ("localhost:4317", True)),
        ("https://collector:4317/", ("collector:4317", False)),
        ("http://[::1]:4317", ("[::1]:4317", True)),
        ("unix:///run/collector.sock", ("unix:///run/collector.sock", None)),
    ],
)
def test_a_grpc_target_is_host_and_port_and_whether_the_scheme_says_insecure(
    endpoint: str, target: tuple[str, bool | None]
) -> None:
    assert urls.problem(endpoint, urls.GRPC) is None
    assert urls.grpc_target(endpoint) == target


@pytest.mark.parametrize(
    "endpoint", ["", ":4317", "host:99999", "host:port", "ftp://host", "http://host/x", "a b:1"]
)
def test_what_is_no_grpc_endpoint_is_told(endpoint: str) -> None:
    assert urls.problem(endpoint, urls.GRPC)


def test_an_endpoint_is_shown_without_credentials() -> None:
    assert urls.shown("https://me:secret@host:1/path?key=secret") == "https://host:1/path"
    assert urls.shown("localhost:4317") == "localhost:4317"
