"""The queue of small jobs: everything is done once, in time, by few threads, whatever jobs do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from genai_otel import _guard
from genai_otel.exporters.errands import Errands


def noting(done: list[Any], what: Any) -> Callable[[], None]:
    return lambda: done.append(what)


def test_jobs_are_done_in_order() -> None:
    errands, done = Errands("test", max_threads=1), []
    for number in range(50):
        errands.put(number, noting(done, number))
    assert errands.drain(5)
    assert done == list(range(50))


def test_a_later_job_replaces_a_waiting_one() -> None:
    errands, done, hold = Errands("test", max_threads=1), [], threading.Event()
    errands.put("hold", lambda: hold.wait(5) and None)
    time.sleep(0.05)
    errands.put("same", noting(done, 1))
    errands.put("same", noting(done, 2))
    hold.set()
    assert errands.drain(5)
    assert done == [2]


def test_draining_does_what_is_not_due_yet() -> None:
    errands, done = Errands("test"), []
    errands.put("late", noting(done, 1), delay=60)
    assert errands.drain(5)
    assert done == [1]


def test_a_job_that_wants_to_be_tried_again_is() -> None:
    errands = Errands("test")
    pauses: list[float | None] = [None, 0.02, 0.02]
    finished = threading.Event()

    def job() -> float | None:
        pause = pauses.pop()
        if pause is None:
            finished.set()
        return pause

    errands.put("again", job)
    assert finished.wait(5)
    assert errands.drain(5)


def test_draining_says_when_something_is_left() -> None:
    errands = Errands("test")
    errands.put("never", lambda: 60.0)
    assert not errands.drain(5)


def test_draining_gives_up_in_time() -> None:
    errands, hold = Errands("test"), threading.Event()
    errands.put("slow", lambda: hold.wait(5) and None)
    started = time.monotonic()
    assert not errands.drain(0.1)
    assert time.monotonic() - started < 1
    hold.set()


def test_several_may_drain_while_others_put() -> None:
    errands, done, results = Errands("test", max_threads=1), [], []
    threads = [threading.Thread(target=lambda: results.append(errands.drain(10))) for _ in range(4)]
    started = time.monotonic()
    for round_ in range(20):
        errands.put(round_, noting(done, round_))
        assert errands.drain(5)
    for thread in threads:
        thread.start()
    for number in range(200):
        errands.put(100 + number, noting(done, number))
    for thread in threads:
        thread.join()
    assert errands.drain(5)
    assert len(done) == 220
    assert all(results)
    assert time.monotonic() - started < 5


def test_beyond_the_maximum_the_oldest_are_given_up(caplog: pytest.LogCaptureFixture) -> None:
    _guard.reset()
    errands, done, hold = Errands("test", max_waiting=3, max_threads=1), [], threading.Event()
    errands.put("hold", lambda: hold.wait(5) and None)
    time.sleep(0.05)
    for number in range(10):
        errands.put(number, noting(done, number))
    hold.set()
    assert errands.drain(5)
    assert done == [7, 8, 9]
    assert len(caplog.records) >= 1


def test_there_are_never_more_threads_than_allowed() -> None:
    errands, seen = Errands("test", max_threads=2), set()

    def job() -> None:
        time.sleep(0.005)
        seen.add(threading.current_thread())

    for number in range(40):
        errands.put(number, job)
    assert errands.drain(5)
    assert 1 <= len(seen) <= 2


def test_a_job_that_raises_costs_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_guard, "_raise", False)
    errands, done = Errands("test", max_threads=1), []

    def bad() -> None:
        raise RuntimeError

    errands.put("bad", bad)
    errands.put("good", noting(done, 1))
    assert errands.drain(5)
    assert done == [1]


def test_after_stopping_nothing_is_done() -> None:
    errands, done = Errands("test"), []
    errands.put(1, noting(done, 1))
    errands.stop(5)
    errands.put(2, noting(done, 2))
    time.sleep(0.05)
    assert done == [1]


def test_without_threads_draining_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_threads(self: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", no_threads)
    errands, done = Errands("test"), []
    errands.put(1, noting(done, 1))
    assert errands.drain(5)
    assert done == [1]
