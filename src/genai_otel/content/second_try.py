"""A second try at a value that would not be read: as plain data, in which what refuses is a placeholder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from traceback import walk_tb
from typing import Any, Final, TypeVar

from genai_otel._guard import report
from genai_otel.content.plain import plain

_R = TypeVar("_R")
_HERE: Final = str(Path(__file__).parent.parent)


def second_try(
    exc: Exception, site: str, read: Callable[[Any], _R], value: object, otherwise: Callable[[], _R]
) -> _R:
    """Return what ``read`` makes of a plain copy of ``value``, else ``otherwise()``; inside ``except`` only.

    For objects whose ``__class__`` raises, such as proxies of web frameworks outside of a request. ``exc`` is
    what the first try raised; it is reported unless it is the value's own.
    """
    try:
        found = read(plain(value))
    except Exception:
        report(site)
        return otherwise()
    if _is_ours(exc):
        report(site)
    return found


def _is_ours(exc: Exception) -> bool:
    """Whether an exception was raised by code of ours, not of the caller's."""
    files = [frame.f_code.co_filename for frame, _ in walk_tb(exc.__traceback__)]
    return files[-1].startswith(_HERE)
