"""``TracedCallable``: answers as what it wraps, binds as what it wraps, calls what it was told to."""

from __future__ import annotations

import functools
import gc
import inspect
import types
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from genai_otel._proxies import TracedCallable


def proxy(wrapped: Callable[..., Any], call: Callable[..., Any] | None = None) -> Any:
    return TracedCallable(wrapped, call or wrapped, (proxy, (wrapped,)))


class Counter:
    """Counts calls."""

    limit = 3

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        return args, kwargs


def generate(n: int) -> Any:
    """Generate."""
    yield n


def test_it_calls_the_call_and_passes_everything_on() -> None:
    traced = proxy(generate, lambda *args, **kwargs: (args, kwargs))
    assert traced(1, self=2) == ((1,), {"self": 2})


def test_it_is_an_instance_of_the_class_of_what_it_wraps() -> None:
    assert isinstance(proxy(generate), types.FunctionType)
    assert isinstance(proxy(Counter()), Counter)
    assert proxy(Counter()).__class__ is Counter


def test_it_has_name_doc_module_and_qualname_of_what_it_wraps() -> None:
    traced = proxy(generate)
    assert (traced.__name__, traced.__doc__, traced.__module__) == ("generate", "Generate.", __name__)
    assert traced.__wrapped__ is generate


def test_what_an_object_lacks_it_lacks_too() -> None:
    traced = proxy(Counter())
    assert traced.__doc__ == "Counts calls."
    with pytest.raises(AttributeError):
        traced.__name__
    with pytest.raises(AttributeError, match="'Counter' object has no attribute 'missing'"):
        traced.missing


def test_attributes_are_read_set_and_deleted_on_what_it_wraps() -> None:
    counter = Counter()
    traced = proxy(counter)
    traced.limit = 5
    assert (counter.limit, Counter.limit) == (5, 3)
    del traced.limit
    assert counter.limit == 3


def test_its_own_name_can_be_set_and_deleted_without_touching_what_it_wraps() -> None:
    traced = proxy(generate)
    traced.__name__ = "renamed"
    assert (traced.__name__, generate.__name__) == ("renamed", "generate")
    del traced.__name__
    with pytest.raises(AttributeError):
        traced.__name__


def test_a_function_binds_and_an_object_does_not() -> None:
    class Holder:
        function = proxy(generate, lambda self, n: (self, n))
        thing = proxy(Counter())
        cached = proxy(functools.lru_cache(lambda self, n: (self, n)))

    holder = Holder()
    assert holder.function(1) == (holder, 1)
    assert inspect.ismethod(holder.function)
    assert holder.thing(1) == ((1,), {})
    assert holder.cached(1) == (holder, 1)
    assert Holder.function(holder, 1) == (holder, 1)


def test_a_partial_binds_as_this_python_binds_it() -> None:
    plain = functools.partial(lambda *args: len(args), 1)

    class Undecorated:
        attribute = plain

    class Decorated:
        attribute = proxy(plain)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        assert Decorated().attribute(2) == Undecorated().attribute(2)


def test_it_is_hashable_comparable_by_identity_and_weakly_referable() -> None:
    traced = proxy(generate)
    assert traced == traced
    assert traced != proxy(generate)
    assert {traced: 1}[traced] == 1
    watched = weakref.ref(traced)
    del traced
    gc.collect()
    assert watched() is None


def test_wraps_over_it_copies_its_identity() -> None:
    @functools.wraps(proxy(generate))
    def layer(*args: Any) -> Any: ...

    assert layer.__name__ == "generate"
    assert str(inspect.signature(layer)) == "(n: 'int') -> 'Any'"
