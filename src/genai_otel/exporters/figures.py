"""Numbers as people read them: durations, token counts, plurals."""

from __future__ import annotations

_MICROSECOND, _MILLISECOND, _SECOND, _MINUTE, _HOUR = 1_000, 1_000_000, 10**9, 60 * 10**9, 3_600 * 10**9


def duration(nanoseconds: int, micro: str = "µ") -> str:
    """Return a duration in three digits or two units: ``430µs``, ``41ms``, ``1.23s``, ``2m 05s``."""
    ns = max(nanoseconds, 0)
    if ns < 999_500:
        return f"{round(ns / _MICROSECOND)}{micro}s"
    if ns < 10 * _MILLISECOND:
        return f"{ns / _MILLISECOND:.1f}ms"
    if ns < _SECOND - _MILLISECOND // 2:
        return f"{round(ns / _MILLISECOND)}ms"
    if ns < _MINUTE - 5 * _MILLISECOND:
        return f"{ns / _SECOND:.2f}s" if ns < 10 * _SECOND else f"{ns / _SECOND:.1f}s"
    return _long(round(ns / _SECOND))


def _long(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02d}m" if hours else f"{minutes}m {seconds:02d}s"


def plural(count: int, noun: str) -> str:
    """Return ``1 span``, ``2 spans``, ``1,204 spans``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def scaled(value: int, whole: int, steps: int) -> int:
    """Return how many of ``steps`` equal parts of ``whole`` make up ``value``, rounded and clamped."""
    return min(max(round(value * steps / whole), 0), steps) if whole > 0 else 0
