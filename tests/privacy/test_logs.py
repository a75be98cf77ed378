"""The library's own log lines and warnings: what went wrong and where, never with which value."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SpanExporter

import genai_otel
from genai_otel import start_span, trace
from genai_otel.compat import mlflow
from tests.configured import fresh_process

from .planted import SECRET, traces
from .signals import Everything


def on_span(fill: Callable[[Any], Any]) -> Callable[[], None]:
    def run() -> None:
        with start_span("s") as span:
            fill(span)

    return run


def raising(*arguments: Any) -> Any:
    raise ValueError(SECRET)


class Hostile:
    """Fails at everything, with the secret in its message."""

    def __repr__(self) -> str:
        raise ValueError(SECRET)

    __str__ = __iter__ = __len__ = items = __index__ = __float__ = __repr__  # type: ignore[assignment]


MISUSES: dict[str, Callable[[], Any]] = {
    "an unknown status": on_span(lambda span: span.set_status(SECRET)),
    "token counts": on_span(lambda span: span.set_usage(SECRET, SECRET)),
    "attributes that are none": on_span(lambda span: span.set_attributes(SECRET)),
    "attributes at the start": lambda: start_span("s", attributes=SECRET).__exit__(None, None, None),
    "an operation": lambda: start_span("s", operation=SECRET).__exit__(None, None, None),
    "a span type": lambda: start_span("s", span_type=[SECRET]).__exit__(None, None, None),
    "a parent": lambda: genai_otel.start_span_no_context("s", parent=SECRET).end(),
    "tags that are none": on_span(lambda span: genai_otel.update_current_trace(tags=SECRET)),
    "a trace outside": lambda: genai_otel.update_current_trace(request_preview=SECRET),
    "a score": lambda: genai_otel.log_evaluation("n", value=SECRET),
    "a judged span": lambda: genai_otel.log_evaluation("n", value=1, span=SECRET),
    "headers": lambda: genai_otel.extract_headers(SECRET).__enter__(),
    "hostile headers": lambda: genai_otel.extract_headers(Hostile()).__enter__(),
    "hostile inputs": on_span(lambda span: span.set_inputs(Hostile()).set_documents(Hostile())),
    "a reducer": lambda: list(trace(output_reducer=raising)(lambda: (yield 1))()),
    "mlflow's state": on_span(lambda span: mlflow.update_current_trace(state=SECRET)),
    "mlflow's usage": on_span(lambda span: mlflow.get_current_active_span().set_attribute(
        "mlflow.chat.tokenUsage", SECRET
    )),
}  # fmt: skip


@pytest.mark.parametrize("misuse", MISUSES)
def test_a_misuse_is_told_without_the_value(misuse: str) -> None:
    with Everything() as seen:
        with contextlib.suppress(Exception):
            MISUSES[misuse]()
        assert traces(seen.said()) == []


class Failing(SpanExporter):
    """Fails with what it was given in its message, as exporters that print what they could not send."""

    def export(self, spans: Any) -> Any:
        raise ValueError(f"cannot send {SECRET}")

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        raise ValueError(SECRET)

    def shutdown(self) -> None:
        raise ValueError(SECRET)


def test_an_exporter_that_fails_is_told_without_its_words() -> None:
    with Everything() as seen, fresh_process():
        genai_otel.configure("unit", exporter=Failing())
        with start_span("s"):
            pass
        genai_otel.flush()
        genai_otel.shutdown()
        assert any("export raised ValueError" in line for line in seen.lines)
        assert any("frames of that error" in line for line in seen.lines)
        assert traces(seen.said()) == []


VARIABLES = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": f"ftp://user:{SECRET[:12]}@example.org/?key={SECRET[:12]}",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"user:{SECRET[:12]}@[broken?key={SECRET[:12]}",
    "MLFLOW_TRACKING_URI": f"databricks://user:{SECRET[:12]}@x",
    "PHOENIX_COLLECTOR_ENDPOINT": f"user:{SECRET[:12]}@x y",
}


@pytest.mark.parametrize("variable", VARIABLES)
def test_addresses_in_the_environment_are_told_without_credentials(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, VARIABLES[variable])
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"authorization=Bearer {SECRET[:12]}")
    for exporter in ("otlp", "mlflow", "phoenix"):
        with Everything() as seen, fresh_process():
            genai_otel.configure("unit", exporter=exporter)
            described = str(genai_otel._configure.describe())
            genai_otel.shutdown()
            assert traces(seen.said() + described.encode()) == []
    assert os.environ[variable] == VARIABLES[variable]


@pytest.mark.parametrize("argument", ["endpoint", "tracking_uri"])
@pytest.mark.parametrize("address", [f"user:{SECRET[:12]}@x", f"http://u:{SECRET[:12]}@[x/?k={SECRET[:12]}"])
def test_arguments_that_are_refused_are_told_without_credentials(argument: str, address: str) -> None:
    given: dict[str, Any] = {argument: address, "headers": {"authorization": SECRET[:12]}}
    with fresh_process(), pytest.raises(ValueError) as caught:
        genai_otel.configure("unit", exporter="mlflow" if argument == "tracking_uri" else None, **given)
    assert argument in str(caught.value)
    assert traces(str(caught.value).encode()) == []


def test_the_arguments_remembered_show_no_credentials() -> None:
    from genai_otel.setup.arguments import Arguments

    shown = repr(Arguments(endpoint=f"http://u:{SECRET}@x", headers={"k": SECRET}))
    assert traces(shown.encode()) == []


def test_a_span_shows_no_content() -> None:
    with Everything(capture_content=True), start_span("s") as span:
        span.set_inputs(SECRET).set_attribute("a", SECRET)
        assert traces(repr(span).encode()) == []
