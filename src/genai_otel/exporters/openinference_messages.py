"""Chat messages as OpenInference flattens them into one attribute per field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_Pairs = Iterator[tuple[str, Any]]


def flat_messages(prefix: str, messages: Sequence[Mapping[str, Any]]) -> _Pairs:
    """Yield the attributes of messages in the shape of OpenAI's chat API, under ``{prefix}.{index}``."""
    for index, message in enumerate(messages):
        yield from _message(f"{prefix}.{index}.message", message)


def single_text(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the text of the only message, if there is one and it is nothing but text."""
    if len(messages) != 1 or set(messages[0]) - {"role", "content"}:
        return None
    content = messages[0].get("content")
    return content if isinstance(content, str) else None


def _message(at: str, message: Mapping[str, Any]) -> _Pairs:
    yield f"{at}.role", message.get("role")
    for key in ("name", "tool_call_id"):
        if message.get(key):
            yield f"{at}.{key}", message[key]
    yield from _content(at, message)
    for index, call in enumerate(message.get("tool_calls") or ()):
        yield from _call(f"{at}.tool_calls.{index}.tool_call", call)


def _content(at: str, message: Mapping[str, Any]) -> _Pairs:
    content, reasoning = message.get("content"), message.get("reasoning_content")
    if isinstance(content, str) and not reasoning:
        yield f"{at}.content", content
        return
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}] if content else []
    if reasoning:
        parts = [{"type": "reasoning", "text": reasoning}, *parts]
    if message.get("refusal") and not parts:
        yield f"{at}.content", message["refusal"]
    for index, part in enumerate(parts):
        yield from _part(f"{at}.contents.{index}.message_content", part)


def _part(at: str, part: Mapping[str, Any]) -> _Pairs:
    if part.get("type") == "image_url":
        yield f"{at}.type", "image"
        yield f"{at}.image.image.url", part["image_url"]["url"]
        return
    yield f"{at}.type", part.get("type")
    yield f"{at}.text", part.get("text")


def _call(at: str, call: Mapping[str, Any]) -> _Pairs:
    yield f"{at}.id", call.get("id")
    yield f"{at}.function.name", call["function"]["name"]
    yield f"{at}.function.arguments", call["function"]["arguments"]
