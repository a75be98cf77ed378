"""Which turn of a managed agent's session an event belongs to, and who reads a session's events."""

from __future__ import annotations

from typing import Any, Final, Protocol
from weakref import WeakValueDictionary

from opentelemetry.context import Context

from genai_otel import _forks
from genai_otel._guard import report
from genai_otel._settings import Settings
from genai_otel.content.fields import field, string
from genai_otel.telemetry.operation import Operation

from .agents_turn import PREFIX, AgentTurn
from .api import Api, Request
from .exchange import Exchange
from .holding import Hold
from .watching import watched

_SESSION: Final = "agent.session."
_CREATED: Final = f"{PREFIX}created"
_followers: WeakValueDictionary[str, SessionFollower] = WeakValueDictionary()
_lock = _forks.Lock()


class _End(Protocol):
    def __call__(self, exc: BaseException | None = None, *, dropped: bool = False) -> None: ...


class SessionFollower:
    """Gives each event of one session to the turns begun in this process, in the order they were begun."""

    def __init__(self) -> None:
        self._turns: list[tuple[AgentTurn, _End]] = []
        self._session: str | None = None
        self._stopped = False

    def follow(self, session_id: str | None) -> None:
        """Be the one who is told of turns begun in this session."""
        if session_id and self._session is None:
            self._session = session_id
            with _lock:
                _followers[session_id] = self

    def add(self, turn: AgentTurn, end: _End) -> bool:
        """Follow a turn about to begin; ``end`` is called when no more of it will be seen. False: too late."""
        with _lock:
            if not self._stopped:
                self._turns.append((turn, end))
            return not self._stopped

    def event(self, event: Any) -> None:
        """Take note of one event."""
        kind = string(field(event, "type")) or ""
        session = field(event, "session")
        if session is not None and kind.startswith(_SESSION):
            self.follow(string(field(session, "id")))
            for turn, _ in list(self._turns):
                turn.chunk(event)
            return
        entry = self._entry(kind, event)
        if entry is None:
            return
        entry[0].chunk(event)
        if entry[0].done:
            self._turns.remove(entry)
            entry[1]()

    def _entry(self, kind: str, event: Any) -> tuple[AgentTurn, _End] | None:
        identity = string(field(event, "turn_id"))
        turns = [entry for entry in list(self._turns) if not entry[0].done]
        if kind == _CREATED:
            if field(field(event, "turn"), "subagent_id") is not None:
                return None
            identity = None  # it is the next of those that have none yet
        elif identity is None:
            return turns[0] if turns else None
        return next((entry for entry in turns if entry[0].id == identity), None)

    def stop(self, exc: BaseException | None = None, *, dropped: bool = False) -> None:
        """No more events will come."""
        with _lock:
            self._stopped = True
            turns, self._turns = self._turns, []
            if self._session is not None and _followers.get(self._session) is self:
                del _followers[self._session]
        for _, end in turns:
            end(exc, dropped=dropped)


class CreatedSession:
    """Observes the events of a session from its creation on: those of its first turn, and of later ones."""

    __slots__ = ("_follower", "_turn")

    def __init__(self, op: Operation, started: float) -> None:
        self._turn = AgentTurn(op)
        self._follower = SessionFollower()
        self._follower.add(self._turn, _ends_itself)

    def chunk(self, event: Any) -> None:
        """Take note of one event."""
        self._follower.event(event)

    def finish(self) -> None:
        """Record what came before the stream was cut off."""
        self._turn.finish()
        self._follower.stop()


def _ends_itself(exc: BaseException | None = None, *, dropped: bool = False) -> None:
    return


class Submission(Exchange):
    """The exchange of submitted input: it lasts as long as its turn where the session's events are read."""

    __slots__ = ()

    def __init__(self, api: Api, request: Request, *rest: Any) -> None:
        super().__init__(api, request, *rest)
        follower = _followers.get(request.params["session_id"])
        if follower is None or self.operation is None:
            return
        turn = AgentTurn(self.operation)
        if follower.add(turn, self.end):
            self._observer = turn  # so that the answer, which is empty, ends nothing


class Subscription(Exchange):
    """A stream of a session's events: no operation of its own, but it tells of the turns begun meanwhile."""

    __slots__ = ("_follower",)

    def __init__(
        self, api: Api, request: Request, client: Any, settings: Settings, outer: Context, raw: str | None
    ) -> None:
        self.api = api
        self.request = request
        self.raw = raw
        self.hide = None
        self.operation = None
        self.context = outer
        self.ended = False
        self._answered = False
        self._observer = None
        self._hold = None
        self._started = 0.0
        self._follower = SessionFollower()

    def parsed(self, answer: Any) -> None:
        """The SDK made a stream of the body."""
        if self._hold is not None or not hasattr(answer, "_iterator"):
            return
        self._hold = Hold(answer, answer.response, ("close", "aclose"), self._stream_closed, self.dropped)
        answer._iterator = watched(answer._iterator, self._follower.event, self)
        self._follower.follow(self.request.params.get("session_id"))

    def returned(self, result: Any) -> None:
        """The stream is the caller's."""

    def end(self, exc: BaseException | None = None, *, dropped: bool = False) -> None:
        """The events end, and with them what is known of turns under way."""
        if self.ended:
            return
        self.ended = True
        try:
            if self._hold is not None:
                self._hold.release()
            self._follower.stop(exc, dropped=dropped)
        except Exception:
            report("openai.subscription")
