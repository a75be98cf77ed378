from __future__ import annotations

from typing import Any

import pytest

from genai_otel import _guard
from genai_otel.exporters.guarded import GuardedExporter

FAILURE = object()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    _guard.reset()


class Inner:
    def __init__(self, result: Any = None) -> None:
        self.result = result
        self.calls: list[Any] = []

    def export(self, batch: Any, **options: Any) -> Any:
        self.calls.append((batch, options))
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    def shutdown(self) -> None:
        self.calls.append("shutdown")


def test_a_batch_and_its_options_are_passed_on_and_the_result_returned() -> None:
    inner = Inner("result")
    assert GuardedExporter(inner, FAILURE).export([1], timeout_millis=5) == "result"
    assert inner.calls == [([1], {"timeout_millis": 5})]


def test_an_exception_becomes_a_failure_that_is_counted() -> None:
    guarded = GuardedExporter(Inner(ValueError("secret")), FAILURE)
    assert guarded.export([1]) is FAILURE
    assert guarded.failures == 1


def test_a_failure_returned_is_counted() -> None:
    guarded = GuardedExporter(Inner(FAILURE), FAILURE)
    assert guarded.export([1]) is FAILURE
    assert guarded.failures == 1


def test_an_exporter_is_shut_down_once() -> None:
    inner = Inner()
    guarded = GuardedExporter(inner, FAILURE)
    guarded.shutdown()
    guarded.shutdown()
    assert inner.calls == ["shutdown"]


def test_the_time_left_is_passed_to_an_exporter_that_takes_it() -> None:
    class Bounded(Inner):
        def shutdown(self, timeout_millis: float = 0) -> None:
            self.calls.append(timeout_millis)

    inner = Bounded()
    GuardedExporter(inner, FAILURE).shutdown(12)
    assert inner.calls == [12]


def test_an_exporter_without_force_flush_has_nothing_to_flush() -> None:
    assert GuardedExporter(Inner(), FAILURE).force_flush(10)


def test_an_exporter_that_raises_everywhere_never_raises_outside(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            def broken(*args: Any, **kwargs: Any) -> None:
                raise OSError("secret")

            return broken

    guarded = GuardedExporter(Broken(), FAILURE)
    assert guarded.export([1]) is FAILURE
    assert guarded.force_flush(1) is False
    guarded.shutdown()
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 3
    assert all("Broken" in text and "OSError" in text and "secret" not in text for text in warnings)
