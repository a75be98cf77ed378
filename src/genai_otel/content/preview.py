"""One line for lists of traces: the last thing that the user said, the last that the model answered."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

from genai_otel.content.describe import well_formed
from genai_otel.content.encode import to_json
from genai_otel.content.fields import Message, field, kind_of, sequence, string
from genai_otel.content.media import inline_text
from genai_otel.content.messages import input_messages, output_messages

Side: TypeAlias = Literal["request", "response"]

MAX_LENGTH: Final = 1_000
_ELLIPSIS: Final = "…"


def request_preview(messages: list[Message]) -> str | None:
    """The text of the last user message that has any, at most 1,000 characters."""
    return _last_text(messages, ("user",))


def response_preview(messages: list[Message]) -> str | None:
    """The text, or else the refusal, of the last assistant message that has any, at most 1,000 characters."""
    return _last_text(messages, ("assistant", "model"))


def derive(value: object, side: Side) -> str | None:
    """A preview of any value: of its messages where it is a chat shape, else its text or compact JSON.

    ``None`` for ``None``. At most 1,000 characters. Never raises.
    """
    if value is None:
        return None
    text = string(value)
    if text is not None:
        return shortened(inline_text(text))
    found = said(value, side)
    return shortened(inline_text(to_json(value))) if found is None else found


def said(value: object, side: Side) -> str | None:
    """What the last user (request) or assistant (response) message in a chat shape says; ``None`` without one."""
    plainly = _plainly_said(value, "user" if side == "request" else "assistant")
    if plainly is not _NOT_PLAIN:
        return shortened(inline_text(plainly)) if plainly else None
    if side == "request":
        return request_preview(input_messages(value))
    return response_preview(output_messages(value))


def _plainly_said(value: object, role: str) -> Any:
    """The text of the last message of ``role`` in a history of plain ``{role, content: text}`` dicts.

    A shortcut that reads one message where normalising would read all; ``_NOT_PLAIN`` where it does not apply.
    """
    messages = value.get("messages") if type(value) is dict else value
    if type(messages) is not list or not messages:
        return _NOT_PLAIN
    for message in reversed(messages):
        if type(message) is not dict or type(message.get("role")) is not str:
            return _NOT_PLAIN
        content = message.get("content")
        if type(content) is not str:
            return _NOT_PLAIN
        if message["role"] == role and content:
            return content
    return None


_NOT_PLAIN: Final = object()


def _last_text(messages: list[Message], roles: tuple[str, ...]) -> str | None:
    said = [message for message in sequence(messages) if string(field(message, "role")) in roles]
    text = next((text for message in reversed(said) if (text := _text(message))), None)
    return None if text is None else shortened(text)


def _text(message: Message) -> str:
    return _of_type(message, "text") or _of_type(message, "refusal")


def _of_type(message: Message, kind: str) -> str:
    parts = [part for part in sequence(field(message, "parts")) if kind_of(part) == kind]
    return "\n".join(text for part in parts if (text := string(field(part, "content"))))


def shortened(text: str) -> str:
    """The text in at most 1,000 characters, with an ellipsis where it was longer."""
    return well_formed(text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 1] + _ELLIPSIS)
