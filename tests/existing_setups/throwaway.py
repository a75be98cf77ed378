"""Packages for one test, installed apart from everything else, in the checkout's cache folder."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.configured import SOURCES

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "existing-setups"
absent: set[str] = set()
"""What was not tested, for the summary at the end of the run."""


def not_tested(what: str, why: str) -> None:
    """Skip this test, and say so at the end of the run too."""
    absent.add(f"NOT TESTED {what}: {why}")
    pytest.skip(f"NOT TESTED {what}: {why}")


def require(what: str, *modules: str) -> None:
    """Skip this test where a module can't be imported."""
    for module in modules:
        try:
            __import__(module)
        except ImportError:
            not_tested(what, f"{module} is not installed")


def path_with(*requirements: str) -> str:
    """Return a ``PYTHONPATH`` with these packages before our sources; skip where they can't be installed."""
    digest = hashlib.sha256(f"{sys.version_info} {requirements}".encode()).hexdigest()[:12]
    folder = CACHE / digest
    if not (folder / ".installed").exists():
        # without dependencies: those are here already, in the versions that everything is tested with
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--upgrade",
            "--target",
            folder,
        ]
        done = subprocess.run(
            [*command, *requirements], capture_output=True, text=True, check=False, timeout=300
        )
        if done.returncode != 0:
            not_tested(f"with {requirements[0]}", f"it can't be installed: {done.stderr.strip()[-200:]}")
        (folder / ".installed").touch()
    return os.pathsep.join([str(folder), str(SOURCES), str(ROOT)])
