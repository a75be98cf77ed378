"""Any Python value as JSON text."""

from __future__ import annotations

import marshal
from typing import Any, Final

import orjson

from genai_otel.content.describe import ELLIPSIS, well_formed
from genai_otel.content.plain import dump, plain

TEXT: Final = "text/plain"
APPLICATION_JSON: Final = "application/json"

_NOTHING_KNOWN: Final = f'"{ELLIPSIS}"'

_MARSHAL_VERSION: Final = 4
_TUPLE_CODES: Final = (b")", b"\xa9")  # marshal's "small tuple", without and with its reference flag
_MAX_TUPLES: Final = 500
_LONG: Final = 1 << 16
_SLICE: Final = 1 << 14
_FEW: Final = 100


def to_json(value: Any) -> str:
    """Return the value as compact JSON text (RFC 8259), whatever it is; never raise, consume or change it.

    What JSON lacks is written as `plain` describes; NaN and the infinities are `null`, non-ASCII
    characters stay as they are, lone surrogates become U+FFFD.
    """
    try:
        marked = marshal.dumps(value, _MARSHAL_VERSION)
        if not _is_safe_for_orjson(marked):
            return _plain_to_json(value)
        return orjson.dumps(value if len(marked) < _LONG else _long_apart(value, [_FEW])).decode()
    except Exception:
        return _plain_to_json(value)


def text_or_json(value: object) -> tuple[str, str]:
    """Return `(text, mime type)`: strings as they are (`text/plain`), all else as JSON."""
    if issubclass(type(value), str):  # `isinstance` would ask the value's `__class__`
        text: Any = value
        return well_formed(str.__str__(text)), TEXT
    return to_json(value), APPLICATION_JSON


def _is_safe_for_orjson(marked: bytes) -> bool:
    """Whether the value is made of exact built-in types only, as marshal's refusal of all others has shown.

    orjson trusts what it is given: an enum or UUID that fails to answer, an unset dataclass slot or a
    thousand nested tuples corrupt memory, and a `default` hook lets other threads change the containers it
    is reading. marshal refuses all but exact built-in types, runs no code of the caller's, and costs a
    fraction of any check in Python. Its tuple codes bound how deep tuples nest (text may count as one).
    """
    return len(marked) < 2 * _MAX_TUPLES or sum(map(marked.count, _TUPLE_CODES)) < _MAX_TUPLES


def _long_apart(value: Any, left: list[int]) -> Any:
    """The value with the long strings among its first few elements written already, slice by slice.

    orjson reserves eight times the length of a string to write it.
    """
    left[0] -= 1
    if type(value) is str:
        return _sliced(value) if len(value) >= _LONG else value
    if type(value) not in (list, dict) or len(value) > left[0]:
        return value
    if type(value) is list:
        return [_long_apart(one, left) for one in value]
    return {key: _long_apart(one, left) for key, one in value.items()}


def _sliced(text: str) -> orjson.Fragment:
    slices = (text[start : start + _SLICE] for start in range(0, len(text), _SLICE))
    return orjson.Fragment(b'"%b"' % b"".join([orjson.dumps(one)[1:-1] for one in slices]))


def _plain_to_json(value: object) -> str:
    try:
        return dump(plain(value))
    except Exception:  # no stack or memory left
        return _NOTHING_KNOWN
