"""An exporter of any signal that can't do harm: it never raises, and is shut down once."""

from __future__ import annotations

import inspect
from collections.abc import Sized
from typing import Any

from genai_otel import _forks
from genai_otel._guard import log_frames, warn_once


class GuardedExporter:
    """Passes everything on to ``inner`` and counts what it delivered and what it lost.

    ``failures`` are the batches that failed, ``lost`` the items in them, ``delivered`` those in the others;
    ``sending`` are the items that it is busy with.

    Args:
        inner: The exporter of the SDK, or the user's.
        failure: What ``export`` returns when ``inner`` raises, from the SDK's enumeration of this signal.
    """

    __slots__ = ("__weakref__", "_down", "_failure", "delivered", "failures", "inner", "lost", "sending")

    def __init__(self, inner: Any, failure: Any) -> None:
        self.inner = inner
        self.start_afresh()
        self._failure = failure
        self._down = False
        _forks.in_children(self)

    def start_afresh(self) -> None:
        """Count from nothing: in a forked child, what the parent sent is not its own."""
        self.failures = self.delivered = self.lost = self.sending = 0

    def export(self, batch: Any, **options: Any) -> Any:
        """Hand ``batch`` to the exporter; a failure costs the batch and one warning."""
        items = self.sending = len(batch) if isinstance(batch, Sized) else 1
        try:
            result = self.inner.export(batch, **options)
        except Exception as exc:
            self._warn("export", exc)
            result = self._failure
        self.sending = 0
        if result is self._failure:
            self.failures += 1
            self.lost += items
        else:
            self.delivered += items
        return result

    def force_flush(self, timeout_millis: float = 30_000) -> bool:
        """Make an exporter that buffers deliver what it has."""
        force = getattr(self.inner, "force_flush", None)
        try:
            return force is None or force(int(timeout_millis)) is not False
        except Exception as exc:
            self._warn("force_flush", exc)
            return False

    def shutdown(self, timeout_millis: float = 30_000, **options: Any) -> None:
        """Shut the exporter down, the first time only."""
        if self._down:
            return
        self._down = True
        try:
            self.inner.shutdown(**_timeout(self.inner.shutdown, timeout_millis))
        except Exception as exc:
            self._warn("shutdown", exc)

    def _warn(self, what: str, exc: Exception) -> None:
        kind = type(self.inner)
        name = f"{kind.__module__}.{kind.__qualname__}"
        warn_once(f"{name}.{what}", "%s.%s raised %s: telemetry is lost", name, what, type(exc).__name__)
        log_frames(exc)


def _timeout(shutdown: Any, timeout_millis: float) -> dict[str, float]:
    try:
        accepts = "timeout_millis" in inspect.signature(shutdown).parameters
    except (TypeError, ValueError):
        accepts = False
    return {"timeout_millis": timeout_millis} if accepts else {}
