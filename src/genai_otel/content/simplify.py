"""What each class of values becomes on its way to JSON: one table, class → conversion.

A conversion returns something nearer to JSON (text, a number, a list, a dict, or a value to convert
again). It may run code of the value's class and so may raise; the caller guards it. It never advances an
iterator, never calls a callable, and reads from lazy containers only what their own `items` and
iteration give, up to a limit.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import functools
import numbers
import pathlib
import sys
import types
import uuid
from collections import UserString, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeAlias

from genai_otel.content import describe as say

Conversion: TypeAlias = Callable[[Any], object]

MAX_LAZY_ITEMS: Final = 1_000  # read from containers whose iteration is somebody's code
MAX_ARRAY_ITEMS: Final = 64

_VIEWS: Final[tuple[type, ...]] = (type({}.keys()), type({}.values()), type({}.items()))
_GENERATORS: Final = (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)
_FUNCTIONS: Final = (types.FunctionType, types.BuiltinFunctionType, types.MethodType)
_PLAIN_SCALARS: Final = frozenset({bool, int, float, str, bytes})


def _conversion(kind: type) -> Conversion:
    by_class = next((convert for base, convert in _BY_CLASS if issubclass(kind, base)), None)
    by_trait = next((convert for has_trait, convert in _BY_TRAIT if has_trait(kind)), None)
    return by_class or by_trait or _by_interface(kind)


def _by_interface(kind: type) -> Conversion:
    return next((convert for base, convert in _BY_INTERFACE if issubclass(kind, base)), say.describe)


def snapshot(read: Callable[[], Iterable[Any]]) -> list[Any]:
    """Copy a container that another thread may be changing; the second try's error is final."""
    try:
        return list(read())
    except RuntimeError:
        return list(read())


def _items_of(base: type) -> Conversion:
    # The built-in's own iterator: a subclass may have replaced it.
    iterate = base.__iter__  # type: ignore[attr-defined]
    return lambda value: snapshot(lambda: iterate(value))


def _dict(value: dict[Any, Any]) -> object:
    return dict(snapshot(lambda: dict.items(value)))


def _mapping(value: Mapping[Any, Any]) -> object:
    entries = dict(islice(value.items(), MAX_LAZY_ITEMS))
    left = len(value) - len(entries)
    return {**entries, say.ELLIPSIS: f"{left} more"} if left > 0 else entries


def _sequence(value: Sequence[Any]) -> object:
    items = list(islice(value, MAX_LAZY_ITEMS))
    left = len(value) - len(items)
    return [*items, f"{say.ELLIPSIS} {left} more"] if left > 0 else items


class Unordered(list[Any]):
    """Items of a set, to be put in order once they are plain."""


def _set(value: Iterable[Any]) -> object:
    base = set if isinstance(value, set) else frozenset
    return Unordered(snapshot(lambda: base.__iter__(value)))  # type: ignore[arg-type]


_UNSET: Final = object()


def _fields(names: Callable[[type], Iterable[str]]) -> Conversion:
    def read(value: object) -> object:
        fields = {name: _field(value, name) for name in names(type(value))}
        return {name: field for name, field in fields.items() if field is not _UNSET}

    return read


def _field(value: object, name: str) -> object:
    try:
        return getattr(value, name, _UNSET)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return "<unreadable>"


def _dataclass_fields(kind: Any) -> Iterable[str]:
    return (field.name for field in dataclasses.fields(kind))


def _attrs_fields(kind: Any) -> Iterable[str]:
    return (attribute.name for attribute in kind.__attrs_attrs__)


def _pydantic(value: Any) -> object:
    """Dump in Python mode, which leaves iterators alone and honours the model's exclusions."""
    try:
        return value.model_dump(warnings=False)
    except TypeError:  # overridden without the parameter
        return value.model_dump()


def _pydantic_v1(value: Any) -> object:
    return value.dict()


def _is_numpy_scalar(kind: type) -> bool:
    generic = getattr(sys.modules.get("numpy"), "generic", None)
    return isinstance(generic, type) and issubclass(kind, generic)


def _numpy_scalar(value: Any) -> object:
    # Nanosecond datetimes would become bare integers, long doubles stay what they are.
    item = value.item() if value.dtype.kind not in "mM" else None
    return item if type(item) in _PLAIN_SCALARS else str(value)


def _array(value: Any) -> object:
    is_numpy = isinstance(value, getattr(sys.modules.get("numpy"), "ndarray", ()))
    return value.tolist() if is_numpy and value.size <= MAX_ARRAY_ITEMS else say.describe_array(value)


def _has(*names: str) -> Callable[[type], bool]:
    return lambda kind: all(say.on_type(kind, name) for name in names)


# First match wins. Classes whose instances are known by descent…
_BY_CLASS: Final[tuple[tuple[type | tuple[type, ...], Conversion], ...]] = (
    (enum.Enum, lambda value: value.value),
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    ((bytes, bytearray, memoryview), say.describe_bytes),
    ((dt.date, dt.time), lambda value: value.isoformat()),
    (dt.timedelta, dt.timedelta.total_seconds),
    ((uuid.UUID, pathlib.PurePath, UserString), str),
    (dict, _dict),
    (list, _items_of(list)),
    (tuple, _items_of(tuple)),
    ((set, frozenset), _set),
    (deque, _items_of(deque)),
    (_VIEWS, lambda value: snapshot(lambda: value)),
    (range, repr),
    (types.SimpleNamespace, vars),
    (BaseException, say.describe_exception),
    (type, say.describe_class),
    (types.ModuleType, say.describe_module),
    (_FUNCTIONS, say.describe_function),
    (functools.partial, say.describe_partial),
    (_GENERATORS, say.describe_generator),
)

# … by what the class defines …
_BY_TRAIT: Final[tuple[tuple[Callable[[type], bool], Conversion], ...]] = (
    (_has("model_dump", "__pydantic_serializer__"), _pydantic),
    (_has("dict", "__fields__", "__fields_set__"), _pydantic_v1),
    (_has("__attrs_attrs__"), _fields(_attrs_fields)),
    (_has("__dataclass_fields__"), _fields(_dataclass_fields)),
    (_is_numpy_scalar, _numpy_scalar),
    (_has("shape", "columns"), say.describe_table),
    (_has("shape", "dtype"), _array),
)

# … or by an abstract class.
_BY_INTERFACE: Final[tuple[tuple[type, Conversion], ...]] = (
    (numbers.Number, str),
    (Mapping, _mapping),
    (Sequence, _sequence),
)

conversion: Final[Callable[[type], Conversion]] = functools.lru_cache(maxsize=512)(_conversion)
"""How values of a class are converted; decided from the class alone, once."""
