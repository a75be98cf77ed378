"""What stands between a provider and where its telemetry goes to: a switch whose routes can be exchanged.

A provider keeps its processors for good; so each gets one processor of ours, the switch, and reconfiguring
puts other routes into it. A route is one exporter with the worker thread that feeds it. Ending routes never
starts a thread, because at interpreter exit none can be started: the workers that run already are told to
finish, and waited for together.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Protocol

from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk.trace import SpanProcessor

from .. import _forks
from .._guard import report
from ..exporters.figures import plural
from . import progress

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from ..exporters.guarded import GuardedExporter

# How long routes get to send what they have when they are exchanged or shut down.
SHUTDOWN_SECONDS: Final = 5.0
# How long the workers get to write their last log line once their exporters have been shut down: a daemon
# thread that holds the lock of stderr when the interpreter goes down aborts the process.
_SETTLE_SECONDS: Final = 0.1
# What is used of the SDK's batch processor beyond its public methods, in order to end several together.
_BATCH_INTERNALS: Final = ("_shutdown", "_worker_awaken", "_worker_thread", "_shutdown_timeout_exceeded")


class Route(Protocol):
    """One way out of the process."""

    key: Hashable
    details: dict[str, Any]

    def flush(self, timeout_ms: float) -> bool:
        """Send what has been recorded; returns whether all of it was delivered."""
        ...

    def wake(self) -> None:
        """Tell the worker to send what it has and to end, without waiting for it."""

    def finish(self, deadline: float) -> None:
        """Wait for the worker until ``deadline`` (monotonic clock), then shut the exporter down."""

    def settle(self, deadline: float) -> None:
        """Wait until ``deadline`` for a worker that was interrupted."""

    def unsent(self) -> str:
        """Return what is still to be sent, such as ``2 spans``; empty where that is nothing, or not known."""
        ...


class BatchRoute:
    """A processor of the SDK (or of an exporter package) and the exporter it feeds, if that is known."""

    def __init__(
        self,
        key: Hashable,
        processor: Any,
        exporter: GuardedExporter | None,
        details: dict[str, Any],
    ) -> None:
        self.key = key
        self.processor = processor
        self.details = details
        self._exporter = exporter
        self._ended = False
        self._refused: Refused | None = None
        batch: Any = getattr(processor, "_batch_processor", None)
        self._batch = batch if all(hasattr(batch, name) for name in _BATCH_INTERNALS) else None
        if hasattr(batch, "_metrics"):
            self._refused = batch._metrics = Refused(batch._metrics)

    def counts(self) -> dict[str, int]:
        """Return how many items were delivered, lost with a failed batch, dropped unsent, and wait in the queue.

        Only what is known: a processor of another package doesn't say, nor do SDKs before 1.41 what they drop.
        """
        found: dict[str, int] = {}
        if self._exporter is not None:
            found.update(delivered=self._exporter.delivered, lost=self._exporter.lost)
        if self._refused is not None:
            found["dropped"] = self._refused.count
        if self._batch is not None and hasattr(self._batch, "_queue"):
            found["waiting"] = len(self._batch._queue)
        return found

    def flush(self, timeout_ms: float) -> bool:
        exporter = self._exporter
        if exporter is None:
            return self.processor.force_flush(int(timeout_ms)) is not False
        failures, started = exporter.failures, monotonic()
        flushed = self._ended or self.processor.force_flush(int(timeout_ms)) is not False
        remaining = timeout_ms - (monotonic() - started) * 1_000
        return flushed and exporter.force_flush(max(remaining, 0)) and exporter.failures == failures

    def wake(self) -> None:
        if self._batch is not None:
            self._batch._shutdown = True
            self._batch._worker_awaken.set()

    def finish(self, deadline: float) -> None:
        if self._ended:
            return
        self._ended = True
        if self._batch is None:
            self.processor.shutdown()
            return
        join(self._batch._worker_thread, deadline)
        self._batch._shutdown_timeout_exceeded = True
        if self._exporter is not None:
            self._exporter.shutdown(timeout_millis=remaining_ms(deadline))

    def settle(self, deadline: float) -> None:
        if self._batch is not None:
            join(self._batch._worker_thread, deadline)

    def unsent(self) -> str:
        waiting = len(getattr(self._batch, "_queue", ()))
        sending = self._exporter.sending if self._exporter is not None else 0
        noun = "event" if isinstance(self.processor, LogRecordProcessor) else "span"
        return plural(waiting + sending, noun) if waiting + sending else ""


class Refused:
    """Stands in the place of what the SDK's processor tells of itself, and counts what it drops."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self.count = 0
        _forks.in_children(self)

    def start_afresh(self) -> None:
        """In a forked child: count from nothing."""
        self._lock, self.count = threading.Lock(), 0

    def drop_items(self, count: int, *reason: Any, **more: Any) -> None:
        with self._lock:
            self.count += count
        self._inner.drop_items(count, *reason, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class Switch:
    """The part that switches of all signals share."""

    def __init__(self) -> None:
        self.routes: tuple[Any, ...] = ()

    def force_flush(self, timeout_millis: float = 30_000) -> bool:
        deadline = monotonic() + timeout_millis / 1_000
        flushed = [route.flush(remaining_ms(deadline)) for route in self.routes]
        return all(flushed)

    def shutdown(self) -> None:
        """End the routes: the provider's owner shuts it down."""
        routes, self.routes = self.routes, ()
        end(routes, SHUTDOWN_SECONDS)


class SpanSwitch(Switch, SpanProcessor):
    """The one span processor that a tracer provider gets from us."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        for route in self.routes:
            _attempt(route.processor.on_start, span, parent_context)

    def _on_ending(self, span: Span) -> None:
        for route in self.routes:
            _attempt(route.processor._on_ending, span)

    def on_end(self, span: ReadableSpan) -> None:
        for route in self.routes:
            _attempt(route.processor.on_end, span)


class LogSwitch(Switch, LogRecordProcessor):
    """The one log record processor that a logger provider gets from us."""

    def on_emit(self, log_record: Any) -> None:
        for route in self.routes:
            _attempt(route.processor.on_emit, log_record)

    def enabled(self, **about: Any) -> bool:
        return bool(self.routes)


def end(routes: Iterable[Route], seconds: float) -> None:
    """Send what the routes have and shut them down, all at once, in about ``seconds`` at most."""
    ending = list(dict.fromkeys(routes))
    deadline = monotonic() + seconds
    for route in ending:
        _attempt(route.wake)
    _attempt(progress.tell, ending, [route.settle for route in ending], deadline)
    for route in ending:
        _attempt(route.finish, deadline)
    settled = monotonic() + _SETTLE_SECONDS
    for route in ending:
        _attempt(route.settle, settled)


def _attempt(step: Callable[..., object], *arguments: object) -> None:
    try:
        step(*arguments)
    except Exception:
        report(getattr(step, "__qualname__", "export"))


def join(thread: threading.Thread, deadline: float) -> None:
    """Wait for ``thread`` until ``deadline``; not for oneself, nor for one that was never started."""
    if thread is not threading.current_thread() and thread.is_alive():
        thread.join(max(deadline - monotonic(), 0))


def remaining_ms(deadline: float) -> float:
    """Return the milliseconds until ``deadline`` (monotonic clock), not below 0."""
    return max(deadline - monotonic(), 0) * 1_000


def all_in_time(steps: Sequence[Callable[[float], object]], timeout_ms: float) -> bool:
    """Run ``steps`` side by side, each given the milliseconds it has; returns whether all succeeded in time.

    A step that hangs is left behind on a daemon thread.
    """
    deadline = monotonic() + timeout_ms / 1_000
    done: list[bool] = []

    def run(step: Callable[[float], object]) -> None:
        try:
            done.append(step(remaining_ms(deadline)) is not False)
        except Exception:
            done.append(False)

    threads = [thread for step in steps if (thread := _started(run, step)) is not None]
    waits = [partial(join, thread) for thread in threads]
    _attempt(progress.tell, [getattr(step, "__self__", None) for step in steps], waits, deadline)
    for wait in waits:
        wait(deadline)
    return len(done) == len(steps) and all(done)


def _started(run: Callable[[Any], None], step: Any) -> threading.Thread | None:
    thread = threading.Thread(target=run, args=(step,), name="genai_otel-flush", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # the interpreter is going down: no threads any more
        run(step)
        return None
    return thread
