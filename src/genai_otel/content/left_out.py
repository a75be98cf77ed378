"""Which items of a list are left out when it is too long, and what says so in their place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, takewhile
from typing import NamedTuple

from genai_otel.content.describe import ELLIPSIS
from genai_otel.content.plain import JSON

_MAX_ROLE = 32


def is_message(item: JSON) -> bool:
    return isinstance(item, dict) and isinstance(item.get("role"), str)


def note(items: Sequence[JSON], count: int) -> JSON:
    """Return an item that says how many are missing, in the shape of the list's first one.

    A message has the first one's role, a definition (type, name, no content) its type; a part is a text
    part; any other object has its `content`; among other values the note is a string.
    """
    first = items[0]
    if not isinstance(first, dict):
        return f"{ELLIPSIS} {count} left out"
    if is_message(first):
        return _message(first, f"{ELLIPSIS} {count} message{'s' if count > 1 else ''} left out")
    return _object(first, f"{ELLIPSIS} {count} left out")


def _message(first: dict[str, JSON], text: str) -> JSON:
    role = str(first["role"])[:_MAX_ROLE]
    if "content" in first and "parts" not in first:
        return {"role": role, "content": text}
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _object(first: dict[str, JSON], text: str) -> JSON:
    kind = first.get("type")
    if not isinstance(kind, str):
        return {"content": text}
    is_definition = "name" in first and "content" not in first and not kind.endswith("tool_call")
    return {"type": kind[:_MAX_ROLE], "name": text} if is_definition else {"type": "text", "content": text}


class Kept(NamedTuple):
    """How many items stay at the start and at the end, and the room for the note between, if there is one."""

    head: int
    tail: int
    note_cost: int


def within_reach(items: Sequence[JSON], room: int) -> Sequence[JSON]:
    """Return the items that can be kept at all: as many from each end as there is room for."""
    reach = max(room, 0) // 2 + 1  # an item takes two characters or more, its comma included
    return items if len(items) <= 2 * reach else [*items[:reach], *items[-reach:]]


def choose(
    readable: Sequence[int], floors: Sequence[int], *, note_cost: int, room: int, last_only: bool
) -> Kept:
    """Return what to keep of items that don't all fit.

    In order of preference: readable items and a note, readable items, one item cut to its floor and a note,
    a note, one such item, nothing.
    """
    for reserved in (note_cost, 0):
        head, tail = _ends(readable, room - reserved, last_only)
        if head or tail:
            return Kept(head, tail, reserved)
    one = (0, 1) if last_only else (1, 0)
    floor = floors[-1 if last_only else 0]
    options = (
        (floor + note_cost, Kept(*one, note_cost)),
        (note_cost, Kept(0, 0, note_cost)),
        (floor, Kept(*one, 0)),
    )
    return next((kept for cost, kept in options if cost <= room), Kept(0, 0, 0))


def _ends(costs: Sequence[int], room: int, last_only: bool) -> tuple[int, int]:
    tail = _affordable(reversed(costs), room if last_only else room // 2)
    if last_only:
        return 0, tail
    rest = len(costs) - tail
    return _affordable(costs[:rest], room - sum(costs[rest:])), tail


def _affordable(costs: Iterable[int], room: int) -> int:
    return sum(1 for _ in takewhile(lambda total: total <= room, accumulate(costs)))
