"""The real SDK against the bundled server, instrumented for one test at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

openai = pytest.importorskip("openai")

import genai_otel  # noqa: E402
from genai_otel.testing.server import OpenAIServer  # noqa: E402


@pytest.fixture(scope="session")
def running_server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as server:
        yield server


@pytest.fixture
def server(running_server: OpenAIServer) -> OpenAIServer:
    """The bundled server, its identifiers counting from 1."""
    running_server.reset()
    return running_server


@pytest.fixture
def traced() -> Iterator[None]:
    """Autolog on, and off again afterwards."""
    genai_otel.openai.autolog()
    yield
    genai_otel.openai.autolog(disable=True)


@pytest.fixture
def client(server: OpenAIServer, traced: None) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="test", base_url=server.base_url, max_retries=0) as made:
        yield made


@pytest.fixture
async def async_client(server: OpenAIServer, traced: None) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(api_key="test", base_url=server.base_url, max_retries=0) as made:
        yield made
