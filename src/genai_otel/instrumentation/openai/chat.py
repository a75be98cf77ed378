"""Chat completions: request, answer and stream."""

from __future__ import annotations

from typing import Any, Final

from genai_otel.content import messages as shapes
from genai_otel.content.fields import field
from genai_otel.content.tools import tool_definitions
from genai_otel.conventions import attributes as attr
from genai_otel.conventions.span_types import RULES
from genai_otel.telemetry import writers
from genai_otel.telemetry.operation import Operation

from . import requests, usage
from .api import Api, Request
from .chunks import ChunkTimer

API_TYPE: Final = "chat_completions"


def start(request: Request) -> dict[str, Any]:
    """Return the attributes of the request."""
    return requests.inference(request.body, API_TYPE, stream=request.stream)


def record_request(op: Operation, request: Request) -> None:
    """Record the messages and the tools of the request."""
    messages = request.body.get("messages")
    writers.write_content(op, attr.INPUT_MESSAGES, lambda: shapes.input_messages(messages), captured=True)
    tools = request.body.get("tools") or request.body.get("functions")
    if tools:
        writers.write_content(op, attr.TOOL_DEFINITIONS, lambda: tool_definitions(tools), captured=True)


def record_answer(op: Operation, answer: Any) -> None:
    """Record a ``ChatCompletion``: an SDK object or plain JSON."""
    op.update(
        {
            attr.RESPONSE_ID: _string(answer, "id"),
            attr.RESPONSE_MODEL: _string(answer, "model"),
            attr.OPENAI_RESPONSE_SERVICE_TIER: _string(answer, "service_tier"),
            attr.OPENAI_SYSTEM_FINGERPRINT: _string(answer, "system_fingerprint"),
            **usage.attributes_of(field(answer, "usage")),
        }
    )
    choices = field(answer, "choices")
    if isinstance(choices, (list, tuple)):
        reasons = [reason for choice in choices if isinstance(reason := field(choice, "finish_reason"), str)]
        op.set(attr.RESPONSE_FINISH_REASONS, reasons or None)
    writers.write_content(op, attr.OUTPUT_MESSAGES, lambda: shapes.output_messages(answer), captured=True)


def _string(obj: Any, name: str) -> str | None:
    value = field(obj, name)
    return value if isinstance(value, str) and value else None


class ChatStream:
    """Follows the chunks of one chat stream; keeps text only when it is going to be recorded."""

    __slots__ = ("_choices", "_id", "_op", "_reasons", "_tick", "_timer", "_usage", "_wanted")

    def __init__(self, op: Operation, started: float) -> None:
        self._op = op
        self._timer = ChunkTimer(op, started)
        self._tick = self._timer.tick
        self._wanted = writers.wants_captured(op)
        self._choices: dict[int, _Choice | None] = {}  # every choice seen; None where no text is kept
        self._reasons: dict[int, str] = {}
        self._usage: Any = None
        self._id: str | None = None

    def chunk(self, chunk: Any) -> None:
        """Take note of one ``ChatCompletionChunk``."""
        try:  # by far the most chunks: some text for one known choice, and nothing else
            (choice,) = chunk.choices
            delta = choice.delta
            text = delta.content
            if text and choice.finish_reason is None and chunk.usage is None:
                kept = self._choices[choice.index]
                if kept is None:
                    self._tick()
                    return
                if not delta.tool_calls:
                    self._tick()
                    kept.text.append(text)
                    return
        except (AttributeError, KeyError, TypeError, ValueError):
            pass
        self.examine(chunk)

    def examine(self, chunk: Any) -> None:
        """Take note of everything that a chunk of any shape may bring."""
        if self._id is None:
            self._identify(chunk)
        found = field(chunk, "usage")
        if found is not None:
            self._usage = found
        choices = field(chunk, "choices")
        if not isinstance(choices, (list, tuple)):
            return
        for choice in choices:
            self._choice(choice)

    def _identify(self, chunk: Any) -> None:
        self._id = _string(chunk, "id") or ""
        self._op.update(
            {
                attr.RESPONSE_ID: self._id or None,
                attr.RESPONSE_MODEL: _string(chunk, "model"),
                attr.OPENAI_RESPONSE_SERVICE_TIER: _string(chunk, "service_tier"),
                attr.OPENAI_SYSTEM_FINGERPRINT: _string(chunk, "system_fingerprint"),
            }
        )

    def _choice(self, choice: Any) -> None:
        index = field(choice, "index")
        index = index if isinstance(index, int) else 0
        reason = field(choice, "finish_reason")
        if isinstance(reason, str):
            self._reasons[index] = reason
        if index not in self._choices:
            self._choices[index] = _Choice() if self._wanted else None
        delta = self.delta(choice)
        if delta is None or not _carries_content(delta):
            return
        self._tick()
        kept = self._choices[index]
        if kept is not None:
            kept.add(delta)

    def delta(self, choice: Any) -> Any:
        """Return what a choice of a chunk adds, or None."""
        return field(choice, "delta")

    def finish(self) -> None:
        """Record ids, finish reasons, usage and text, complete or partial."""
        self._timer.finish()
        if self._usage is not None:
            self._op.update(usage.attributes_of(self._usage))
        if self._reasons or self._op.failed:
            self._op.set(attr.RESPONSE_FINISH_REASONS, self._positional_reasons())
        messages = [kept.message() for _, kept in sorted(self._choices.items()) if kept is not None]
        if any(len(message) > 1 for message in messages):
            writers.write_content(
                self._op, attr.OUTPUT_MESSAGES, lambda: shapes.output_messages(messages), captured=True
            )

    def _positional_reasons(self) -> list[str] | None:
        """One reason per choice; ``error`` where a failed stream never gave one."""
        known = {*self._reasons, *self._choices}
        if not known:
            return None
        missing = "error" if self._op.failed else None
        reasons = [self._reasons.get(index, missing) for index in range(max(known) + 1)]
        return [reason for reason in reasons if reason is not None] or None


_CONTENT_FIELDS: Final = (
    "content",
    "tool_calls",
    "function_call",
    "refusal",
    "audio",
    "reasoning_content",
    "reasoning",
)


def _carries_content(delta: Any) -> bool:
    return any(field(delta, name) for name in _CONTENT_FIELDS)


class _Choice:
    """The pieces of one choice."""

    __slots__ = ("_audio", "_calls", "_function", "_reasoning", "_refusal", "text")

    def __init__(self) -> None:
        self.text: list[Any] = []
        self._refusal: list[str] = []
        self._reasoning: list[str] = []
        self._audio: list[str] = []
        self._calls: dict[Any, dict[str, Any]] = {}
        self._function: dict[str, Any] | None = None

    def add(self, delta: Any) -> None:
        content = field(delta, "content")
        if content:
            self.text.append(content)
            if not field(delta, "tool_calls"):
                return
        for pieces, name in (
            (self._refusal, "refusal"),
            (self._reasoning, "reasoning_content"),
            (self._reasoning, "reasoning"),
        ):
            if isinstance(piece := field(delta, name), str) and piece:
                pieces.append(piece)
                break
        if isinstance(transcript := field(field(delta, "audio"), "transcript"), str):
            self._audio.append(transcript)
        calls = field(delta, "tool_calls")
        for call in calls if isinstance(calls, (list, tuple)) else ():
            self._add_call(call)
        function = field(delta, "function_call")
        if function is not None:
            self._function = _joined(self._function, function, "arguments")

    def _add_call(self, call: Any) -> None:
        # some compatible servers send no index: a new id starts a new call
        key = field(call, "index")
        if not isinstance(key, int):
            identity = field(call, "id")
            key = identity if identity else next(reversed(self._calls), 0)
        kept = self._calls.setdefault(key, {"type": "function"})
        if isinstance(identity := field(call, "id"), str) and identity:
            kept["id"] = identity
        for kind, piece in (("function", "arguments"), ("custom", "input")):
            body = field(call, kind)
            if body is not None:
                kept["type"] = kind
                kept[kind] = _joined(kept.get(kind), body, piece)

    def message(self) -> dict[str, Any]:
        """Return what was said as a chat message."""
        found: dict[str, Any] = {"role": "assistant"}
        if all(isinstance(piece, str) for piece in self.text):
            text = "".join(self.text)
            if text:
                found["content"] = text
        else:  # content as a list of parts in a delta
            found["content"] = [part for piece in self.text for part in _parts(piece)]
        for name, pieces in (("refusal", self._refusal), ("reasoning_content", self._reasoning)):
            if pieces:
                found[name] = "".join(pieces)
        if self._audio:
            found["audio"] = {"transcript": "".join(self._audio)}
        if self._calls:
            found["tool_calls"] = list(self._calls.values())
        if self._function is not None:
            found["function_call"] = self._function
        return found


def _parts(piece: Any) -> list[Any]:
    return list(piece) if isinstance(piece, (list, tuple)) else [{"type": "text", "text": str(piece)}]


def _joined(kept: dict[str, Any] | None, body: Any, piece: str) -> dict[str, Any]:
    """Add one delta of a call: the name comes once, the arguments in pieces or, with some servers, as a whole."""
    found = kept or {}
    if isinstance(name := field(body, "name"), str) and name:
        found["name"] = name
    more = field(body, piece)
    before = found.get(piece)
    if isinstance(more, str):
        found[piece] = before + more if isinstance(before, str) else more
    elif more is not None:
        found[piece] = more
    return found


CHAT: Final = Api(RULES["LLM"], start, record_request, record_answer, ChatStream)
