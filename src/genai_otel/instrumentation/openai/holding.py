"""Knowing when the caller is done with an object of the SDK: it is closed, or dropped.

Nothing that reaches the caller is a proxy: ``close`` is hooked on the very object, and the hook goes again.
"""

from __future__ import annotations

import contextvars
import functools
import sys
import threading
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any

from genai_otel._guard import report

Closed = Callable[[Any], None]


class Hold:
    """Calls ``closed(target)`` before the named methods of ``target``, and ``dropped()`` when ``held`` dies.

    Until it is released; it does not keep either of them alive.
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
    """Hook one method of this very object; return what takes the hook away, or None."""
    method = getattr(target, name, None)
    present = getattr(target, "__dict__", None)
    if not callable(method) or not isinstance(present, dict):
        return None
    before = present.get(name)  # somebody else's hook
    reference = weakref.ref(target)

    @functools.wraps(method)
    def hook(*args: Any, **kwargs: Any) -> Any:
        try:
            closed(reference())
        except Exception:
            report("openai.close")
        return method(*args, **kwargs)

    present[name] = hook
    ours = weakref.ref(hook)  # the hook keeps its target alive, as a method does

    def unhook() -> None:
        live = reference()
        found = vars(live) if live is not None else {}
        if name not in found or found[name] is not ours():
            return
        if before is None:
            del found[name]
        else:
            found[name] = before

    return unhook


def _dropped(dropped: Callable[[], None]) -> None:
    """End what was dropped; in a thread, if garbage was collected while the SDK may hold one of its locks."""
    try:
        if _interrupts_the_sdk():
            threading.Thread(target=_end, args=(dropped,), name="genai_otel.dropped", daemon=True).start()
        else:  # in a copy: before Python 3.12 a collection may come in the middle of setting a context variable
            contextvars.copy_context().run(_end, dropped)
    except Exception:
        report("openai.dropped")


def _end(dropped: Callable[[], None]) -> None:
    try:
        dropped()
    except Exception:
        report("openai.dropped")


def _interrupts_the_sdk() -> bool:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith("opentelemetry.sdk"):
            return True
        frame = frame.f_back
    return False
