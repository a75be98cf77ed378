"""One line of text for what has no JSON form: functions, streams, binary, arrays, unknown objects.

Descriptions are deterministic (no memory addresses), bounded, and made without calling, iterating or
otherwise using up what they describe.
"""

from __future__ import annotations

import hashlib
import re
import types
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

MAX_DESCRIPTION = 1_000
MAX_WHOLE_DESCRIPTION = 20_000
MAX_HASHED_BYTES = 1_000_000
MAX_COLUMNS = 20
ELLIPSIS = "…"

whole = ContextVar("genai_otel.whole_descriptions", default=False)
"""Whether a `repr` must not be cut, since somebody is going to look for secrets in it."""

_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+| id='\d+'")

# The slots of `type` itself: a metaclass may shadow these names with a property that raises.
bare_name: Callable[[type], str] = type.__dict__["__name__"].__get__
_qualname: Callable[[type], str] = type.__dict__["__qualname__"].__get__
_module: Callable[[type], object] = type.__dict__["__module__"].__get__
_mro: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__


def well_formed(text: str) -> str:
    """Return `text` encodable as UTF-8: surrogate pairs joined, lone surrogates replaced by U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def on_type(kind: type, name: str) -> bool:
    """Whether the class, not the instance, defines `name`; instances may answer to every name."""
    return any(name in base.__dict__ for base in _mro(kind))


def type_name(kind: type) -> str:
    """Return the class's qualified name, with its module unless that is `builtins`."""
    name = str.__str__(_qualname(kind))  # both may have been set to a subclass of str
    module = _module(kind)
    is_told = type(module) is str and module != "builtins"
    return well_formed(f"{module}.{name}" if is_told else name)


def placeholder(kind: type) -> str:
    """Return what stands for an object of which nothing but the class is known."""
    return f"<{type_name(kind)} object>"


def describe(value: object) -> str:
    """Return the object's `repr` without addresses, cut at 1,000 characters, or its placeholder.

    A default `repr` says no more than the placeholder; one that raises anything (but Ctrl-C) says nothing.
    Where it is to stay `whole`, there is the placeholder instead of one of more than 20,000 characters.
    """
    kind = type(value)
    if _repr_owner(kind) is object:
        return placeholder(kind)
    try:
        text = str.__str__(repr(value))
    except KeyboardInterrupt:
        raise
    except BaseException:
        return placeholder(kind)
    if len(text) > MAX_DESCRIPTION and whole.get():
        return placeholder(kind) if len(text) > MAX_WHOLE_DESCRIPTION else _ADDRESS.sub("", text)
    return cut(_ADDRESS.sub("", cut(text, 2 * MAX_DESCRIPTION)), MAX_DESCRIPTION)


def cut(text: str, limit: int) -> str:
    """Return `text` in at most `limit` characters, ending in an ellipsis where something is missing."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + ELLIPSIS


def _repr_owner(kind: type) -> type:
    return next(base for base in _mro(kind) if "__repr__" in base.__dict__)


def describe_bytes(value: bytes | bytearray | memoryview) -> str:
    """Return size and, up to 1 MB, the first digits of the SHA-256 of binary data."""
    size = value.nbytes if isinstance(value, memoryview) else len(value)
    name = type(value).__name__
    if size > MAX_HASHED_BYTES:
        return f"<{name}: {size} B>"
    # A copy: hashing lets other threads run, and a buffer in use can't be resized by its owner.
    digest = hashlib.sha256(bytes(value)).hexdigest()
    return f"<{name}: {size} B, sha256 {digest[:12]}…>"


def describe_array(value: Any) -> str:
    """Return class, shape, dtype and name (where it has one) of an array, tensor, series or index."""
    kind = type(value)
    name = f" name={describe(value.name)}" if on_type(kind, "name") and value.name is not None else ""
    return f"<{kind.__name__} shape={tuple(value.shape)} dtype={value.dtype}{name}>"


def describe_table(value: Any) -> str:
    """Return size and column names of a data frame."""
    rows, columns = value.shape
    names = [str(name) for name in value.columns[:MAX_COLUMNS]]
    more = ", …" if columns > MAX_COLUMNS else ""
    return f"<{type(value).__name__} {rows}×{columns}, columns=[{', '.join(map(repr, names))}{more}]>"


def describe_exception(value: BaseException) -> str:
    """Return `"ValueError: message"`, or the class alone where there is no message."""
    message = str(value)
    name = _qualname(type(value))
    return f"{name}: {message}" if message else name


def describe_class(value: type) -> str:
    return f"<class {type_name(value)}>"


def describe_module(value: types.ModuleType) -> str:
    # Not `value.__name__`: any attribute access makes a lazy module load itself.
    return f"<module {object.__getattribute__(value, '__dict__').get('__name__', '?')}>"


def describe_function(value: Any) -> str:
    module = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", None) or type(value).__name__
    return f"<function {module}.{name}>" if isinstance(module, str) else f"<function {name}>"


def describe_partial(value: Any) -> str:
    return f"<partial {describe_function(value.func)[len('<function ') : -1]}>"


def describe_generator(value: Any) -> str:
    return f"<{type(value).__name__} {value.__qualname__}>"
