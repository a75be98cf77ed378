"""Tool calls and their results, in the words of OpenAI (nested, flat, legacy, custom) and of its peers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

import orjson

from genai_otel.content.fields import Part, field, first, identifier, kind_of, string, with_present
from genai_otel.content.media import inline_text, without_binaries
from genai_otel.content.plain import plain

_CALL_ID: Final = ("call_id", "id", "toolUseId")
_RESULT_ID: Final = ("tool_call_id", "tool_use_id", "call_id", "toolUseId", "id")
_ARGUMENTS: Final = ("arguments", "args", "input")
_RESULT: Final = ("response", "output", "content", "result")
_BEYOND_64_BITS: Final = re.compile(r"\d{19}")


def tool_call(entry: object) -> Part:
    """A ``tool_call`` part; ``arguments`` are deserialised where they can be."""
    custom = field(entry, "custom")
    called = custom if custom is not None else field(entry, "function")
    call = entry if called is None else called
    part: Part = {"type": "tool_call", "name": string(field(call, "name")) or ""}
    arguments = _custom_input(call) if custom is not None or kind_of(entry) in _CUSTOM else _arguments(call)
    return with_present(part, id=identifier(first(entry, _CALL_ID)), arguments=arguments)


_CUSTOM: Final = ("custom", "custom_tool_call")


def _custom_input(call: object) -> dict[str, Any] | None:
    given = field(call, "input")
    text = string(given)
    return None if given is None else {"input": plain_value(given if text is None else text)}


def _arguments(call: object) -> Any:
    value = first(call, _ARGUMENTS)
    text = string(value)
    if text is None:
        return None if value is None else plain_value(value)
    return without_binaries(parsed(text)) if text.strip() else None


def parsed(text: str) -> Any:
    """What the JSON text stands for; the text itself if it isn't JSON."""
    try:
        # orjson reads an integer beyond 64 bits as a float
        return plain(json.loads(text)) if _BEYOND_64_BITS.search(text) else orjson.loads(text)
    except (ValueError, RecursionError):
        return text


def plain_value(value: object) -> Any:
    """A plain copy of any value with references for the binaries in it."""
    return without_binaries(plain(value))


def tool_response(entry: object, nested_part: Callable[[object], Any]) -> Part:
    """A ``tool_call_response`` part from an object that carries a call's id and its result."""
    part = response_part(first(entry, _RESULT), identifier(first(entry, _RESULT_ID)), nested_part)
    return with_present(part, is_error=True if field(entry, "is_error") is True else None)


def response_part(result: object, call_id: str | None, nested_part: Callable[[object], Any]) -> Part:
    """A ``tool_call_response`` part; parts inside the result are read by ``nested_part``."""
    response = _response(result, nested_part)
    return with_present({"type": "tool_call_response", "response": response}, id=call_id)


def _response(result: object, nested_part: Callable[[object], Any]) -> Any:
    if isinstance(result, (list, tuple)):
        return [nested_part(entry) for entry in result]
    text = string(result)
    return nested_part(result) if text is None else inline_text(text)
