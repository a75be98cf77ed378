"""A bounded queue of small jobs, such as REST calls, done off the caller's path by a few daemon threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from time import monotonic
from typing import Final

from genai_otel._guard import report, warn_once

# A job returns the seconds after which it wants to be tried again, or None when it is over.
Job = Callable[[], "float | None"]

MAX_WAITING: Final = 4_096
MAX_THREADS: Final = 4
_IDLE_SECONDS: Final = 30.0


class Errands:
    """Does jobs in the order in which they came; a later job takes the place of a waiting one with its key.

    Jobs must not raise and must bound their own time. Beyond ``max_waiting`` the oldest is given up.
    """

    def __init__(self, name: str, max_waiting: int = MAX_WAITING, max_threads: int = MAX_THREADS) -> None:
        self._name, self._max_waiting, self._max_threads = name, max_waiting, max_threads
        self._reset()

    def _reset(self) -> None:
        self._waiting: OrderedDict[Hashable, tuple[float, Job]] = OrderedDict()
        self._running: set[Hashable] = set()
        self._threads: set[threading.Thread] = set()
        self._stopped = False
        self._changed = threading.Condition(threading.RLock())

    def start_afresh(self) -> None:
        """Begin with nothing to do and no thread: what waits in a forked child is its parent's to do."""
        self._reset()

    def put(self, key: Hashable, job: Job, delay: float = 0.0) -> None:
        """Have ``job`` done in ``delay`` seconds, or when drained."""
        with self._changed:
            if self._stopped:
                return
            self._waiting.pop(key, None)
            self._waiting[key] = (monotonic() + delay, job)
            if len(self._waiting) > self._max_waiting:
                self._waiting.popitem(last=False)
                warn_once(f"errands:{self._name}", "%s fall behind: the oldest are given up", self._name)
            self._hire()
            self._changed.notify_all()  # workers and those who drain wait for the same condition

    def drain(self, seconds: float) -> bool:
        """Do everything that is waiting, due or not; returns whether that was over, and well, in time."""
        deadline = monotonic() + seconds
        with self._changed:
            for key, (_, job) in self._waiting.items():
                self._waiting[key] = (0.0, job)
            self._changed.notify_all()
            while self._due() is not None or self._running:
                if self._due() is not None and not self._hire():
                    self._do_next()  # no threads any more: the interpreter is going down
                elif not self._changed.wait(max(deadline - monotonic(), 0)) and monotonic() >= deadline:
                    return False
            return not self._waiting

    def stop(self, seconds: float) -> None:
        """Do what can be done within ``seconds``, and nothing more after that."""
        self.drain(seconds)
        with self._changed:
            self._stopped = True
            self._waiting.clear()
            self._changed.notify_all()

    def join(self, seconds: float) -> None:
        """Wait for threads that are still busy."""
        deadline = monotonic() + seconds
        for thread in list(self._threads):
            if thread is not threading.current_thread():
                thread.join(max(deadline - monotonic(), 0))

    # --- the threads ----------------------------------------------------------------------------------------

    def _hire(self) -> bool:
        """Start a thread where all are busy; returns whether there is any."""
        busy = len(self._running)
        if busy < len(self._threads) or len(self._threads) >= self._max_threads:
            return True
        thread = threading.Thread(target=self._work, name=f"genai_otel-{self._name}", daemon=True)
        self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:
            self._threads.discard(thread)
        return bool(self._threads)

    def _work(self) -> None:
        try:
            while self._next_is_due():
                self._do_next()
        except Exception:
            report(self._name)
        finally:
            with self._changed:
                self._threads.discard(threading.current_thread())
                self._changed.notify_all()

    def _next_is_due(self) -> bool:
        """Wait for a job that is due; returns False after long idleness, and when stopped."""
        idle_until = monotonic() + _IDLE_SECONDS
        with self._changed:
            while self._due() is None:
                if self._stopped or (not self._waiting and monotonic() >= idle_until):
                    self._threads.discard(threading.current_thread())
                    return False
                self._changed.wait(self._pause(idle_until))
            return True

    def _pause(self, idle_until: float) -> float:
        soonest = min((due for due, _ in self._waiting.values()), default=idle_until)
        return max(soonest - monotonic(), 0.01)

    def _due(self) -> Hashable | None:
        now = monotonic()
        return next(
            (key for key, (due, _) in self._waiting.items() if due <= now and key not in self._running), None
        )

    def _do_next(self) -> None:
        with self._changed:
            key = self._due()
            if key is None:
                return
            _, job = self._waiting.pop(key)
            self._running.add(key)
        again: float | None = None
        try:
            again = job()
        except Exception:
            report(self._name)
        finally:
            with self._changed:
                self._running.discard(key)
                if again is not None and key not in self._waiting and not self._stopped:
                    self._waiting[key] = (monotonic() + again, job)
                self._changed.notify_all()
