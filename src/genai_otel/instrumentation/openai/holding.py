"""Knowing when the caller is done with an object of the SDK: it is closed, or dropped.

Nothing that reaches the caller is a proxy: ``close`` is hooked on the very object, and the hook is removed again.
"""

from __future__ import annotations

import functools
import sys
import threading
import weakref
from collections.abc import Callable
from types import MethodType
from typing import Any

from ..._guard import report

Closed = Callable[[Any], None]


class Hold:
    """Calls ``closed(target)`` before each of the named methods of ``target``, and ``dropped()`` when ``held`` dies.

    Until it is released. Nothing is kept alive by it, and no reference cycle is made.
    """

    __slots__ = ("_finalizer", "_unhooks")

    def __init__(
        self, held: Any, target: Any, names: tuple[str, ...], closed: Closed, dropped: Callable[[], None]
    ) -> None:
        self._finalizer = weakref.finalize(held, _dropped, dropped)
        self._unhooks = [hook for name in names if (hook := _hook(target, name, closed)) is not None]

    def release(self) -> None:
        """Take the hooks away."""
        self._finalizer.detach()
        for unhook in self._unhooks:
            unhook()


def _hook(target: Any, name: str, closed: Closed) -> Callable[[], None] | None:
    """Hook one method of this very object; return what takes the hook away, None where there is no such method."""
    method = getattr(target, name, None)
    if not callable(method):
        return None
    present = vars(target)
    before = present.get(name)  # somebody else's hook
    reference = weakref.ref(target)
    call = _unbound(method, reference)

    @functools.wraps(method)
    def hook(*args: Any, **kwargs: Any) -> Any:
        try:
            closed(reference())
        except Exception:
            report("openai.close")
        return call(*args, **kwargs)

    del hook.__wrapped__  # it would be the bound method, and with that a cycle
    present[name] = hook

    def unhook() -> None:
        live = reference()
        found = vars(live) if live is not None else {}
        if found.get(name) is hook:
            if before is None:
                del found[name]
            else:
                found[name] = before

    return unhook


def _unbound(method: Any, reference: weakref.ref[Any]) -> Callable[..., Any]:
    """Return a function that calls the method without keeping its object alive."""
    if not isinstance(method, MethodType) or method.__self__ is not reference():
        return method  # type: ignore[no-any-return]
    function = method.__func__
    return lambda *args, **kwargs: function(reference(), *args, **kwargs)


def _dropped(dropped: Callable[[], None]) -> None:
    """End what was dropped, elsewhere if the garbage collector struck while the SDK may hold one of its locks."""
    try:
        if _interrupts_the_sdk():
            threading.Thread(target=dropped, name="genai_otel-dropped", daemon=True).start()
        else:
            dropped()
    except Exception:
        report("openai.dropped")


def _interrupts_the_sdk() -> bool:
    frame = sys._getframe(1)
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith("opentelemetry.sdk"):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
