"""How many examples a fuzzer tries: few in the suite, ``FUZZ_FACTOR`` times as many in a long run."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, settings

FACTOR = int(os.environ.get("FUZZ_FACTOR", "1"))


def budget(examples: int, **more: Any) -> settings:
    """The settings of a test that tries so many examples in the suite."""
    unhurried = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
    return settings(
        max_examples=examples * FACTOR,
        deadline=None,
        suppress_health_check=[*unhurried, HealthCheck.filter_too_much],
        **more,
    )
