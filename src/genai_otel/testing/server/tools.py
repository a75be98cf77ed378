"""Which of the offered tools the test server calls, and with what: shared by chat and Responses."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

from genai_otel.testing.server import schema
from genai_otel.testing.server.behaviour import Behaviour
from genai_otel.testing.server.exchange import JSON


@dataclass(frozen=True)
class Tool:
    """A function or custom tool, whichever way it was offered."""

    kind: str  # "function" or "custom"
    name: str
    parameters: JSON | None = None


@dataclass(frozen=True)
class ToolCall:
    """A call of a tool: ``input`` is JSON text for a function, free text for a custom tool."""

    kind: str
    name: str
    input: str


def offered(definitions: Any, functions: Any = None) -> list[Tool]:
    """The callable tools among chat or Responses ``tools`` and legacy ``functions``."""
    listed = [tool for tool in definitions or () if isinstance(tool, dict)]
    legacy = [{"type": "function", **function} for function in functions or ()]
    return [_tool(tool) for tool in listed + legacy if tool.get("type") in ("function", "custom")]


def _tool(definition: JSON) -> Tool:
    kind = definition["type"]
    inner = definition.get(kind) or definition
    return Tool(kind, str(inner.get("name", "")), inner.get("parameters"))


def calls(
    behaviour: Behaviour, tools: list[Tool], choice: Any, question: str, *, fresh: bool
) -> list[ToolCall]:
    """The calls to answer with; empty for a text answer.

    ``fresh`` says that the conversation holds no tool result yet, which is when a model would call.
    """
    if not tools or behaviour.text is not None or behaviour.echo or choice == "none":
        return []
    named = behaviour.tool or _named(choice)
    if not (fresh or named or choice == "required" or behaviour.tool_calls):
        return []
    candidates = [tool for tool in tools if tool.name == named] or tools
    chosen = islice(cycle(candidates), 1 if behaviour.tool_calls is None else behaviour.tool_calls)
    return [_call(tool, question) for tool in chosen]


def _named(choice: Any) -> str | None:
    if not isinstance(choice, dict):
        return None
    inner = choice.get("function") or choice.get("custom") or choice
    name = inner.get("name")
    return str(name) if name else None


def _call(tool: Tool, question: str) -> ToolCall:
    written = question if tool.kind == "custom" else schema.arguments(tool.parameters, question)
    return ToolCall(tool.kind, tool.name, written)
