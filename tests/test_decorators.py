"""``@trace``: what it takes, what it records, and that the caller's program does not notice."""

from __future__ import annotations

import abc
import asyncio
import copy
import dataclasses
import functools
import inspect
import math
import pickle
import traceback
import types
import typing
import unittest.mock
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace as otel_trace
from opentelemetry.trace import StatusCode

import genai_otel
from genai_otel import SpanType, _guard, trace
from tests.context_checks import context_given_back, nothing_leaks  # noqa: F401
from tests.telemetry_capture import Telemetry


# --- what pickles must live in a module -----------------------------------------------------------------------
@trace
def add(a: int, b: int = 2) -> int:
    """Add two numbers."""
    return a + b


@trace(name="named", span_type=SpanType.TOOL)
async def add_later(a: int, b: int = 2) -> int:
    """Add two numbers, later."""
    return a + b


@trace
def count(n: int) -> Iterator[int]:
    """Count up."""
    yield from range(n)


@trace
async def count_later(n: int) -> AsyncIterator[int]:
    """Count up, later."""
    for number in range(n):
        yield number


class Tool:
    """A callable object."""

    def __init__(self, factor: int) -> None:
        self.factor = factor

    def __call__(self, x: int) -> int:
        return self.factor * x

    def method(self, x: int) -> int:
        return self.factor + x


def multiply(x: int, y: int) -> int:
    return x * y


# --- calls ------------------------------------------------------------------------------------------------------
def test_a_function_is_traced_with_its_name_arguments_and_result(telemetry: Telemetry) -> None:
    assert add(1) == 3
    span = telemetry.one("add")
    attributes = telemetry.attributes()
    assert attributes["input.value"] == '{"a":1,"b":2}'
    assert attributes["output.value"] == "3"
    assert attributes["input.mime_type"] == attributes["output.mime_type"] == "application/json"
    assert span.status.status_code is StatusCode.UNSET


async def test_a_coroutine_function_is_traced_until_it_returns(telemetry: Telemetry) -> None:
    with context_given_back():
        assert await add_later(1, b=5) == 6
    attributes = telemetry.attributes("named")
    assert attributes["gen_ai.tool.call.arguments"] == '{"a":1,"b":5}'
    assert attributes["gen_ai.tool.call.result"] == '{"result":6}'


def test_parametrised_without_arguments_works_like_bare(telemetry: Telemetry) -> None:
    @trace()
    def f() -> str:
        return "text"

    assert f() == "text"
    assert telemetry.attributes("f")["output.value"] == "text"


def test_an_external_function_is_traced_by_calling_trace_on_it(telemetry: Telemetry) -> None:
    assert trace(multiply)(3, y=4) == 12
    assert telemetry.attributes("multiply")["input.value"] == '{"x":3,"y":4}'


def test_name_type_and_attributes_are_set_from_the_start(telemetry: Telemetry) -> None:
    @trace(name="step", span_type="custom", attributes={"k": "v", "n": 3})
    def f() -> None: ...

    f()
    attributes = telemetry.attributes("step")
    assert (attributes["k"], attributes["n"]) == ("v", 3)
    assert attributes["openinference.span.kind"] == "CHAIN"


def test_the_span_is_current_inside_and_the_outer_context_afterwards(telemetry: Telemetry) -> None:
    seen: list[Any] = []

    @trace
    def inner() -> None:
        seen.append(genai_otel.get_current_span())
        assert otel_trace.get_current_span() == seen[-1]

    with context_given_back():
        inner()
    assert seen[0].name == "inner"
    assert genai_otel.get_current_span() is None


def test_nested_calls_make_children(telemetry: Telemetry) -> None:
    @trace
    def outer() -> int:
        return add(1) + add(2)

    outer()
    root = telemetry.one("outer")
    assert root.parent is None
    children = [span for span in telemetry.spans if span.name == "add"]
    assert [span.parent.span_id for span in children if span.parent] == [root.context.span_id] * 2


async def test_gathered_coroutines_are_children_of_the_caller(telemetry: Telemetry) -> None:
    @trace
    async def leaf(n: int) -> int:
        await asyncio.sleep(0)
        return n

    @trace
    async def root() -> list[int]:
        return await asyncio.gather(*(leaf(n) for n in range(5)))

    assert await root() == list(range(5))
    top = telemetry.one("root")
    leaves = [span for span in telemetry.spans if span.name == "leaf"]
    assert len(leaves) == 5
    assert {span.parent.span_id for span in leaves if span.parent} == {top.context.span_id}


def test_recursion_nests(telemetry: Telemetry) -> None:
    @trace
    def factorial(n: int) -> int:
        return 1 if n < 2 else n * factorial(n - 1)

    assert factorial(5) == 120
    spans = telemetry.spans
    assert [span.parent.span_id if span.parent else None for span in spans] == [
        *(span.context.span_id for span in spans[1:]),
        None,
    ]


# --- the very same objects ---------------------------------------------------------------------------------------
def test_the_result_is_the_very_object(telemetry: Telemetry) -> None:
    made = object()
    assert trace(lambda: made)() is made


def test_arguments_are_the_very_objects_and_iterators_are_not_consumed(telemetry: Telemetry) -> None:
    received: list[Any] = []

    @trace
    def f(items: Any, *rest: Any, **extra: Any) -> None:
        received.extend([items, rest[0], extra["key"]])

    iterator, mapping, value = iter([1, 2]), {"a": 1}, object()
    f(iterator, mapping, key=value)
    assert received[0] is iterator
    assert received[1] is mapping
    assert received[2] is value
    assert list(iterator) == [1, 2]


def test_the_function_is_called_exactly_once(telemetry: Telemetry) -> None:
    calls: list[int] = []
    trace(calls.append)(1)
    assert calls == [1]


def test_the_exception_is_the_very_object_and_recorded(telemetry: Telemetry) -> None:
    error = ValueError("bad input")

    @trace
    def f() -> None:
        raise error

    with context_given_back(), pytest.raises(ValueError) as caught:
        f()
    assert caught.value is error
    span = telemetry.one("f")
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "bad input"
    assert span.attributes is not None
    assert span.attributes["error.type"] == "ValueError"
    (event,) = span.events
    assert event.name == "exception"
    assert set(event.attributes or {}) == {"exception.type", "exception.message", "exception.stacktrace"}
    assert "output.value" not in span.attributes


def test_the_traceback_above_our_frame_is_unchanged(telemetry: Telemetry) -> None:
    def deep() -> None:
        raise KeyError("k")

    def middle() -> None:
        deep()

    try:
        trace(middle)()
    except KeyError as exc:
        names = [frame.name for frame in traceback.extract_tb(exc.__traceback__)]
        assert names == ["test_the_traceback_above_our_frame_is_unchanged", "wrapper", "middle", "deep"]
        assert exc.__context__ is None
        assert exc.__cause__ is None


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SystemExit(3), asyncio.CancelledError(), BaseException("b")]
)
def test_every_base_exception_ends_the_span_as_an_error(telemetry: Telemetry, error: BaseException) -> None:
    @trace
    def f() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        f()
    assert caught.value is error
    span = telemetry.one("f")
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes is not None
    expected = (
        "asyncio.exceptions.CancelledError"
        if isinstance(error, asyncio.CancelledError)
        else type(error).__name__
    )
    assert span.attributes["error.type"] == expected


async def test_a_cancelled_coroutine_is_an_error_and_stays_cancelled(telemetry: Telemetry) -> None:
    started = asyncio.Event()

    @trace
    async def wait() -> None:
        started.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(wait())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert telemetry.one("wait").status.status_code is StatusCode.ERROR


async def test_a_timed_out_coroutine_is_an_error(telemetry: Telemetry) -> None:
    @trace
    async def slow() -> None:
        await asyncio.sleep(60)

    with context_given_back(), pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(slow(), 0.01)
    assert telemetry.attributes("slow")["error.type"] == "asyncio.exceptions.CancelledError"


def test_a_coroutine_never_awaited_makes_no_span(telemetry: Telemetry) -> None:
    coroutine = add_later(1)
    assert inspect.iscoroutine(coroutine)
    coroutine.close()
    assert telemetry.spans == []


def test_a_coroutine_closed_half_way_is_not_an_error(telemetry: Telemetry) -> None:
    @trace
    async def f() -> None:
        await asyncio.sleep(60)

    async def drive() -> Any:
        coroutine = f()
        coroutine.send(None)
        return coroutine

    loop = asyncio.new_event_loop()
    try:
        coroutine = loop.run_until_complete(drive())
    finally:
        loop.close()
    coroutine.close()
    assert telemetry.one("f").status.status_code is StatusCode.UNSET


@pytest.mark.parametrize(
    ("args", "kwargs"), [((), {}), ((1, 2, 3), {}), ((1,), {"a": 2}), ((1,), {"zzz": 2})], ids=repr
)
def test_wrong_arguments_raise_the_same_type_error(
    telemetry: Telemetry, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    def plain(a: int, b: int = 2) -> int:
        return a + b

    with pytest.raises(TypeError) as expected:
        plain(*args, **kwargs)
    with pytest.raises(TypeError) as raised:
        trace(plain)(*args, **kwargs)
    assert str(raised.value) == str(expected.value)


def test_wrong_arguments_of_a_method_do_not_record_the_receiver(telemetry: Telemetry) -> None:
    class Secret:
        def __repr__(self) -> str:
            return "the receiver"

        @trace
        def method(self, a: int, *rest: int) -> None: ...

    with pytest.raises(TypeError):
        Secret().method(b=1)  # type: ignore[call-arg]
    assert "receiver" not in str(telemetry.attributes())


# --- methods and descriptors -------------------------------------------------------------------------------------
class Everything:
    tag = "class"

    def __init__(self) -> None:
        self.tag = "instance"

    @trace
    def method(self, x: int) -> str:
        return f"{self.tag} {x}"

    @trace
    @classmethod
    def outer_class(cls, x: int) -> str:
        return f"{cls.tag} {x}"

    @classmethod
    @trace
    def inner_class(cls, x: int) -> str:
        return f"{cls.tag} {x}"

    @trace
    @staticmethod
    def outer_static(x: int) -> str:
        return f"static {x}"

    @staticmethod
    @trace
    def inner_static(x: int) -> str:
        return f"static {x}"

    @trace
    @property
    def outer_property(self) -> str:
        """A property."""
        return self.tag

    @property
    @trace
    def inner_property(self) -> str:
        return self.tag

    @trace
    def __call__(self, x: int) -> str:
        return f"called {x}"

    @trace
    def items(self, n: int) -> Iterator[str]:
        for _ in range(n):
            yield self.tag

    @trace
    @classmethod
    def class_items(cls, n: int) -> Iterator[str]:
        for _ in range(n):
            yield cls.tag

    @classmethod
    @trace
    def inner_class_items(cls, n: int) -> Iterator[str]:
        for _ in range(n):
            yield cls.tag

    @staticmethod
    @trace
    def static_items(n: int) -> Iterator[int]:
        yield from range(n)

    @trace
    async def later(self, x: int) -> str:
        return f"{self.tag} {x}"

    @trace
    async def items_later(self, n: int) -> AsyncIterator[str]:
        for _ in range(n):
            yield self.tag


@pytest.mark.parametrize(
    ("call", "expected", "inputs"),
    [
        (lambda: Everything().method(1), "instance 1", '{"x":1}'),
        (lambda: Everything.method(Everything(), 1), "instance 1", '{"x":1}'),
        (lambda: Everything().outer_class(1), "class 1", '{"x":1}'),
        (lambda: Everything.outer_class(x=1), "class 1", '{"x":1}'),
        (lambda: Everything.inner_class(1), "class 1", '{"x":1}'),
        (lambda: Everything().outer_static(1), "static 1", '{"x":1}'),
        (lambda: Everything.inner_static(1), "static 1", '{"x":1}'),
        (lambda: Everything().outer_property, "instance", "{}"),
        (lambda: Everything().inner_property, "instance", "{}"),
        (lambda: Everything()(1), "called 1", '{"x":1}'),
        (lambda: list(Everything().items(2)), ["instance"] * 2, '{"n":2}'),
        (lambda: list(Everything.items(Everything(), 2)), ["instance"] * 2, '{"n":2}'),
        (lambda: list(Everything.class_items(2)), ["class"] * 2, '{"n":2}'),
        (lambda: list(Everything().inner_class_items(2)), ["class"] * 2, '{"n":2}'),
        (lambda: list(Everything().static_items(2)), [0, 1], '{"n":2}'),
    ],
)
def test_methods_of_every_kind_work_and_record_no_receiver(
    telemetry: Telemetry, call: Callable[[], Any], expected: Any, inputs: str
) -> None:
    assert call() == expected
    assert telemetry.attributes()["input.value"] == inputs


async def test_async_methods_work_and_record_no_receiver(telemetry: Telemetry) -> None:
    thing = Everything()
    assert await thing.later(1) == "instance 1"
    assert [item async for item in thing.items_later(2)] == ["instance"] * 2
    assert telemetry.attributes("later")["input.value"] == '{"x":1}'
    assert telemetry.attributes("items_later")["input.value"] == '{"n":2}'


def test_a_subclass_is_the_receiver_of_an_inherited_class_method(telemetry: Telemetry) -> None:
    class Derived(Everything):
        tag = "derived"

    assert Derived.outer_class(1) == "derived 1"
    assert list(Derived.class_items(1)) == ["derived"]
    assert super(Derived, Derived()).method(1) == "instance 1"


def test_a_property_keeps_setter_docstring_and_subclass(telemetry: Telemetry) -> None:
    class Special(property):
        pass

    class Holder:
        _x = 1

        def _get(self) -> int:
            """The x."""
            return self._x

        def _set(self, value: int) -> None:
            self._x = value

        x = trace(Special(_get, _set))

    holder = Holder()
    holder.x = 5
    assert holder.x == 5
    assert type(Holder.x) is Special
    assert Holder.x.__doc__ == "The x."
    assert [span.name for span in telemetry.spans] == ["_get"]


def test_the_kinds_of_descriptors_are_kept() -> None:
    members = vars(Everything)
    assert type(members["outer_class"]) is type(members["inner_class"]) is classmethod
    assert type(members["outer_static"]) is type(members["inner_static"]) is staticmethod
    assert type(members["outer_property"]) is property
    assert members["outer_property"].__doc__ == "A property."


def test_a_bound_method_is_traced_and_stays_bound(telemetry: Telemetry) -> None:
    tool = Tool(10)
    traced = trace(tool.method)
    assert traced(1) == 11
    assert traced.__self__ is tool
    assert telemetry.attributes("method")["input.value"] == '{"x":1}'

    class Holder:
        attribute = traced

    assert Holder().attribute(1) == 11


def test_a_callable_object_is_traced_under_its_class_name_and_keeps_its_attributes(
    telemetry: Telemetry,
) -> None:
    traced: Any = trace(Tool(3))
    assert traced(2) == 6
    assert telemetry.attributes("Tool")["input.value"] == '{"x":2}'
    assert traced.factor == 3
    traced.factor = 5
    assert traced(2) == 10
    assert isinstance(traced, Tool)
    assert callable(traced)
    del traced.factor
    assert not hasattr(traced, "factor")


async def test_a_callable_object_with_an_async_call_is_traced_until_it_returns(telemetry: Telemetry) -> None:
    class Later:
        async def __call__(self, x: int) -> int:
            await asyncio.sleep(0)
            return x + 1

    assert await trace(Later())(1) == 2
    assert telemetry.attributes("Later")["output.value"] == "2"


def test_a_callable_object_with_a_generator_call_is_traced_over_the_iteration(telemetry: Telemetry) -> None:
    class Items:
        def __call__(self, n: int) -> Iterator[int]:
            yield from range(n)

    assert list(trace(Items())(2)) == [0, 1]
    assert telemetry.attributes("Items")["output.value"] == "[0,1]"


async def test_an_async_mock_is_traced_until_it_returns(telemetry: Telemetry) -> None:
    mock = unittest.mock.AsyncMock(return_value=3)
    traced: Any = trace(mock)
    assert inspect.iscoroutinefunction(traced)
    assert await traced(1) == 3
    traced.assert_awaited_once_with(1)
    assert telemetry.attributes("AsyncMock")["output.value"] == "3"


async def test_a_generator_that_is_awaitable_stays_awaitable(telemetry: Telemetry) -> None:
    @trace
    @types.coroutine
    def pause() -> Iterator[Any]:
        yield from asyncio.sleep(0).__await__()
        return 5

    assert await pause() == 5
    assert telemetry.attributes("pause")["output.value"] == "5"


def test_a_partial_is_traced_under_its_functions_name(telemetry: Telemetry) -> None:
    traced = trace(functools.partial(multiply, y=5))
    assert traced(2) == 10
    assert traced.func is multiply
    assert telemetry.attributes("multiply")["input.value"] == '{"x":2,"y":5}'


def test_a_partial_of_a_generator_function_is_traced_over_the_iteration(telemetry: Telemetry) -> None:
    def numbers(start: int, n: int) -> Iterator[int]:
        yield from range(start, start + n)

    assert list(trace(functools.partial(numbers, 3))(n=2)) == [3, 4]
    assert telemetry.attributes("numbers")["output.value"] == "[3,4]"
    assert list(functools.partial(trace(numbers), 3)(2)) == [3, 4]
    assert inspect.isgeneratorfunction(functools.partial(trace(numbers), 3))


async def test_a_partial_of_a_coroutine_function_stays_a_coroutine_function(telemetry: Telemetry) -> None:
    async def double(x: int) -> int:
        return 2 * x

    traced = trace(functools.partial(double, 4))
    assert inspect.iscoroutinefunction(traced)
    assert await traced() == 8


@pytest.mark.parametrize(
    ("builtin", "args", "expected"),
    [
        (len, ([1, 2],), 2),
        (math.factorial, (4,), 24),
        (str.upper, ("a",), "A"),
        (dict.fromkeys, ("a", 1), {"a": 1}),
    ],
)
def test_built_ins_are_traced(
    telemetry: Telemetry, builtin: Any, args: tuple[Any, ...], expected: Any
) -> None:
    assert trace(builtin)(*args) == expected
    assert telemetry.one().name == builtin.__name__


def test_a_built_in_does_not_become_a_method(telemetry: Telemetry) -> None:
    class Holder:
        size = trace(len)

    assert Holder().size([1, 2, 3]) == 3


def test_a_cached_function_keeps_its_cache_and_its_controls(telemetry: Telemetry) -> None:
    calls: list[int] = []

    @trace
    @functools.lru_cache
    def square(x: int) -> int:
        calls.append(x)
        return x * x

    assert [square(2), square(2)] == [4, 4]
    assert calls == [2]
    assert square.cache_info().hits == 1
    square.cache_clear()
    assert square(2) == 4
    assert calls == [2, 2]
    assert len(telemetry.spans) == 3


def test_a_cached_method_still_binds(telemetry: Telemetry) -> None:
    class Holder:
        @trace
        @functools.cache
        def square(self, x: int) -> int:
            return x * x

    assert Holder().square(3) == 9
    assert telemetry.attributes("square")["input.value"] == '{"x":3}'


def test_layers_of_wraps_keep_name_signature_and_behaviour(telemetry: Telemetry) -> None:
    def layer(fn: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(fn)
        def inner(*args: Any, **kwargs: Any) -> Any:
            return fn(*args, **kwargs)

        return inner

    @layer
    @trace
    @layer
    def f(a: int, *, b: int = 1) -> int:
        return a + b

    assert f(1, b=4) == 5
    assert str(inspect.signature(f)) == "(a: 'int', *, b: 'int' = 1) -> 'int'"
    assert telemetry.attributes("f")["input.value"] == '{"a":1,"b":4}'


def test_decorating_twice_makes_two_spans_and_works(telemetry: Telemetry) -> None:
    twice = trace(name="outer")(trace(name="inner")(multiply))
    assert twice(2, 3) == 6
    inner, outer = telemetry.spans
    assert (inner.name, outer.name) == ("inner", "outer")
    assert inner.parent is not None
    assert inner.parent.span_id == outer.context.span_id
    items = trace(name="second")(count)
    assert list(items(2)) == [0, 1]
    assert inspect.isgeneratorfunction(items)


def test_abstract_methods_stay_abstract_in_either_order() -> None:
    class Base(abc.ABC):
        @trace
        @abc.abstractmethod
        def outside(self) -> None: ...

        @abc.abstractmethod
        @trace
        def inside(self) -> None: ...

        @abc.abstractmethod
        @trace
        def items(self) -> Iterator[int]:
            yield 1

        @trace
        @property
        @abc.abstractmethod
        def value(self) -> int: ...

    assert Base.__abstractmethods__ == {"outside", "inside", "items", "value"}


def test_methods_of_a_dataclass_are_traced_and_its_fields_are_not_touched(telemetry: Telemetry) -> None:
    @dataclasses.dataclass
    class Point:
        x: int
        scale: Callable[[int], int] = trace(len)  # type: ignore[assignment]

        @trace
        def shifted(self, by: int) -> Point:
            return Point(self.x + by)

    assert Point(1).shifted(2).x == 3
    assert [field.name for field in dataclasses.fields(Point)] == ["x", "scale"]
    assert telemetry.attributes("shifted")["input.value"] == '{"by":2}'


def test_single_dispatch_works_in_either_order(telemetry: Telemetry) -> None:
    @trace
    @functools.singledispatch
    def kind(value: Any) -> str:
        return "other"

    @kind.register
    @trace
    def _integer(value: int) -> str:
        return "integer"

    assert [kind(1), kind("a")] == ["integer", "other"]
    assert kind.dispatch(int) is not kind.dispatch(str)
    assert [span.name for span in telemetry.spans] == ["_integer", "kind", "kind"]


def test_a_plain_function_that_returns_a_generator_returns_the_very_generator(telemetry: Telemetry) -> None:
    made = (number for number in range(2))
    assert trace(lambda: made)() is made
    assert list(made) == [0, 1]


# --- introspection -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("fn", [add, add_later, count, count_later])
def test_signature_name_module_doc_and_wrapped_are_right(fn: Any) -> None:
    original = fn.__wrapped__
    assert inspect.signature(fn) == inspect.signature(original)
    assert typing.get_type_hints(fn) == typing.get_type_hints(original)
    assert inspect.unwrap(fn) is original
    assert inspect.getsource(fn) == inspect.getsource(original)
    for name in ("__name__", "__qualname__", "__module__", "__doc__", "__annotations__"):
        assert getattr(fn, name) == getattr(original, name)


@pytest.mark.parametrize(
    "ask",
    [
        inspect.iscoroutinefunction,
        inspect.isgeneratorfunction,
        inspect.isasyncgenfunction,
        inspect.isfunction,
        inspect.isroutine,
        inspect.ismethod,
        callable,
    ],
)
def test_inspect_answers_as_for_the_undecorated(ask: Callable[[Any], bool]) -> None:
    thing = Everything()
    for fn in (add, add_later, count, count_later):
        assert ask(fn) == ask(fn.__wrapped__)  # type: ignore[attr-defined]
    for name in ("method", "items", "later", "items_later"):
        bound = getattr(thing, name)
        assert ask(bound) == ask(bound.__func__.__wrapped__.__get__(thing))


def test_function_attributes_survive(telemetry: Telemetry) -> None:
    def f() -> Iterator[int]:
        yield 1

    f.marker = "set"  # type: ignore[attr-defined]
    assert trace(f).marker == "set"  # type: ignore[attr-defined]
    assert trace(f).__code__ is f.__code__
    assert trace(f).__defaults__ is None


def test_the_objects_that_calls_give_have_the_functions_names(telemetry: Telemetry) -> None:
    generator = count(1)
    assert inspect.isgenerator(generator)
    assert (generator.__name__, generator.__qualname__) == ("count", "count")
    coroutine = add_later(1)
    assert coroutine.__name__ == "add_later"
    coroutine.close()
    agen = count_later(1)
    assert inspect.isasyncgen(agen)
    assert agen.__name__ == "count_later"


def test_decorated_callables_have_the_repr_of_the_undecorated() -> None:
    assert repr(count) == repr(count.__wrapped__)  # type: ignore[attr-defined]


# --- pickling and copying ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("fn", [add, add_later, count, count_later])
def test_decorated_functions_pickle_by_name(fn: Any, protocol: int) -> None:
    assert pickle.loads(pickle.dumps(fn, protocol)) is fn
    assert pickle._loads(pickle._dumps(fn, protocol)) is fn  # type: ignore[attr-defined]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_traced_objects_partials_methods_and_built_ins_pickle_and_stay_traced(
    telemetry: Telemetry, protocol: int
) -> None:
    for traced, args, expected in (
        (trace(Tool(3)), (2,), 6),
        (trace(functools.partial(multiply, 3)), (2,), 6),
        (trace(Tool(3).method), (2,), 5),
        (trace(math.factorial), (3,), 6),
    ):
        again = pickle.loads(pickle.dumps(traced, protocol))
        telemetry.exporter.clear()
        assert again(*args) == expected
        assert len(telemetry.spans) == 1


def test_bound_methods_pickle() -> None:
    for name in ("method", "items", "later"):
        bound = getattr(Everything(), name)
        assert pickle.loads(pickle.dumps(bound)).__func__ is bound.__func__


@pytest.mark.parametrize("fn", [add, add_later, count, count_later])
def test_copies_of_a_decorated_function_are_the_function(fn: Any) -> None:
    assert copy.copy(fn) is fn
    assert copy.deepcopy(fn) is fn
    assert copy.deepcopy({"tools": [fn]})["tools"][0] is fn


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copied_traced_object_is_independent_and_stays_traced(
    telemetry: Telemetry, copied: Callable[[Any], Any]
) -> None:
    original: Any = trace(Tool(3))
    other = copied(original)
    other.factor = 7
    assert (original(1), other(1)) == (3, 7)
    assert len(telemetry.spans) == 2


# --- what is recorded --------------------------------------------------------------------------------------------
def test_variadic_arguments_are_recorded_by_name(telemetry: Telemetry) -> None:
    @trace
    def f(a: int, *rest: int, key: str = "k", **options: Any) -> None: ...

    f(1, 2, 3, mode="fast")
    assert telemetry.attributes()["input.value"] == '{"a":1,"rest":[2,3],"key":"k","options":{"mode":"fast"}}'


def test_arguments_are_recorded_as_they_were_before_the_body(telemetry: Telemetry) -> None:
    @trace
    def f(items: list[int]) -> list[int]:
        items.append(2)
        return items

    f([1])
    attributes = telemetry.attributes()
    assert attributes["input.value"] == '{"items":[1]}'
    assert attributes["output.value"] == "[1,2]"


def test_outputs_set_in_the_body_win_over_the_result(telemetry: Telemetry) -> None:
    @trace
    def f(secret: str) -> str:
        span = genai_otel.get_current_span()
        assert span is not None
        span.set_inputs("told").set_outputs("summary")
        return "whole"

    assert f("x") == "whole"
    attributes = telemetry.attributes()
    assert (attributes["input.value"], attributes["output.value"]) == ("told", "summary")


def test_none_is_recorded_as_null(telemetry: Telemetry) -> None:
    trace(lambda: None)()
    assert telemetry.attributes()["output.value"] == "null"


def test_without_content_neither_arguments_nor_results_are_recorded(
    telemetry_without_content: Telemetry,
) -> None:
    add(1)
    assert set(telemetry_without_content.attributes("add")) == {"openinference.span.kind"}


@pytest.mark.parametrize(
    ("options", "inputs", "outputs"),
    [
        ({}, None, None),
        ({"capture_inputs": True}, '{"a":1,"b":2}', None),
        ({"capture_inputs": ["b"]}, '{"b":2}', None),
        ({"capture_inputs": ("a",), "capture_outputs": True}, '{"a":1}', "3"),
        ({"capture_outputs": True}, None, "3"),
        ({"capture_inputs": []}, None, None),
    ],
)
def test_capture_arguments_win_over_the_content_mode_when_it_is_off(
    telemetry_without_content: Telemetry, options: dict[str, Any], inputs: Any, outputs: Any
) -> None:
    trace(name="f", **options)(add.__wrapped__)(1)  # type: ignore[attr-defined]
    attributes = telemetry_without_content.attributes()
    assert (attributes.get("input.value"), attributes.get("output.value")) == (inputs, outputs)


@pytest.mark.parametrize(
    ("options", "inputs", "outputs"),
    [
        ({}, '{"a":1,"b":2}', "3"),
        ({"capture_inputs": False}, None, "3"),
        ({"capture_outputs": False}, '{"a":1,"b":2}', None),
        ({"capture_inputs": {"a"}}, '{"a":1}', "3"),
        ({"capture_inputs": []}, None, "3"),
    ],
)
def test_capture_arguments_win_over_the_content_mode_when_it_is_on(
    telemetry: Telemetry, options: dict[str, Any], inputs: Any, outputs: Any
) -> None:
    trace(name="f", **options)(add.__wrapped__)(1)  # type: ignore[attr-defined]
    attributes = telemetry.attributes()
    assert (attributes.get("input.value"), attributes.get("output.value")) == (inputs, outputs)


def test_keyword_arguments_of_any_name_can_be_named(telemetry: Telemetry) -> None:
    @trace(capture_inputs=["temperature"])
    def f(prompt: str, **options: Any) -> None: ...

    f("secret", temperature=0.5, key="secret")
    assert telemetry.attributes()["input.value"] == '{"temperature":0.5}'


def test_hostile_arguments_and_results_cost_nothing_but_a_placeholder(telemetry: Telemetry) -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise RuntimeError("no repr")

        def __eq__(self, other: object) -> bool:
            raise RuntimeError("no eq")

        __hash__ = None  # type: ignore[assignment]

        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("no attributes")

    hostile = Hostile()
    assert trace(lambda value: value)(hostile) is hostile
    attributes = telemetry.attributes()
    assert "Hostile object" in attributes["input.value"]
    assert "Hostile object" in attributes["output.value"]


def test_even_an_object_without_a_class_does_not_disturb_the_call(telemetry: Telemetry) -> None:
    class Classless:
        @property
        def __class__(self) -> Any:
            raise RuntimeError("no class")

    value = Classless()
    _guard.reset(raise_errors=False)
    try:
        for span_type in SpanType:
            assert trace(span_type=span_type)(lambda value: value)(value) is value
    finally:
        _guard.reset(raise_errors=True)
    assert len(telemetry.spans) == len(SpanType)


# --- wrong use, told at decoration ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"capture_inputs": ["promt"]}, ValueError, r"capture_inputs.*'promt'.*did you mean 'prompt'"),
        ({"capture_inputs": ["zzz"]}, ValueError, r"capture_inputs.*'zzz'.*\['prompt', 'limit'\]"),
        (
            {"capture_inputs": "prompt"},
            TypeError,
            r"capture_inputs must be True, False, None or a collection",
        ),
        ({"capture_inputs": 1}, TypeError, r"capture_inputs must be True, False, None or a collection"),
        ({"capture_inputs": [1]}, TypeError, r"capture_inputs must hold parameter names"),
        ({"capture_outputs": "yes"}, TypeError, r"capture_outputs must be True, False or None"),
        ({"span_type": 3}, TypeError, r"span_type must be a SpanType or a string"),
        ({"span_type": ""}, ValueError, r"span_type must not be empty"),
        ({"attributes": [("a", 1)]}, TypeError, r"attributes must be a mapping"),
        ({"attributes": {1: 2}}, TypeError, r"attributes must have non-empty strings as keys"),
        ({"output_reducer": "join"}, TypeError, r"output_reducer must be a callable"),
        ({"output_reducer": "".join}, ValueError, r"output_reducer folds.*f is not a generator"),
        ({"name": ""}, ValueError, r"name must not be empty"),
        ({"model": 4}, TypeError, r"model must be a string"),
        ({"operation": "search_memory"}, ValueError, r"operation='search_memory' goes with span_type=MEMORY"),
    ],
)
def test_wrong_options_are_refused_at_decoration(
    options: dict[str, Any], error: type[Exception], told: str
) -> None:
    def f(prompt: str, limit: int = 3) -> None: ...

    with pytest.raises(error, match=told):
        trace(**options)(f)


@pytest.mark.parametrize("target", [3, [], object(), Tool])
def test_what_is_not_a_function_is_refused_at_decoration(target: Any) -> None:
    with pytest.raises(TypeError, match="trace decorates"):
        trace(target)


# --- without a provider --------------------------------------------------------------------------------------------
def test_without_any_provider_calls_just_work() -> None:
    with context_given_back():
        assert add(1) == 3
        assert list(count(2)) == [0, 1]
        assert asyncio.run(add_later(1)) == 3


# --- decorated behaves like undecorated -----------------------------------------------------------------------------
def _signatures() -> dict[str, Callable[..., Any]]:
    def nothing() -> Any:
        return ()

    def positional(a: Any, b: Any = "B", /) -> Any:
        return a, b

    def mixed(a: Any, /, b: Any, *, c: Any = "C") -> Any:
        return a, b, c

    def variadic(a: Any = "A", *args: Any, **kwargs: Any) -> Any:
        return a, args, kwargs

    def keywords(*, a: Any, b: Any = "B") -> Any:
        return a, b

    def shadowing(self: Any, args: Any = 1, kwargs: Any = 2) -> Any:
        return self, args, kwargs

    return {fn.__name__: fn for fn in (nothing, positional, mixed, variadic, keywords, shadowing)}


_VALUES = st.one_of(
    st.none(), st.integers(), st.text(max_size=5), st.lists(st.integers(), max_size=3), st.floats()
)


@settings(max_examples=200, deadline=None)
@given(
    name=st.sampled_from(sorted(_signatures())),
    args=st.lists(_VALUES, max_size=4),
    kwargs=st.dictionaries(
        st.sampled_from(["a", "b", "c", "d", "args", "kwargs", "self"]), _VALUES, max_size=4
    ),
    bare=st.booleans(),
)
def test_any_call_of_any_signature_behaves_as_undecorated(
    name: str, args: list[Any], kwargs: dict[str, Any], bare: bool
) -> None:
    plain = _signatures()[name]
    traced = trace(plain) if bare else trace(span_type=SpanType.TOOL)(plain)
    with Telemetry(capture_content=True) as telemetry, context_given_back():
        assert _outcome(traced, args, kwargs) == _outcome(plain, args, kwargs)
        assert len(telemetry.spans) == 1


def _outcome(fn: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> tuple[str, Any]:
    try:
        return "returned", repr(fn(*args, **kwargs))
    except TypeError as exc:
        return "raised", str(exc)
