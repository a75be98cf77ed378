"""Arguments by parameter name, with everything about the signature resolved at decoration."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Collection
from typing import Any, Final

_RECEIVERS: Final = ("self", "cls", "mcs")
_MISSING: Final = object()
_POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_VARIADIC: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)

Binder = Callable[[tuple[Any, ...], dict[str, Any]], dict[str, Any]]


def make_binder(fn: Callable[..., Any], only: Collection[str] | None, *, receiver: bool) -> Binder:
    """Return a function (args, kwargs) -> arguments by name: bound, defaults applied, ``self``/``cls`` left out.

    ``only`` restricts the result to these names; ``receiver`` says that the first parameter is one whatever its name.

    Raises:
        ValueError: if ``only`` names a parameter that ``fn`` does not have.
    """
    signature = _signature(fn)
    if signature is None:
        return _restricted(_positional_binder, only)
    parameters = list(signature.parameters.values())
    _check_names(fn, parameters, only)
    skipped = _receiver_name(parameters, receiver)
    variadic = any(parameter.kind in _VARIADIC for parameter in parameters)
    binder = _general_binder(signature, skipped) if variadic else _fast_binder(parameters, skipped)
    keywords = [parameter.name for parameter in parameters if parameter.kind is inspect.Parameter.VAR_KEYWORD]
    return _restricted(binder, only, keywords[0] if keywords else None)


def _signature(fn: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(fn)
    except (TypeError, ValueError):  # some built-ins have none
        return None


def _receiver_name(parameters: list[inspect.Parameter], receiver: bool) -> str | None:
    if not parameters or parameters[0].kind not in _POSITIONAL:
        return None
    first = parameters[0].name
    return first if receiver or first in _RECEIVERS else None


def _check_names(
    fn: Callable[..., Any], parameters: list[inspect.Parameter], only: Collection[str] | None
) -> None:
    if only is None or any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        return
    known = [parameter.name for parameter in parameters]
    for name in only:
        if name not in known:
            close = difflib.get_close_matches(str(name), known, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            where = getattr(fn, "__qualname__", type(fn).__qualname__)
            raise ValueError(f"capture_inputs names {name!r}, but {where} has the parameters {known}{hint}")


def _fast_binder(parameters: list[inspect.Parameter], skipped: str | None) -> Binder:
    """Bind without ``inspect``: one dict copy and two updates."""
    names = tuple(parameter.name for parameter in parameters if parameter.kind in _POSITIONAL)
    template = {
        parameter.name: _MISSING if parameter.default is inspect.Parameter.empty else parameter.default
        for parameter in parameters
    }
    required = tuple(name for name, value in template.items() if value is _MISSING and name != skipped)

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        bound = template.copy()
        bound.update(zip(names, args))  # noqa: B905 - a surplus is the caller's error, raised by the call itself
        if kwargs:
            bound.update(kwargs)
        if skipped is not None:
            del bound[skipped]
        for name in required:
            if bound[name] is _MISSING:
                return {name: value for name, value in bound.items() if value is not _MISSING}
        return bound

    return bind


def _general_binder(signature: inspect.Signature, skipped: str | None) -> Binder:
    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:  # wrong arguments: the call itself raises
            return _positional_binder(args if skipped is None else args[1:], kwargs)
        bound.apply_defaults()
        found = dict(bound.arguments)
        for parameter in signature.parameters.values():
            if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                found[parameter.name] = list(found[parameter.name])
        if skipped is not None:
            found.pop(skipped, None)
        return found

    return bind


def _positional_binder(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"args": list(args)} if args else {}
    if kwargs:
        found["kwargs"] = dict(kwargs)
    return found


def _restricted(binder: Binder, only: Collection[str] | None, keywords: str | None = None) -> Binder:
    if only is None:
        return binder
    wanted = frozenset(only)

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        found = binder(args, kwargs)
        if keywords is not None and keywords in found:  # these are named by their own keys
            found = {**found[keywords], **found}
        return {name: value for name, value in found.items() if name in wanted}

    return bind
