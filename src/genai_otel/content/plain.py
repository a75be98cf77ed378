"""Any Python value as plain data: what JSON has, in fresh containers of our own."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isfinite
from typing import Any, Final, TypeAlias

import orjson

from genai_otel.content.describe import ELLIPSIS, bare_name, describe, placeholder, well_formed
from genai_otel.content.simplify import Unordered, conversion, snapshot

JSON: TypeAlias = "dict[str, JSON] | list[JSON] | str | int | float | bool | None"

CIRCULAR: Final = "<circular reference>"
MAX_DEPTH: Final = 254  # what orjson accepts, so that both ways to JSON end at the same level
MAX_CONVERSIONS: Final = 100_000  # objects that make new objects while being read would never end
MAX_INT_BITS: Final = 1_023  # as far as a double reaches; JSON parsers refuse longer numbers

_NOT_GIVEN: Final = frozenset({"NotGiven", "Omit"})


def plain(value: object) -> JSON:
    """Return a copy of any value that holds only what JSON has; never raise, consume or change the value.

    - Containers are always fresh, so the copy can be edited. Keys become strings; where two become the
      same one, the last wins. Sets are sorted. Dictionary entries whose value is a `NotGiven` or `Omit`
      object are left out.
    - Models (pydantic, attrs, dataclasses) become dictionaries of their fields, named tuples lists.
    - Dates and times are ISO 8601, time spans seconds, enum members their value, UUIDs, paths, decimals,
      fractions and complex numbers text. NaN and the infinities become `None`, as in `to_json`.
    - Binary data, large arrays, data frames, functions, classes, modules, iterators and anything unknown
      become a short description in angle brackets, or the object's `repr` if its class defines one.
    - Cycles, more than 254 levels and objects that can't be read become a placeholder string.
    """
    try:
        copied: JSON = _Copier().copy(value, 1)
        return copied
    except Exception:  # no stack or memory left
        return ELLIPSIS


def dump(data: JSON) -> str:
    """Return plain data as compact JSON text."""
    try:
        return orjson.dumps(data).decode()
    except TypeError:  # integers of more than 64 bits
        return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _same(value: Any) -> Any:
    return value


def _int(value: int) -> int | str:
    return value if value.bit_length() <= MAX_INT_BITS else hex(value)


def _float(value: float) -> float | None:
    return value if isfinite(value) else None


_ATOMS: Final[dict[type, Callable[[Any], Any]]] = {
    str: well_formed,
    int: _int,
    float: _float,
    bool: _same,
    type(None): _same,
}


class _Copier:
    """One walk over one value; two frames a level, so that deep values fit under the recursion limit."""

    __slots__ = ("_conversions", "_open")

    def __init__(self) -> None:
        self._open: set[int] = set()  # ids of the containers around the current value
        self._conversions = 0

    def copy(self, value: Any, depth: int) -> Any:
        kind = type(value)
        # Classes made by other metaclasses are none of these, and perhaps not hashable.
        atom = _ATOMS.get(kind) if type(kind) is type else None
        return atom(value) if atom is not None else self._compound(value, kind, depth)

    def _compound(self, value: Any, kind: type, depth: int) -> Any:
        identity = id(value)
        if identity in self._open:
            return CIRCULAR
        if depth > MAX_DEPTH:
            return ELLIPSIS
        self._open.add(identity)
        try:
            walk: _Walk = _COMPOUNDS.get(kind, _Copier._converted)
            return walk(self, value, depth + 1)
        except RecursionError:
            return ELLIPSIS
        except KeyboardInterrupt:
            raise
        except BaseException:
            return placeholder(kind)
        finally:
            self._open.discard(identity)

    def _list(self, items: list[Any] | tuple[Any, ...], depth: int) -> list[Any]:
        copied = []
        for item in list(items):
            kind = type(item)
            atom = _ATOMS.get(kind) if type(kind) is type else None
            copied.append(atom(item) if atom is not None else self._compound(item, kind, depth))
        return copied

    def _dict(self, entries: dict[Any, Any], depth: int) -> dict[str, Any]:
        copied = {}
        for key, item in snapshot(entries.items):
            name = well_formed(key) if type(key) is str else self._key(key, depth)
            kind = type(item)
            atom = _ATOMS.get(kind) if type(kind) is type else None
            if atom is not None:
                copied[name] = atom(item)
            elif bare_name(kind) not in _NOT_GIVEN:
                copied[name] = self._compound(item, kind, depth)
        return copied

    def _set(self, items: Unordered, depth: int) -> list[Any]:
        copied = self._list(items, depth)
        try:
            copied.sort()
        except TypeError:
            copied.sort(key=repr)
        return copied

    def _key(self, key: object, depth: int) -> str:
        name = self.copy(key, depth)
        if isinstance(name, str):
            return name
        if isinstance(name, (list, dict)):
            return well_formed(describe(key))
        return str(name) if type(name) in (int, float) else _KEYWORDS[name]

    def _converted(self, value: Any, depth: int) -> Any:
        kind = type(value)
        simpler = conversion(kind)(value)
        if type(simpler) not in _ATOMS:
            self._conversions += 1
        return self.copy(simpler, depth) if self._conversions < MAX_CONVERSIONS else placeholder(kind)


_KEYWORDS: Final = {None: "null", True: "true", False: "false"}

_Walk: TypeAlias = Callable[[_Copier, Any, int], Any]
_COMPOUNDS: Final[dict[type, _Walk]] = {
    dict: _Copier._dict,
    list: _Copier._list,
    tuple: _Copier._list,
    Unordered: _Copier._set,
}
