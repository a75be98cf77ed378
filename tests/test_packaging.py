"""The wheel and the source distribution: what is in them, that they are the same every time, that they work alone."""

from __future__ import annotations

import ast
import email
import functools
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from email.message import Message
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement

import genai_otel

pytest.importorskip("hatchling", reason="hatchling, which builds the package, is not installed")

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "genai_otel"
VERSION = genai_otel.__version__
UNZIPPED = f"genai_otel-{VERSION}"
# what a person needs who has nothing but the source distribution, where the checkout has it
NEEDED = ("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "PKG-INFO", "pyproject.toml", "README.md")
FOLDERS = ("benchmarks", "deploy", "docs", "examples", "scripts", "soak", "src", "tests")


class Built(NamedTuple):
    """A wheel and a source distribution."""

    wheel: Path
    sdist: Path


def build(source: Path, target: Path) -> Built:
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(target)],
        cwd=source,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Built(*target.glob("*.whl"), *target.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(ROOT, tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def unpacked(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the source distribution."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(built.sdist) as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extractall(folder, filter="data")
        else:
            archive.extractall(folder)
    return folder / UNZIPPED


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of site-packages that has the wheel."""
    folder = tmp_path_factory.mktemp("site-packages")
    with zipfile.ZipFile(built.wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def metadata(installed: Path) -> Message:
    return email.message_from_string((installed / f"{UNZIPPED}.dist-info" / "METADATA").read_text("utf-8"))


@pytest.fixture(scope="module")
def environment_with(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function that returns a folder with the wheel and what it requires, with an extra or, for "", without."""

    @functools.cache
    def environment(extra: str) -> Path:
        folder = tmp_path_factory.mktemp("environment")
        (wheel,) = distributions(path=[str(installed)])
        for distribution in required(wheel, extra):
            for file in distribution.files or ():
                target = folder / file
                if ".." not in file.parts and file.suffix != ".pyc" and not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.symlink_to(Path(str(distribution.locate_file(file))))
        return folder

    return environment


def required(distribution: Distribution, extra: str) -> Iterator[Distribution]:
    """Yield the distribution and those that it requires, from what is installed here."""
    pending, seen = [(distribution, extra)], set()
    while pending:
        current, wanted = pending.pop()
        yield current
        for requirement in map(Requirement, current.requires or ()):
            if requirement.marker is not None and not requirement.marker.evaluate({"extra": wanted}):
                continue
            new = {(requirement.name, more) for more in requirement.extras or {""}} - seen
            seen |= new
            pending += [(Distribution.from_name(name), more) for name, more in new]


def run(environment: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``script`` with what is in ``environment`` and nothing else, away from the checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PYTEST"))}
    return subprocess.run(
        [sys.executable, "-S", "-c", script, *arguments],
        cwd=environment,
        env={**kept, "PYTHONPATH": str(environment), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def files_of(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(folder.parent).as_posix()


# --- what is in them ---------------------------------------------------------------------------------------------
def test_the_wheel_holds_the_package_and_nothing_else(built: Built) -> None:
    about = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    expected = {*files_of(PACKAGE), *(f"{UNZIPPED}.dist-info/{name}" for name in about)}
    assert set(zipfile.ZipFile(built.wheel).namelist()) == expected


def test_the_wheel_says_that_it_is_typed(installed: Path) -> None:
    assert (installed / "genai_otel" / "py.typed").is_file()


def test_the_source_distribution_holds_all_that_the_tests_need(unpacked: Path) -> None:
    present = [name for name in NEEDED if name == "PKG-INFO" or (ROOT / name).exists()]
    assert [name for name in present if not (unpacked / name).is_file()] == []
    for folder in FOLDERS:
        missing = {name for name in files_of(ROOT / folder) if "/." not in name} - {
            *files_of(unpacked / folder)
        }
        assert missing == set(), folder


def test_the_source_distribution_holds_no_leftovers(unpacked: Path) -> None:
    top = {path.name for path in unpacked.iterdir()}
    allowed = {*FOLDERS, *NEEDED, ".gitignore"}
    assert {name for name in top - allowed if not re.fullmatch(r"[\w.-]+\.(md|ya?ml)", name)} == set()
    strays = [
        name for name in files_of(unpacked) if re.search(r"__pycache__|\.pyc$|/\.cache/|\.egg-info|~$", name)
    ]
    assert strays == []


# --- what they say of themselves ---------------------------------------------------------------------------------
def test_the_version_is_written_in_one_place(metadata: Message) -> None:
    assert metadata["Version"] == VERSION
    written = [
        path.name
        for path in (ROOT / "pyproject.toml", *PACKAGE.rglob("*.py"))
        if re.search(rf"[\"']{re.escape(VERSION)}[\"']", path.read_text("utf-8"))
    ]
    assert written == ["_version.py"]


def test_the_metadata_names_what_is_needed_and_what_is_optional(metadata: Message) -> None:
    required = metadata.get_all("Requires-Dist") or []
    plain = {re.split(r"[<>=; ]", line)[0] for line in required if "extra ==" not in line}
    assert plain == {
        "opentelemetry-api",
        "opentelemetry-sdk",
        "opentelemetry-exporter-otlp",
        "opentelemetry-instrumentation",
        "wrapt",
        "orjson",
    }
    assert set(metadata.get_all("Provides-Extra") or []) == {"openai", "console"}
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Description-Content-Type"] == "text/markdown"


def test_its_entry_points_are_those_of_the_command_the_plug_in_and_the_instrumentor(installed: Path) -> None:
    points = ConfigParser()
    points.read(installed / f"{UNZIPPED}.dist-info" / "entry_points.txt")
    assert {group: dict(points[group]) for group in points.sections()} == {
        "console_scripts": {"genai-otel": "genai_otel.cli:main"},
        "opentelemetry_instrumentor": {
            "openai": "genai_otel.instrumentation.openai:OpenAIInstrumentor",
        },
        "pytest11": {"genai_otel": "genai_otel.testing.plugin"},
    }


# --- that they are the same every time ---------------------------------------------------------------------------
def test_building_again_from_the_source_distribution_gives_the_same_bytes(
    built: Built, unpacked: Path, tmp_path: Path
) -> None:
    for path in unpacked.rglob("*"):
        os.utime(path)  # another time than that of the first build
    again = build(unpacked, tmp_path)
    assert again.wheel.read_bytes() == built.wheel.read_bytes()
    assert again.sdist.read_bytes() == built.sdist.read_bytes()


# --- that they work alone ----------------------------------------------------------------------------------------
IMPORT_ALL = """
import importlib, pkgutil, sys
import genai_otel
assert genai_otel.__file__.startswith(sys.argv[1]), genai_otel.__file__
failed, count = [], 0
for module in pkgutil.walk_packages(genai_otel.__path__, "genai_otel."):
    if not module.name.endswith(("__main__", "testing.plugin")):  # the latter is imported by pytest
        count += 1
        try:
            importlib.import_module(module.name)
        except ImportError as exc:
            failed.append(f"{module.name}: {exc}")
print(count, failed)
"""
COMMAND = "import sys; from genai_otel.cli import main; sys.exit(main(sys.argv[1:]))"


def test_every_module_but_the_demos_own_can_be_imported_without_the_extras(
    environment_with: Callable[[str], Path],
) -> None:
    bare = environment_with("")
    assert not (bare / "openai").exists() and not (bare / "rich").exists()
    done = run(bare, IMPORT_ALL, str(bare))
    count, _, failed = done.stdout.partition(" ")
    assert ast.literal_eval(failed) == ["genai_otel.cli.demo_pipeline: No module named 'openai'"], done.stderr
    assert int(count) > 100


def test_the_command_runs_without_the_extras(environment_with: Callable[[str], Path]) -> None:
    bare = environment_with("")
    assert run(bare, COMMAND, "--version").stdout.strip() == f"genai-otel {VERSION}"
    doctor = run(bare, COMMAND, "doctor")
    assert "Traceback" not in doctor.stderr and doctor.returncode in (0, 1), doctor.stderr
    assert VERSION in doctor.stdout


def test_the_demo_says_what_it_lacks(environment_with: Callable[[str], Path]) -> None:
    done = run(environment_with(""), COMMAND, "demo")
    assert done.returncode == 1
    assert "genai-otel[openai]" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_needs_the_openai_extra_and_no_other(environment_with: Callable[[str], Path]) -> None:
    pytest.importorskip("openai")
    environment = environment_with("openai")
    assert not (environment / "rich").exists()
    done = run(environment, COMMAND, "demo")
    assert done.returncode == 0, done.stderr
    assert "invoke_agent shop_assistant" in done.stdout
