"""The whole matrix: one record of each call, none double, none missed, on every version of the SDK.

``GENAI_OTEL_MATRIX=0`` leaves it out; ``python -m tests.matrix`` runs it alone and prints a table.
"""

from __future__ import annotations

import os
import warnings

import pytest

from .environments import CELLS, Cell, Unavailable, run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.environ.get("GENAI_OTEL_MATRIX") == "0", reason="GENAI_OTEL_MATRIX=0"),
]


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_every_row_is_right(cell: Cell) -> None:
    try:
        found = run(cell)
    except Unavailable as exc:
        warnings.warn(f"the matrix left out {cell}: {exc}", stacklevel=1)
        pytest.skip(f"{cell}: {exc}")
    if cell.openai != "newest":
        assert found["openai"] == cell.openai
    wrong = {name: result for name, result in found["rows"].items() if result not in ("ok", "absent")}
    assert wrong == {}
    assert found["noise"] == ""
    assert list(found["rows"].values()).count("ok") >= 30
