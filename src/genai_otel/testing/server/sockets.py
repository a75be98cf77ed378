"""Which WebSocket endpoint serves which connection."""

from __future__ import annotations

from collections.abc import Callable

from genai_otel.testing.server import responses_socket, routes
from genai_otel.testing.server.exchange import APIError, Call, RecordedRequest, Reply, error_body, json_reply
from genai_otel.testing.server.realtime import RealtimeSession
from genai_otel.testing.server.state import ServerState
from genai_otel.testing.server.websocket import WebSocket


def _realtime(socket: WebSocket, call: Call) -> None:
    RealtimeSession(socket, call).run()


_ENDPOINTS: dict[str, Callable[[WebSocket, Call], None]] = {
    "/realtime": _realtime,
    "/responses": responses_socket.run,
}


def prepare(request: RecordedRequest, state: ServerState) -> Callable[[WebSocket], None] | Reply:
    """What serves the connection once it is upgraded, or the answer that refuses it."""
    path, deployment = routes.canonical(request.path)
    endpoint = _ENDPOINTS.get(path)
    if endpoint is None:
        return json_reply({"error": error_body(404, f"Invalid URL (WebSocket {path})")}, 404)
    try:
        behaviour = state.behaviour(request, path)
    except APIError as error:
        return error.reply
    if (behaviour.status or 200) >= 400:
        return routes.refusal(behaviour)
    call = Call(request, behaviour, state, lambda other: routes.respond(other, state)[0], (), deployment)
    return lambda socket: endpoint(socket, call)
