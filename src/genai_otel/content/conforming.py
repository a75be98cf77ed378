"""Parts that are in the conventions' form already, and may keep whatever else they carry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from genai_otel.content.fields import Part, kind_of, string
from genai_otel.content.media import inline_text, is_data_url
from genai_otel.content.tool_calls import parsed, plain_value

_Check: TypeAlias = Callable[[Any], bool]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_address(value: object) -> bool:
    return isinstance(value, str) and not is_data_url(value)


def _has_type(value: object) -> bool:
    return isinstance(value, dict) and kind_of(value) is not None


def _is_anything(value: object) -> bool:
    return True


_REQUIRED: Final[dict[str, dict[str, _Check]]] = {
    "text": {"content": _is_text},
    "refusal": {"content": _is_text},
    "reasoning": {"content": _is_text},
    "tool_call": {"name": _is_text},
    "tool_call_response": {"response": _is_anything},
    "server_tool_call": {"name": _is_text, "server_tool_call": _has_type},
    "server_tool_call_response": {"server_tool_call_response": _has_type},
    "file": {"modality": _is_text, "file_id": _is_text},
    "uri": {"modality": _is_text, "uri": _is_address},
}


def conforms(part: object) -> bool:
    """Whether a part has the required keys of its kind; inline bytes (``blob``, ``data:``) never do."""
    if not isinstance(part, dict):
        return False
    required = _REQUIRED.get(kind_of(part) or "")
    return required is not None and all(key in part and check(part[key]) for key, check in required.items())


def passed_through(part: dict[str, Any]) -> Part:
    """A copy of a conforming part in plain form, tool call arguments deserialised."""
    copied: Part = plain_value(part)
    for key, check in _REQUIRED[copied["type"]].items():
        if check in (_is_text, _is_address):
            copied[key] = inline_text(string(part[key]) or "")
    arguments = copied.get("arguments")
    if copied["type"] == "tool_call" and isinstance(arguments, str):
        copied["arguments"] = plain_value(parsed(arguments))
    return copied
