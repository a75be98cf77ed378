"""``responses.connect``: the Responses API over a WebSocket.

The events are those of a stream, and so is what is recorded. Several responses may be under way, each in a lane of
its own (``stream_id``); within a lane they follow each other. A response that the server starts by itself, as after
``response.steer``, is a turn too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from genai_otel.content.fields import field, string

from .api import Request
from .responses import RESPONSES
from .socket_turns import SocketSession, Turn, parameters

_ENVELOPE: Final = ("type", "event_id", "stream_id")


class _Lane:
    __slots__ = ("active", "waiting")

    def __init__(self) -> None:
        self.active: Turn | None = None
        self.waiting: deque[Turn] = deque()


class ResponsesSession(SocketSession):
    """The telemetry of one connection to the Responses API."""

    api = RESPONSES
    terminal = frozenset({"response.completed", "response.failed", "response.incomplete"})

    def __init__(self, facts: Mapping[str, Any], model: str | None) -> None:
        super().__init__(facts, model)
        self._lanes: dict[str | None, _Lane] = {}

    def requested(self, event: Any, lane: str | None) -> Turn:
        """The caller asks for a response: ``event`` has the parameters of one that is streamed over HTTP."""
        body = parameters(event)
        named = [body.pop(name, None) for name in _ENVELOPE]
        turn = self.open(_request(body))
        self._lanes.setdefault(lane or string(named[-1]), _Lane()).waiting.append(turn)
        return turn

    def turn_of(self, kind: str, event: Any) -> Turn | None:
        """Return the turn under way in the event's lane."""
        name = string(field(event, "stream_id"))
        lane = self._lanes.get(name)
        if kind == "response.created":
            return self._created(name, lane)
        if kind == "error":
            return self.only if lane is None else lane.active or lane.waiting[0]
        return None if lane is None else lane.active

    def _created(self, name: str | None, lane: _Lane | None) -> Turn:
        if lane is not None and lane.active is not None:
            self.end(lane.active, dropped=True)
        lane = self._lanes.setdefault(name, _Lane())
        lane.active = lane.waiting.popleft() if lane.waiting else self.open(_request({}), self.context)
        return lane.active

    def forget(self, turn: Turn) -> None:
        """A turn is over: its lane is free, and not kept."""
        for name, lane in list(self._lanes.items()):
            if lane.active is turn:
                lane.active = None
            if turn in lane.waiting:
                lane.waiting.remove(turn)
            if lane.active is None and not lane.waiting:
                del self._lanes[name]


def _request(body: Mapping[str, Any]) -> Request:
    return Request("ws", "/responses", body, stream=True)
