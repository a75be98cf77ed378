"""Answers of a Realtime session, and the events they are sent in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from genai_otel.testing.server import media, text, usage
from genai_otel.testing.server.behaviour import Behaviour
from genai_otel.testing.server.exchange import JSON, Call, error_body
from genai_otel.testing.server.tools import ToolCall

_AUDIO_PART_TOKENS = 50
_BETA_EVENTS = (
    ("response.output_text.", "response.text."),
    ("response.output_audio_transcript.", "response.audio_transcript."),
    ("response.output_audio.", "response.audio."),
    ("conversation.item.added", "conversation.item.created"),
)
_BETA_PARTS = {"output_text": "text", "output_audio": "audio"}


def beta(value: Any) -> Any:
    """An event in the beta dialect: other names for the same events and content parts."""
    if isinstance(value, list):
        return [beta(each) for each in value]
    if not isinstance(value, dict):
        return value
    renamed = {key: beta(each) for key, each in value.items()}
    kind = str(renamed.get("type", ""))
    for new, old in _BETA_EVENTS:
        kind = kind.replace(new, old)
    return {**renamed, "type": _BETA_PARTS.get(kind, kind)} if "type" in renamed else renamed


@dataclass(frozen=True)
class RealtimeAnswer:
    """What is needed to answer one ``response.create``."""

    call: Call
    behaviour: Behaviour
    conversation: str
    wanted: JSON
    items: list[JSON]

    def response(self, answer: str | list[ToolCall]) -> JSON:
        """The finished response around a text or tool calls."""
        spoken = "audio" in (self.wanted.get("output_modalities") or self.wanted.get("modalities") or ())
        output = [self._message(answer, spoken)] if isinstance(answer, str) else list(map(self._call, answer))
        status = self.behaviour.status_text or "completed"
        return {
            "id": self.call.state.next_id("resp_"),
            "object": "realtime.response",
            "status": status,
            "status_details": self._details(status),
            "conversation_id": self.conversation,
            "output_modalities": ["audio"] if spoken else ["text"],
            "max_output_tokens": self.wanted.get("max_output_tokens", "inf"),
            "metadata": self.wanted.get("metadata"),
            "output": [] if status == "failed" else output,
            "usage": None if self.behaviour.nousage or status == "failed" else self._usage(output, spoken),
        }

    def _item(self, prefix: str, fields: JSON) -> JSON:
        return {
            "id": self.call.state.next_id(prefix),
            "object": "realtime.item",
            "status": "completed",
            **fields,
        }

    def _message(self, said: str, spoken: bool) -> JSON:
        part: JSON = (
            {"type": "output_audio", "transcript": said} if spoken else {"type": "output_text", "text": said}
        )
        return self._item("item_", {"type": "message", "role": "assistant", "content": [part]})

    def _call(self, called: ToolCall) -> JSON:
        id = self.call.state.next_id("call_")
        fields = {"type": "function_call", "call_id": id, "name": called.name, "arguments": called.input}
        return self._item("item_", fields)

    def _details(self, status: str) -> JSON | None:
        if status == "completed":
            return None
        if status == "failed":
            error = error_body(500, self.behaviour.message, code=self.behaviour.code or "server_error")
            return {"type": "failed", "error": {key: error[key] for key in ("type", "code", "message")}}
        reason = "client_cancelled" if status == "cancelled" else "max_output_tokens"
        return {"type": status, "reason": reason}

    def _usage(self, output: list[JSON], spoken: bool) -> JSON:
        heard = sum(_AUDIO_PART_TOKENS for part in _parts(self.items) if part.get("type") == "input_audio")
        read = 3 + sum(map(_item_tokens, self.items)) + text.count(self.wanted.get("instructions"))
        written = sum(map(_item_tokens, output))
        cached = usage.cached_tokens(self.behaviour, read)
        kind, other = ("audio_tokens", "text_tokens") if spoken else ("text_tokens", "audio_tokens")
        return {
            "total_tokens": read + heard + written,
            "input_tokens": read + heard,
            "output_tokens": written,
            "input_token_details": {
                "text_tokens": read,
                "audio_tokens": heard,
                "image_tokens": 0,
                "cached_tokens": cached,
                "cached_tokens_details": {"text_tokens": cached, "audio_tokens": 0, "image_tokens": 0},
            },
            "output_token_details": {kind: written, other: 0},
        }


def _parts(items: list[JSON]) -> Iterator[JSON]:
    for item in items:
        yield from item.get("content") or ()


def _item_tokens(item: JSON) -> int:
    said = [part.get("text") or part.get("transcript") for part in item.get("content") or ()]
    return sum(map(text.count, [*said, item.get("arguments"), item.get("output")]))


def stream(response: JSON, behaviour: Behaviour) -> Iterator[JSON]:
    """The events of one response, each as ``kind`` and its fields."""
    opened: JSON = {"status": "in_progress", "status_details": None, "output": [], "usage": None}
    yield {"kind": "response.created", "response": {**response, **opened}}
    for index, item in enumerate(response["output"]):
        yield from _item_events(response["id"], index, item, behaviour)
    yield {"kind": "response.done", "response": response}
    limits = [{"name": "tokens", "limit": 40000, "remaining": 39000, "reset_seconds": 1.5}]
    yield {"kind": "rate_limits.updated", "rate_limits": limits}


def _item_events(response: str, index: int, item: JSON, behaviour: Behaviour) -> Iterator[JSON]:
    at = {"response_id": response, "output_index": index}
    emptied: JSON = {"content": []} if item["type"] == "message" else {"arguments": ""}
    opened = {**item, **emptied, "status": "in_progress"}
    yield {"kind": "response.output_item.added", **at, "item": opened}
    yield {"kind": "conversation.item.added", "previous_item_id": None, "item": opened}
    if item["type"] == "message":
        yield from _part_events(
            {**at, "item_id": item["id"], "content_index": 0}, item["content"][0], behaviour
        )
    else:
        yield from _arguments_events(
            {**at, "item_id": item["id"], "call_id": item["call_id"]}, item, behaviour
        )
    yield {"kind": "response.output_item.done", **at, "item": item}


def _part_events(at: JSON, part: JSON, behaviour: Behaviour) -> Iterator[JSON]:
    spoken = part["type"] == "output_audio"
    field, name = (
        ("transcript", "response.output_audio_transcript") if spoken else ("text", "response.output_text")
    )
    shown = {"type": "audio" if spoken else "text"}
    yield {"kind": "response.content_part.added", **at, "part": {**shown, field: ""}}
    for piece in text.pieces(part[field], behaviour):
        yield {"kind": f"{name}.delta", **at, "delta": piece}
    if spoken:
        sound = media.base64_text(media.samples(part[field]))
        yield {"kind": "response.output_audio.delta", **at, "delta": sound}
        yield {"kind": "response.output_audio.done", **at}
    yield {"kind": f"{name}.done", **at, field: part[field]}
    yield {"kind": "response.content_part.done", **at, "part": {**shown, field: part[field]}}


def _arguments_events(at: JSON, item: JSON, behaviour: Behaviour) -> Iterator[JSON]:
    for piece in text.pieces(item["arguments"], behaviour):
        yield {"kind": "response.function_call_arguments.delta", **at, "delta": piece}
    done = {"arguments": item["arguments"], "name": item["name"]}
    yield {"kind": "response.function_call_arguments.done", **at, **done}
