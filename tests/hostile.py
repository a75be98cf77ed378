"""Values that a tracing library meets sooner or later, and values that it would rather not."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import fractions
import pathlib
import threading
import uuid
from typing import Any

import attrs
import numpy as np
import pydantic


class Model(pydantic.BaseModel):
    name: str
    secret: pydantic.SecretStr


@dataclasses.dataclass
class Data:
    x: int
    inner: Any = None


@attrs.define
class Attrs:
    x: int


class Colour(enum.Enum):
    RED = "red"


class TextColour(str, enum.Enum):
    RED = "red"


class NoRepr:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    __str__ = __repr__


class NoAttributes:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("no attributes")


class NoComparison:
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    def __bool__(self) -> bool:
        raise RuntimeError("no truth")


class NoLength(dict):  # type: ignore[type-arg]
    def __len__(self) -> int:
        raise RuntimeError("no length")

    def items(self) -> Any:
        raise RuntimeError("no items")

    def keys(self) -> Any:
        raise RuntimeError("no keys")


class BadText(str):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    __hash__ = str.__hash__


class Exits:
    def __repr__(self) -> str:
        raise SystemExit(1)


def _circular() -> Any:
    circular: dict[str, Any] = {"items": [1]}
    circular["items"].append(circular)
    return circular


def _deep() -> Any:
    deep: Any = "bottom"
    for _ in range(3_000):
        deep = [deep]
    return deep


VALUES: dict[str, Any] = {
    "none": None,
    "empty text": "",
    "text": "text",
    "nul": "a\x00b",
    "surrogate": "lone \ud800 surrogate",
    "number": 1.5,
    "nan": float("nan"),
    "huge integer": 10**400,
    "long integer": 2**64,
    "bool": True,
    "bytes": b"\x00\xff" * 50,
    "bytearray": bytearray(b"ab"),
    "memoryview": memoryview(b"ab"),
    "list": [1, "a", None],
    "tuple": (1, 2),
    "set": {3, 1, 2},
    "frozenset": frozenset({1}),
    "dict": {"a": {"b": [1]}},
    "odd keys": {1: 1, None: 2, (1, 2): 3, Colour.RED: 4, b"k": 5, "\ud800": 6},
    "datetime": datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc),
    "time span": datetime.timedelta(seconds=90),
    "uuid": uuid.UUID(int=5),
    "path": pathlib.PurePosixPath("/a/b"),
    "decimal": decimal.Decimal("1.5"),
    "fraction": fractions.Fraction(1, 3),
    "complex": 1 + 2j,
    "enum": Colour.RED,
    "text enum": TextColour.RED,
    "pydantic": Model(name="n", secret=pydantic.SecretStr("hidden")),
    "dataclass": Data(1, Data(2)),
    "attrs": Attrs(1),
    "array": np.arange(6).reshape(2, 3),
    "numpy number": np.float64(1.5),
    "numpy integer": np.int64(3),
    "exception": ValueError("message"),
    "class": Data,
    "function": _deep,
    "generator": (number for number in range(3)),
    "iterator": iter([1, 2]),
    "lock": threading.Lock(),
    "object": object(),
    "circular": _circular(),
    "deep": _deep(),
    "no repr": NoRepr(),
    "no attributes": NoAttributes(),
    "no comparison": NoComparison(),
    "no length": NoLength(a=1),
    "bad text": BadText("text"),
    "exits": Exits(),
}
