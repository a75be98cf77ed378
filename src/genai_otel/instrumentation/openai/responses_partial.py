"""What a cut-off stream of the Responses API had said so far, put together from its events."""

from __future__ import annotations

from typing import Any, Final

from genai_otel.content.fields import field, with_present

from .pieces import Pieces

_ITEM_FIELDS: Final = ("id", "type", "call_id", "name", "role", "server_label", "namespace")
_UNPLACED: Final = -1

# kind of delta -> type of its item, the field or kind of part that it adds to, and what numbers such parts
ADDS: Final[dict[str, tuple[str, str, str | None]]] = {
    "response.output_text.delta": ("message", "output_text", "content_index"),
    "response.refusal.delta": ("message", "refusal", "content_index"),
    "response.audio.transcript.delta": ("message", "output_text", None),
    "response.reasoning_summary_text.delta": ("reasoning", "summary_text", "summary_index"),
    "response.reasoning_text.delta": ("reasoning", "reasoning_text", "content_index"),
    "response.function_call_arguments.delta": ("function_call", "arguments", None),
    "response.mcp_call_arguments.delta": ("mcp_call", "arguments", None),
    "response.custom_tool_call_input.delta": ("custom_tool_call", "input", None),
    "response.code_interpreter_call_code.delta": ("code_interpreter_call", "code", None),
}
# kind of part -> the field of the item that lists such parts, and the field of the part that holds the text
_PARTS: Final = {
    "output_text": ("content", "text"),
    "refusal": ("content", "refusal"),
    "summary_text": ("summary", "text"),
    "reasoning_text": ("content", "text"),
}
_WRITTEN: Final = frozenset(kind for kind, _, _ in ADDS.values())


class PartialOutput:
    """The output items of a response under way: those done as they are, the others from their pieces."""

    __slots__ = ("_done", "_opened", "_pieces")

    def __init__(self) -> None:
        self._done: dict[int, Any] = {}
        self._opened: dict[int, dict[str, Any]] = {}
        self._pieces: dict[tuple[int, str, Any], Pieces] = {}

    def opened(self, event: Any) -> None:
        """An item was begun."""
        item = field(event, "item")
        self._opened[_place(event)] = with_present({}, **{name: field(item, name) for name in _ITEM_FIELDS})

    def closed(self, event: Any) -> None:
        """An item is complete; its pieces are not needed any more."""
        place = _place(event)
        self._done[place] = field(event, "item")
        self._opened.pop(place, None)
        for key in [key for key in self._pieces if key[0] == place]:
            del self._pieces[key]

    def add(self, kind: str, event: Any, delta: Any) -> None:
        """A piece of text or of arguments has come."""
        adds = ADDS.get(kind)
        if adds is None or not isinstance(delta, str):
            return
        index = None if adds[2] is None else field(event, adds[2])
        key = (_place(event), kind, index if isinstance(index, int) else None)
        pieces = self._pieces.get(key)
        if pieces is None:
            pieces = self._pieces[key] = Pieces()
        pieces.append(delta)

    def items(self) -> list[Any]:
        """Return the items so far, in order, without those of which nothing but their beginning is known."""
        places = sorted({*self._done, *self._opened, *(key[0] for key in self._pieces)})
        found = [self._done[place] if place in self._done else self._built(place) for place in places]
        return [item for item in found if item]

    def _built(self, place: int) -> dict[str, Any] | None:
        item = dict(self._opened.get(place, {}))
        written = [(key[1], pieces) for key, pieces in self._pieces.items() if key[0] == place]
        for kind, pieces in written:
            item_kind, target, _ = ADDS[kind]
            item.setdefault("type", item_kind)
            _put(item, target, "".join(pieces))
        item_type = item.get("type")
        return None if not written and isinstance(item_type, str) and item_type in _WRITTEN else item


def _put(item: dict[str, Any], target: str, text: str) -> None:
    listed = _PARTS.get(target)
    if listed is None:
        item[target] = text
    else:
        item.setdefault(listed[0], []).append({"type": target, listed[1]: text})


def _place(event: Any) -> int:
    index = field(event, "output_index")
    return index if isinstance(index, int) else _UNPLACED
