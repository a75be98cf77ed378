"""The events of one response of the Realtime API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from genai_otel.content import messages as shapes
from genai_otel.content.fields import Message, field, kind_of, string
from genai_otel.conventions import attributes as attr
from genai_otel.telemetry import writers
from genai_otel.telemetry.operation import Operation

from . import usage
from .chunks import ChunkTimer
from .responses_answers import fail, record_output
from .responses_partial import PartialOutput

# kind of delta -> the event of the Responses API that adds the same; sound is in none of them
_PIECES: Final = {
    "response.output_text.delta": "response.output_text.delta",
    "response.output_audio_transcript.delta": "response.audio.transcript.delta",
    "response.function_call_arguments.delta": "response.function_call_arguments.delta",
    # the beta's words
    "response.text.delta": "response.output_text.delta",
    "response.audio_transcript.delta": "response.audio.transcript.delta",
}


class Heard(Protocol):
    """Messages of the user's side, complete when the response ends."""

    messages: list[Message]


def record_nothing(op: Operation, answer: Any) -> None:
    """Record nothing: answers come as events only."""


class RealtimeTurn:
    """Follows the events of one response; keeps text only when it is going to be recorded."""

    __slots__ = ("_done", "_op", "_output", "_timer", "heard")

    def __init__(self, op: Operation, started: float) -> None:
        self._op = op
        self._timer = ChunkTimer(op, started)
        self._output = PartialOutput() if writers.wants_captured(op) else None
        self._done = False
        self.heard: Sequence[Any] = ()

    def chunk(self, event: Any) -> None:
        """Take note of one event; nothing counts after the last one."""
        kind = kind_of(event) or ""
        if self._done:
            return
        if kind.endswith(".delta"):
            self._add(kind, event)
        elif kind == "response.created":
            self._identify(field(event, "response"))
        elif kind == "response.done":
            self._end(field(event, "response"))
        elif self._output is not None:
            if kind == "response.output_item.added":
                self._output.opened(event)
            elif kind == "response.output_item.done":
                self._output.closed(event)

    def _add(self, kind: str, event: Any) -> None:
        delta = field(event, "delta")
        if not delta:
            return
        self._timer.tick()
        known = _PIECES.get(kind)
        if known is not None and self._output is not None:
            self._output.add(known, event, delta)

    def _identify(self, response: Any) -> None:
        self._op.set(attr.RESPONSE_ID, string(field(response, "id")))
        self._op.set(attr.CONVERSATION_ID, string(field(response, "conversation_id")))

    def _end(self, response: Any) -> None:
        self._done = True
        self._timer.finish()
        self._identify(response)
        self._op.update(usage.attributes_of(field(response, "usage")))
        details = field(response, "status_details")
        self._op.set(attr.RESPONSE_FINISH_REASONS, _reasons(response, details))
        if string(field(response, "status")) == "failed":
            fail(self._op, field(details, "error"))
        self._write(field(response, "output"))

    def finish(self) -> None:
        """Record what came before the response was cut off; nothing if it was not."""
        if self._done:
            return
        self._done = True
        self._timer.finish()
        if self._op.failed:
            self._op.set(attr.RESPONSE_FINISH_REASONS, ["error"])
        self._write(self._output.items() if self._output is not None else ())

    def _write(self, output: Any) -> None:
        self._output = None
        given = [message for entry in self.heard for message in entry.messages]
        if given:
            writers.write_content(self._op, attr.INPUT_MESSAGES, lambda: given, captured=True)
        record_output(self._op, output)


def _reasons(response: Any, details: Any) -> list[str] | None:
    """Return why the response ended: its status in the Responses API's words, but for an interruption."""
    status, reason = string(field(response, "status")), string(field(details, "reason"))
    if status == "cancelled":
        return [reason or status]
    told = {"status": status, "output": field(response, "output"), "incomplete_details": {"reason": reason}}
    return shapes.finish_reasons({"object": "response", **told}) or None
