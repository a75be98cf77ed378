"""Functions made to raise, one at a time: found by walking packages, broken wherever they are held or will be made.

A site is one ``def`` or ``lambda`` of the source. While it is broken its code is that of a function that raises, in
every function object that has it and in the constants of the function that makes such objects (closures).
"""

from __future__ import annotations

import functools
import gc
import importlib
import pkgutil
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FunctionType, ModuleType
from typing import Any

_INLINE = frozenset({"<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>"})


class Injected(Exception):
    """The fault."""


@dataclass(eq=False)
class Site:
    """One function: its name, the code that it has, and the function of a module that it is or is made by."""

    name: str
    code: CodeType
    outermost: FunctionType

    @property
    def is_nested(self) -> bool:
        return self.code is not self.outermost.__code__


@dataclass(eq=False)
class Fault:
    """What is raised, whether only once, and which exceptions were, by which threads."""

    kind: type[BaseException] = Injected
    once: bool = False
    raised: list[BaseException] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)
    _mend: Callable[[], None] = lambda: None

    def fire(self) -> None:
        self.threads.add(threading.get_ident())
        exc = self.kind()
        self.raised.append(exc)
        if self.once:
            self._mend()
        raise exc


_fault = Fault()


def _raise(*args: Any, **kwargs: Any) -> Any:
    import tests.breaking as here

    here._fault.fire()


# --- finding ------------------------------------------------------------------------------------------------
def modules(*packages: ModuleType, without: Iterable[str] = ()) -> list[ModuleType]:
    """The packages and everything in them; ``without`` names those to leave out, with all that is in them."""
    left_out = tuple(without)
    found = list(packages)
    for package in packages:
        for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not f"{one.name}.".startswith(tuple(f"{name}." for name in left_out)):
                found.append(importlib.import_module(one.name))
    return list(dict.fromkeys(found))


def sites(found: Iterable[ModuleType], *, nested: bool = True) -> dict[str, Site]:
    """Every function of these modules, by module and qualified name; also the functions made inside of others."""
    sites: dict[str, Site] = {}
    known: set[CodeType] = set()
    modules = list(found)
    for module, function in (*_functions(modules), *_functions_in_tables(modules)):
        for name, code in _codes(function.__code__, f"{module.__name__}.{function.__qualname__}"):
            if code not in known and (nested or code is function.__code__):
                known.add(code)
                unique = name if name not in sites else f"{name}:{code.co_firstlineno}"
                sites[unique] = Site(unique, code, function)
    return sites


def _functions(found: Iterable[ModuleType]) -> Iterator[tuple[ModuleType, FunctionType]]:
    for module in found:
        for value in list(vars(module).values()):
            is_own = isinstance(value, type) and value.__module__ == module.__name__
            for one in _members(value) if is_own else [value]:
                for function in bare(one):
                    if function.__code__.co_filename == module.__file__:
                        yield module, function


def _functions_in_tables(found: Iterable[ModuleType]) -> Iterator[tuple[ModuleType, FunctionType]]:
    """Functions that no module or class has under a name of its own: lambdas in tables, hooks."""
    by_file = {module.__file__: module for module in found}
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and one.__code__.co_filename in by_file and not _is_wrapper(one):
            if "<locals>" not in one.__qualname__:
                yield by_file[one.__code__.co_filename], one


def _is_wrapper(function: FunctionType) -> bool:
    """Whether this is a closure of a decorator, which has the name of what it wraps."""
    return function.__code__.co_name != function.__qualname__.rpartition(".")[2]


def _members(cls: type) -> Iterator[Any]:
    for value in list(vars(cls).values()):
        if isinstance(value, type) and value.__qualname__.startswith(f"{cls.__qualname__}."):
            yield from _members(value)
        yield value


def bare(value: Any) -> list[FunctionType]:
    """The functions under a cache, a property, a partial, a decorator, or a static or class method."""
    parts = (
        [getattr(value, name, None) for name in ("fget", "fset", "fdel")]
        if isinstance(value, property)
        else []
    )
    parts.append(
        value.func if isinstance(value, functools.cached_property) else getattr(value, "__func__", value)
    )
    found: list[FunctionType] = []
    for part in parts:
        while part is not None:
            if isinstance(part, FunctionType) and not _is_wrapper(part):
                found.append(part)
            part = getattr(part, "__wrapped__", None) if not isinstance(part, type) else None
    return found


def _codes(code: CodeType, name: str) -> Iterator[tuple[str, CodeType]]:
    yield name, code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            inner = name if constant.co_name in _INLINE else f"{name}.{constant.co_name}"
            for pair in _codes(constant, inner):
                if pair[1].co_name not in _INLINE:
                    yield pair


def caches(found: Iterable[ModuleType]) -> list[Any]:
    """What the functions of these modules remember of earlier calls, as objects with ``cache_clear``."""
    held = (value for module in found for value in list(vars(module).values()))
    return [value for value in held if isinstance(value, functools._lru_cache_wrapper)]


# --- breaking -----------------------------------------------------------------------------------------------
def keep_still() -> None:
    """Leave what is there now out of every later search for closures; to be called once all is imported."""
    gc.collect()
    for one in gc.get_objects():
        if isinstance(one, FunctionType):
            _long_lived.setdefault(one.__code__, []).append(one)
    gc.freeze()


_long_lived: dict[CodeType, list[FunctionType]] = {}


def _holders(site: Site) -> list[FunctionType]:
    if not site.is_nested:
        return [site.outermost, *(one for one in _long_lived.get(site.code, ()) if one is not site.outermost)]
    made = [one for one in gc.get_referrers(site.code) if isinstance(one, FunctionType)]
    return [
        *made,
        *(one for one in _long_lived.get(site.code, ()) if all(one is not other for other in made)),
    ]


def _stub(code: CodeType) -> CodeType:
    return _raise.__code__.replace(co_freevars=code.co_freevars, co_name=code.co_name)


def _with(whole: CodeType, part: CodeType, stub: CodeType) -> CodeType:
    """The code of a function that makes functions of the code ``stub`` where it made those of ``part``."""
    constants = tuple(
        stub if one is part else _with(one, part, stub) if isinstance(one, CodeType) else one
        for one in whole.co_consts
    )
    changed = any(one is not other for one, other in zip(constants, whole.co_consts, strict=True))
    return whole.replace(co_consts=constants) if changed else whole


@contextmanager
def broken(site: Site, kind: type[BaseException] = Injected, *, once: bool = False) -> Iterator[Fault]:
    """Make a function raise ``kind``, at each call or at the first alone."""
    global _fault
    stub, is_nested = _stub(site.code), site.is_nested
    changed = [(one, one.__code__, stub) for one in _holders(site)]
    if is_nested:
        whole = site.outermost.__code__
        changed.append((site.outermost, whole, _with(whole, site.code, stub)))

    def mend() -> None:
        for function, code, _ in changed:
            function.__code__ = code
        for one in gc.get_referrers(stub) if is_nested else ():  # closures that were made meanwhile
            if isinstance(one, FunctionType):
                one.__code__ = site.code

    _fault = fault = Fault(kind, once, _mend=mend)
    try:
        for function, _, code in changed:
            function.__code__ = code
        yield fault
    finally:
        mend()
        _fault = Fault()


# --- watching -----------------------------------------------------------------------------------------------
@contextmanager
def watched(found: Iterable[Site]) -> Iterator[set[Site]]:
    """Collect which of the functions are called meanwhile, by this thread and those that it starts."""
    by_code = {site.code: site for site in found}
    seen: set[Site] = set()

    def profile(frame: Any, event: str, argument: Any) -> None:
        if event == "call":
            site = by_code.get(frame.f_code)
            if site is not None:
                seen.add(site)

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        yield seen
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
