"""The turns of a WebSocket connection: one span for each response that is made over it.

A turn begins when its request is sent, or, for one that the server starts by itself, when it says so. It ends with
its last event. One that is still open when the connection closes or breaks, is dropped, or when the instrumentation
is switched off, ends there: as failed if the connection broke, else marked as abandoned.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, Final

from opentelemetry.context import Context

from genai_otel._guard import report
from genai_otel._runtime import current
from genai_otel.content.fields import field, kind_of
from genai_otel.content.plain import plain
from genai_otel.conventions import attributes as attr
from genai_otel.conventions import events
from genai_otel.telemetry.operation import begin, default_name

from . import state
from .api import Api, Request, StreamObserver, read_json
from .opening import stands_back
from .requests import redacted
from .responses_answers import fail

_MAX_OPEN: Final = 1_000  # requests that are never answered don't grow memory without bound
CREATE: Final = "response.create"
_BROKEN: Final = "ConnectionClosedError"  # of websockets, which is not imported for its name


class Turn:
    """The telemetry of one response; without an operation where there is nothing to record.

    ``event_id`` is that of the request, ``metadata`` what the caller gave it to be recognised by.
    """

    __slots__ = ("event_id", "metadata", "observer", "operation")

    def __init__(self, api: Api, request: Request, facts: Mapping[str, Any], context: Context) -> None:
        self.operation = None
        self.observer: StreamObserver | None = None
        self.event_id: Any = None
        self.metadata: Any = None
        active = state.active()
        if active is None or stands_back(api, context):
            return
        settings = active.settings()
        attributes = {**facts, attr.OPERATION_NAME: api.rules.operation, **_started(api, request)}
        attributes = redacted(attributes, settings.content)
        name = default_name(api.rules, attributes.get)
        _, self.operation = begin(api.rules, settings, name, attributes, context, named=False)
        if self.operation is None or api.observe is None:
            return
        try:
            self.observer = api.observe(self.operation, perf_counter())
            if self.operation.recording and settings.content.captures:
                api.content(self.operation, request)
        except Exception:
            report("openai.turn.request")

    def chunk(self, event: Any) -> None:
        """Take note of one event."""
        if self.observer is not None:
            self.observer.chunk(event)

    def set(self, key: str, value: Any) -> None:
        """Set an attribute; None is ignored."""
        if self.operation is not None:
            self.operation.set(key, value)

    def end(self, *, exc: BaseException | None = None, error: Any = None, dropped: bool = False) -> None:
        """End the operation: as failed by an exception or by the provider's ``error``, or marked as dropped."""
        operation, observer = self.operation, self.observer
        if operation is None or operation.ended:
            return
        try:
            if exc is not None:
                operation.fail(exc)
            elif error is not None:
                fail(operation, error)
            if observer is not None:
                observer.finish()
            if dropped and not operation.ended:
                operation.span.add_event(events.STREAM_ABANDONED)
        except Exception:
            report("openai.turn.end")
        operation.finish()


def _started(api: Api, request: Request) -> dict[str, Any]:
    try:
        return api.start(request)
    except Exception:
        report("openai.turn.start")
        return {}


class SocketSession:
    """The telemetry of one connection. Knows nothing of the connection itself, so as not to keep it alive.

    ``facts`` are the attributes that all its turns have; turns that the server starts are children of what was
    current when the connection was opened.
    """

    api: Api
    terminal: frozenset[str]

    def __init__(self, facts: Mapping[str, Any], model: str | None) -> None:
        self.facts = facts
        self.model = model
        self.context = current()
        self.hold: Any = None
        self._open: list[Turn] = []
        self._lock = threading.RLock()  # one thread may send while another one receives

    def sending(self, event: Any, lane: str | None = None) -> Callable[[BaseException], None] | None:
        """The caller sends an event. Returns whom to tell if that fails."""
        if isinstance(event, (str, bytes)):
            event = _parsed(event)
        if kind_of(event) != CREATE:
            self.sent(event)
            return None
        with self._lock:
            turn = self.requested(event, lane)
            turn.event_id = field(event, "event_id")

        def failed(exc: BaseException) -> None:
            self.end(turn, exc=exc)

        return failed

    def received(self, event: Any) -> None:
        """The SDK parsed an event."""
        kind = kind_of(event) or ""
        with self._lock:
            turn = self.turn_of(kind, event)
            if turn is None:
                return
            if kind == "error":
                self.end(turn, error=field(event, "error") or event)
                return
            turn.chunk(event)
            if kind in self.terminal:
                self.end(turn)

    def broken(self, exc: BaseException) -> None:
        """Receiving failed: what is under way ends if it is the connection that did."""
        kinds = [base.__name__ for base in type(exc).__mro__]
        if "ConnectionClosed" in kinds:
            self._end_all(exc=exc if _BROKEN in kinds else None)

    def dropped(self) -> None:
        """The connection is closed, or was dropped."""
        self._end_all()

    def open(self, request: Request, context: Context | None = None) -> Turn:
        """Begin a turn, as a child of what is current here unless ``context`` says otherwise."""
        turn = Turn(self.api, request, self.facts, current() if context is None else context)
        if len(self._open) >= _MAX_OPEN:
            self.end(self._open[0], dropped=True)
        self._open.append(turn)
        return turn

    def end(
        self, turn: Turn, *, exc: BaseException | None = None, error: Any = None, dropped: bool = False
    ) -> None:
        """End a turn; it is none of the open ones any more."""
        with self._lock:
            if turn not in self._open:
                return
            self._open.remove(turn)
            self.forget(turn)
        turn.end(exc=exc, error=error, dropped=dropped)

    def _end_all(self, *, exc: BaseException | None = None) -> None:
        for turn in list(self._open):
            self.end(turn, exc=exc, dropped=exc is None)

    @property
    def only(self) -> Turn | None:
        """The turn that is open, if there is just one."""
        return self._open[0] if len(self._open) == 1 else None

    # --- what the kinds of connections differ in ------------------------------------------------------------
    def requested(self, event: Any, lane: str | None) -> Turn:
        """The caller asks for a response."""
        raise NotImplementedError

    def sent(self, event: Any) -> None:
        """The caller sends anything else."""

    def turn_of(self, kind: str, event: Any) -> Turn | None:
        """Return the turn that an event belongs to, a new one for the beginning of one that nobody asked for."""
        raise NotImplementedError

    def forget(self, turn: Turn) -> None:
        """A turn is over."""


def _parsed(message: str | bytes) -> Any:
    data = message.encode() if isinstance(message, str) else message
    return read_json(data) if b'"response.create"' in data else None


def parameters(event: Any) -> dict[str, Any]:
    """Return the parameters of a client event as plain JSON; iterators, which only sending may use up, are left out."""
    if isinstance(event, Mapping):
        event = {name: value for name, value in event.items() if not hasattr(value, "__next__")}
    found = plain(event)
    return found if isinstance(found, dict) else {}
