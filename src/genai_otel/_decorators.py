"""``@trace``: everything about the callable is resolved at decoration; a call is attach, run, detach."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar, overload

from . import _runtime
from ._binding import make_binder
from ._generators import drive, drive_async
from ._guard import report
from ._proxies import TracedCallable
from ._traced import Plan, enter, leave, leave_failed
from .conventions.span_types import SpanType, rules_for
from .telemetry.spec import Spec, memory_operation

F = TypeVar("F", bound="Callable[..., Any] | classmethod[Any, Any, Any] | staticmethod[Any, Any] | property")


@overload
def trace(name: F, /) -> F: ...
@overload
def trace(
    name: str | None = None,
    span_type: SpanType | str = SpanType.UNKNOWN,
    attributes: Mapping[str, Any] | None = None,
    *,
    output_reducer: Callable[[list[Any]], Any] | None = None,
    capture_inputs: bool | Collection[str] | None = None,
    capture_outputs: bool | None = None,
    model: str | None = None,
    provider: str | None = None,
    operation: str | None = None,
) -> Callable[[F], F]: ...


def trace(
    name: Any = None,
    span_type: SpanType | str = SpanType.UNKNOWN,
    attributes: Mapping[str, Any] | None = None,
    *,
    output_reducer: Callable[[list[Any]], Any] | None = None,
    capture_inputs: bool | Collection[str] | None = None,
    capture_outputs: bool | None = None,
    model: str | None = None,
    provider: str | None = None,
    operation: str | None = None,
) -> Any:
    """Trace every call of a function: ``@trace`` or ``@trace(name=..., span_type=..., attributes=...)``.

    Works on functions, coroutine functions, generators, async generators, methods, class and static methods,
    properties and any callable, and keeps signature, docstring and ``inspect`` answers. Arguments (by name, defaults
    included, without ``self``) and the result are recorded as the content mode says; an exception is recorded and
    re-raised unchanged.

    Args:
        name: the span's name; else the type's default name or the function's.
        span_type: a ``SpanType`` or a custom string.
        attributes: attributes that every span of this function starts with.
        output_reducer: for generators, folds the list of yielded items into the recorded output.
        capture_inputs: True records all arguments whatever the content mode is, False none, a collection of
            parameter names only those; None follows the content mode.
        capture_outputs: the same for the result.
        model: the model asked for, ``gen_ai.request.model``.
        provider: ``gen_ai.provider.name``.
        operation: the memory operation of a MEMORY span.

    Raises:
        TypeError: at decoration, for an argument of the wrong type, or something that is not callable.
        ValueError: at decoration, for a value that is not allowed.
    """
    given = (
        span_type,
        attributes,
        output_reducer,
        capture_inputs,
        capture_outputs,
        model,
        provider,
        operation,
    )
    is_bare = name is not None and not isinstance(name, str)
    try:
        options = _Options() if is_bare else _Options(name, *given)
    except (TypeError, ValueError):
        raise
    except Exception:
        report("trace.decorate")
        return name if is_bare else _as_it_is
    return _decorate(options, name) if is_bare else functools.partial(_decorate, options)


def _as_it_is(target: Any) -> Any:
    return target


class _Options:
    """The decorator's arguments, checked."""

    def __init__(
        self,
        name: str | None = None,
        span_type: SpanType | str = SpanType.UNKNOWN,
        attributes: Mapping[str, Any] | None = None,
        output_reducer: Callable[[list[Any]], Any] | None = None,
        capture_inputs: bool | Collection[str] | None = None,
        capture_outputs: bool | None = None,
        model: str | None = None,
        provider: str | None = None,
        operation: str | None = None,
    ) -> None:
        self.rules = rules_for(span_type)
        self.name = _checked("name", name, str, "a string")
        if self.name == "":
            raise ValueError("name must not be empty; leave it out for the default name")
        self.attributes = _checked(
            "attributes", attributes, Mapping, "a mapping of attribute names to values"
        )
        if attributes is not None and not all(isinstance(key, str) and key for key in attributes):
            raise TypeError(f"attributes must have non-empty strings as keys, got {list(attributes)!r}")
        self.output_reducer = output_reducer
        if output_reducer is not None and not callable(output_reducer):
            raise TypeError(
                f"output_reducer must be a callable (list) -> value, not {type(output_reducer).__name__}"
            )
        if capture_inputs is not None and not isinstance(capture_inputs, bool):
            _check_names(capture_inputs)
        self.capture_inputs = capture_inputs
        self.capture_outputs = _checked("capture_outputs", capture_outputs, bool, "True, False or None")
        self.model = _checked("model", model, str, "a string")
        self.provider = _checked("provider", provider, str, "a string")
        self.operation = memory_operation(self.rules, operation)

    def plan(self, fn: Callable[..., Any], *, receiver: bool) -> Plan:
        """Resolve the options for one callable."""
        spec = Spec(
            self.rules,
            self.name,
            self.attributes,
            model=self.model,
            provider=self.provider,
            operation=self.operation,
            function_name=_name_of(fn),
        )
        captured = self.capture_inputs
        only = None if captured is None or isinstance(captured, bool) else captured
        inputs = captured if captured is None else bool(captured)
        bind = make_binder(fn, only, receiver=receiver)
        return Plan(spec, bind, inputs, self.capture_outputs, self.output_reducer)


def _checked(name: str, value: Any, kind: Any, allowed: str) -> Any:
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"{name} must be {allowed}, not {type(value).__name__} ({value!r:.80})")
    return value


def _check_names(names: Any) -> None:
    if isinstance(names, str) or not isinstance(names, Collection):
        raise TypeError(
            f"capture_inputs must be True, False, None or a collection of names, not {names!r:.80}"
        )
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"capture_inputs must hold parameter names, got {list(names)!r:.80}")


def _decorate(options: _Options, target: Any) -> Any:
    """Return ``target`` traced; where something of ours fails, as it is."""
    try:
        return _decorated(options, target, receiver=False)
    except (TypeError, ValueError):
        raise
    except Exception:
        report("trace.decorate")
        return target


def _decorated(options: _Options, target: Any, *, receiver: bool) -> Any:
    if isinstance(target, (staticmethod, classmethod)):
        inner = _decorated(options, target.__func__, receiver=isinstance(target, classmethod))
        return type(target)(inner)
    if isinstance(target, property):
        if target.fget is None:
            raise TypeError("trace cannot decorate a property without a getter")
        inner = _decorated(options, target.fget, receiver=True)
        return target.getter(inner)
    if isinstance(target, type):
        raise TypeError(
            f"trace decorates functions, not classes: decorate the methods of {target.__qualname__} instead"
        )
    if not callable(target):
        raise TypeError(f"trace decorates callables, not {type(target).__name__} ({target!r:.80})")
    return _wrap(options, target, receiver)


def _wrap(options: _Options, fn: Callable[..., Any], receiver: bool) -> Any:
    plan = options.plan(fn, receiver=receiver)
    recipe = (_wrap_again, (options, fn, receiver))
    probe = fn if not _is_object(fn) else type(fn).__call__
    if inspect.isasyncgenfunction(probe):
        return TracedCallable(fn, _generator_call(fn, plan, drive_async), recipe)
    is_coroutine = any(
        inspect.iscoroutinefunction(each) or _is_awaitable_generator(each) for each in (fn, probe)
    )
    if inspect.isgeneratorfunction(probe) and not is_coroutine:
        return TracedCallable(fn, _generator_call(fn, plan, drive), recipe)
    if options.output_reducer is not None:
        raise ValueError(
            f"output_reducer folds the items of a generator, but {_name_of(fn)} is not a generator"
        )
    wrapper = (_coroutine_wrapper if is_coroutine else _function_wrapper)(fn, plan)
    return wrapper if type(fn) is types.FunctionType else TracedCallable(fn, wrapper, recipe)


def _wrap_again(options: _Options, fn: Callable[..., Any], receiver: bool) -> Any:
    """Wrap a copied or unpickled callable; where something of ours fails, it stays as it is."""
    try:
        return _wrap(options, fn, receiver)
    except Exception:
        report("trace.copy")
        return fn


def _is_awaitable_generator(fn: Any) -> bool:
    """Whether ``fn`` was made by ``types.coroutine``."""
    flags = getattr(getattr(fn, "__code__", None), "co_flags", 0)
    return isinstance(flags, int) and bool(flags & inspect.CO_ITERABLE_COROUTINE)


def _function_wrapper(fn: Callable[..., Any], plan: Plan) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        call = enter(plan, args, kwargs)
        if call is None:
            return fn(*args, **kwargs)
        try:
            try:
                result = fn(*args, **kwargs)
            except BaseException as exc:
                leave_failed(call, exc)
                raise
            leave(call, result)
        except (
            KeyboardInterrupt
        ) as exc:  # it may have come before the context was given back, or the span ended
            leave_failed(call, exc)
            raise
        return result

    return functools.update_wrapper(wrapper, fn)


def _coroutine_wrapper(fn: Callable[..., Any], plan: Plan) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        call = enter(plan, args, kwargs)
        if call is None:
            return await fn(*args, **kwargs)
        try:
            try:
                result = await fn(*args, **kwargs)
            except BaseException as exc:
                leave_failed(call, exc)
                raise
            leave(call, result)
        except (
            KeyboardInterrupt
        ) as exc:  # it may have come before the context was given back, or the span ended
            leave_failed(call, exc)
            raise
        return result

    return functools.update_wrapper(wrapper, fn)


def _generator_call(fn: Callable[..., Any], plan: Plan, drive: Callable[..., Any]) -> Callable[..., Any]:
    name, qualname = _name_of(fn), getattr(fn, "__qualname__", _name_of(fn))

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        driven = drive(fn(*args, **kwargs), plan, _runtime.current(), args, kwargs)
        driven.__name__, driven.__qualname__ = name, qualname
        return driven

    return wrapper


def _is_object(fn: Any) -> bool:
    """Whether ``fn`` is callable through its class's ``__call__`` rather than being a function itself."""
    return not inspect.isroutine(fn) and not isinstance(fn, (functools.partial, TracedCallable))


def _name_of(fn: Any) -> str:
    while isinstance(fn, functools.partial):
        fn = fn.func
    return getattr(fn, "__name__", None) or type(fn).__name__
