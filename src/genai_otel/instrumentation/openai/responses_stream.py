"""Streams of the Responses API: typed events; the last one carries the whole response and ends the operation.

Text is put together from the deltas only for streams that are cut off, and only if it is to be recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from genai_otel.content.fields import field, kind_of
from genai_otel.conventions import attributes as attr
from genai_otel.telemetry import writers
from genai_otel.telemetry.operation import Operation

from .chunks import ChunkTimer
from .responses_answers import fail, identify, identify_fetched, record_answer, record_fetched, record_output
from .responses_partial import ADDS, PartialOutput


class ResponseStream:
    """Follows the events of one response being made."""

    __slots__ = ("_done", "_op", "_output", "_tick", "_timer")

    def __init__(self, op: Operation, started: float) -> None:
        self._op = op
        self._timer = ChunkTimer(op, started)
        self._tick = self._timer.tick
        self._output = PartialOutput() if writers.wants_captured(op) else None
        self._done = False

    def chunk(self, event: Any) -> None:
        """Take note of one event; nothing counts after the terminal one."""
        if self._done:
            return
        try:
            kind = event.type
            act = _ACTIONS.get(kind)
        except (AttributeError, TypeError):  # an event as a dict
            kind = kind_of(event) or ""
            act = _ACTIONS.get(kind)
        if act is not None:
            act(self, kind, event)
        elif isinstance(kind, str) and kind.endswith(".delta"):  # newer than this table
            self.add(kind, event)

    def add(self, kind: str, event: Any) -> None:
        """Content has come: text, arguments, audio, an image."""
        try:
            delta = event.delta
        except AttributeError:
            delta = field(event, "delta") or field(event, "partial_image_b64")
        if delta:
            self._tick()
            if self._output is not None:
                self._output.add(kind, event, delta)

    def identify(self, kind: str, event: Any) -> None:
        """The response was begun."""
        identify(self._op, field(event, "response"))

    def open_item(self, kind: str, event: Any) -> None:
        """An output item was begun."""
        if self._output is not None:
            self._output.opened(event)

    def close_item(self, kind: str, event: Any) -> None:
        """An output item is complete."""
        if self._output is not None:
            self._output.closed(event)

    def end(self, kind: str, event: Any) -> None:
        """The terminal event: it says everything, and the answer is complete."""
        self._done = True
        self._output = None
        self.measure()
        self.record(field(event, "response"))
        self._op.finish()

    def fail(self, kind: str, event: Any) -> None:
        """An error in the middle of the stream."""
        fail(self._op, event)
        self.finish()
        self._op.finish()

    def measure(self) -> None:
        """Give the operation the times of the chunks."""
        self._timer.finish()

    def record(self, response: Any) -> None:
        """Record the whole response."""
        record_answer(self._op, response)

    def finish(self) -> None:
        """Record what came before the stream was cut off; nothing if it was not."""
        if self._done:
            return
        self._done = True
        self.measure()
        self.record_cut()
        if self._output is not None:
            record_output(self._op, self._output.items())
            self._output = None

    def record_cut(self) -> None:
        """Say why there is no reason for the end of the answer, if it failed."""
        if self._op.failed:
            self._op.set(attr.RESPONSE_FINISH_REASONS, ["error"])


class FetchStream(ResponseStream):
    """Follows the events of a stored response that is replayed: its state counts, not how fast it comes."""

    __slots__ = ()

    def identify(self, kind: str, event: Any) -> None:
        """The response is being replayed."""
        identify_fetched(self._op, field(event, "response"))

    def measure(self) -> None:
        """A replay has no times worth knowing."""

    def record(self, response: Any) -> None:
        """Record the state of the whole response."""
        record_fetched(self._op, response)

    def record_cut(self) -> None:
        """A replay that was cut off says nothing about the response."""


_Action = Callable[[ResponseStream, str, Any], None]


_ACTIONS: Final[dict[str, _Action]] = {
    **dict.fromkeys((*ADDS, "response.image_generation_call.partial_image"), ResponseStream.add),
    **dict.fromkeys(
        ("response.created", "response.queued", "response.in_progress"),
        lambda stream, kind, event: stream.identify(kind, event),
    ),
    "response.output_item.added": ResponseStream.open_item,
    "response.output_item.done": ResponseStream.close_item,
    **dict.fromkeys(("response.completed", "response.failed", "response.incomplete"), ResponseStream.end),
    "error": ResponseStream.fail,
}
