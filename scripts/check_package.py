"""``python -m scripts.check_package``: build the package twice and try it as users do, in empty environments.

What is tried: both builds have the same bytes, the metadata is valid, the wheel installs and works with every
combination of extras on every Python that is found here, its command runs through uvx and pipx, the tests run from
the source distribution, and no dependency has a known vulnerability. Takes a few minutes and needs a package index.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from tests.matrix.environments import Unavailable, interpreter

ROOT: Final = Path(__file__).resolve().parents[1]
PYTHONS: Final = ("3.10", "3.11", "3.12", "3.13", "3.14")
EXTRAS: Final = ("", "openai", "console", "openai,console")
TOOLS: Final = ("build", "twine", "pip-audit", "pipx", "uv")
# test files that say whether the tests run from the source distribution at all
SAMPLE: Final = (
    "tests/test_spans.py",
    "tests/test_decorators.py",
    "tests/setup",
    "tests/cli",
    "tests/test_supply_chain.py",
)
_IMPORT: Final = (
    "import genai_otel, sys; assert 'opentelemetry.sdk' not in sys.modules; print(genai_otel.__version__)"
)
_SECONDS: Final = 600


class CheckError(Exception):
    """A check that did not hold."""


def main() -> int:
    """Run every check and print a line for each; the exit code is 1 if one failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--python", action="append", help="only these versions, such as 3.12; may be repeated"
    )
    pythons = parser.parse_args().python or PYTHONS
    with tempfile.TemporaryDirectory() as folder:
        wrong = [name for name, check in checks(Path(folder), pythons) if not passes(name, check)]
    print(f"FAILED: {', '.join(wrong)}" if wrong else "the package is fine")
    return 1 if wrong else 0


def checks(folder: Path, pythons: Sequence[str]) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield (name, check that returns what was found or raises ``CheckError``)."""
    package = Package(folder)
    yield "builds twice to the same bytes", package.same_bytes
    yield "has valid metadata", package.metadata
    for python in pythons:
        for extras in EXTRAS:
            name = f"Python {python}, {f'with {extras}' if extras else 'no extra'}"
            yield name, partial(package.works, python, extras)
    yield "demo through uvx", package.uvx
    yield "demo through pipx run", package.pipx
    yield "tests from the source distribution", package.tests
    yield "known vulnerabilities", package.audit


def passes(name: str, check: Callable[[], str]) -> bool:
    """Run one check and print what came of it."""
    try:
        found, verdict = check(), "ok"
    except Unavailable as exc:
        found, verdict = str(exc), "NOT DONE"
    except (CheckError, OSError, ValueError, subprocess.SubprocessError) as exc:
        found, verdict = str(exc), "FAILED"
    print(f"{verdict:9}{name}: {found}", flush=True)
    return verdict != "FAILED"


class Package:
    """The wheel and the source distribution, built into ``folder``, and what can be done with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tools = folder / "tools"
        call([sys.executable, "-m", "venv", self.tools])
        call([self.tool("pip"), "install", "--quiet", "--disable-pip-version-check", *TOOLS])

    def tool(self, name: str) -> Path:
        """Return the command ``name`` of the environment with the tools."""
        return binary(self.tools, name)

    def built(self, suffix: str) -> Path:
        """Return what was built with this suffix."""
        return next((self.folder / "first").glob(f"*{suffix}"))

    def wheel(self, extras: str) -> str:
        """Return how the wheel is asked for with ``extras``."""
        return f"{self.built('.whl')}[{extras}]" if extras else str(self.built(".whl"))

    def environment(self, python: str, extras: str) -> Path:
        """Return a new environment that has the wheel and what it requires, and nothing else."""
        home = Path(tempfile.mkdtemp(dir=self.folder))
        call([self.tool("uv"), "venv", "--quiet", "--clear", "--python", python, home])
        installer = [self.tool("uv"), "pip", "install", "--quiet", "--python", binary(home, "python")]
        call([*installer, self.wheel(extras)])
        return home

    def same_bytes(self) -> str:
        """Build from the checkout, then from the source distribution, which has other times and another place."""
        call([self.tool("python"), "-m", "build", "--outdir", self.folder / "first", ROOT])
        call([self.tool("python"), "-m", "build", "--outdir", self.folder / "second", self.unpacked()])
        first, second = (digests(self.folder / name) for name in ("first", "second"))
        if first != second or len(first) != 2:
            raise CheckError(f"{first} and {second}")
        return ", ".join(f"{name} {digest[:12]}" for name, digest in first.items())

    def unpacked(self) -> Path:
        """Return the folder of the source distribution."""
        target = self.folder / "sdist"
        if not target.exists():
            with tarfile.open(self.built(".tar.gz")) as archive:
                archive.extractall(target)
        return next(target.iterdir())

    def metadata(self) -> str:
        files = [self.built(".whl"), self.built(".tar.gz")]
        call([self.tool("twine"), "check", "--strict", *files], environment={"NO_COLOR": "1"})
        return "twine check --strict"

    def works(self, python: str, extras: str) -> str:
        """Install the wheel in an empty environment, import it and run its command."""
        home = self.environment(interpreter(python), extras)
        version = call([binary(home, "python"), "-c", _IMPORT])
        command = binary(home, "genai-otel")
        call([command, "--version"], printing=version)
        call([command, "doctor"], printing=version, codes=(0, 1))
        demo(call([command, "demo"], codes=(0,) if "openai" in extras else (1,)), "openai" in extras)
        shutil.rmtree(home)
        return f"{version}: import, doctor, demo" + (
            "" if "openai" in extras else ", which says what it lacks"
        )

    def uvx(self) -> str:
        demo(call([self.tool("uvx"), "--from", self.wheel("openai"), "genai-otel", "demo"]), True)
        return "uvx --from WHEEL[openai] genai-otel demo"

    def pipx(self) -> str:
        home = {"PIPX_HOME": str(self.folder / "pipx"), "PIPX_BIN_DIR": str(self.folder / "pipx-bin")}
        done = call(
            [self.tool("pipx"), "run", "--spec", self.wheel("openai"), "genai-otel", "demo"], environment=home
        )
        demo(done, True)
        return "pipx run --spec WHEEL[openai] genai-otel demo"

    def tests(self) -> str:
        unpacked = self.unpacked()
        found = call(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SAMPLE],
            cwd=unpacked,
            environment={"PYTHONPATH": str(unpacked / "src")},
        )
        return found.splitlines()[-1]

    def audit(self) -> str:
        home = self.environment(sys.executable, "openai,console")
        (site,) = home.glob("lib/*/site-packages") if os.name != "nt" else home.glob("Lib/site-packages")
        report = call([self.tool("pip-audit"), "--path", site, "--format", "json"], codes=(0, 1))
        found, _ = json.JSONDecoder().raw_decode(report, report.index('{"dependencies"'))
        return audited(found["dependencies"])


def audited(dependencies: list[dict[str, object]]) -> str:
    """Return how many dependencies were found to be free of known vulnerabilities."""
    wrong = [f"{one['name']} {one['version']}" for one in dependencies if one.get("vulns")]
    if wrong:
        raise CheckError(", ".join(wrong))
    looked_up = [one for one in dependencies if "vulns" in one]
    if len(looked_up) < len(dependencies) / 2:
        raise Unavailable(f"the package index knew {len(looked_up)} of {len(dependencies)} dependencies")
    return f"none in {len(looked_up)} of {len(dependencies)} dependencies"


def demo(printed: str, complete: bool) -> None:
    """Check what the demo printed: its trace, or what it lacks."""
    if ("invoke_agent shop_assistant" if complete else "genai-otel[openai]") not in printed:
        raise CheckError(f"the demo printed {printed[-500:]!r}")


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def binary(home: Path, name: str) -> Path:
    """Return where an environment has the command ``name``."""
    return home / ("Scripts" if os.name == "nt" else "bin") / name


def call(
    command: Sequence[object],
    *,
    cwd: Path | None = None,
    codes: tuple[int, ...] = (0,),
    printing: str = "",
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run ``command`` away from the checkout and return what it printed."""
    kept = {
        name: value for name, value in os.environ.items() if not re.match("OTEL_|PYTEST|PYTHONPATH", name)
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd or tempfile.gettempdir(),
        env={**kept, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    printed = (done.stdout + done.stderr).strip()
    if done.returncode not in codes or printing not in printed or "Traceback" in printed:
        shown = " ".join(str(part) for part in command)
        raise CheckError(f"{shown} ended with {done.returncode}: {printed[-1_500:]}")
    return printed


if __name__ == "__main__":
    sys.exit(main())
