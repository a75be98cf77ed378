"""Durations and counts as they are read."""

from __future__ import annotations

import pytest

from genai_otel.exporters.figures import duration, plural, scaled

_MS, _S = 10**6, 10**9


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (-5, "0µs"), (0, "0µs"), (430_000, "430µs"), (999_499, "999µs"), (999_600, "1.0ms"),
        (1_500_000, "1.5ms"),
        (41 * _MS, "41ms"), (999 * _MS, "999ms"), (999_700_000, "1.00s"), (1_230 * _MS, "1.23s"),
        (12 * _S, "12.0s"),
        (59_990 * _MS, "60.0s"), (60 * _S, "1m 00s"), (125 * _S, "2m 05s"), (3_720 * _S, "1h 02m"),
    ],
)  # fmt: skip
def test_durations(nanoseconds: int, text: str) -> None:
    assert duration(nanoseconds) == text


def test_plurals() -> None:
    assert (plural(1, "span"), plural(0, "span"), plural(1204, "span")) == (
        "1 span",
        "0 spans",
        "1,204 spans",
    )


@pytest.mark.parametrize(
    ("value", "whole", "steps"), [(0, 10, 0), (5, 10, 4), (99, 10, 8), (-1, 10, 0), (3, 0, 0)]
)
def test_scaling_stays_within_the_steps(value: int, whole: int, steps: int) -> None:
    assert scaled(value, whole, 8) == steps
