"""Properties of the encoder over generated values."""

from __future__ import annotations

import copy
import dataclasses
import enum
import json
from collections import OrderedDict, UserDict, deque
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genai_otel.content.encode import text_or_json, to_json
from genai_otel.content.plain import dump, plain
from genai_otel.content.shorten import shorten, shorten_json, shorten_text
from tests.content.message_schema import assert_messages, assert_plain

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Colour(enum.Enum):
    RED = "red"
    PAIR = (1, 2)


class Level(enum.IntEnum):
    LOW = 1


class Label(str):
    pass


class Many(list):  # type: ignore[type-arg]
    pass


@dataclasses.dataclass
class Record:
    name: Any
    value: Any = None


class Hostile:
    """Raises whatever is asked of it, but for its class, which hypothesis asks."""

    def __init__(self, error: BaseException) -> None:
        object.__setattr__(self, "error", error)

    def _fail(self, *_: Any, **__: Any) -> Any:
        raise object.__getattribute__(self, "error")

    __repr__ = __str__ = __iter__ = __len__ = __getitem__ = __bool__ = __format__ = _fail
    __setattr__ = __call__ = __float__ = __int__ = __index__ = _fail

    def __getattribute__(self, name: str) -> Any:
        return object.__getattribute__(self, name) if name == "__class__" else Hostile._fail(self)


class HostileMapping(UserDict):  # type: ignore[type-arg]
    __len__ = __iter__ = __getitem__ = Hostile._fail

    def __init__(self, error: BaseException) -> None:
        self.error = error


# Any code point, lone surrogates among them.
texts = st.text(st.characters(codec=None, exclude_categories=()), max_size=20)
numbers = st.one_of(st.integers(), st.floats(), st.integers(-(2**80), 2**80))
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
standard = st.one_of(
    st.datetimes(timezones=st.one_of(st.none(), st.timezones())),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.uuids(),
    st.decimals(),
    st.fractions(),
    st.complex_numbers(),
    st.binary(max_size=20),
    st.sampled_from([*Colour, *Level, Label("l"), int, len, range(3), ...]),
)
keys = st.one_of(
    texts, st.integers(), st.floats(), st.none(), st.dates(), st.sampled_from([*Colour, (1, 2), b"k"])
)


def containers(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(children, max_size=5)
    dicts = st.dictionaries(keys, children, max_size=5)
    return st.one_of(
        lists,
        dicts,
        *(lists.map(kind) for kind in (tuple, deque, Many)),
        *(dicts.map(kind) for kind in (OrderedDict, UserDict)),
        st.builds(Record, children, children),
        st.frozensets(st.one_of(texts, st.integers(), st.floats()), max_size=5),
    )


values = st.recursive(scalars | standard, containers, max_leaves=30)
errors = st.sampled_from(
    [ValueError("v"), RecursionError(), SystemExit(1), GeneratorExit(), BaseException("b")]
)
hostile = st.recursive(errors.map(Hostile) | errors.map(HostileMapping) | scalars, containers, max_leaves=10)
strings = (
    st.text(max_size=60) | st.text('"\\\n\x00é', max_size=60) | st.text("x", min_size=100, max_size=2_000)
)
data = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | strings,
    lambda children: st.lists(children, max_size=8) | st.dictionaries(strings, children, max_size=6),
    max_leaves=40,
)
parts = st.one_of(
    st.builds(lambda t, c: {"type": t, "content": c}, st.sampled_from(["text", "reasoning"]), strings),
    st.builds(
        lambda n, i, a: {"type": "tool_call", "name": n, "id": i, "arguments": a},
        strings,
        st.none() | strings,
        data,
    ),
    st.builds(lambda i, r: {"type": "tool_call_response", "id": i, "response": r}, strings, data),
    st.builds(
        lambda n, q: {
            "type": "server_tool_call",
            "name": n,
            "server_tool_call": {"type": "web_search", "query": q},
        },
        strings,
        strings,
    ),
)
messages = st.lists(
    st.builds(
        lambda role, parts: {"role": role, "parts": parts},
        st.sampled_from(["user", "assistant", "system", "tool"]),
        st.lists(parts, max_size=4),
    ),
    max_size=12,
)
limits = st.integers(64, 3_000)


def loads(text: str) -> Any:
    """Parse with two parsers, both strict."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    orjson.loads(text)
    return json.loads(text, parse_constant=refuse)


@unhurried
@given(values)
def test_the_text_is_valid_and_says_what_the_plain_copy_says(value: Any) -> None:
    text = to_json(value)
    copied = plain(value)
    assert_plain(copied)
    assert text == dump(copied)
    assert loads(text) == copied
    assert text.encode().decode() == text


@unhurried
@given(hostile)
def test_hostile_objects_never_raise(value: Any) -> None:
    assert_plain(plain(value))
    loads(to_json(value))
    text, _ = text_or_json(value)
    text.encode()


@unhurried
@given(
    st.recursive(scalars | st.decimals(allow_nan=False), lambda c: st.lists(c) | st.dictionaries(texts, c))
)
def test_the_value_is_unchanged(value: Any) -> None:
    before = copy.deepcopy(value)
    to_json(value)
    plain(value)
    assert repr(value) == repr(before)


@unhurried
@given(values, st.integers(1, 4))
def test_iterators_are_never_advanced(value: Any, size: int) -> None:
    generator = (item for item in range(size))
    iterator = iter(range(size))
    to_json({"a": [generator, value], "b": Record(iterator, {"c": generator})})
    assert list(generator) == list(iterator) == list(range(size))


@unhurried
@given(values)
def test_the_plain_copy_shares_no_container(value: Any) -> None:
    def mutable_ids(node: Any) -> set[int]:
        children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        own = {id(node)} if isinstance(node, (dict, list)) else set()
        return own.union(*map(mutable_ids, children))

    assert not mutable_ids(plain(value)) & mutable_ids(value)


@unhurried
@given(data, limits)
def test_shortened_data_fits_and_keeps_its_kind(value: Any, limit: int) -> None:
    before = copy.deepcopy(value)
    shortened = shorten(value, limit)
    assert_plain(shortened)
    text = dump(shortened)
    assert len(text) <= limit
    assert loads(text) == shortened
    assert type(shortened) is type(value)
    assert value == before
    if len(dump(value)) <= limit:
        assert shortened == value


@unhurried
@given(messages, limits)
def test_shortened_messages_are_complete_and_end_with_the_last(value: Any, limit: int) -> None:
    shortened: Any = shorten(value, limit)
    assert len(dump(shortened)) <= limit
    assert_messages(shortened)
    if len(shortened) > 1:
        assert shortened[-1]["role"] == value[-1]["role"]


@unhurried
@given(data, limits)
def test_shortened_json_text_is_the_shortened_data(value: Any, limit: int) -> None:
    text = shorten_json(dump(value), limit)
    assert len(text) <= limit
    loads(text)


@unhurried
@given(texts, st.integers(0, 25))
def test_shortened_text_fits_and_can_be_encoded(text: str, limit: int) -> None:
    shortened = shorten_text(text, limit)
    assert len(shortened) <= limit
    shortened.encode()
    if len(text) > limit > 0:
        assert shortened[-1] == "…"
