"""What every way of tracing must keep: the current context as it was, and no complaint of OpenTelemetry's about it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from opentelemetry import context as context_api


@contextmanager
def context_given_back() -> Iterator[None]:
    """Assert that the current context afterwards is the very object that it was before."""
    before = context_api.get_current()
    yield
    assert context_api.get_current() is before


@pytest.fixture(autouse=True)
def nothing_leaks(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Assert that the test gives its context back and that no detach failed, not even in a finaliser."""
    before = context_api.get_current()
    with caplog.at_level(logging.DEBUG, "opentelemetry.context"):
        yield
    assert context_api.get_current() is before
    complaints = [
        record.getMessage()
        for when in ("setup", "call", "teardown")
        for record in caplog.get_records(when)  # type: ignore[arg-type]
        if record.name.startswith("opentelemetry.context")
    ]
    assert not complaints
