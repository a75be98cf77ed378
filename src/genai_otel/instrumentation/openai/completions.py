"""Text completions: the legacy API, whose choices are texts instead of messages."""

from __future__ import annotations

from typing import Any, Final

from genai_otel.content import messages as shapes
from genai_otel.content.fields import field
from genai_otel.conventions import attributes as attr
from genai_otel.conventions.span_types import RULES
from genai_otel.telemetry import writers
from genai_otel.telemetry.operation import Operation

from . import requests
from .api import Api, Request
from .chat import ChatStream, record_answer

API_TYPE: Final = "completions"  # the registry lists none for this API; its enumeration is open


def start(request: Request) -> dict[str, Any]:
    """Return the attributes of the request."""
    return requests.inference(request.body, API_TYPE, stream=request.stream)


def record_request(op: Operation, request: Request) -> None:
    """Record the prompt or the prompts, be they texts or token ids."""
    prompt = request.body.get("prompt")
    writers.write_content(op, attr.INPUT_MESSAGES, lambda: shapes.input_messages(prompt), captured=True)


class CompletionStream(ChatStream):
    """Follows the chunks of one completion stream, which differ from chat's in their choices only."""

    __slots__ = ()

    def chunk(self, chunk: Any) -> None:
        """Take note of one ``Completion`` of the stream."""
        try:
            (choice,) = chunk.choices
            if choice.text and choice.finish_reason is None and getattr(chunk, "usage", None) is None:
                kept = self._open[choice.index]
                if self._tick is not None:
                    self._tick()
                if kept is not None:
                    kept.append(choice.text)
                return
        except (AttributeError, KeyError, TypeError, ValueError):
            pass
        self.examine(chunk)

    def delta(self, choice: Any) -> Any:
        """Return what a choice of a chunk adds, in the form of chat's deltas."""
        text = field(choice, "text")
        return {"content": text} if text else None


COMPLETION: Final = Api(RULES["COMPLETION"], start, record_request, record_answer, CompletionStream)
