"""The process-wide switch of ``mlflow.tracing.disable()`` and ``enable()``, and what must follow it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

followers: Final[list[Callable[[], None]]] = []
_enabled = True


def enabled() -> bool:
    """Whether this module's spans are made at all."""
    return _enabled


def turn(on: bool) -> None:
    """Switch every span of this module on or off, and let automatic instrumentation follow."""
    global _enabled
    if on is not _enabled:
        _enabled = on
        for follow in followers:
            follow()
