"""Any Python value -> a span attribute: primitives and uniform lists natively, everything else as JSON text."""

from __future__ import annotations

from typing import Any, Final

from ..content.describe import well_formed
from ..content.encode import to_json
from ..content.plain import plain
from ..content.policy import DROPPED, ContentPolicy

_MAX_INT: Final = 2**63 - 1
_SCALARS: Final = (bool, int, float)
_PRIMITIVES: Final = (str, *_SCALARS)
AttributeScalar = str | bool | int | float


def attribute_value(key: str, value: Any, policy: ContentPolicy) -> Any:
    """Return the attribute for a value that the user gave; None when there is nothing to record.

    Strings are redacted and shortened like content. Integers beyond 64 bits, which OTLP cannot carry, become text.
    """
    if type(value) not in _SCALARS or policy.redact is not None:
        value = policy.cleared(key, value)
        if value is DROPPED:
            return None
    if type(value) in (list, tuple) and (uniform := _uniform(value, policy)) is not None:
        return uniform
    if type(value) not in _PRIMITIVES:  # what is of a subclass, too: enums, numpy's numbers
        value = plain(value)
    if type(value) in _SCALARS:
        return value if type(value) is not int or -_MAX_INT <= value <= _MAX_INT else str(value)
    if type(value) is list and (uniform := _uniform(value, policy)) is not None:
        return uniform
    return None if value is None else policy.text(value)


def cleared_text(key: str, value: Any, policy: ContentPolicy) -> str | None:
    """Return free text or a person's id that the user gave, after redaction; None when nothing is left of it."""
    if value is None or policy.redact is None:
        return text_of(value)  # type: ignore[no-any-return]
    cleared = policy.cleared(key, value)
    return None if cleared is DROPPED else text_of(cleared)


def text_of(value: Any) -> Any:
    """Return a value as text that every exporter can encode (None stays None): strings as they are, else as JSON."""
    data = well_formed(value) if type(value) is str else plain(value)
    return data if data is None or isinstance(data, str) else to_json(data)


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
