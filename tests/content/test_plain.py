"""plain: a fresh copy of anything, made of what JSON has."""

from __future__ import annotations

import sys
from collections import OrderedDict, UserDict, deque
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from genai_otel.content.plain import MAX_CONVERSIONS, plain

EVIL = [SystemExit(1), GeneratorExit(), RecursionError(), MemoryError(), BaseException("odd")]


class Opaque:
    pass


def test_containers_are_copies() -> None:
    inner: list[object] = [1]
    value = {"a": inner, "b": {"c": inner}}
    copied: Any = plain(value)
    assert copied == value
    copied["a"].append(2)
    copied["b"]["c"].append(3)
    assert inner == [1]
    assert copied["a"] == [1, 2]


def test_values_inside_converted_containers_are_copies() -> None:
    inner = {"k": 1}
    for value in ([inner], (inner,), deque([inner]), OrderedDict(a=inner).values(), {"x": inner}.values()):
        copied: Any = plain(value)
        assert copied == [inner]
        assert copied[0] is not inner


def test_keys_become_strings() -> None:
    value = {1: "a", None: "b", True and 2: "c", 1.5: "d", False: "e", (1, "x"): "f", "s": "g"}
    assert plain(value) == {
        "1": "a",
        "null": "b",
        "2": "c",
        "1.5": "d",
        "false": "e",
        "(1, 'x')": "f",
        "s": "g",
    }


def test_of_keys_that_become_the_same_string_the_last_wins() -> None:
    assert plain({1: "int", "1": "str"}) == {"1": "str"}


def test_a_key_whose_repr_raises_has_a_placeholder() -> None:
    class Key:
        def __repr__(self) -> str:
            raise SystemExit

    copied: Any = plain({Key(): 1})
    assert list(copied) == [f"<{__name__}.{Key.__qualname__} object>"]


def test_sets_are_sorted() -> None:
    assert plain({"b", "a", "c"}) == ["a", "b", "c"]
    assert plain(frozenset({3, 1, 2})) == [1, 2, 3]


def test_sets_of_unlike_values_have_one_order() -> None:
    values = [1, "a", None, (2, "x"), 2.5]
    assert plain(set(values)) == ["a", 1, 2.5, None, [2, "x"]]


@pytest.mark.parametrize("name", ["NotGiven", "Omit"])
def test_arguments_that_were_not_given_are_left_out(name: str) -> None:
    missing = type(name, (), {})()
    assert plain({"a": missing, "b": {"c": missing, "d": 1}}) == {"b": {"d": 1}}


def test_subclasses_of_containers_are_read_past_their_overrides() -> None:
    class Noisy(dict):  # type: ignore[type-arg]
        def items(self) -> Any:
            raise AssertionError

        __iter__ = __getitem__ = keys = items  # type: ignore[assignment]

    class NoisyList(list):  # type: ignore[type-arg]
        def __iter__(self) -> Any:
            raise AssertionError

        __getitem__ = __iter__

    assert plain([Noisy(a=1), NoisyList([2])]) == [{"a": 1}, [2]]


@pytest.mark.parametrize("error", EVIL, ids=repr)
def test_whatever_a_repr_raises_stays_inside(error: BaseException) -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise error

        __str__ = __repr__

    copied = plain({"a": [Hostile()], "b": 1})
    assert copied == {"a": [f"<{__name__}.{Hostile.__qualname__} object>"], "b": 1}


@pytest.mark.parametrize("error", EVIL, ids=repr)
def test_whatever_attribute_access_raises_stays_inside(error: BaseException) -> None:
    class Hostile:
        def __getattribute__(self, name: str) -> Any:
            raise error

    copied = plain([Hostile(), 1])
    assert copied == [f"<{__name__}.{Hostile.__qualname__} object>", 1]


def test_objects_that_answer_to_every_name_are_not_called() -> None:
    class Agreeable:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

    assert plain(Agreeable()) == f"<{__name__}.{Agreeable.__qualname__} object>"
    mocked = mock.MagicMock()
    assert plain(mocked) == "<MagicMock>"
    assert mocked.mock_calls == []


def test_a_class_whose_class_misbehaves_does_not_spoil_its_neighbours() -> None:
    class Meta(type):
        __hash__ = None  # type: ignore[assignment]

        @property
        def __name__(cls) -> str:  # type: ignore[override]
            raise ValueError

        def __eq__(cls, other: object) -> bool:
            raise ValueError

    class Odd(metaclass=Meta):
        pass

    assert plain({"odd": Odd(), "list": [Odd()], "fine": 1}) == {
        "odd": f"<{__name__}.{type.__dict__['__qualname__'].__get__(Odd)} object>",
        "list": [f"<{__name__}.{type.__dict__['__qualname__'].__get__(Odd)} object>"],
        "fine": 1,
    }


def test_cycles_through_objects_are_named() -> None:
    holder: UserDict[str, object] = UserDict()
    holder["self"] = [holder]
    assert plain(holder) == {"self": ["<circular reference>"]}


def test_objects_that_make_new_objects_for_ever_come_to_an_end() -> None:
    class Endless(UserDict):  # type: ignore[type-arg]
        def __init__(self) -> None:
            self.data = {"a": 1}

        def __getitem__(self, key: str) -> object:
            return [Endless(), Endless()]

    made = str(plain(Endless())).count("Endless object")
    assert 0 < made <= 2 * MAX_CONVERSIONS


def test_many_leaves_are_not_objects_without_end() -> None:
    count = MAX_CONVERSIONS + 10
    assert plain([1j] * count) == ["1j"] * count


def test_a_repr_too_deep_for_the_stack_has_a_placeholder() -> None:
    class Deep:
        def __repr__(self) -> str:
            return repr(self)

    assert plain([Deep()]) == [f"<{__name__}.{Deep.__qualname__} object>"]


def test_depth_is_cut_without_recursion_errors() -> None:
    value: object = []
    for _ in range(sys.getrecursionlimit() * 10):
        value = [value]
    copied, levels = plain(value), 0
    while isinstance(copied, list):
        copied, levels = copied[0], levels + 1
    assert (copied, levels) == ("…", 254)


def test_iterators_still_yield_everything() -> None:
    def count() -> Iterator[int]:
        yield from range(3)

    iterators = [count(), iter([0, 1, 2]), map(int, "012"), zip(range(3), strict=False)]
    plain(iterators)
    plain({"a": iterators, "b": tuple(iterators)})
    assert [len(list(iterator)) for iterator in iterators] == [3, 3, 3, 3]
