"""A managed agents service of a few canned answers, as the transport of the SDK's HTTP client."""

from __future__ import annotations

import json
from typing import Any

import httpx2

SESSION_ID, TURN_ID, AGENT_ID = "sess_1", "turn_1", "agent_1"
USAGE: dict[str, Any] = {
    "input_tokens": 30,
    "input_tokens_details": {"cached_tokens": 10},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 37,
}


def session(status: str = "in_progress", **more: Any) -> dict[str, Any]:
    agent = {"id": AGENT_ID, "name": "Librarian", "model": "gpt-5", "instructions": None, "tools": []}
    return {
        "id": SESSION_ID,
        "object": "agent.session",
        "agent": agent,
        "status": status,
        "required_actions": [],
        "usage": None,
        "error": None,
        "metadata": {},
        **more,
    }


def turn(status: str, turn_id: str = TURN_ID, **more: Any) -> dict[str, Any]:
    return {
        "id": turn_id,
        "object": "agent.session.turn",
        "agent_id": AGENT_ID,
        "session_id": SESSION_ID,
        "subagent_id": None,
        "status": status,
        "usage": None,
        "error": None,
        **more,
    }


def turn_event(kind: str, turn_id: str = TURN_ID, **more: Any) -> dict[str, Any]:
    return {"type": f"agent.session.turn.{kind}", "session_id": SESSION_ID, "turn_id": turn_id, **more}


def session_event(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": f"agent.session.{kind}", "session": session(**more)}


def message(text: str, turn_id: str = TURN_ID) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text}]
    return {
        "id": "item_1",
        "type": "message",
        "role": "assistant",
        "phase": "final_answer",
        "status": "completed",
        "turn_id": turn_id,
        "content": content,
    }


def begun(turn_id: str = TURN_ID) -> list[dict[str, Any]]:
    """The events before anything is said."""
    return [
        turn_event("created", turn_id, turn=turn("queued", turn_id)),
        turn_event("in_progress", turn_id, turn=turn("in_progress", turn_id)),
    ]


def answered(text: str = "It is open", turn_id: str = TURN_ID) -> list[dict[str, Any]]:
    """The events of a whole turn."""
    at = {"output_index": 0}
    empty = {**message("", turn_id), "content": [], "status": "in_progress"}
    pieces = [
        turn_event("output_text.delta", turn_id, item_id="item_1", content_index=0, delta=piece, **at)
        for piece in text.partition(" ")
    ]
    return [
        *begun(turn_id),
        turn_event("item.added", turn_id, item=empty, **at),
        *pieces,
        turn_event("item.done", turn_id, item=message(text, turn_id), **at),
        turn_event("completed", turn_id, turn=turn("completed", turn_id), usage=USAGE),
        session_event("idle", status="idle"),
    ]


class Service:
    """Answers the requests of sessions; ``events`` are those of every stream."""

    def __init__(self, events: list[dict[str, Any]]) -> None:
        self.events = events
        self.bodies: list[Any] = []
        self.status = "idle"

    def __call__(self, request: Any) -> Any:
        body = json.loads(request.content) if request.content else None
        self.bodies.append(body)
        path = request.url.path
        if request.method == "POST" and path.endswith("/events"):
            return httpx2.Response(202)
        if path.endswith("/events") or (isinstance(body, dict) and body.get("stream")):
            return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=self._stream())
        if path.endswith("/missing"):
            return httpx2.Response(404, json={"error": {"message": "SECRET", "code": "not_found"}})
        return httpx2.Response(200, json=session(self.status))

    def _stream(self) -> bytes:
        told = ({"event_id": f"event_{number}", **event} for number, event in enumerate(self.events))
        return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in told)
