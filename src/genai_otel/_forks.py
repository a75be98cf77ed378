"""Forked children: what only the parent's threads could have released or used is made anew, once, by one hook.

A fork copies locks as they are. One that another thread held at that moment stays locked in the child for good, and
the connections of the parent's exporters would carry both processes' requests mixed. So whatever has a lock or a
connection that matters registers itself here, and the first thing a child does is to have all of them begin afresh.
"""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import AbstractContextManager
from time import monotonic
from typing import Any, Final, Protocol

from ._guard import report


class Forked(Protocol):
    """What holds something that a child must not take over."""

    def start_afresh(self) -> None:
        """Let go of what is the parent's; called in the child, on the only thread that it has."""


# How long a fork may be kept waiting by those that have a ``before_fork``.
_PATIENCE: Final = 0.5
_registered: weakref.WeakSet[Any] = weakref.WeakSet()


def in_children(*these: Forked) -> None:
    """Have ``start_afresh()`` of each called in every child forked from now on, for as long as it lives."""
    for one in these:
        _registered.add(one)


class Lock:
    """A lock, re-entrant or not, that is free in forked children."""

    __slots__ = ("__weakref__", "_lock", "_make")

    def __init__(self, *, reentrant: bool = False) -> None:
        self._make = threading.RLock if reentrant else threading.Lock
        self.start_afresh()
        in_children(self)

    def start_afresh(self) -> None:
        self._lock: AbstractContextManager[Any] = self._make()

    def __enter__(self) -> None:
        self._lock.__enter__()

    def __exit__(self, *exc: object) -> None:
        self._lock.__exit__(None, None, None)


def _before() -> None:
    _have_all("before_fork", monotonic() + _PATIENCE)


def _after_in_parent() -> None:
    _have_all("after_fork")


def _after_in_child() -> None:
    _have_all("start_afresh")


def _have_all(method: str, *args: Any) -> None:
    """Call a method of all that have it; one that fails keeps none of the others from it."""
    for one in _all():
        if hasattr(one, method):
            _have(one, method, args)


def _have(one: Any, method: str, args: tuple[Any, ...]) -> None:
    try:
        getattr(one, method)(*args)
    except Exception:
        report(f"fork: {type(one).__qualname__}.{method}")


def _all() -> list[Any]:
    try:
        return list(_registered)
    except RuntimeError:  # another thread has registered something in the meantime
        return _all()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
