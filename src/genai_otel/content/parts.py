"""Parts of a message: one table from a part's ``type``, in any provider's words, to the conventions' parts.

Parts that the conventions know always carry their required keys. Kinds that nobody told us about are kept
under their own ``type`` with their fields in plain form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from genai_otel.content.encode import to_json
from genai_otel.content.fields import Part, field, first, identifier, kind_of, sequence, string, with_present
from genai_otel.content.media import inline_text, media_part, provider_fields, without_binaries
from genai_otel.content.plain import plain
from genai_otel.content.tool_calls import tool_call, tool_response

Builder: TypeAlias = Callable[[Any], list[Part]]


def text_part(value: object) -> Part:
    """A text part: strings as they are, everything else as JSON text; ``data:`` URLs in it become digests."""
    text = string(value)
    return {"type": "text", "content": inline_text(to_json(value) if text is None else text)}


def reasoning_part(text: str) -> Part:
    """A reasoning part; its text is empty where the provider keeps the reasoning to itself."""
    return {"type": "reasoning", "content": text}


def content_parts(content: object) -> list[Part]:
    """The parts of a message's ``content``: a string, a list of parts, a single part, or nothing."""
    if content is None:
        return []
    if isinstance(content, (list, tuple)):
        return [part for entry in content for part in parts_of(entry)]
    return parts_of(content)


def parts_of(entry: object) -> list[Part]:
    """The parts that one element of a content list stands for, mostly one."""
    if isinstance(entry, str):
        return [text_part(entry)]
    kind = kind_of(entry)
    if kind is None:
        return _untyped(entry)
    builder = BUILDERS.get(kind)
    if builder is not None:
        return builder(entry)
    return _server_tool_result(entry) if kind.endswith("_tool_result") else [generic_part(entry, kind)]


def is_part(entry: object, kind: str) -> bool:
    """Whether an object of this ``type`` is a part that we know."""
    return kind in BUILDERS and (kind not in _CHAT_CALLS or field(entry, kind) is not None)


def generic_part(entry: object, kind: str) -> Part:
    """A part of a kind that the conventions don't know, with its own ``type`` and fields."""
    return {**provider_fields(entry), "type": kind}


def _untyped(entry: object) -> list[Part]:
    """Parts told apart by the one key that they have, as Gemini and Bedrock write them."""
    for key, builder in _KEYED.items():
        found = field(entry, key)
        if found is not None:
            return builder(entry if key == "text" else found)
    return [text_part(entry)]


def _text(entry: object) -> list[Part]:
    text = first(entry, ("text", "content", "value"))
    value = string(text) if text is not None else ""
    if value is None:
        value = string(field(text, "value"))
    part = text_part(text if value is None else value)
    annotations = sequence(field(entry, "annotations"))
    if annotations:
        part["annotations"] = [provider_fields(annotation) for annotation in annotations]
    return [part]


def _gemini_text(entry: object) -> list[Part]:
    return _reasoning(entry) if field(entry, "thought") is True else _text(entry)


def _refusal(entry: object) -> list[Part]:
    refusal = first(entry, ("refusal", "content"))
    return [{**text_part("" if refusal is None else refusal), "type": "refusal"}]


def _reasoning(entry: object) -> list[Part]:
    texts = [text for name in _REASONING_TEXTS for text in _texts(field(entry, name))]
    return [with_present(reasoning_part("\n\n".join(texts)), id=identifier(field(entry, "id")))]


_REASONING_TEXTS: Final = ("summary", "content", "thinking", "reasoning", "text")


def _texts(value: object) -> list[str]:
    """The readable strings of a reasoning field: a string, or a list of ``{"text": …}``."""
    text = string(value)
    if text is not None:
        return [text] if text else []
    found = (string(field(entry, "text")) or string(entry) for entry in sequence(value))
    return [text for text in found if text]


def _media(modality: str) -> Builder:
    def build(entry: object) -> list[Part]:
        part = media_part(entry, modality)
        return [text_part(entry) if part is None else part]

    return build


_sound: Final = _media("audio")


def _audio(entry: object) -> list[Part]:
    """What was said, where there is a transcript, and the sound."""
    transcript = string(field(entry, "transcript"))
    if not transcript:
        return _sound(entry)
    sound = media_part(entry, "audio")
    return [text_part(transcript)] if sound is None else [text_part(transcript), sound]


_document_file: Final = _media("document")


def _document(entry: object) -> list[Part]:
    source = field(entry, "source")
    kind = kind_of(source)
    if kind == "text":
        return [with_present(text_part(field(source, "data")), title=string(field(entry, "title")))]
    return _nested_parts(field(source, "content")) if kind == "content" else _document_file(entry)


def _nested_parts(content: object) -> list[Part]:
    """The parts of a list inside a part; deeper ones are text."""
    if not isinstance(content, (list, tuple)):
        return [text_part(content)]
    return [part for entry in content for part in _NESTED.get(kind_of(entry) or "", _as_text)(entry)]


def _as_text(entry: object) -> list[Part]:
    return [text_part(entry)]


def _located(entry: object) -> list[Part]:
    """A ``uri``, ``file`` or ``blob`` part that is already in the conventions' form."""
    return _media(string(field(entry, "modality")) or "document")(entry)


def _tool_call(entry: object) -> list[Part]:
    return [tool_call(entry)]


def _chat_call(entry: object) -> list[Part]:
    """An element of a chat message's ``tool_calls``."""
    kind = kind_of(entry) or ""
    return [tool_call(entry) if field(entry, kind) is not None else generic_part(entry, kind)]


def _tool_result(entry: object) -> list[Part]:
    return [tool_response(entry, nested_part)]


def nested_part(entry: object) -> Any:
    """An element of a tool's result: a text or media part where it is one, else plain data."""
    builder = _NESTED.get(kind_of(entry) or "")
    return builder(entry)[0] if builder is not None else without_binaries(plain(entry))


def _server_tool_use(entry: object) -> list[Part]:
    name = string(field(entry, "name")) or ""
    call = {**provider_fields(entry, "id", "name"), "type": name or "server_tool"}
    return [server_call(name, call, identifier(field(entry, "id")))]


def _server_tool_result(entry: object) -> list[Part]:
    outcome = {**provider_fields(entry, "tool_use_id"), "type": kind_of(entry)}
    return [server_outcome(outcome, identifier(field(entry, "tool_use_id")))]


def server_call(name: str, call: dict[str, Any], call_id: str | None) -> Part:
    """A call that the provider executes itself; ``call`` has a ``type``."""
    return with_present({"type": "server_tool_call", "name": name, "server_tool_call": call}, id=call_id)


def server_outcome(outcome: dict[str, Any], call_id: str | None) -> Part:
    """The outcome of a call that the provider executed; ``outcome`` has a ``type``."""
    part: Part = {"type": "server_tool_call_response", "server_tool_call_response": outcome}
    return with_present(part, id=call_id)


def _own_server_call(entry: object) -> list[Part]:
    name = string(field(entry, "name")) or ""
    call = _typed(field(entry, "server_tool_call"), name or "server_tool")
    return [server_call(name, call, identifier(field(entry, "id")))]


def _own_server_outcome(entry: object) -> list[Part]:
    outcome = _typed(field(entry, "server_tool_call_response"), "server_tool")
    return [server_outcome(outcome, identifier(field(entry, "id")))]


def _typed(value: object, kind: str) -> dict[str, Any]:
    fields = provider_fields(value) if value is not None else {}
    return {**fields, "type": string(fields.get("type")) or kind}


def _compaction(entry: object) -> list[Part]:
    content = string(field(entry, "content"))
    return [with_present({"type": "compaction"}, id=identifier(field(entry, "id")), content=content)]


_CHAT_CALLS: Final = ("function", "custom")

_NESTED: Final[dict[str, Builder]] = {
    **dict.fromkeys(("text", "input_text", "output_text"), _text),
    **dict.fromkeys(
        ("image", "image_url", "input_image", "image_file", "computer_screenshot"), _media("image")
    ),
    **dict.fromkeys(("audio", "audio_url", "input_audio", "output_audio"), _audio),
    **dict.fromkeys(("video", "video_url", "input_video"), _media("video")),
    **dict.fromkeys(("input_file", "media"), _document_file),
    **dict.fromkeys(("uri", "file", "blob"), _located),
}

BUILDERS: Final[dict[str, Builder]] = {
    **_NESTED,
    **dict.fromkeys(("summary_text", "text-plain"), _text),
    **dict.fromkeys(("thinking", "redacted_thinking", "reasoning", "reasoning_text"), _reasoning),
    **dict.fromkeys(("tool_call", "tool_use"), _tool_call),
    **dict.fromkeys(("tool_result", "tool_call_response"), _tool_result),
    **dict.fromkeys(("server_tool_use", "mcp_tool_use"), _server_tool_use),
    **dict.fromkeys(_CHAT_CALLS, _chat_call),
    "refusal": _refusal,
    "document": _document,
    "server_tool_call": _own_server_call,
    "server_tool_call_response": _own_server_outcome,
    "compaction": _compaction,
}

_KEYED: Final[dict[str, Builder]] = {
    "text": _gemini_text,
    **dict.fromkeys(("function_call", "functionCall", "toolUse"), _tool_call),
    **dict.fromkeys(("function_response", "functionResponse", "toolResult"), _tool_result),
    **dict.fromkeys(("inline_data", "inlineData", "file_data", "fileData", "document"), _document_file),
    "image": _media("image"),
    "video": _media("video"),
}
