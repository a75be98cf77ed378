"""Shorthand calls of the bundled server, for its tests."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from typing import Any, NamedTuple

import openai
import pydantic

from genai_otel.testing.server import OpenAIServer


class Refusal(NamedTuple):
    status: int
    error: Any
    headers: dict[str, str]


HELLO = [{"role": "user", "content": "What is the capital of France?"}]
WEATHER = {
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"],
    },
}
TOOLS: list[Any] = [{"type": "function", "function": WEATHER}]
ASK_WEATHER: list[Any] = [{"role": "user", "content": "What's the weather in Paris?"}]
PNG = b"\x89PNG\r\n\x1a\n not really\n"


class Step(pydantic.BaseModel):
    title: str
    minutes: int
    next: Step | None


def chat(client: openai.OpenAI, mock: str = "", **params: Any) -> Any:
    params = {"model": "gpt-4o-mini", "messages": HELLO, **params}
    return client.chat.completions.create(**params, extra_headers={"x-mock": mock} if mock else None)


def valid(value: Any) -> Any:
    """The value, once it is known to fit the SDK's own type for it."""
    type(value).model_validate(value.to_dict())
    return value


def post(server: OpenAIServer, path: str, body: Any, headers: dict[str, str] | None = None) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    url = server.base_url.removesuffix("/v1") + path
    return urllib.request.urlopen(urllib.request.Request(url, data, headers or {}))


def raw(server: OpenAIServer, data: bytes) -> bytes:
    with dial(server) as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def dial(server: OpenAIServer) -> socket.socket:
    return socket.create_connection(
        ("127.0.0.1", int(server.base_url.split(":")[2].split("/")[0])), timeout=10
    )


RESPONSE_TOOLS: list[Any] = [{"type": "function", **WEATHER, "strict": True}]


def respond(client: openai.OpenAI, mock: str = "", **params: Any) -> Any:
    params = {"model": "gpt-4o-mini", "input": "What is the capital of France?", **params}
    return client.responses.create(**params, extra_headers={"x-mock": mock} if mock else None)


def refused(server: OpenAIServer, path: str, body: Any = None, mock: str = "") -> Refusal:
    """The answer to a request that fails: a GET without a body, else a POST."""
    try:
        if body is None:
            urllib.request.urlopen(server.base_url.removesuffix("/v1") + path).close()
        else:
            post(server, path, body, {"x-mock": mock}).close()
    except urllib.error.HTTPError as error:
        with error:
            return Refusal(error.code, json.load(error)["error"], dict(error.headers))
    raise AssertionError("the request did not fail")
