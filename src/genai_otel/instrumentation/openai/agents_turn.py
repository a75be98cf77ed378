"""What the events of a managed agent's session say of one turn."""

from __future__ import annotations

from typing import Any, Final

from genai_otel.content.fields import field, sequence, string
from genai_otel.conventions import attributes as attr
from genai_otel.telemetry import writers
from genai_otel.telemetry.operation import Operation

from . import usage
from .responses_answers import fail, record_output
from .responses_partial import ADDS, PartialOutput

PREFIX: Final = "agent.session.turn."
# how a turn ended -> why the agent did
ENDINGS: Final = {"completed": "stop", "failed": "error", "cancelled": "error"}


def identify(op: Operation, agent: Any) -> None:
    """Record which agent it is; the span's name follows."""
    op.set(attr.AGENT_ID, string(field(agent, "id")))
    name = string(field(agent, "name"))
    if name and name != op.lookup(attr.AGENT_NAME):
        op.set(attr.AGENT_NAME, name)
        op.rename()


class AgentTurn:
    """Follows the events of one turn; keeps items only when they are going to be recorded."""

    __slots__ = ("_called", "_op", "_output", "done", "id")

    def __init__(self, op: Operation) -> None:
        self._op = op
        self._output = PartialOutput() if writers.wants_captured(op) else None
        self._called = False  # the agent waits for the caller to run a tool
        self.id: str | None = None
        self.done = False

    def chunk(self, event: Any) -> None:
        """Take note of one event of this turn, or of one that gives the state of its session."""
        kind = string(field(event, "type")) or ""
        name = kind[len(PREFIX) :] if kind.startswith(PREFIX) else ""
        if name == "created":
            self.id = string(field(event, "turn_id")) or string(field(field(event, "turn"), "id"))
            self._op.set(attr.AGENT_ID, string(field(field(event, "turn"), "agent_id")))
        elif name in ENDINGS:
            self._end(name, event)
        elif kind == "error":
            fail(self._op, field(event, "error"))
        elif name:
            if self._output is not None:
                _collect(self._output, name, event)
        elif (session := field(event, "session")) is not None:
            self._session(session)

    def _session(self, session: Any) -> None:
        self._op.set(attr.CONVERSATION_ID, string(field(session, "id")))
        identify(self._op, field(session, "agent"))
        self._called = bool(sequence(field(session, "required_actions")))
        if string(field(session, "status")) == "failed" and not self._op.failed:
            fail(self._op, {"message": field(session, "error")})

    def _end(self, name: str, event: Any) -> None:
        turn = field(event, "turn")
        found = usage.attributes_of(field(event, "usage")) or usage.attributes_of(field(turn, "usage"))
        self._op.update(found)
        self._op.set(attr.RESPONSE_FINISH_REASONS, [ENDINGS[name]])
        if name == "failed":
            fail(self._op, field(turn, "error"))
        self._write()
        self._op.finish()

    def finish(self) -> None:
        """Record what came before the stream was cut off; nothing if it was not."""
        if self.done:
            return
        if self._op.failed or self._called:
            self._op.set(attr.RESPONSE_FINISH_REASONS, ["error" if self._op.failed else "tool_calls"])
        self._write()

    def _write(self) -> None:
        self.done = True
        output, self._output = self._output, None
        if output is not None:
            record_output(self._op, output.items())


def _collect(output: PartialOutput, name: str, event: Any) -> None:
    if name == "item.added":
        output.opened(event)
    elif name == "item.done":
        output.closed(event)
    elif (known := f"response.{name}") in ADDS:  # the Responses API has the same events
        output.add(known, event, field(event, "delta"))
