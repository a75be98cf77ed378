"""The pytest plug-in (entry point ``pytest11``): the ``genai_spans`` fixture.

Loaded in every pytest session of whoever installs the package, so it imports nothing until the fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .capture import Capture

_OPTIONS = "capture_content=True, redact=None, sampler=None, deterministic=False, include_global=False"
_MARKER = f"genai_spans({_OPTIONS}): options of the genai_spans fixture, those of genai_otel.testing.capture_spans()"


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def genai_spans(request: pytest.FixtureRequest) -> Iterator[Capture]:
    """What genai_otel records during the test: ``genai_spans.one(name=...)``, ``.find(...)``, ``.tree()``.

    Content is captured unless ``@pytest.mark.genai_spans(capture_content=False)`` says otherwise.
    """
    from .capture import capture_spans

    options: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("genai_spans"))):  # the closest one wins
        if marker.args:
            raise pytest.UsageError(f"the options of @pytest.mark.genai_spans are named: {_OPTIONS}")
        options.update(marker.kwargs)
    with capture_spans(**options) as captured:
        yield captured


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> None:
    """Show the tree of a test that failed."""
    captured = getattr(item, "funcargs", {}).get("genai_spans")
    if call.when == "call" and call.excinfo is not None and captured is not None and len(captured):
        item.add_report_section("call", "genai_spans", captured.tree())
