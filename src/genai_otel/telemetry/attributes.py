"""Any Python value -> a span attribute: primitives and uniform lists natively, everything else as JSON text."""

from __future__ import annotations

from typing import Any, Final

from ..content.policy import DROPPED, ContentPolicy

_MAX_INT: Final = 2**63 - 1
_SCALARS: Final = (bool, int, float)
AttributeScalar = str | bool | int | float


def attribute_value(key: str, value: Any, policy: ContentPolicy) -> Any:
    """Return the attribute for a value that the user gave; None when there is nothing to record.

    Strings are redacted and shortened like content. Integers beyond 64 bits, which OTLP cannot carry, become text.
    """
    kind = type(value)
    if kind in _SCALARS and policy.redact is None:
        return value if kind is not int or -_MAX_INT <= value <= _MAX_INT else str(value)
    value = policy.cleared(key, value)
    if value is DROPPED or value is None:
        return None
    if isinstance(value, str):
        return policy.text(value)
    if isinstance(value, _SCALARS):
        return attribute_value(key, _exact(value), _PLAIN)
    if isinstance(value, (list, tuple)) and (uniform := _uniform(value, policy)) is not None:
        return uniform
    return policy.json(value)


_PLAIN: Final = ContentPolicy()


def _exact(value: Any) -> Any:
    """Return a bool, int or float of exactly that type, whatever subclass (an IntEnum, a numpy float) it was."""
    for kind in _SCALARS:
        if isinstance(value, kind):
            return kind(value)
    return value


def _uniform(values: Any, policy: ContentPolicy) -> list[AttributeScalar] | None:
    """Return a list whose items are all of one primitive type, or None."""
    kinds = {type(item) for item in values}
    if len(kinds) != 1:
        return None
    kind = kinds.pop()
    if kind is str:
        return [policy.text(item) for item in values]
    if kind not in _SCALARS or (kind is int and any(abs(item) > _MAX_INT for item in values)):
        return None
    return list(values)
