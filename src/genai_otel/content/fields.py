"""Reading a field of a message, whatever carries it: a dict, an SDK or pydantic object, or anything else.

Nothing here looks at classes of an SDK: objects newer than the installed SDK arrive as the wrong class, with
the right ``type``. Only lists and tuples are ever iterated, so that no iterator of the caller is consumed.
"""

from __future__ import annotations

import functools
from collections.abc import Hashable, Iterable, Mapping
from enum import Enum
from typing import Any, TypeAlias

Part: TypeAlias = dict[str, Any]
Message: TypeAlias = dict[str, Any]

_ABSENT = object()
_NONE: Mapping[str, Any] = {}
_SENTINELS = frozenset({"NotGiven", "Omit"})


def field(obj: object, name: str) -> Any:
    """The value of ``name`` in a mapping or on an object, ``None`` when it has none or refuses."""
    if obj is None:
        return None
    if isinstance(obj, dict):
        return dict.get(obj, name)
    try:
        if _is_pydantic(type(obj)):  # type: ignore[arg-type]
            return _pydantic_field(obj, name)
        found = getattr(obj, name, None)
        return obj.get(name) if found is None and isinstance(obj, Mapping) else found
    except KeyboardInterrupt:
        raise
    except BaseException:
        return None


def _pydantic_field(obj: Any, name: str) -> Any:
    found = obj.__dict__.get(name, _ABSENT)
    if found is not _ABSENT:
        return found
    if _has_attribute(type(obj), name):  # type: ignore[arg-type]
        return getattr(obj, name)
    extra = obj.__pydantic_extra__
    return extra.get(name) if extra else None


def fields_of(obj: object) -> Mapping[str, Any]:
    """The fields of a dict or of an SDK or pydantic object, those newer than its class among them; else nothing."""
    if obj is None:
        return _NONE
    if isinstance(obj, dict):
        return obj
    if not _is_pydantic(type(obj)):  # type: ignore[arg-type]
        return _NONE
    known, more = obj.__dict__, obj.__pydantic_extra__  # type: ignore[attr-defined]
    return {**known, **more} if more else known


# Asking a pydantic object, or its class, for an attribute it lacks costs a microsecond: remembered per class.
@functools.lru_cache(maxsize=512)
def _is_pydantic(cls: Hashable) -> bool:
    return hasattr(cls, "__pydantic_fields__")


@functools.lru_cache(maxsize=4096)
def _has_attribute(cls: Hashable, name: str) -> bool:
    return hasattr(cls, name)


def entries(obj: object, names: Iterable[str]) -> dict[Any, Any]:
    """A dict as it is; of any other object, those of the named fields that it has."""
    if isinstance(obj, dict):
        return obj
    return {name: found for name in names if (found := field(obj, name)) is not None}


def first(obj: object, names: Iterable[str]) -> Any:
    """The first of the named fields that is there, else ``None``."""
    for name in names:
        found = field(obj, name)
        if found is not None:
            return found
    return None


def string(value: object) -> str | None:
    """A plain ``str`` for a string, a string subclass or an enumeration's string value, else ``None``."""
    if type(value) is str:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    return string(value.value) if isinstance(value, Enum) else None


def kind_of(obj: object) -> str | None:
    """The ``type`` string of a message, part or item."""
    return string(field(obj, "type"))


def sequence(value: object) -> list[Any] | tuple[Any, ...]:
    """The value if it is a list or tuple, else nothing."""
    return value if isinstance(value, (list, tuple)) else ()


def identifier(value: object) -> str | None:
    """An id as a string; whole numbers count, anything else is no id."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return string(value)


def number(value: object) -> bool:
    """Whether the value is a JSON number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def given(value: object) -> bool:
    """Whether an argument was passed: neither ``None`` nor one of the SDK's "not given" sentinels."""
    return value is not None and type(value).__name__ not in _SENTINELS


def with_present(part: Part, **fields: Any) -> Part:
    """The part with those of the fields that are not ``None``."""
    for name, value in fields.items():
        if value is not None:
            part[name] = value
    return part
