"""Lists of messages, items, parts and pairs, mixed as they come, as messages of the conventions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from genai_otel.content.chat import chat_message, is_langchain, is_pair, pair_message
from genai_otel.content.fields import Message, field, kind_of, string
from genai_otel.content.parts import is_part, parts_of, text_part
from genai_otel.content.responses_items import item_parts, item_role

Reader: TypeAlias = Callable[[Any, str], Message]
Values: TypeAlias = list[Any] | tuple[Any, ...]


def read_one(value: object, role: str) -> Message | None:
    """The message that a single object is, ``None`` if it isn't one."""
    reader = _reader(value)
    return None if reader is None else reader(value, role)


def read_all(values: Values, role: str) -> list[Message] | None:
    """The messages of a list in order, ``None`` if nothing in it is of a known shape.

    ``role`` is that of whatever names none itself. Each message, item, pair and string is a message of its
    own; neighbouring bare parts share one.
    """
    readers = _readers(values)
    if not any(readers):
        return _unpacked(values, role)
    messages: list[Message] = []
    previous: Reader | None = None
    for value, reader in zip(values, readers, strict=True):
        message = (reader or _bare_part)(value, role)
        if reader is _bare_part and previous is _bare_part:
            messages[-1]["parts"] += message["parts"]
        else:
            messages.append(message)
        previous = reader
    return messages


def read_prompts(values: Values, role: str) -> list[Message] | None:
    """One message for each prompt, ``None`` unless all are strings."""
    if not values or not all(isinstance(value, str) for value in values):
        return None
    return [{"role": role, "parts": [text_part(value)]} for value in values]


def is_history(values: Values) -> bool:
    """Whether a list begins with a message, an item, a part, a pair or a string."""
    return isinstance(values[0], str) or _reader(values[0]) is not None


def is_one_answer(values: Values) -> bool:
    """Whether the elements are parts or items that make up one answer, not messages of their own."""
    return bool(values) and all(_is_piece(value) for value in values)


def _is_piece(value: object) -> bool:
    kind = kind_of(value)
    return kind is not None and (kind == "message" or _typed_reader(value, kind) in (_item, _bare_part))


def _unpacked(values: Values, role: str) -> list[Message] | None:
    """The messages of a batch of one, ``[[message, …]]``."""
    inner = values[0] if len(values) == 1 else None
    if not isinstance(inner, (list, tuple)) or not any(_readers(inner)):
        return None
    return read_all(inner, role)


def _readers(values: Values) -> list[Reader | None]:
    """How to read each element (``None``: unknown shape); nothing for lists of numbers, which may be long."""
    if not values or isinstance(values[0], (int, float)):
        return []
    return [_reader(value) for value in values]


def _reader(value: object) -> Reader | None:
    if type(value) is dict and len(value) == 2 and type(value.get("role")) is str and "content" in value:
        return chat_message
    if isinstance(value, (str, list, tuple)):
        return _pair if is_pair(value) else None
    kind = kind_of(value)
    if kind is None or kind == "message":
        return chat_message if string(field(value, "role")) is not None else None
    return _typed_reader(value, kind)


def _typed_reader(value: object, kind: str) -> Reader | None:
    if is_langchain(value, kind):
        return chat_message
    if item_role(kind) is not None:
        return _item
    if string(field(value, "role")) is not None:
        return chat_message
    return _bare_part if is_part(value, kind) else None


def _pair(value: Any, role: str) -> Message:
    return pair_message(value)


def _item(value: Any, role: str) -> Message:
    return {"role": item_role(kind_of(value) or "") or role, "parts": item_parts(value)}


def _bare_part(value: Any, role: str) -> Message:
    return {"role": role, "parts": parts_of(value)}
