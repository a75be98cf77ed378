"""What a response answers: the input, and the conversation before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from genai_otel.testing.server import text
from genai_otel.testing.server.exchange import JSON, APIError, Call

RESPONSES = "response"
INPUTS = "response input"
_CONVERSATION_ITEMS = "conversation items"


@dataclass(frozen=True)
class Context:
    """The items a response answers: the conversation so far, then the new input."""

    items: list[JSON]

    def _said(self, *roles: str) -> list[str]:
        return [text.plain(item.get("content")) for item in self.items if item.get("role") in roles]

    @property
    def question(self) -> str:
        return next(iter(reversed(self._said("user"))), "")

    @property
    def background(self) -> str:
        return "\n".join(self._said("system", "developer", "user"))

    @property
    def results(self) -> list[tuple[str, str]]:
        names = {item.get("call_id"): str(item["name"]) for item in self.items if item.get("name")}
        given = (
            item
            for item in self.items
            if item.get("type") in ("function_call_output", "custom_tool_call_output")
        )
        return [
            (names.get(item.get("call_id"), "the tool"), _output_text(item.get("output"))) for item in given
        ]

    @property
    def fresh(self) -> bool:
        return bool(self.items) and self.items[-1].get("role") == "user" and not self.results

    @property
    def tokens(self) -> int:
        return sum(4 + text.count(item.get("content", item)) for item in self.items)


def _output_text(output: Any) -> str:
    return text.plain(output) or str(output)


def context_of(call: Call) -> Context:
    before: list[JSON] = []
    if previous := call.body.get("previous_response_id"):
        stored = call.state.store(RESPONSES).get(previous, {"output": []})
        before = call.state.store(INPUTS).get(previous, {"items": []})["items"] + stored["output"]
    if conversation := conversation_id(call):
        before = list(conversation_items(call, conversation))
    return Context(before + input_items(call, call.body.get("input")))


def conversation_id(call: Call) -> str | None:
    given = call.body.get("conversation")
    return given.get("id") if isinstance(given, dict) else given


def conversation_items(call: Call, id: str) -> list[JSON]:
    known: list[JSON] = call.state.store(_CONVERSATION_ITEMS).setdefault(id, {"items": []})["items"]
    return known


def input_items(call: Call, given: Any) -> list[JSON]:
    """The input as items with ids: a text is one user message."""
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    if not isinstance(given, list | None) or not all(isinstance(item, dict) for item in given or ()):
        raise APIError(
            400, "Invalid type for 'input': expected a string or an array of objects.", param="input"
        )
    return [_input_item(call, item) for item in given or ()]


def _input_item(call: Call, item: JSON) -> JSON:
    item = {"type": "message", **item} if "role" in item else item
    if isinstance(item.get("content"), str):
        kind = "output_text" if item.get("role") == "assistant" else "input_text"
        more: JSON = {"annotations": []} if kind == "output_text" else {}
        item = {**item, "content": [{"type": kind, "text": item["content"], **more}]}
    return (
        item if item.get("id") else {**item, "id": call.state.next_id("msg_" if "role" in item else "item_")}
    )
