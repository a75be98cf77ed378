"""Chat completions: request, answer and stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from genai_otel.content import messages as shapes
from genai_otel.content.fields import field, sequence
from genai_otel.content.tools import tool_definitions
from genai_otel.conventions import attributes as attr
from genai_otel.conventions.span_types import RULES
from genai_otel.telemetry import writers
from genai_otel.telemetry.operation import Operation

from . import requests, usage
from .api import Api, Request
from .chunks import ChunkTimer
from .pieces import Pieces

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
    fields = usage.fields_of(answer)
    facts: dict[str, Any] = usage.attributes_of(fields.get("usage"))
    for key, name in _FACTS:
        value = fields.get(name)
        if isinstance(value, str) and value:
            facts[key] = value
    reasons = _reasons(fields.get("choices"))
    if reasons is not None:
        facts[attr.RESPONSE_FINISH_REASONS] = reasons
    op.update(facts)
    writers.write_content(op, attr.OUTPUT_MESSAGES, lambda: shapes.output_messages(answer), captured=True)


_FACTS: Final = (
    (attr.RESPONSE_ID, "id"),
    (attr.RESPONSE_MODEL, "model"),
    (attr.OPENAI_RESPONSE_SERVICE_TIER, "service_tier"),
    (attr.OPENAI_SYSTEM_FINGERPRINT, "system_fingerprint"),
)


def _reasons(choices: Any) -> list[str] | None:
    """One reason per choice, ``error`` where one is missing; nothing where all are."""
    found = [field(choice, "finish_reason") for choice in sequence(choices)]
    if not any(isinstance(reason, str) for reason in found):
        return None
    return [reason if isinstance(reason, str) else _MISSING for reason in found]


def _string(obj: Any, name: str) -> str | None:
    value = field(obj, name)
    return value if isinstance(value, str) and value else None


class ChatStream:
    """Follows the chunks of one chat stream; keeps text only when it is going to be recorded."""

    __slots__ = ("_choices", "_id", "_op", "_open", "_reasons", "_tick", "_timer", "_usage", "_wanted")

    def __init__(self, op: Operation, started: float) -> None:
        self._op = op
        self._timer = ChunkTimer(op, started)
        self._tick: Callable[[], None] | None = self._timer.tick
        self._wanted = writers.wants_captured(op)
        self._choices: dict[int, _Choice | None] = {}  # every choice seen; None where no text is kept
        self._open: dict[int, Pieces | None] = {}  # the texts of those whose content has begun
        self._reasons: dict[int, str] = {}
        self._usage: Any = None
        self._id: str | None = None

    def chunk(self, chunk: Any) -> None:
        """Take note of one ``ChatCompletionChunk``."""
        try:  # by far the most chunks: more text for one choice, and nothing else
            (choice,) = chunk.choices
            delta = choice.delta
            if (
                len(delta.__pydantic_fields_set__) == 1
                and not delta.__pydantic_extra__
                and choice.finish_reason is None
                and chunk.usage is None
                and (text := delta.content)
            ):
                kept = self._open[choice.index]
                if self._tick is not None:
                    self._tick()
                if kept is not None:
                    kept.append(text)
                return
        except (AttributeError, KeyError, TypeError, ValueError):
            pass
        self.examine(chunk)

    def examine(self, chunk: Any) -> None:
        """Take note of everything that a chunk of any shape may bring."""
        found = field(chunk, "usage")
        if found is not None:
            self._usage = found
        if not self._id or found is not None:
            self._identify(chunk)
        for choice in sequence(field(chunk, "choices")):
            self._choice(choice)

    def _identify(self, chunk: Any) -> None:
        self._id = _string(chunk, "id") or self._id
        self._op.update(
            {
                attr.RESPONSE_ID: self._id,
                attr.RESPONSE_MODEL: _string(chunk, "model"),
                attr.OPENAI_RESPONSE_SERVICE_TIER: _string(chunk, "service_tier"),
                attr.OPENAI_SYSTEM_FINGERPRINT: _string(chunk, "system_fingerprint"),
            }
        )

    def _choice(self, choice: Any) -> None:
        index = field(choice, "index")
        index = index if isinstance(index, int) else 0
        if index not in self._choices:
            self._choices[index] = _Choice() if self._wanted else None
        delta = self.delta(choice)
        if delta is not None and _carries_content(delta):
            self._content(index, delta)
        reason = field(choice, "finish_reason")
        if isinstance(reason, str) and reason:
            self._reasons[index] = reason
            self._open.pop(index, None)

    def _content(self, index: int, delta: Any) -> None:
        kept = self._choices[index]
        if kept is not None:
            kept.add(delta)
        if index in self._reasons:  # what comes after the end of a choice has no timing
            return
        self._open[index] = None if kept is None else kept.text
        if self._tick is not None:
            self._tick()
            if self._op.instruments is None:
                self._tick = None  # the first chunk was all that counts

    def delta(self, choice: Any) -> Any:
        """Return what a choice of a chunk adds, or None."""
        return field(choice, "delta")

    def finish(self) -> None:
        """Record ids, finish reasons, usage and text, complete or partial."""
        self._timer.finish()
        if self._usage is not None:
            self._op.update(usage.attributes_of(self._usage))
        self._op.set(attr.RESPONSE_FINISH_REASONS, self._positional_reasons())
        messages = [kept.message() for _, kept in sorted(self._choices.items()) if kept is not None]
        if any(len(message) > 1 for message in messages):
            writers.write_content(
                self._op, attr.OUTPUT_MESSAGES, lambda: shapes.output_messages(messages), captured=True
            )

    def _positional_reasons(self) -> list[str] | None:
        """One reason per choice: up to the last one known or, of a stream that failed, for all."""
        known = {*self._reasons, *(self._choices if self._op.failed else ())}
        last = max(known, default=-1)
        places = range(last + 1) if last < _MANY_CHOICES else sorted(known)  # an index may be any number
        return [self._reasons.get(index, _MISSING) for index in places] or None


_MANY_CHOICES: Final = 1_024
_MISSING: Final = "error"  # the conventions' word for a reason that never came
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
        self.text = Pieces()
        self._refusal = Pieces()
        self._reasoning = Pieces()
        self._audio = Pieces()
        self._calls: dict[Any, dict[str, Any]] = {}
        self._function: dict[str, Any] | None = None

    def add(self, delta: Any) -> None:
        """Add what one delta brings."""
        content = field(delta, "content")
        if content:
            self.text.append(content)
        # some servers send their reasoning under both names
        reasoning = _string(delta, "reasoning_content") or _string(delta, "reasoning")
        transcript = _string(field(delta, "audio"), "transcript")
        for pieces, piece in (
            (self._refusal, _string(delta, "refusal")),
            (self._reasoning, reasoning),
            (self._audio, transcript),
        ):
            if piece is not None:
                pieces.append(piece)
        for call in sequence(field(delta, "tool_calls")):
            self._add_call(call)
        function = field(delta, "function_call")
        if function is not None:
            self._function = _joined(self._function, function, "arguments")

    def _add_call(self, call: Any) -> None:
        kept = self._calls.setdefault(self._place(call), {"type": "function"})
        if (identity := _string(call, "id")) is not None:
            kept["id"] = identity
        for kind, piece in (("function", "arguments"), ("custom", "input")):
            body = field(call, kind)
            if body is not None:
                kept["type"] = kind
                kept[kind] = _joined(kept.get(kind), body, piece)

    def _place(self, call: Any) -> Any:
        """Return the key of the call that a delta adds to.

        Some servers send no index, or the same one for every call: a new id starts a new call.
        """
        index, identity = field(call, "index"), _string(call, "id")
        place = index if isinstance(index, int) else identity or next(reversed(self._calls), 0)
        known = self._calls.get(place, {}).get("id")
        return place if identity is None or known in (None, identity) else identity

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
    """Add one delta of a call: the name comes once, the arguments in pieces or, from some, as a whole."""
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
