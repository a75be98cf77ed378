"""The optional folder ``shared`` beside the checkout: conventions as data, a conformance checker, recorded traffic."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"
CONFORMANCE = SHARED / "conformance"


def require(path: Path) -> Path:
    """Return ``path``, or skip the test because it is not there."""
    if not path.exists():
        pytest.skip(f"{path.relative_to(SHARED.parent)} is not here")
    return path


def violations(capture: dict[str, Any], folder: Path, registry: str = "pin") -> list[dict[str, Any]]:
    """Return what the conformance checker calls violations in a capture."""
    checker = require(CONFORMANCE / "livecheck.py")
    file = folder / "capture.json"
    file.write_text(json.dumps(capture))
    command = [sys.executable, str(checker), str(file), "--json", "--registry", registry]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found
