"""What type checkers say about a program that uses the library."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = Path("tests") / "typing" / "test_signatures.py"


def checked(tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    executable = Path(sys.executable).parent / tool
    found = str(executable) if executable.exists() else shutil.which(tool)
    if found is None:
        pytest.skip(f"{tool} is not installed")
    return subprocess.run([found, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_mypy_accepts_the_program_and_refuses_what_is_wrong_in_it() -> None:
    done = checked("mypy", "--strict", str(PROGRAM))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_pyright_accepts_the_program() -> None:
    done = checked("pyright", "--pythonpath", sys.executable, str(PROGRAM))
    assert done.returncode == 0, done.stdout + done.stderr
