"""Plain data and text cut to a number of characters, without losing their shape.

The budget goes down from the root: each container keeps what its shape needs and shares out the rest, so
that what is small stays whole and what is large is cut. A level costs one encoding pass over what is still
too long there, so the work grows linearly with the size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import orjson

from genai_otel.content.describe import ELLIPSIS, well_formed
from genai_otel.content.left_out import choose, is_message, note, within_reach
from genai_otel.content.plain import JSON, dump

# Keys by which a reader knows what an object is; their values stay whole up to a length.
_KEPT_KEYS: Final = ("role", "type", "name", "id", "modality", "mime_type", "finish_reason")
_MAX_KEPT: Final = 66

_READABLE_ITEM: Final = 64  # rather leave items of a list out than show less of each
_READABLE_VALUE: Final = 8  # rather cut an object's values short than leave keys out
_MINIMAL: Final[dict[type, JSON]] = {dict: {}, list: [], str: ELLIPSIS}

# The least room for a string, for a list and an object of which nothing else can be shown.
_CUT_STRING: Final = len(f'"{ELLIPSIS}"')
_CUT_LIST: Final = len(f'["{ELLIPSIS}"]')
_CUT_OBJECT: Final = len(f'{{"{ELLIPSIS}":"{ELLIPSIS}"}}')
_EMPTY: Final = len("[]")

_LONGEST_ESCAPE: Final = len(r"\u0000")


def shorten_text(text: str, limit: int) -> str:
    """Return `text` in at most `limit` characters, the ellipsis included; always encodable as UTF-8."""
    if len(text) <= limit:
        return well_formed(text)
    kept = text[: max(limit - 1, 0)]
    if "\ud800" <= kept[-1:] <= "\udbff":  # the first half of a pair
        kept = kept[:-1]
    return well_formed(kept) + ELLIPSIS[: max(limit, 0)]


def shorten_json(text_or_value: JSON, limit: int) -> str:
    """Return JSON text of at most `limit` (64 or more) characters.

    A string is JSON text where it parses as such, and a string to encode where it doesn't; anything else
    is plain data. What is short enough stays as it is, the rest goes through `shorten`.
    """
    if isinstance(text_or_value, str):
        data = _parsed_or(text_or_value, text_or_value)
        is_json = data is not text_or_value
        return text_or_value if is_json and len(text_or_value) <= limit else dump(shorten(data, limit))
    return dump(shorten(text_or_value, limit))


def shorten(value: JSON, limit: int) -> JSON:
    """Return plain data of the same kind whose JSON text has at most `limit` (64 or more) characters.

    The longest strings are cut first. Where that isn't enough, a list loses items from its middle (of chat
    messages: all but the last ones), and an object its last keys, with a note of how many; the note has the
    shape of the items. The keys that say what an object is (`role`, `type`, `name`, `id` …) stay whole, and
    objects with a `role` or `type` stay complete. Parts that need no change are shared with `value`.
    """
    try:
        if _size(value) <= limit:
            return value
        shortened = _fit(value, limit)
        return shortened if _size(shortened) <= limit else _minimal(value)
    except Exception:
        return _minimal(value)


def _parsed_or(text: str, default: Any) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        return default


def _minimal(value: JSON) -> JSON:
    return float(value) if isinstance(value, int) else _MINIMAL.get(type(value))


def _size(value: JSON) -> int:
    """Return the length of the value's JSON text."""
    try:
        return len(orjson.dumps(value).decode())
    except TypeError:
        return len(dump(value))


def _key_size(key: str) -> int:
    """Return the length of a key with its colon."""
    return (len(key) + 2 if key.isidentifier() else _size(key)) + 1


def _floor(value: JSON) -> int:
    """Return the least room in which the value keeps its shape."""
    if isinstance(value, str):
        return _CUT_STRING if value else _EMPTY
    if isinstance(value, list):
        return _CUT_LIST if value and not isinstance(value[0], dict) else _EMPTY
    if isinstance(value, dict):
        return _object_floor(value)
    return _size(value)


def _object_floor(value: dict[str, JSON]) -> int:
    if _is_complete(value):
        return sum(map(_entry_floor, value, value.values())) + 1
    return _CUT_OBJECT if value else _EMPTY


def _entry_floor(key: str, value: JSON) -> int:
    return _key_size(key) + _value_floor(key, value) + 1


def _value_floor(key: str, value: JSON) -> int:
    is_kept = key in _KEPT_KEYS and isinstance(value, str)
    return min(_size(value), _MAX_KEPT) if is_kept else _floor(value)


def _is_complete(value: dict[str, JSON]) -> bool:
    """Whether the object must keep all its keys: a message, a part, a definition."""
    return isinstance(value.get("role"), str) or isinstance(value.get("type"), str)


def _fit(value: JSON, budget: int) -> JSON:
    fit = _FITS.get(type(value))
    return value if fit is None else fit(value, budget)


def _fit_string(text: str, budget: int) -> str:
    # Cut in its encoded form; a cut through an escape doesn't parse.
    encoded = dump(text[: max(budget, 0)])
    ends = range(budget - 2, max(budget - 2 - _LONGEST_ESCAPE, 0), -1)
    starts = (_parsed_or(encoded[:end] + '"', None) for end in ends)
    return next((start for start in starts if start is not None), "") + ELLIPSIS


class _Piece(NamedTuple):
    """An item of a list or an entry of an object, with its lengths in JSON."""

    value: JSON
    frame: int  # comma, key and colon
    size: int
    floor: int
    readable: int


def _piece(value: JSON, more: int, key: str = "", frame: int = 1) -> _Piece:
    size = _size(value)
    floor = min(_value_floor(key, value), size) if type(value) in _FITS else size
    return _Piece(value, frame, size, floor, min(floor + more, size))


def _fit_list(items: list[JSON], budget: int) -> list[JSON]:
    # Showing less of the only item is better than leaving it out.
    more = _READABLE_ITEM if len(items) > 1 else 0
    room = budget - 1  # brackets, less the comma that the last item doesn't have
    pieces = [_piece(item, more) for item in within_reach(items, room)]
    if sum(piece.frame + piece.readable for piece in pieces) <= room:
        return _shared_out(pieces, room)
    return _fit_some_items(items, pieces, room)


def _fit_some_items(items: list[JSON], pieces: list[_Piece], room: int) -> list[JSON]:
    kept = choose(
        [piece.frame + piece.readable for piece in pieces],
        [piece.frame + piece.floor for piece in pieces],
        note_cost=1 + _size(note(items, len(items))),
        room=room,
        last_only=is_message(items[0]),
    )
    head, tail = pieces[: kept.head], pieces[len(pieces) - kept.tail :]
    values = _shared_out([*head, *tail], room - kept.note_cost)
    noted = [note(items, len(items) - kept.head - kept.tail)] if kept.note_cost else []
    return [*values[: kept.head], *noted, *values[kept.head :]]


def _fit_object(entries: dict[str, JSON], budget: int) -> dict[str, JSON]:
    more = 0 if _is_complete(entries) else _READABLE_VALUE
    pieces = {key: _piece(value, more, key, _key_size(key) + 1) for key, value in entries.items()}
    room = budget - 1  # braces, less the comma that the last entry doesn't have
    if sum(piece.frame + piece.readable for piece in pieces.values()) > room:
        return _fit_some_entries(pieces, room)
    return dict(zip(pieces, _shared_out([*pieces.values()], room), strict=True))


def _fit_some_entries(pieces: dict[str, _Piece], room: int) -> dict[str, JSON]:
    note_cost = len(f'"{ELLIPSIS}":"{len(pieces)} more",')
    if note_cost > room:
        return {ELLIPSIS: ELLIPSIS}
    chosen = _affordable_keys(pieces, room - note_cost)
    kept = {key: piece for key, piece in pieces.items() if key in chosen}
    values = _shared_out([*kept.values()], room - note_cost)
    return {**dict(zip(kept, values, strict=True)), ELLIPSIS: f"{len(pieces) - len(kept)} more"}


def _affordable_keys(pieces: dict[str, _Piece], left: int) -> set[str]:
    chosen = set()
    for key in sorted(pieces, key=lambda key: key not in _KEPT_KEYS):
        cost = pieces[key].frame + pieces[key].readable
        if cost <= left:
            chosen.add(key)
            left -= cost
    return chosen


def _shared_out(pieces: list[_Piece], room: int) -> list[JSON]:
    """Return the values, each cut to its floor and an even share of what the small ones leave."""
    left = room - sum(piece.frame + piece.floor for piece in pieces)
    values: list[JSON] = [None] * len(pieces)
    order = sorted(range(len(pieces)), key=lambda index: pieces[index].size - pieces[index].floor)
    for rank, index in enumerate(order):
        value, _, size, floor, _ = pieces[index]
        share = min(size - floor, left // (len(order) - rank))
        values[index] = value if share == size - floor else _fit(value, floor + share)
        left -= share
    return values


_FITS: Final[dict[type, Callable[[Any, int], JSON]]] = {
    str: _fit_string,
    list: _fit_list,
    dict: _fit_object,
}
