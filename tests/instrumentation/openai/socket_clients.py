"""Clients whose WebSockets go to the bundled server, and events as a server would send them."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from genai_otel.testing.server import OpenAIServer

pytest.importorskip("websockets")

# a connection with unread messages waits for its closing handshake that long
QUICK: dict[str, Any] = {"websocket_connection_options": {"close_timeout": 0.1}}


def connecting(server: OpenAIServer) -> openai.OpenAI:
    """A client; older versions dial wss whatever the base URL says."""
    return openai.OpenAI(
        api_key="test", base_url=server.base_url, websocket_base_url=_address(server), max_retries=0
    )


def async_connecting(server: OpenAIServer) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(
        api_key="test", base_url=server.base_url, websocket_base_url=_address(server), max_retries=0
    )


def _address(server: OpenAIServer) -> str:
    return server.base_url.replace("http://", "ws://")


def said(text: str) -> dict[str, Any]:
    """An item of the user's."""
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def until(connection: Any, *kinds: str) -> list[Any]:
    """Receive up to an event of one of these kinds."""
    events = [connection.recv()]
    while events[-1].type not in kinds:
        events.append(connection.recv())
    return events


async def async_until(connection: Any, *kinds: str) -> list[Any]:
    events = [await connection.recv()]
    while events[-1].type not in kinds:
        events.append(await connection.recv())
    return events


def receive(connection: Any, kind: str, **fields: Any) -> Any:
    """Let the SDK parse an event that no server sent."""
    return connection.parse_event(json.dumps({"type": kind, "event_id": "event_x", **fields}))


def identities(owners: list[type]) -> list[dict[str, int]]:
    """What is in these classes; a wrapper is equal to what it wraps, but is not the same."""
    return [{name: id(value) for name, value in vars(owner).items()} for owner in owners]
