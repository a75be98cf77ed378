"""Redactors as people write them, and as they should not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .planted import SECRET

Redact = Callable[[str, Any], Any]
REMOVED = "[removed]"


def without(value: Any) -> Any:
    """Return plain data without the secret."""
    if isinstance(value, str):
        return value.replace(SECRET, REMOVED).replace(SECRET.replace('"', '\\"'), REMOVED)
    if isinstance(value, dict):
        return {without(key): without(item) for key, item in value.items()}
    return [without(item) for item in value] if isinstance(value, list) else value


def removes(where: str, value: Any) -> Any:
    return without(value)


def is_slow(where: str, value: Any) -> Any:
    time.sleep(0.001)
    return without(value)


def raises(where: str, value: Any) -> Any:
    raise ValueError(f"cannot redact {where}: {value!r}")


def exits(where: str, value: Any) -> Any:
    raise SystemExit(repr(value))


def returns_none(where: str, value: Any) -> Any:
    return None


def mutates(where: str, value: Any) -> Any:
    """Edit in place, as far as that goes, and return the very object."""
    if isinstance(value, dict):
        cleaned = without(value)
        value.clear()
        value.update(cleaned)
    elif isinstance(value, list):
        value[:] = without(value)
    return without(value) if isinstance(value, str) else value


def mutates_and_fails(where: str, value: Any) -> Any:
    if isinstance(value, (dict, list)):
        value.clear()
    raise RuntimeError(repr(value))


class _Hostile:
    def __repr__(self) -> str:
        raise ValueError(SECRET)

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(SECRET)

    def __iter__(self) -> Any:
        raise RuntimeError(SECRET)


async def asynchronous(where: str, value: Any) -> Any:
    return value


_ODD: dict[str, Callable[[], Any]] = {
    "a number": lambda: 5,
    "a boolean": lambda: False,
    "bytes": lambda: SECRET.encode(),
    "an empty list": list,
    "numbers": lambda: [1, None, {"role": 3, "parts": 4}],
    "a generator": lambda: (SECRET for _ in range(2)),
    "a class": lambda: _Hostile,
    "an object": _Hostile,
    "a mapping of objects": lambda: {"role": _Hostile(), "parts": [_Hostile()]},
}
WRONG: dict[str, Redact] = {
    f"returns {name}": (lambda where, value, make=make: make()) for name, make in _ODD.items()
}
KEEPS_CONTENT: dict[str, Redact] = {"removes": removes, "is slow": is_slow, "mutates": mutates}
DROPS: dict[str, Redact] = {
    "raises": raises,
    "exits": exits,
    "returns none": returns_none,
    "mutates and fails": mutates_and_fails,
}
ALL: dict[str, Redact] = {**KEEPS_CONTENT, **DROPS, **WRONG, "is asynchronous": asynchronous}
