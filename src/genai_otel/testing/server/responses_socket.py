"""The Responses API over a WebSocket: the events of HTTP streaming, one message each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from genai_otel.testing.server import response_events as events
from genai_otel.testing.server import responses
from genai_otel.testing.server.exchange import JSON, APIError, Call, Event, error_body
from genai_otel.testing.server.realtime import turn_behaviour
from genai_otel.testing.server.websocket import WebSocket


def run(socket: WebSocket, call: Call) -> None:
    """Serve the connection until the client closes it."""
    for message in socket:
        call.request.messages.append(message)
        given = message if isinstance(message, dict) else {}
        if given.get("type") == "response.create":
            _answer(socket, call, given)
        else:
            socket.send(_error(400, error_body(400, f"Unsupported event type: {given.get('type')}")))


def _answer(socket: WebSocket, call: Call, message: JSON) -> None:
    body = {key: value for key, value in message.items() if key not in ("type", "stream_id")}
    turn = replace(
        call, request=replace(call.request, json=body), behaviour=turn_behaviour(call.behaviour, body)
    )
    lane = {"stream_id": message["stream_id"]} if message.get("stream_id") else {}
    try:
        response = responses.respond(turn)
    except APIError as error:
        socket.send({**_error(error.reply.status, json.loads(error.reply.body)["error"]), **lane})
        return
    played = _in_lane(events.stream(response, turn.behaviour), lane)
    socket.play(played, turn.behaviour, lambda error: {**_error(500, error), **lane})


def _in_lane(played: Iterator[Event], lane: JSON) -> Iterator[Event]:
    yield from (Event({**event.data, **lane}) for event in played)


def _error(status: int, error: JSON) -> JSON:
    return {"type": "error", "status": status, "error": error}
