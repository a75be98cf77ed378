"""One line for lists of traces: the last thing that the user said, the last that the model answered."""

from __future__ import annotations

from typing import Final, Literal

from genai_otel.content.encode import to_json
from genai_otel.content.fields import Message, field, kind_of, sequence, string
from genai_otel.content.media import inline_text
from genai_otel.content.messages import input_messages, output_messages

MAX_LENGTH: Final = 1_000
_ELLIPSIS: Final = "…"


def request_preview(messages: list[Message]) -> str | None:
    """The text of the last user message that has any, at most 1,000 characters."""
    return _last_text(messages, ("user",))


def response_preview(messages: list[Message]) -> str | None:
    """The text, or else the refusal, of the last assistant message that has any, at most 1,000 characters."""
    return _last_text(messages, ("assistant", "model"))


def derive(value: object, side: Literal["request", "response"]) -> str | None:
    """A preview of any value: of its messages where it is a chat shape, else its text or compact JSON.

    ``None`` for ``None``. At most 1,000 characters. Never raises.
    """
    if value is None:
        return None
    text = string(value)
    if text is not None:
        return shortened(inline_text(text))
    found = _of_messages(value, side)
    return shortened(inline_text(to_json(value))) if found is None else found


def _of_messages(value: object, side: Literal["request", "response"]) -> str | None:
    if side == "request":
        return request_preview(input_messages(value))
    return response_preview(output_messages(value))


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
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 1] + _ELLIPSIS
