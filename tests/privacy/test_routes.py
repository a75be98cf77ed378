"""On the wire and on the screen: OTLP, MLflow with its REST calls, Phoenix, and the console tree."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import openai
import pytest

import genai_otel
from genai_otel import start_span, trace
from genai_otel.exporters.console import ConsoleTree
from genai_otel.testing.server import OpenAIServer
from tests.configured import fresh_process
from tests.exporters.mlflow_stand_in import Asked, stand_in
from tests.otlp_receivers import http_receiver

from .planted import SECRET, traces
from .redactors import raises, removes
from .signals import Everything

WAYS: dict[str, dict[str, Any]] = {
    "off": {},
    "redacted": {"capture_content": "span_and_event", "redact": removes},
    "redactor that fails": {"capture_content": "span_and_event", "redact": raises},
}
KEY = SECRET[:12]  # header values are plain text


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "PHOENIX_"))]:
        monkeypatch.delenv(name)


def work(server: OpenAIServer) -> None:
    """An agent that asks a model and fails, with the secret in everything it handles."""
    genai_otel.autolog()

    @trace(span_type="TOOL")
    def look_up(query: str) -> list[str]:
        return [query]

    @trace(span_type="AGENT")
    def answer(question: str) -> None:
        look_up(question)
        with openai.OpenAI(api_key=KEY, base_url=server.base_url, max_retries=0) as client:
            list(
                client.chat.completions.create(
                    model="gpt-4o-mini",
                    messages=[{"role": "user", "content": question}],
                    stream=True,
                    extra_headers={"x-mock": "echo"},
                )
            )
            client.chat.completions.create(
                model="gpt-4o-mini",
                messages=[{"role": "user", "content": question}],
                extra_headers={"x-mock": f"status=400;message={quote(SECRET)}"},
            )

    try:
        with contextlib.suppress(openai.BadRequestError):
            trace(answer)(SECRET)
    finally:
        genai_otel.autolog(disable=True)


@contextlib.contextmanager
def configured(way: str, **arguments: Any) -> Iterator[Everything]:
    with Everything() as seen, fresh_process():
        genai_otel.configure("unit", **{**WAYS[way], **arguments})
        yield seen


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("exporter", ["otlp", "phoenix"])
def test_otlp(way: str, exporter: str, server: OpenAIServer) -> None:
    with http_receiver() as receiver:
        headers = {"authorization": f"Bearer {KEY}"}
        with configured(way, exporter=exporter, endpoint=receiver.endpoint, headers=headers) as seen:
            work(server)
            assert genai_otel.flush()
            assert traces(seen.said()) == []
        requests = receiver.requests
        assert len(receiver.spans) == 5
        assert receiver.headers("/v1/traces")["authorization"] == f"Bearer {KEY}"
    for _, _, body in requests:
        assert traces(body.SerializeToString()) == []


@pytest.mark.parametrize("way", WAYS)
def test_mlflow(way: str, server: OpenAIServer) -> None:
    with stand_in() as mlflow_server:
        arguments = {"exporter": "mlflow", "tracking_uri": mlflow_server.uri}
        with configured(way, headers={"authorization": f"Bearer {KEY}"}, **arguments) as seen:
            with start_span("root"):
                genai_otel.update_current_trace(metadata={"k": "v"}, request_preview="shown")
                work(server)
                if way != "off":
                    genai_otel.update_current_trace(response_preview=SECRET, user_id=SECRET)
            assert genai_otel.flush()
            assert traces(seen.said()) == []
        asked_for = {asked.path for asked in mlflow_server.asked}
        assert "/v1/traces" in asked_for
        assert ("/api/3.0/mlflow/traces" in asked_for) == (
            way != "redactor that fails"
        )  # nothing is left to say
        for asked in mlflow_server.asked:
            assert traces(repr(asked.body).encode()) == []


def test_an_answer_of_mlflow_that_repeats_what_it_was_sent_is_not_logged() -> None:
    def refuse(asked: Asked) -> tuple[int, Any] | None:
        if asked.path.startswith(("/api/3.0", "/v1/traces")):
            return 422, {"detail": [{"input": SECRET}], "error_code": SECRET, "message": SECRET}
        return None

    with stand_in(refuse) as mlflow_server:
        with configured("off", exporter="mlflow", tracking_uri=mlflow_server.uri) as seen:
            with start_span("s") as span:
                span.set_inputs(SECRET)
                genai_otel.update_current_trace(metadata={"k": SECRET})
            genai_otel.flush()
            assert any("could not be sent" in line for line in seen.lines)
            assert traces(seen.said()) == []


@pytest.mark.parametrize("way", WAYS)
def test_the_console_tree(way: str, server: OpenAIServer, capfd: pytest.CaptureFixture[str]) -> None:
    with configured(way, exporter="console") as seen:
        work(server)
        assert genai_otel.flush()
        assert traces(seen.said()) == []
    shown = "".join(capfd.readouterr())
    assert "invoke_agent" in shown
    assert traces(shown.encode()) == []


def test_the_tree_shows_a_preview_when_content_is_on(server: OpenAIServer) -> None:
    screen = io.StringIO()
    with fresh_process():
        from opentelemetry.sdk.trace import TracerProvider

        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(ConsoleTree(screen))
        genai_otel.configure(tracer_provider=provider, capture_content=True)
        work(server)
        provider.force_flush()
    assert traces(screen.getvalue().encode())
