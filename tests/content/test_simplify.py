"""What each class of values becomes on its way to JSON."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import io
import pathlib
import sys
import types
import typing
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import attrs
import numpy as np
import pandas as pd
import pydantic
import pytest

from genai_otel.content.plain import plain

UTC = dt.timezone.utc


class Number(enum.IntEnum):
    ONE = 1


class Kind(str, enum.Enum):
    A = "a"

    def __str__(self) -> str:
        raise AssertionError


class Nested(enum.Enum):
    PAIR = (1, "x")


class Pair(typing.NamedTuple):
    left: int
    right: str


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Number.ONE, 1),
        (Kind.A, "a"),
        (Nested.PAIR, [1, "x"]),
        (dt.datetime(2024, 5, 6, 7, 8, 9, 10, tzinfo=UTC), "2024-05-06T07:08:09.000010+00:00"),
        (dt.date(2024, 5, 6), "2024-05-06"),
        (dt.time(7, 8, tzinfo=UTC), "07:08:00+00:00"),
        (dt.timedelta(minutes=1, milliseconds=500), 60.5),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (pathlib.PurePosixPath("/a/b"), "/a/b"),
        (decimal.Decimal("1.10"), "1.10"),
        (fractions.Fraction(1, 3), "1/3"),
        (1 + 2j, "(1+2j)"),
        (Pair(1, "x"), [1, "x"]),
        (collections.deque([1, 2]), [1, 2]),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (collections.ChainMap({"a": 1}, {"b": 2}), {"a": 1, "b": 2}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (collections.UserList([1]), [1]),
        (collections.UserString("us"), "us"),
        (types.SimpleNamespace(a=[1]), {"a": [1]}),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.values(), [1]),
        ({"a": 1}.items(), [["a", 1]]),
        (collections.OrderedDict(a=1).keys(), ["a"]),
        (range(3), "range(0, 3)"),
        (ValueError("message"), "ValueError: message"),
        (ValueError(), "ValueError"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_standard_values(value: object, expected: object) -> None:
    copied: Any = plain([value])
    assert copied == [expected]
    assert type(copied[0]) is type(expected)


class Secretive(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)

    name: str
    at: dt.date
    key: pydantic.SecretStr
    hidden: int = pydantic.Field(default=1, exclude=True)
    inner: list[Point] = []
    anything: Any = None


class Point(pydantic.BaseModel):
    x: int


Secretive.model_rebuild()


def test_pydantic_models_are_their_fields_with_secrets_masked_and_exclusions_kept() -> None:
    model = Secretive(name="n", at=dt.date(2024, 1, 2), key=pydantic.SecretStr("hush"), inner=[Point(x=1)])
    assert plain(model) == {
        "name": "n",
        "at": "2024-01-02",
        "key": "SecretStr('**********')",
        "inner": [{"x": 1}],
        "anything": None,
    }


def test_pydantic_models_holding_the_wrong_types_warn_nobody() -> None:
    model = Point.model_construct(x="no number")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plain(model) == {"x": "no number"}


def test_iterators_in_pydantic_models_are_left_alone() -> None:
    class Lazy(pydantic.BaseModel):
        items: typing.Iterable[int]
        other: Any

    items, other = iter([1, 2]), iter([3])
    model = Lazy(items=items, other=other)
    copied: Any = plain(model)
    assert "iterator=<list_iterator object>" in copied["other"]
    assert isinstance(copied["items"], str)
    assert list(model.items) == [1, 2]
    assert list(other) == [3]


def test_a_model_dump_that_takes_no_parameters_is_used() -> None:
    class Own(pydantic.BaseModel):
        x: int = 1

        def model_dump(self) -> dict[str, Any]:  # type: ignore[override]
            return {"masked": True}

    assert plain(Own()) == {"masked": True}


def test_a_model_dump_that_raises_leaves_a_placeholder() -> None:
    class Failing(pydantic.BaseModel):
        x: int = 1

        @pydantic.model_serializer
        def fail(self) -> dict[str, Any]:
            raise RuntimeError("no")

    assert plain([Failing()]) == [f"<{__name__}.{Failing.__qualname__} object>"]


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="pydantic.v1 ends with Python 3.13")
def test_pydantic_v1_models_are_their_fields() -> None:
    from pydantic import v1

    class Old(v1.BaseModel):
        x: int = 1
        inner: Any = None

    assert plain(Old(inner=Old())) == {"x": 1, "inner": {"x": 1, "inner": None}}


@dataclasses.dataclass
class Record:
    a: int
    b: Any = None
    _private: int = 2
    shared: ClassVar[int] = 3
    start: dataclasses.InitVar[int] = 4


def test_dataclasses_are_their_fields() -> None:
    assert plain(Record(1, Record(2))) == {
        "a": 1,
        "b": {"a": 2, "b": None, "_private": 2},
        "_private": 2,
    }


def test_unset_and_failing_fields_do_not_spoil_the_others() -> None:
    @dataclasses.dataclass
    class Partial:
        a: int = 1
        b: int = 2
        c: int = 3

        def __getattribute__(self, name: str) -> Any:
            if name == "b":
                raise BaseException("odd")
            return super().__getattribute__(name)

    @dataclasses.dataclass
    class Unset:
        __slots__ = ("a", "b")
        a: int
        b: int

    unset = Unset(1, 2)
    del unset.a
    assert plain(Partial()) == {"a": 1, "b": "<unreadable>", "c": 3}
    assert plain(unset) == {"b": 2}


def test_attrs_objects_are_their_fields() -> None:
    @attrs.define
    class Item:
        a: int
        _b: Any = None

    assert plain(Item(1, Item(2))) == {"a": 1, "_b": {"a": 2, "_b": None}}


def test_numpy_scalars_are_numbers_and_times_keep_their_precision() -> None:
    scalars = [np.float64(1.5), np.float32(0.5), np.int64(3), np.bool_(True), np.str_("s"), np.float64("nan")]
    copied: Any = plain(scalars)
    assert copied == [1.5, 0.5, 3, True, "s", None]
    assert [type(item) for item in copied] == [float, float, int, bool, str, type(None)]
    assert plain(np.datetime64("2020-01-01T00:00:00.000000001")) == "2020-01-01T00:00:00.000000001"
    assert plain(np.longdouble(1)) == "1.0"


def test_small_arrays_are_lists_and_large_ones_are_described() -> None:
    assert plain(np.arange(4).reshape(2, 2)) == [[0, 1], [2, 3]]
    assert plain(np.zeros(64)) == [0.0] * 64
    assert plain(np.zeros((13, 5), dtype="float32")) == "<ndarray shape=(13, 5) dtype=float32>"
    assert plain(np.array([object, None])) == ["<class object>", None]


def test_frames_and_series_are_described() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    assert plain(frame) == "<DataFrame 2×2, columns=['a', 'b']>"
    assert plain(frame["a"]) == "<Series shape=(2,) dtype=int64 name='a'>"
    wide = str(plain(pd.DataFrame([range(1000)])))
    assert wide.startswith("<DataFrame 1×1000, columns=['0', '1',")
    assert len(wide) < 200


def test_tensors_of_other_libraries_are_described_by_shape_and_dtype() -> None:
    class Tensor:
        shape = (2, 3)
        dtype = "torch.float32"

        def tolist(self) -> None:
            raise AssertionError

    assert plain(Tensor()) == "<Tensor shape=(2, 3) dtype=torch.float32>"


class Table(Mapping[str, int]):
    def __init__(self, size: int) -> None:
        self.size = size
        self.read = 0

    def __getitem__(self, key: str) -> int:
        self.read += 1
        return int(key)

    def __iter__(self) -> Iterator[str]:
        return map(str, range(self.size))

    def __len__(self) -> int:
        return self.size


class Row(Sequence[int]):
    def __getitem__(self, index: Any) -> int:
        return int(index)

    def __len__(self) -> int:
        return 10**9


def test_lazy_mappings_are_read_up_to_a_limit() -> None:
    table = Table(10**9)
    copied: Any = plain(table)
    assert table.read <= 1_001
    assert (copied["999"], copied["…"]) == (999, "999999000 more")
    assert plain(Table(2)) == {"0": 0, "1": 1}


def test_lazy_sequences_are_read_up_to_a_limit() -> None:
    copied: Any = plain(Row())
    assert (copied[999], copied[1000:]) == (999, ["… 999999000 more"])


def test_streams_and_files_are_neither_read_nor_closed() -> None:
    stream = io.BytesIO(b"content")
    assert plain(stream) == "<_io.BytesIO object>"
    assert stream.read() == b"content"
