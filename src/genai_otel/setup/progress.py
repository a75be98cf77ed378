"""Tells the person at a terminal what a flush waits for when it takes long."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import Any, Final

from ..exporters import terminal

# How long a flush may take before anything is said.
PATIENCE_SECONDS: Final = 1.0


def tell(routes: Sequence[Any], waits: Iterable[Callable[[float], object]], deadline: float) -> None:
    """Wait by ``waits`` for a second at most; say once what ``routes`` still have to send if that was too short.

    Only on a terminal: elsewhere this neither writes nor waits. Starts no thread, because at exit none can be.

    Args:
        routes: What is waited for; those that are not of ours can't say what they have.
        waits: Each waits for something of it until the time given (monotonic clock).
        deadline: When it will be given up.
    """
    patient_until = monotonic() + PATIENCE_SECONDS
    if patient_until >= deadline or not _is_watched():
        return
    for wait in waits:
        wait(patient_until)
    if monotonic() >= patient_until:
        terminal.write(sys.stderr, _sentence(routes, deadline - monotonic()))


def _is_watched() -> bool:
    return sys.stderr is not None and terminal.is_terminal(sys.stderr) and not _in_a_notebook()


def _in_a_notebook() -> bool:
    from ..exporters.notebook import running_shell

    return hasattr(running_shell(), "kernel")


def _sentence(routes: Sequence[Any], seconds: float) -> str:
    unsent = dict.fromkeys(_unsent(route) for route in routes)
    parts = ", ".join(part for part in unsent if part)
    what = f"still sending {parts}" if parts else "waiting for exporters to finish"
    return f"genai_otel: {what}; {max(seconds, 0.1):.1f} s more at most\n"


def _unsent(route: Any) -> str:
    """Return what a route of ours has to send and where to; the others can't say."""
    what = route.unsent() if hasattr(route, "unsent") else ""
    where = route.details.get("endpoint") or route.details.get("type") if what else ""
    return f"{what} to {where}" if what else ""
