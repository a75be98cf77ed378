"""The Realtime API over a WebSocket, in its present and its beta dialect, and its REST side."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from genai_otel.testing.server import behaviour as behaviours
from genai_otel.testing.server import realtime_events as events
from genai_otel.testing.server import text, tools
from genai_otel.testing.server.behaviour import Behaviour
from genai_otel.testing.server.exchange import CREATED, JSON, Answer, Call, Event, json_reply
from genai_otel.testing.server.resources import Route
from genai_otel.testing.server.websocket import WebSocket


class RealtimeSession:
    """One connection: its configuration, its conversation, and a handler for each client event."""

    def __init__(self, socket: WebSocket, call: Call) -> None:
        self.socket = socket
        self.call = call
        self.beta = "realtime=v1" in call.request.headers.get("openai-beta", "")
        query = call.request.query
        self.session = new_session(call, query.get("model") or query.get("deployment") or "gpt-realtime")
        self.conversation = call.state.next_id("conv_")
        self.items: dict[str, JSON] = {}
        self.audio = b""

    def run(self) -> None:
        """Serve the connection until the client closes it."""
        self.send("session.created", session=self.session)
        for message in self.socket:
            self.call.request.messages.append(message)
            self.handle(message if isinstance(message, dict) else {})

    def handle(self, message: JSON) -> None:
        kind = str(message.get("type"))
        handler = _HANDLERS.get(kind)
        if handler is not None:
            handler(self, message)
            return
        error = {
            "type": "invalid_request_error",
            "code": "invalid_value",
            "message": f"Invalid value: '{kind}'.",
        }
        self.send("error", error={**error, "param": "type", "event_id": message.get("event_id")})

    def send(self, kind: str, **fields: Any) -> None:
        self.socket.send(self.event(kind, **fields))

    def event(self, kind: str, **fields: Any) -> JSON:
        event = {"type": kind, "event_id": self.call.state.next_id("event_"), **fields}
        return events.beta(event) if self.beta else event

    def update_session(self, message: JSON) -> None:
        self.session = {**self.session, **(message.get("session") or {})}
        self.send("session.updated", session=self.session)

    def create_item(self, message: JSON) -> None:
        self.add_item(message.get("item") or {})

    def add_item(self, given: JSON) -> JSON:
        """Add an item to the conversation and say so."""
        item = {
            "id": self.call.state.next_id("item_"),
            "object": "realtime.item",
            "status": "completed",
            **given,
        }
        previous = next(reversed(self.items), None)
        self.items[item["id"]] = item
        self.send("conversation.item.added", previous_item_id=previous, item=item)
        if not self.beta:
            self.send("conversation.item.done", previous_item_id=previous, item=item)
        return item

    def retrieve_item(self, message: JSON) -> None:
        self.send("conversation.item.retrieved", item=self.items.get(str(message.get("item_id")), {}))

    def delete_item(self, message: JSON) -> None:
        self.items.pop(str(message.get("item_id")), None)
        self.send("conversation.item.deleted", item_id=message.get("item_id"))

    def append_audio(self, message: JSON) -> None:
        self.audio += base64.b64decode(str(message.get("audio", "")), validate=False)

    def clear_audio(self, message: JSON) -> None:
        self.audio = b""
        self.send("input_audio_buffer.cleared")

    def commit_audio(self, message: JSON) -> None:
        part = {"type": "input_audio", "transcript": f"Audio of {len(self.audio)} bytes"}
        previous = next(reversed(self.items), None)
        id = self.call.state.next_id("item_")
        self.send("input_audio_buffer.committed", previous_item_id=previous, item_id=id)
        self.add_item({"id": id, "type": "message", "role": "user", "content": [part]})
        self.audio = b""

    def cancel_response(self, message: JSON) -> None:
        # Answers are sent in one go, so that there is never one left to cancel.
        error = {"type": "invalid_request_error", "code": "response_cancel_not_active", "param": None}
        self.send("error", error={**error, "message": "Cancellation failed: no active response found"})

    def create_response(self, message: JSON) -> None:
        """Answer the conversation with a message or a tool call."""
        wanted = {**self.session, **(message.get("response") or {})}
        behaviour = turn_behaviour(self.call.behaviour, wanted)
        answer = events.RealtimeAnswer(
            self.call, behaviour, self.conversation, wanted, list(self.items.values())
        )
        response = answer.response(_said_or_called(behaviour, wanted, list(self.items.values())))
        played = (Event(self.event(**each)) for each in events.stream(response, behaviour))
        self.socket.play(played, behaviour, lambda error: self.event("error", error=error))
        self.items.update((item["id"], item) for item in response["output"])


def turn_behaviour(connection: Behaviour, wanted: JSON) -> Behaviour:
    """The behaviour of one turn: in its metadata under ``x-mock``, else the connection's."""
    line = (wanted.get("metadata") or {}).get("x-mock")
    try:
        return behaviours.parse(line) if line else connection
    except ValueError:
        return connection


def _said_or_called(behaviour: Behaviour, wanted: JSON, items: list[JSON]) -> str | list[tools.ToolCall]:
    question = next((_text(item) for item in reversed(items) if item.get("role") == "user"), "")
    names = {item.get("call_id"): str(item["name"]) for item in items if item.get("name")}
    results = [
        (names.get(item.get("call_id"), "the tool"), str(item.get("output")))
        for item in items
        if item.get("type") == "function_call_output"
    ]
    offered = tools.offered(wanted.get("tools"))
    called = tools.calls(behaviour, offered, wanted.get("tool_choice"), question, fresh=not results)
    return called or text.say(behaviour, question, str(wanted.get("instructions") or ""), results)


def _text(item: JSON) -> str:
    parts = item.get("content") or ()
    return "\n".join(str(part.get("text") or part.get("transcript") or "") for part in parts)


_HANDLERS: dict[str, Callable[[RealtimeSession, JSON], None]] = {
    "session.update": RealtimeSession.update_session,
    "conversation.item.create": RealtimeSession.create_item,
    "conversation.item.retrieve": RealtimeSession.retrieve_item,
    "conversation.item.delete": RealtimeSession.delete_item,
    "input_audio_buffer.append": RealtimeSession.append_audio,
    "input_audio_buffer.clear": RealtimeSession.clear_audio,
    "input_audio_buffer.commit": RealtimeSession.commit_audio,
    "response.create": RealtimeSession.create_response,
    "response.cancel": RealtimeSession.cancel_response,
}


def new_session(call: Call, model: str) -> JSON:
    """A session with the API's defaults, except that it answers in text."""
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": call.state.next_id("sess_"),
        "model": model,
        "output_modalities": ["text"],
        "instructions": "",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"}},
    }


def _create_client_secret(call: Call) -> Answer:
    asked = call.body.get("session") or {}
    session = {**new_session(call, asked.get("model") or "gpt-realtime"), **asked}
    return json_reply({"value": call.state.next_id("ek_"), "expires_at": CREATED + 600, "session": session})


def _create_session(call: Call) -> Answer:
    secret = {"value": call.state.next_id("ek_"), "expires_at": CREATED + 600}
    return json_reply({**new_session(call, "gpt-realtime"), **call.body, "client_secret": secret})


ROUTES: tuple[Route, ...] = (
    ("POST", "/realtime/client_secrets", _create_client_secret),
    ("POST", "/realtime/sessions", _create_session),
    ("POST", "/realtime/transcription_sessions", _create_session),
)
