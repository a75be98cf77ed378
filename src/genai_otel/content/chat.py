"""One chat message, in any provider's shape, as a message of the conventions."""

from __future__ import annotations

from typing import Any, Final

from genai_otel.content.conforming import conforms, passed_through
from genai_otel.content.fields import (
    Message,
    Part,
    field,
    fields_of,
    first,
    identifier,
    kind_of,
    sequence,
    string,
    with_present,
)
from genai_otel.content.media import media_part
from genai_otel.content.parts import content_parts, nested_part, parts_of, reasoning_part, text_part
from genai_otel.content.tool_calls import plain_value, response_part, tool_call

_ROLES: Final = {
    **dict.fromkeys(("human", "HumanMessageChunk"), "user"),
    **dict.fromkeys(("ai", "AIMessageChunk"), "assistant"),
    **dict.fromkeys(("ToolMessageChunk", "FunctionMessageChunk"), "tool"),
    "SystemMessageChunk": "system",
}
_KNOWN_ROLES: Final = frozenset(
    {*_ROLES, "system", "developer", "user", "assistant", "model", "tool", "function"}
)
_OF_TOOLS: Final = ("tool", "function")
_REASONING: Final = ("reasoning_content", "reasoning", "thinking")
_PLAIN: Final = ("role", "content")
_MESSAGE_KEYS: Final = frozenset({"role", "parts", "name", "finish_reason"})


def known_role(value: object) -> str | None:
    """The role in the conventions' words if the value names one, else ``None``."""
    role = string(value)
    return _ROLES.get(role, role) if role in _KNOWN_ROLES else None


def chat_message(item: object, role: str = "user") -> Message:
    """A message from an object with a role (or a LangChain ``type``) and ``content`` or ``parts``.

    ``role`` is used where the object names none.
    """
    plain = _plain_message(item)
    if plain is not None:
        return plain
    raw = string(field(item, "role")) or _langchain_role(item) or role
    parts = field(item, "parts")
    if isinstance(parts, (list, tuple)):
        return _from_parts(item, raw, parts)
    content = field(item, "content")
    role = _ROLES.get(raw, raw)
    message: Message = {"role": role, "parts": _parts(item, role, content)}
    return with_present(message, name=string(field(item, "name")))


def _plain_message(item: object) -> Message | None:
    """The message of an object that says nothing but a role and a text, as most do; ``None`` for any other."""
    fields = fields_of(item)
    content, role = fields.get("content"), fields.get("role")
    if type(content) is not str or not content or type(role) is not str or role in _OF_TOOLS:
        return None
    if len(fields) > 2:
        for name, value in fields.items():
            if (
                value is not None
                and name not in _PLAIN
                and (type(value) is not list or value or name == "parts")
            ):
                return None
    return {"role": _ROLES.get(role, role), "parts": [text_part(content)]}


def _langchain_role(item: object) -> str | None:
    kind = kind_of(item)
    return kind if kind in _KNOWN_ROLES else None


def pair_message(pair: Any) -> Message:
    """A message from ``(role, content)``."""
    return {"role": known_role(pair[0]) or "user", "parts": content_parts(pair[1])}


def is_pair(item: object) -> bool:
    """Whether the item is ``(role, content)`` with a role that we know."""
    return isinstance(item, (list, tuple)) and len(item) == 2 and known_role(item[0]) is not None


def is_langchain(item: object, kind: str) -> bool:
    """Whether an object of this ``type`` is a message in LangChain's form."""
    return kind in _KNOWN_ROLES and isinstance(field(item, "content"), (str, list))


def _parts(item: object, role: str, content: object) -> list[Part]:
    if role in _OF_TOOLS and not _carries_results(content):
        call_id = identifier(field(item, "tool_call_id"))
        return [response_part(content, call_id, nested_part)]
    calls = _calls(item)
    parts = _reasoning(item)
    if string(content) != "" or not (calls or parts):
        parts += content_parts(content)
    _annotate(parts, item)
    return parts + _refusal(item) + _audio(item) + _images(item) + calls


def _carries_results(content: object) -> bool:
    """Whether the content of a tool's message says itself which calls it answers."""
    return any(kind_of(entry) in ("tool_result", "tool_call_response") for entry in sequence(content))


def _reasoning(item: object) -> list[Part]:
    text = string(first(item, _REASONING)) or string(first(field(item, "additional_kwargs"), _REASONING))
    return [reasoning_part(text)] if text else []


def _annotate(parts: list[Part], item: object) -> None:
    annotations = sequence(field(item, "annotations"))
    if annotations and parts and parts[-1]["type"] == "text":
        parts[-1].setdefault("annotations", [plain_value(entry) for entry in annotations])


def _refusal(item: object) -> list[Part]:
    refusal = string(field(item, "refusal"))
    return [{**text_part(refusal), "type": "refusal"}] if refusal else []


def _audio(item: object) -> list[Part]:
    """Spoken output: its transcript as text, its sound as a reference or, sent back later, by its id."""
    audio = field(item, "audio")
    if audio is None or isinstance(audio, str):
        return []
    transcript = string(field(audio, "transcript"))
    parts = [text_part(transcript)] if transcript else []
    sound = media_part(audio, "audio")
    if sound is not None:
        return [*parts, sound]
    audio_id = string(field(audio, "id"))
    return [*parts, {"type": "file", "modality": "audio", "file_id": audio_id}] if audio_id else parts


def _images(item: object) -> list[Part]:
    return [part for image in sequence(field(item, "images")) for part in _image(image)]


def _image(image: object) -> list[Part]:
    if isinstance(image, str):
        part = media_part({"url" if ":" in image[:16] else "data": image}, "image")
        return [part] if part is not None else []
    return parts_of(image)


def _calls(item: object) -> list[Part]:
    calls = [tool_call(call) for call in sequence(field(item, "tool_calls"))]
    legacy = field(item, "function_call")
    return calls if legacy is None else [*calls, tool_call(legacy)]


def _from_parts(item: object, role: str, parts: list[Any] | tuple[Any, ...]) -> Message:
    """A message that has parts already: the conventions' own pass through, Gemini's are translated."""
    own = any(conforms(part) for part in parts)
    message: Message = {"role": role if own else _ROLES.get(role, role)}
    message["parts"] = [read for part in parts for read in _passed_or_read(part)]
    for name in ("name", "finish_reason"):
        with_present(message, **{name: string(field(item, name))})
    if own and isinstance(item, dict):
        message.update(plain_value({key: item[key] for key in item if key not in _MESSAGE_KEYS}))
    return message


def _passed_or_read(part: Any) -> list[Part]:
    return [passed_through(part)] if conforms(part) else parts_of(part)
