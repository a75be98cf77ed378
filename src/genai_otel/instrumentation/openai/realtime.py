"""``realtime.connect``: the Realtime API over a WebSocket, in its present and its beta dialect.

The conventions have nothing on it yet. What a response of such a session is, they do have: a model is called and
yields content or tool calls. So each response is a ``chat {model}`` span like any other inference, with
``openai.api.type`` ``realtime`` to tell it apart (the values of that attribute are an open list). The model that was
asked for is the one given to ``connect``; the one that answers is the session's. A cancelled response, as when the
user interrupts, is no failure.

The server keeps the conversation. Input messages are those that came since the previous response: what the caller
added, and what the user said, as its transcript where the server makes one. Sound is only ever referred to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from genai_otel.content import messages as shapes
from genai_otel.content.fields import Message, field, kind_of, sequence, string
from genai_otel.content.parts import text_part
from genai_otel.content.plain import plain
from genai_otel.conventions import attributes as attr
from genai_otel.conventions.span_types import RULES

from . import requests, state
from .api import Api, Request
from .realtime_turn import RealtimeTurn, record_nothing
from .responses_answers import record_context
from .socket_turns import SocketSession, Turn, parameters

API_TYPE: Final = "realtime"
# what the caller may set for all responses of a session
_LASTING: Final = (
    "temperature",
    "max_output_tokens",
    "max_response_output_tokens",
    "output_modalities",
    "modalities",
    "prompt",
    "reasoning",
    "instructions",
    "tools",
)
_TRANSCRIBED: Final = "conversation.item.input_audio_transcription.completed"
_SESSION_EVENTS: Final = ("session.created", "session.updated")
_BUSY: Final = "conversation_already_has_active_response"
_MAX_HEARD: Final = 1_000


def start(request: Request) -> dict[str, Any]:
    """Return the attributes of a request for a response."""
    body = request.body
    limit = body.get("max_response_output_tokens")  # the beta's word
    known = body if limit is None else {"max_output_tokens": limit, **body}
    found = requests.inference(known, API_TYPE, stream=True)
    modalities = body.get("output_modalities") or body.get("modalities")
    if isinstance(modalities, list) and modalities:
        found[attr.OUTPUT_TYPE] = "speech" if "audio" in modalities else "text"
    return found


def record_request(op: Any, request: Request) -> None:
    """Record the instructions and the tools in force; the messages follow at the end."""
    record_context(op, request.body)


REALTIME: Final = Api(RULES["LLM"], start, record_request, record_nothing, RealtimeTurn)


class _Heard:
    """The messages that one item of the conversation is; those of what was said come later, if at all."""

    __slots__ = ("id", "messages")

    def __init__(self, identity: str | None, messages: list[Message]) -> None:
        self.id = identity
        self.messages = messages


class RealtimeSession(SocketSession):
    """The telemetry of one connection to the Realtime API."""

    api = REALTIME
    terminal = frozenset({"response.done"})

    def __init__(self, facts: Mapping[str, Any], model: str | None) -> None:
        super().__init__(facts, model)
        self._waiting: list[Turn] = []
        self._active: dict[str | None, Turn] = {}
        self._session: Any = None  # as the server says it is
        self._lasting: dict[str, Any] = {}  # what the caller set in it
        self._heard: deque[_Heard] = deque(maxlen=_MAX_HEARD)

    # --- sending --------------------------------------------------------------------------------------------
    def requested(self, event: Any, lane: str | None) -> Turn:
        """The caller asks for a response."""
        wanted = parameters(field(event, "response"))
        turn = self._begin(wanted)
        turn.metadata = wanted.get("metadata") or None
        self._waiting.append(turn)
        return turn

    def sent(self, event: Any) -> None:
        """The caller configures the session, or adds to the conversation."""
        kind = kind_of(event)
        if kind == "session.update":
            given = field(event, "session")
            found = {name: field(given, name) for name in _LASTING}
            self._lasting.update({name: plain(value) for name, value in found.items() if value is not None})
        elif kind == "conversation.item.create" and _captures():
            item = field(event, "item")
            self._heard.append(_Heard(string(field(item, "id")), _messages([item])))

    def _begin(self, wanted: dict[str, Any], *, asked: bool = True) -> Turn:
        body: dict[str, Any] = {"model": self.model} if self.model is not None else {}
        for name in ("instructions", "tools"):
            found = field(self._session, name)
            if found:
                body[name] = found
        body.update(self._lasting)
        body.update(wanted)
        apart = body.pop("conversation", None) == "none"  # else it says "auto", which is no conversation's id
        turn = self.open(Request("ws", "/realtime", body, stream=True), None if asked else self.context)
        if isinstance(turn.observer, RealtimeTurn):
            turn.observer.heard = self._input(wanted, apart=apart)
        return turn

    def _input(self, wanted: dict[str, Any], *, apart: bool) -> list[_Heard]:
        if "input" in wanted:
            return [_Heard(None, _messages(wanted["input"]))] if _captures() else []
        heard = list(self._heard)
        if not apart:
            self._heard.clear()
        return heard

    # --- receiving ------------------------------------------------------------------------------------------
    def turn_of(self, kind: str, event: Any) -> Turn | None:
        """Return the turn of the event's response."""
        if kind == "response.created":
            return self._created(field(event, "response"))
        if kind == "error":
            return self._failed(field(event, "error"))
        if kind.startswith("response."):
            identity = string(field(event, "response_id")) or string(field(field(event, "response"), "id"))
            turn = self._active.get(identity)
            if turn is not None and kind in self.terminal:
                turn.set(attr.RESPONSE_MODEL, self._answering)
            return turn
        if kind in _SESSION_EVENTS:
            self._session = field(event, "session")
        elif kind in ("input_audio_buffer.committed", _TRANSCRIBED) and _captures():
            self._spoken(kind, event)
        return None

    def _created(self, response: Any) -> Turn:
        metadata = plain(field(response, "metadata")) or None
        turn = next((turn for turn in self._waiting if turn.metadata == metadata), None)
        if turn is None:
            turn = self._begin({}, asked=False)
        else:
            self._waiting.remove(turn)
        self._active[string(field(response, "id"))] = turn
        turn.set(attr.RESPONSE_MODEL, self._answering)
        return turn

    def _failed(self, error: Any) -> Turn | None:
        """Return the turn that an error is about, which may be about anything that the caller sent."""
        event_id = field(error, "event_id")
        if event_id is not None:
            return next((turn for turn in self._open if turn.event_id == event_id), None)
        server = string(field(error, "type")) == "server_error"
        if not self._waiting:
            return self.only if server else None
        about = (string(field(error, "param")) or "").startswith("response")
        return self._waiting[0] if server or about or field(error, "code") == _BUSY else None

    @property
    def _answering(self) -> str | None:
        return string(field(self._session, "model"))

    def _spoken(self, kind: str, event: Any) -> None:
        """The user has said something; or what it was is known now."""
        identity = string(field(event, "item_id"))
        if kind != _TRANSCRIBED:
            self._heard.append(_Heard(identity, []))
            return
        under_way = [turn.observer.heard for turn in self._open if isinstance(turn.observer, RealtimeTurn)]
        for heard in (self._heard, *under_way):
            for entry in heard:
                if entry.id == identity is not None:
                    entry.messages = _said(field(event, "transcript"))

    def forget(self, turn: Turn) -> None:
        """A turn is over."""
        if turn in self._waiting:
            self._waiting.remove(turn)
        for identity in [known for known, active in self._active.items() if active is turn]:
            del self._active[identity]


def _messages(items: Any) -> list[Message]:
    """Return items of a conversation as messages; their sound is base64 in a field of its own."""
    given = plain(items)
    for item in given if isinstance(given, list) else ():
        for part in sequence(field(item, "content")):
            if isinstance(part, dict) and isinstance(part.get("audio"), str):
                part["input_audio"] = {"data": part.pop("audio")}
    return shapes.input_messages(given)


def _said(transcript: Any) -> list[Message]:
    return [{"role": "user", "parts": [text_part(transcript)]}] if transcript else []


def _captures() -> bool:
    active = state.active()
    return active is not None and active.settings().content.captures
