"""The conventions' messages in the shape of OpenAI's chat API, which chat views of backends read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from genai_otel.content.encode import to_json

_TEXT_KINDS: Final = ("text", "compaction")
# what stands for media that is described but not in the trace
_DESCRIBED: Final = ("mime_type", "file_id", "size", "sha256")


def openai_messages(messages: Sequence[Any], system: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """Return the messages that a chat request holds, system instructions first.

    Each result of a tool becomes a message of its own.
    """
    instructions: list[Any] = [{"role": "system", "parts": system}] if system else []
    return [shaped for message in [*instructions, *messages] for shaped in _shaped(message)]


def openai_choices(messages: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the choices that a chat completion holds, one per message."""
    shaped = [(message, one) for message in messages for one in _shaped(message)]
    return [
        {"index": index, "message": one, "finish_reason": message.get("finish_reason")}
        for index, (message, one) in enumerate(shaped)
    ]


def openai_tools(definitions: Sequence[Any]) -> list[dict[str, Any]]:
    """Return tool definitions in the nested shape ``{"type": "function", "function": {...}}``."""
    return [_tool(one) for one in definitions if isinstance(one, Mapping) and one.get("name")]


def _tool(definition: Mapping[str, Any]) -> dict[str, Any]:
    described = {key: value for key, value in definition.items() if key != "type"}
    return {"type": "function", "function": {"parameters": {"type": "object", "properties": {}}, **described}}


def _shaped(message: Any) -> list[dict[str, Any]]:
    if not isinstance(message, Mapping):
        return []
    given = message.get("parts")
    parts = [part for part in given if isinstance(part, Mapping)] if isinstance(given, list) else []
    results = [_result(part) for part in parts if part.get("type") == "tool_call_response"]
    said = [part for part in parts if part.get("type") != "tool_call_response"]
    return [*([_said(message, said)] if said or not results else []), *results]


def _said(message: Mapping[str, Any], parts: list[Mapping[str, Any]]) -> dict[str, Any]:
    role = message.get("role") or "user"
    shaped: dict[str, Any] = {"role": "assistant" if role == "model" else role, "content": _content(parts)}
    calls = [_call(part) for part in parts if part.get("type") == "tool_call"]
    reasoning = _joined(parts, ("reasoning",))
    refusal = _joined(parts, ("refusal",))
    optional: dict[str, Any] = {"tool_calls": calls, "reasoning_content": reasoning, "refusal": refusal}
    optional["name"] = message.get("name")
    shaped.update({key: value for key, value in optional.items() if value})
    return shaped


def _content(parts: list[Mapping[str, Any]]) -> Any:
    """Return the text; a list of content parts where there is anything else to show; None for nothing."""
    shown = [part for part in parts if part.get("type") not in _ELSEWHERE]
    if all(part.get("type") in _TEXT_KINDS for part in shown):
        return _joined(shown, _TEXT_KINDS) or None
    return [_CONTENT.get(str(part.get("type")), _other)(part) for part in shown]


_ELSEWHERE: Final = ("tool_call", "reasoning", "refusal")


def _joined(parts: list[Mapping[str, Any]], kinds: tuple[str, ...]) -> str:
    return "\n".join(str(part.get("content") or "") for part in parts if part.get("type") in kinds)


def _call(part: Mapping[str, Any]) -> dict[str, Any]:
    arguments = part.get("arguments")
    text = arguments if isinstance(arguments, str) else to_json({} if arguments is None else arguments)
    return {
        "id": part.get("id") or "",
        "type": "function",
        "function": {"name": part.get("name") or "", "arguments": text},
    }


def _result(part: Mapping[str, Any]) -> dict[str, Any]:
    response = part.get("response")
    text = response if isinstance(response, str) else to_json(response)
    return {"role": "tool", "tool_call_id": part.get("id") or "", "content": text}


def _text(part: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": str(part.get("content") or "")}


def _located(part: Mapping[str, Any]) -> dict[str, Any]:
    if part.get("modality") == "image" and str(part.get("uri", "")).startswith(("http://", "https://")):
        return {"type": "image_url", "image_url": {"url": part["uri"]}}
    return _described(part)


def _described(part: Mapping[str, Any]) -> dict[str, Any]:
    known = [part.get("modality") or "file", part.get("uri"), *(part.get(key) for key in _DESCRIBED)]
    return {"type": "text", "text": f"[{' '.join(str(item) for item in known if item is not None)}]"}


def _other(part: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": to_json(part)}


_CONTENT: Final[dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    **dict.fromkeys(_TEXT_KINDS, _text),
    "uri": _located,
    **dict.fromkeys(("file", "blob"), _described),
}
