"""Definitions of tools, in any SDK's shape, and objects for a tool's arguments and results."""

from __future__ import annotations

import functools
import inspect
from typing import Any, Final

from genai_otel.content.fields import field, first, given, kind_of, sequence, string, with_present
from genai_otel.content.plain import plain
from genai_otel.content.second_try import second_try
from genai_otel.content.tool_calls import parsed, plain_value

_NESTED: Final = ("function", "custom", "toolSpec")
_NAME: Final = ("name", "server_label")
_DESCRIPTION: Final = ("description", "server_description")
_PARAMETERS: Final = ("parameters", "input_schema", "inputSchema", "args_schema")
_LISTS: Final = ("function_declarations", "functionDeclarations")


def tool_definitions(value: object) -> list[dict[str, Any]]:
    """The tools offered to a model: ``{type, name}``, ``description`` and ``parameters`` if there are any.

    Takes a list of definitions of OpenAI (nested, flat, custom, built-in, MCP, legacy functions), Anthropic,
    Gemini or MCP, of callables, classes, tool objects or names. Addresses, headers and credentials in them
    are not kept. Never raises.
    """
    try:
        return _definitions(value)
    except Exception as exc:
        return second_try(exc, "content.tools.tool_definitions", _definitions, value, list)


def object_of(value: object, key: str) -> dict[str, Any]:
    """The arguments or the result of a tool as an object: a mapping, a model's fields or a JSON object's.

    Anything else is put under ``key``. Never raises.
    """
    read = functools.partial(_object_of, key=key)
    try:
        return read(value)
    except Exception as exc:
        return second_try(exc, "content.tools.object_of", read, value, lambda: {key: plain(value)})


def _object_of(value: object, key: str) -> dict[str, Any]:
    text = string(value)
    is_json = text is not None and text.lstrip()[:1] == "{"
    found = plain_value(parsed(text) if is_json and text is not None else value)
    return found if isinstance(found, dict) else {key: found}


def _definitions(value: object) -> list[dict[str, Any]]:
    if not given(value):
        return []
    tools = value if isinstance(value, (list, tuple)) else [value]
    return [definition for tool in tools for entry in _declared(tool) if (definition := _definition(entry))]


def _declared(tool: object) -> list[Any]:
    """The functions of a tool that is a list of declarations, else the tool itself."""
    declared = [entry for name in _LISTS for entry in sequence(field(tool, name))]
    return declared or [tool]


def _definition(tool: object) -> dict[str, Any] | None:
    if isinstance(tool, str):
        return {"type": "function", "name": string(tool)}
    if inspect.isroutine(tool) or inspect.isclass(tool):
        return _of_python(tool)
    nested = first(tool, _NESTED)
    spec = tool if nested is None else nested
    kind = kind_of(tool) or _implied_kind(tool)
    name = string(first(spec, _NAME)) or kind_of(tool) or string(field(tool, "__name__"))
    if name is None:
        return None
    definition = with_present({"type": kind, "name": name}, description=string(first(spec, _DESCRIPTION)))
    return with_present(definition, parameters=_parameters(spec), format=_format(spec, kind))


def _implied_kind(tool: object) -> str:
    return next((name for name in ("function", "custom") if field(tool, name) is not None), "function")


def _of_python(tool: Any) -> dict[str, Any]:
    """A function or a class: known by its name and its documentation."""
    doc = string(field(tool, "__doc__"))
    definition = {"type": "function", "name": string(field(tool, "__name__")) or type(tool).__name__}
    return with_present(definition, description=inspect.cleandoc(doc) if doc else None)


def _parameters(spec: object) -> dict[str, Any] | None:
    """The JSON schema of a tool's parameters."""
    schema = plain(first(spec, _PARAMETERS))
    if not isinstance(schema, dict):
        return None
    inner = schema.get("json")  # Bedrock's wrapper
    return inner if len(schema) == 1 and isinstance(inner, dict) else schema


def _format(spec: object, kind: str) -> Any:
    """The grammar of a custom tool's input."""
    return plain(field(spec, "format")) if kind == "custom" else None
