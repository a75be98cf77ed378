"""A callable that answers every question about itself as the callable it wraps would.

Needed where a plain function cannot: a function that captures the context when it is called and still is, to
``inspect`` and to frameworks, a generator function; and callables that are objects with attributes of their own.
"""

from __future__ import annotations

import copy
import functools
import types
from collections.abc import Callable
from typing import Any

_OWN = frozenset({*functools.WRAPPER_ASSIGNMENTS, "__wrapped__", "_self_call", "_self_recipe"})


class TracedCallable:
    """Calls ``call``; everything else is that of ``wrapped``. Binds as a method when ``wrapped`` does.

    ``recipe`` is (function, arguments) that makes an equal one: functions pickle by name, other callables by value.
    """

    def __init__(
        self,
        wrapped: Callable[..., Any],
        call: Callable[..., Any],
        recipe: tuple[Callable[..., Any], tuple[Any, ...]],
    ) -> None:
        functools.update_wrapper(self, wrapped, updated=())
        self._self_call = call
        self._self_recipe = recipe

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._self_call(*args, **kwargs)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        wrapped = self._self_wrapped
        if instance is None or not hasattr(type(wrapped), "__get__"):
            return self
        if isinstance(wrapped, types.FunctionType) or wrapped.__get__(instance, owner) is not wrapped:
            return types.MethodType(self, instance)
        return self

    @property
    def _self_wrapped(self) -> Any:
        return self.__dict__["__wrapped__"]

    def __getattr__(self, name: str) -> Any:
        if name in _OWN:  # not there: the wrapped callable lacks it too, or we are being unpickled
            raise AttributeError(name)
        return getattr(self._self_wrapped, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN:
            object.__setattr__(self, name, value)
        else:
            setattr(self._self_wrapped, name, value)

    def __delattr__(self, name: str) -> None:
        if name in _OWN:
            object.__delattr__(self, name)
        else:
            delattr(self._self_wrapped, name)

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # pyright: ignore[reportIncompatibleMethodOverride]
        return type(self._self_wrapped)

    def __reduce__(self) -> Any:
        return self.__qualname__ if isinstance(self._self_wrapped, types.FunctionType) else self._self_recipe

    def __copy__(self) -> Any:
        return self._remade(copy.copy)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self._remade(lambda wrapped: copy.deepcopy(wrapped, memo))

    def _remade(self, copied: Callable[[Any], Any]) -> Any:
        wrapped = copied(self._self_wrapped)
        if wrapped is self._self_wrapped:
            return self
        make, (options, _, *rest) = self._self_recipe
        return make(options, wrapped, *rest)

    def __repr__(self) -> str:
        return repr(self._self_wrapped)
