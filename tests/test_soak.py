"""``python -m soak``, for a few seconds: the run itself checks memory, descriptors, threads, errors and the counts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from soak import measures
from soak.measures import Sample

from tests.test_fork import environment

pytest.importorskip("openai")
pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the figures come from /proc")
ROOT = Path(__file__).parent.parent
COUNTS = {"delivered": 6, "lost": 3, "dropped": 1, "waiting": 0}


def test_a_service_under_load_leaks_nothing_breaks_nothing_and_accounts_for_every_span() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "soak", "--seconds", "6"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=180,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    assert (result["broken"], done.returncode) == ([], 0), done.stderr
    spans = result["spans"]
    assert spans["created"] == spans["delivered"] + spans["lost"] + spans["dropped"]
    assert spans["delivered"] > 0
    assert len(result["operations"]) == 11


def test_a_span_that_nobody_counted_is_noticed() -> None:
    assert measures.unaccounted(10, COUNTS, {"spans": 6}) == []
    assert measures.unaccounted(11, COUNTS, {"spans": 6})
    assert measures.unaccounted(10, COUNTS, {"spans": 5})
    assert measures.unaccounted(10, COUNTS, {"spans": 10})
    assert measures.unaccounted(10, {**COUNTS, "delivered": 5, "waiting": 1}, {"spans": 5})


@pytest.mark.parametrize("name", measures.ALLOWED)
def test_what_grows_beyond_noise_is_noticed(name: str) -> None:
    figures = {"rss_mb": 100.0, "traced_mb": 20.0, "descriptors": 10, "threads": 10}
    more = {**figures, name: figures[name] + measures.ALLOWED[name] + 1}
    assert measures.grown(Sample(**figures), Sample(**figures)) == []
    assert len(measures.grown(Sample(**figures), Sample(**more))) == 1
    assert measures.lowest([Sample(**figures), Sample(**more)]) == Sample(**figures)
