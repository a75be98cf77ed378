"""Assistants: each request that makes a run go on is one invocation of a remote agent.

``create``, ``create_and_run`` and ``submit_tool_outputs`` run the assistant; the requests that look after a
run (``retrieve``, ``list``, ``cancel`` …) do not, and have no span. So a run that is streamed has everything: the
tokens used, why it ended, whether it failed. One that is created and then polled (``create_and_poll``) is only
begun by its request: the answer knows the agent and the thread, not yet the usage, which therefore stays absent.
A run that waits for tools is one span up to there, and another one from ``submit_tool_outputs`` on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from genai_otel.content import messages as shapes
from genai_otel.content.fields import field, kind_of, sequence, string
from genai_otel.content.parts import text_part
from genai_otel.content.tools import tool_definitions
from genai_otel.conventions import attributes as attr
from genai_otel.conventions.span_types import AUTOMATIC
from genai_otel.telemetry import writers
from genai_otel.telemetry.operation import Operation

from . import requests, usage
from .api import Api, Request
from .responses_answers import fail

# status of a run -> why the agent ended
_ENDED: Final = {
    "completed": "stop",
    "requires_action": "tool_calls",
    "cancelled": "error",
    "failed": "error",
    "expired": "error",
}
_TOO_LONG: Final = ("max_completion_tokens", "max_prompt_tokens")
_INSTRUCTIONS: Final = ("instructions", "additional_instructions")


def start(request: Request) -> dict[str, Any]:
    """Return the attributes of a request for a run."""
    found = requests.inference(request.body, None, stream=False)
    for key, value in (
        (attr.AGENT_ID, request.body.get("assistant_id")),
        (attr.CONVERSATION_ID, request.params.get("thread_id")),
    ):
        if isinstance(value, str) and value:
            found[key] = value
    return found


def record_request(op: Operation, request: Request) -> None:
    """Record the messages, the tools' outputs, the instructions and the tools that the request carries."""
    body = request.body
    given = [*sequence(field(body.get("thread"), "messages")), *sequence(body.get("additional_messages"))]
    given += map(_tool_message, sequence(body.get("tool_outputs")))
    if given:
        writers.write_content(op, attr.INPUT_MESSAGES, lambda: shapes.input_messages(given), captured=True)
    told = [text for name in _INSTRUCTIONS if (text := body.get(name))]
    if told:
        writers.write_content(op, attr.SYSTEM_INSTRUCTIONS, lambda: list(map(text_part, told)), captured=True)
    tools = body.get("tools")
    if tools:
        writers.write_content(op, attr.TOOL_DEFINITIONS, lambda: tool_definitions(tools), captured=True)


def _tool_message(output: Any) -> dict[str, Any]:
    return {
        "role": "tool",
        "tool_call_id": field(output, "tool_call_id"),
        "content": field(output, "output") or "",
    }


def record_run(op: Operation, run: Any) -> None:
    """Record a ``Run`` as far as it has come: an SDK object or plain JSON."""
    _record_state(op, run)
    calls = _calls_of(run)
    if calls:
        _record_output(op, [], calls)


def _record_state(op: Operation, run: Any) -> None:
    op.update(
        {
            attr.AGENT_ID: string(field(run, "assistant_id")),
            attr.CONVERSATION_ID: string(field(run, "thread_id")),
            **usage.attributes_of(field(run, "usage")),
        }
    )
    status = string(field(run, "status")) or ""
    reason = _reason(status, run)
    op.set(attr.RESPONSE_FINISH_REASONS, [reason] if reason else None)
    if status == "failed":
        fail(op, field(run, "last_error"))
    elif status == "expired":
        op.fail_with(status)


def _reason(status: str, run: Any) -> str | None:
    if status != "incomplete":
        return _ENDED.get(status)
    reason = string(field(field(run, "incomplete_details"), "reason")) or status
    return "length" if reason in _TOO_LONG else reason


def _calls_of(run: Any) -> list[Any] | tuple[Any, ...]:
    return sequence(field(field(field(run, "required_action"), "submit_tool_outputs"), "tool_calls"))


def _record_output(op: Operation, content: Iterable[Any], calls: Iterable[Any]) -> None:
    """Record what the assistant said and asked for as one message: a run is one choice."""
    said: dict[str, Any] = {"role": "assistant", "content": list(content)}
    if calls:
        said["tool_calls"] = list(calls)
    writers.write_content(op, attr.OUTPUT_MESSAGES, lambda: shapes.output_messages([said]), captured=True)


class RunStream:
    """Follows the events of one run; keeps text only when it is going to be recorded."""

    __slots__ = ("_done", "_messages", "_op", "_wanted")

    def __init__(self, op: Operation, started: float) -> None:
        self._op = op
        self._wanted = writers.wants_captured(op)
        self._messages: dict[str, Any] = {}  # by id: the parts of a whole message, the pieces of another
        self._done = False

    def chunk(self, event: Any) -> None:
        """Take note of one event; nothing counts after the one that ends the run."""
        kind = string(field(event, "event")) or ""
        if self._done:
            return
        if kind.startswith("thread.message."):
            if self._wanted:
                self._said(kind, field(event, "data"))
        elif kind == "thread.created":
            self._op.set(attr.CONVERSATION_ID, string(field(field(event, "data"), "id")))
        elif kind.startswith("thread.run.") and not kind.startswith("thread.run.step."):
            self._ran(field(event, "data"))

    def _said(self, kind: str, message: Any) -> None:
        key = string(field(message, "id")) or ""
        if kind == "thread.message.delta":
            pieces = self._messages.setdefault(key, _Pieces())
            if isinstance(pieces, _Pieces):
                pieces.add(field(message, "delta"))
        elif kind in ("thread.message.completed", "thread.message.incomplete"):
            self._messages[key] = list(map(_part, sequence(field(message, "content"))))

    def _ran(self, run: Any) -> None:
        status = string(field(run, "status")) or ""
        _record_state(self._op, run)
        if status in _ENDED or status == "incomplete":
            self._done = True
            self._record(_calls_of(run))
            self._op.finish()

    def finish(self) -> None:
        """Record what came before the stream was cut off; nothing if it was not."""
        if self._done:
            return
        self._done = True
        if self._op.failed:
            self._op.set(attr.RESPONSE_FINISH_REASONS, ["error"])
        self._record(())

    def _record(self, calls: Iterable[Any]) -> None:
        messages, self._messages = self._messages, {}
        content = [part for message in messages.values() for part in _parts(message)]
        if content or calls:
            _record_output(self._op, content, calls)


class _Pieces:
    """The pieces of the texts of a message under way, by their place in it."""

    __slots__ = ("texts",)

    def __init__(self) -> None:
        self.texts: dict[Any, list[str]] = {}

    def add(self, delta: Any) -> None:
        for part in sequence(field(delta, "content")):
            text = _text_of(part)
            if text:
                self.texts.setdefault(field(part, "index"), []).append(text)


def _parts(message: Any) -> list[Any]:
    if not isinstance(message, _Pieces):
        return list(message)
    return [{"type": "text", "text": "".join(pieces)} for pieces in message.texts.values()]


def _part(part: Any) -> Any:
    """Return a part of a message; the API's texts are objects, with the annotations."""
    text = _text_of(part)
    return part if text is None else {"type": "text", "text": text}


def _text_of(part: Any) -> str | None:
    return string(field(field(part, "text"), "value")) if kind_of(part) == "text" else None


RUN: Final = Api(AUTOMATIC["invoke_agent"], start, record_request, record_run, RunStream)
