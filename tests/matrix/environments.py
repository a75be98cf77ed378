"""Virtual environments for versions of the SDK and of Python, made once and kept in the project's cache."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
CACHE: Final = ROOT / ".cache" / "matrix"
VERSIONS: Final = ("1.3.0", "1.40.0", "1.66.0", "1.109.1", "2.0.0", "2.54.0", "3.0.0", "3.54.0", "newest")
PYTHONS: Final = ("3.10", "3.12", "3.13")
_NEEDED: Final = (
    "opentelemetry-api>=1.39,<2",
    "opentelemetry-sdk>=1.39,<2",
    "opentelemetry-instrumentation>=0.60b0,<1",
    "wrapt>=1.17,<3",
    "orjson>=3.10,<4",
    "websockets>=13,<18",  # what openai[realtime] brings
)
_SECONDS: Final = 240


class Unavailable(Exception):
    """An environment that cannot be made here: no interpreter, or nothing to install from."""


@dataclass(frozen=True)
class Cell:
    """One version of the SDK on one version of Python, ``None`` being the one that runs this."""

    openai: str
    python: str | None = None

    def __str__(self) -> str:
        return f"openai-{self.openai}" + (f"-python-{self.python}" if self.python else "")

    @property
    def requirements(self) -> tuple[str, ...]:
        """What is installed; a newest one is looked for once a day."""
        if self.openai == "newest":
            return (*_NEEDED, "openai<4")
        number = tuple(int(part) for part in self.openai.split("."))
        legacy = ("httpx<0.28",) if number < (1, 55, 3) else ()
        return (*_NEEDED, f"openai=={self.openai}", *legacy)


CELLS: Final = (*(Cell(version) for version in VERSIONS), *(Cell("newest", python) for python in PYTHONS))


def run(cell: Cell) -> dict[str, Any]:
    """Run every row in an environment for this cell and return what was found; ``Unavailable`` says why not."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "GENAI_OTEL_"))
    }
    environment |= {
        "PYTHONPATH": str(ROOT / "src"),
        "GENAI_OTEL_RAISE_INTERNAL_ERRORS": "1",
        "NO_PROXY": "127.0.0.1",
        "PYTHONWARNINGS": "ignore::DeprecationWarning",
    }
    done = subprocess.run(
        [str(prepare(cell)), str(Path(__file__).with_name("rows.py"))],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        env=environment,
    )
    if done.returncode != 0:
        raise AssertionError(f"{cell} ended with {done.returncode}: {done.stderr[-2_000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    found["noise"] = done.stderr
    return found


def prepare(cell: Cell) -> Path:
    """Return the interpreter of the environment for this cell, made if it is not there or out of date."""
    home = CACHE / f"{cell}-{_tag(cell)}"
    interpreter = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    mark = home / "installed.txt"
    wanted = "\n".join(cell.requirements) + (f"\n{datetime.date.today()}" if cell.openai == "newest" else "")
    if mark.exists() and mark.read_text() == wanted:
        return interpreter
    if not (mark.exists() and cell.openai == "newest"):
        shutil.rmtree(home, ignore_errors=True)
        _make(home, cell)
    try:
        _install(interpreter, cell.requirements)
    except Unavailable:
        if cell.openai == "newest" and mark.exists():
            return interpreter  # yesterday's
        raise
    mark.write_text(wanted)
    return interpreter


def _tag(cell: Cell) -> str:
    return cell.python or f"{sys.version_info.major}.{sys.version_info.minor}"


def _make(home: Path, cell: Cell) -> None:
    base = interpreter(cell.python)
    uv = shutil.which("uv")
    without_pip = [base, "-m", "venv", "--without-pip", str(home)]
    _call([uv, "venv", "--quiet", "--python", base, str(home)] if uv else without_pip)


def _install(interpreter: Path, requirements: tuple[str, ...]) -> None:
    uv = shutil.which("uv")
    if uv:
        _call([uv, "pip", "install", "--quiet", "--python", str(interpreter), "--upgrade", *requirements])
        return
    pip = [sys.executable, "-m", "pip", "--python", str(interpreter), "install"]
    _call([*pip, "--quiet", "--no-compile", "--disable-pip-version-check", "--upgrade", *requirements])


def interpreter(version: str | None) -> str:
    """Return an interpreter of this version, from the search path or from pyenv."""
    if version is None or version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    installed = sorted(
        Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin/python")
    )
    candidates = [str(found) for found in reversed(installed)]
    on_path = shutil.which(f"python{version}")
    for candidate in [*candidates, *([on_path] if on_path else [])]:
        if _is(candidate, version):
            return candidate
    raise Unavailable(f"no Python {version} was found")


def _is(candidate: str, version: str) -> bool:
    """Whether it runs, and is what it says: pyenv puts shims on the path for versions that are not active."""
    try:
        said = subprocess.run([candidate, "--version"], capture_output=True, text=True, timeout=20)
    except OSError:
        return False
    return said.stdout.startswith(f"Python {version}.")


def _call(command: list[str | None] | list[str]) -> None:
    try:
        subprocess.run(
            [str(part) for part in command], check=True, capture_output=True, text=True, timeout=_SECONDS
        )
    except subprocess.CalledProcessError as exc:
        last = (exc.stderr or exc.stdout or "").strip().splitlines()[-1:]
        raise Unavailable(f"{command[0]} failed: {' '.join(last)}") from None
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise Unavailable(f"{command[0]}: {type(exc).__name__}") from None
