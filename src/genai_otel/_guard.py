"""Our own failures cost telemetry, never the caller's program.

Every place where our code runs next to the caller's has a ``try`` that ends in :func:`report`: the first failure of a
site is logged at WARNING, later ones at DEBUG. ``GENAI_OTEL_RAISE_INTERNAL_ERRORS=1`` makes them raise, so that
tests can't miss them.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")

logger = logging.getLogger("genai_otel")

RAISE_VARIABLE = "GENAI_OTEL_RAISE_INTERNAL_ERRORS"
_raise = os.environ.get(RAISE_VARIABLE, "").strip().lower() in ("1", "true")
_reported: set[str] = set()
_warned: set[str] = set()


def report(site: str) -> None:
    """Log the exception being handled as a failure of ours at ``site``; to be called inside ``except``.

    The exception's message is left out on purpose: it may quote what the caller passed.
    """
    if _raise:
        raise
    exc = sys.exc_info()[1]
    level = logging.DEBUG if site in _reported else logging.WARNING
    _reported.add(site)
    try:
        logger.log(
            level,
            "internal error in %s (%s): telemetry of this call is incomplete, the call itself was not affected",
            site,
            type(exc).__name__,
        )
        if exc is not None:
            log_frames(exc)
    except Exception:
        return


def log_frames(exc: BaseException) -> None:
    """Log where an exception came from, at DEBUG: files, lines and functions, neither message nor source code."""
    if logger.isEnabledFor(logging.DEBUG):
        frames = [
            f"{frame.f_code.co_filename}:{number} in {frame.f_code.co_name}"
            for frame, number in traceback.walk_tb(exc.__traceback__)
        ]
        logger.debug("frames of that error:\n%s", "\n".join(frames))


def guarded(
    default: Any = None,
    *,
    make: Callable[[], Any] | None = None,
    but: tuple[type[Exception], ...] = (),
) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Make a function return ``default`` instead of raising; its failure is reported under its qualified name.

    ``make`` makes the default anew each time; exceptions of the classes in ``but`` are meant for the caller.
    """

    def decorate(fn: Callable[_P, _R]) -> Callable[_P, _R]:
        site = f"{fn.__module__}.{fn.__qualname__}"

        @functools.wraps(fn)
        def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            try:
                return fn(*args, **kwargs)
            except but:
                raise
            except Exception:
                report(site)
                return default if make is None else make()  # type: ignore[no-any-return]

        return wrapper

    return decorate


def warn_once(key: str, message: str, *args: object) -> None:
    """Log ``message`` at WARNING the first time ``key`` is seen, at DEBUG afterwards."""
    level = logging.DEBUG if key in _warned else logging.WARNING
    _warned.add(key)
    try:
        logger.log(level, message, *args)
    except Exception:
        return


def reset(*, raise_errors: bool | None = None) -> None:
    """Forget what was logged; for tests. ``raise_errors`` overrides the environment switch when given."""
    global _raise
    _reported.clear()
    _warned.clear()
    if raise_errors is not None:
        _raise = raise_errors
