"""A process as good as new for each example, the bundled server, and HTTP-client instrumentation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import genai_otel
from genai_otel.testing.server import OpenAIServer
from tests.configured import fresh_process
from tests.existing_setups.throwaway import absent, not_tested, require


@pytest.fixture(scope="session")
def running_server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as server:
        yield server


@pytest.fixture
def openai_server(running_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> OpenAIServer:
    """The bundled server, where clients find it by the SDK's own variables."""
    running_server.reset()
    monkeypatch.setenv("OPENAI_BASE_URL", running_server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    return running_server


@pytest.fixture
def new_process(openai_server: OpenAIServer) -> Iterator[None]:
    """Nothing installed, nothing configured, nothing instrumented; before and after."""
    with fresh_process():
        yield
        genai_otel.autolog(disable=True)


@pytest.fixture
def instrument_http() -> Iterator[Callable[[], None]]:
    """Switches on the instrumentation of the OpenAI SDK's HTTP client; call it once there is a provider."""
    made: list[Any] = []

    def instrument() -> None:
        require("with HTTP-client instrumentation", "opentelemetry.instrumentation.httpx")
        import openai
        from opentelemetry.instrumentation import httpx as instrumentation

        name = "HTTPX2ClientInstrumentor" if openai.__version__ >= "3" else "HTTPXClientInstrumentor"
        if not hasattr(instrumentation, name):
            not_tested("with HTTP-client instrumentation", f"the one installed has no {name}")
        made.append(getattr(instrumentation, name)())
        made[0].instrument()

    yield instrument
    for one in made:
        one.uninstrument()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for line in sorted(absent):
        terminalreporter.write_line(line, red=True, bold=True)
