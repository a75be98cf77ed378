"""Arguments by name: as ``inspect.Signature.bind`` says, without its cost and without touching the values."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genai_otel._binding import make_binder


def bound(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
    return make_binder(fn, None, receiver=False)(args, kwargs)


def test_defaults_are_applied_in_the_order_of_the_signature() -> None:
    def f(a: int, b: int = 2, *, c: int = 3, d: int) -> None: ...

    assert list(bound(f, 1, d=4).items()) == [("a", 1), ("b", 2), ("c", 3), ("d", 4)]


def test_values_are_the_very_objects() -> None:
    def f(a: Any, b: Any = None) -> None: ...

    value = object()
    assert bound(f, value, b=value) == {"a": value, "b": value}


def test_variadic_arguments_are_a_list_and_a_dict() -> None:
    def f(*items: int, **options: int) -> None: ...

    assert bound(f, 1, 2, x=3) == {"items": [1, 2], "options": {"x": 3}}
    assert bound(f) == {"items": [], "options": {}}


def test_values_are_never_compared() -> None:
    class Incomparable:
        def __eq__(self, other: object) -> bool:
            raise RuntimeError

    def f(array: Any, other: Any, third: Any = 1) -> None: ...

    array = np.zeros(3)
    found = bound(f, array, Incomparable())
    assert found["array"] is array
    assert list(found) == ["array", "other", "third"]


@pytest.mark.parametrize("receiver", ["self", "cls", "mcs"])
def test_receivers_are_left_out_by_name(receiver: str) -> None:
    namespace: dict[str, Any] = {}
    exec(f"def f({receiver}, x): ...", namespace)
    assert bound(namespace["f"], "receiver", 1) == {"x": 1}


def test_a_receiver_of_another_name_is_left_out_when_known_to_be_one() -> None:
    def f(this: Any, x: int, *rest: int) -> None: ...

    assert make_binder(f, None, receiver=True)(("receiver", 1), {}) == {"x": 1, "rest": []}


def test_a_keyword_named_self_is_an_argument_like_any_other() -> None:
    def f(x: int, self: int = 0) -> None: ...

    assert bound(f, 1, self=2) == {"x": 1, "self": 2}


@pytest.mark.parametrize(
    ("args", "kwargs"), [((), {}), ((1, 2, 3), {}), ((1,), {"a": 1}), ((), {"z": 1})], ids=repr
)
def test_wrong_arguments_give_what_is_known(args: Any, kwargs: Any) -> None:
    def f(a: int, b: int) -> None: ...

    def variadic(a: int, *, b: int, **rest: int) -> None: ...

    assert isinstance(bound(f, *args, **kwargs), dict)
    assert isinstance(bound(variadic, *args, **kwargs), dict)


def test_a_callable_without_signature_gives_args_and_kwargs() -> None:
    with pytest.raises(ValueError):
        inspect.signature(dict)
    assert bound(dict, 1, b=2) == {"args": [1], "kwargs": {"b": 2}}


def test_only_the_named_arguments_are_given() -> None:
    def f(a: int, b: int = 2, **rest: int) -> None: ...

    only = make_binder(f, ("b", "z"), receiver=False)
    assert only((1,), {"z": 3, "y": 4}) == {"b": 2, "z": 3}


def test_a_parameter_called_kwargs_is_no_keyword_dict() -> None:
    def f(kwargs: dict[str, int], x: int = 1) -> None: ...

    only = make_binder(f, ("x",), receiver=False)
    assert only(({"x": 5},), {}) == {"x": 1}


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    def f(prompt: str) -> None: ...

    with pytest.raises(
        ValueError, match=r"'promt', but .*f has the parameters \['prompt'\]; did you mean 'prompt'"
    ):
        make_binder(f, ["promt"], receiver=False)


_KINDS = {
    "a": lambda a, b="B": (a, b),
    "b": lambda a, /, b, *, c="C": (a, b, c),
    "c": lambda *, a, b="B": (a, b),
    "d": lambda a="A", *args, **kwargs: (a, args, kwargs),
    "e": lambda: (),
}


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(sorted(_KINDS)),
    args=st.lists(st.integers(), max_size=3),
    kwargs=st.dictionaries(st.sampled_from("abcd"), st.integers(), max_size=3),
)
def test_valid_calls_are_bound_as_inspect_binds_them(
    kind: str, args: list[int], kwargs: dict[str, int]
) -> None:
    fn = _KINDS[kind]
    try:
        expected = inspect.signature(fn).bind(*args, **kwargs)
    except TypeError:
        make_binder(fn, None, receiver=False)(tuple(args), kwargs)
        return
    expected.apply_defaults()
    wanted = {name: list(value) if name == "args" else value for name, value in expected.arguments.items()}
    assert make_binder(fn, None, receiver=False)(tuple(args), kwargs) == wanted
