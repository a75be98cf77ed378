"""The documentation: its code runs, its commands exist, its links lead somewhere, and its tables are complete."""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import genai_otel
from genai_otel import cli
from genai_otel.conventions import metrics
from genai_otel.testing.server import OpenAIServer
from tests import docs_runner
from tests.configured import SOURCES
from tests.docs_pages import ROOT, Block, anchors, blocks, links, pages, text_of
from tests.otlp_receivers import http_receiver

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = None

pytestmark = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="the pages are in the repository only")

PAGES = pages()
PAGES_BESIDE = {
    one.relative_to(ROOT).as_posix() for one in (*ROOT.glob("*.md"), *ROOT.glob("examples/*.md"))
} - {*PAGES}
ENGLISH, CHINESE = "README.md", "README.zh-CN.md"
# its blocks are parts of the examples, which tests/existing_setups runs
TESTED_ELSEWHERE = ("docs/existing-setups.md",)
SHELL, DATA = ("bash", "shell"), ("json", "yaml", "toml")
PROSE = ("text", "", "mermaid")  # the drawing is compared with the source in test_architecture.py
MARKS = ("not run", "output", "pytest")
# programs that pages may name and that are not ours
FOREIGN = ("cd", "curl", "docker", "export", "git", "jaeger", "mlflow", "opentelemetry-instrument", "otelcol")
NOT_VARIABLES = {"MLFLOW_EXPERIMENT"}  # where MLflow says that a trace is kept
_ASSIGNMENT = re.compile(r"[A-Z][A-Z0-9_]*=.*")
_VARIABLE = re.compile(r"\b(?:GENAI_OTEL|OTEL|MLFLOW|PHOENIX)_[A-Z0-9_]*[A-Z0-9]\b")
_TIME = re.compile(r"\b\d+(?:\.\d+)?(?:ns|µs|ms|s)\b|[━╸╺─]+|\btrace [0-9a-f]{8}\b|\bttfc\b")

BLOCKS = [block for page in PAGES for block in blocks(page)]


def of(*languages: str) -> Any:
    chosen = [block for block in BLOCKS if block.language in languages]
    return pytest.mark.parametrize("block", chosen, ids=[block.place for block in chosen])


def runnable(page: str) -> list[Block]:
    """The blocks of a page that are run."""
    found = [] if page in TESTED_ELSEWHERE else blocks(page)
    return [block for block in found if block.language == "python" and block.mark != "not run"]


RUNNABLE = {page: found for page in PAGES if page != CHINESE and (found := runnable(page))}


# --- what runs --------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What happened to each page, run in one go against the bundled server."""
    if not hasattr(os, "fork"):
        pytest.skip("pages are run in forked processes")
    with OpenAIServer() as server, http_receiver() as receiver:
        job = {
            "folder": str(tmp_path_factory.mktemp("pages")),
            "receiver": int(receiver.endpoint.rpartition(":")[2]),
            "pages": {
                page: [[block.line, block.code, block.mark] for block in found]
                for page, found in RUNNABLE.items()
            },
        }
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "PYTEST"))}
        environment = {
            **kept,
            "OPENAI_API_KEY": "none",
            "OPENAI_BASE_URL": server.base_url,
            "PYTHONPATH": os.pathsep.join([str(SOURCES), str(ROOT)]),
            "COLUMNS": "100",
            "NO_COLOR": "1",
            "NO_PROXY": "127.0.0.1",
            "PYTHONIOENCODING": "utf-8",
            "GENAI_OTEL_RAISE_INTERNAL_ERRORS": "1",
        }
        done = subprocess.run(
            [sys.executable, "-m", docs_runner.__name__],
            input=json.dumps(job),
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    yield {**json.loads(done.stdout), "received": receiver}


@pytest.mark.parametrize("page", RUNNABLE)
def test_the_python_of_a_page_runs(page: str, outcomes: dict[str, Any]) -> None:
    outcome = outcomes[page]
    assert outcome["code"] == 0, outcome["output"]
    assert outcome["logged"] == []
    assert "Traceback" not in outcome["output"]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(one.mark == "output" for one in blocks(page))]
)
def test_a_page_prints_what_it_shows(page: str, outcomes: dict[str, Any]) -> None:
    english = ENGLISH if page == CHINESE else page
    printed = _comparable(outcomes[english]["output"])
    for block in blocks(page):
        if block.mark == "output":
            assert _comparable(block.code) in printed, f"{block.place}\n{outcomes[english]['output']}"


def _comparable(text: str) -> str:
    """Text without times, bars and ids; blanks don't count."""
    lines = (" ".join(_TIME.sub(" ", line).split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def test_what_pages_send_to_a_backend_arrives(outcomes: dict[str, Any]) -> None:
    """Whatever they configured: a collector (Traceloop's page), Phoenix (OpenInference's)."""
    assert set(outcomes["received"].span_names) >= {"clerk", "look up"}


# --- what is checked without being run ------------------------------------------------------------------------
@of("python")
def test_python_compiles(block: Block) -> None:
    if block.page not in TESTED_ELSEWHERE:
        compile("\n" * (block.line - 1) + block.code, block.page, "exec")


@of(*DATA)
def test_data_parses(block: Block) -> None:
    if block.language == "toml" and tomllib is None:
        pytest.skip("Python 3.10 has no TOML parser")
    parse = {"json": json.loads, "yaml": yaml.safe_load, "toml": getattr(tomllib, "loads", None)}
    assert parse[block.language](block.code)


@of(*SHELL)
def test_commands_exist(block: Block) -> None:
    for command in _commands(block.code):
        _check_command(command, block.place)


def _commands(code: str) -> Iterator[list[str]]:
    for line in code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words and _ASSIGNMENT.fullmatch(words[0]):
            words.pop(0)
        if words:
            yield words


def _check_command(words: list[str], place: str) -> None:
    program, *arguments = words
    checks = {"genai-otel": _check_ours, "make": _check_make, "pip": _check_pip, "python": _check_python}
    if program in checks:
        checks[program](arguments)
    elif program in ("uvx", "pipx"):
        _check_ours(arguments[arguments.index("genai-otel") + 1 :])
    elif program != "pytest" and not program.startswith("$("):
        assert program in FOREIGN, f"{place}: what is {program!r}?"


def _check_ours(arguments: list[str]) -> None:
    """Parse a command line of ours; a flag that does not exist ends the parser."""
    name, *flags = arguments
    if name == "--version":
        return
    parser = argparse.ArgumentParser()
    importlib.import_module(f"genai_otel.cli.{cli._COMMANDS[name][0]}").add_arguments(parser)
    parser.parse_args([] if flags == ["--help"] else flags)


def _check_make(arguments: list[str]) -> None:
    targets = re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.M)
    for argument in arguments:
        assert argument.startswith("-") or _ASSIGNMENT.fullmatch(argument) or argument in targets, argument


def _check_pip(arguments: list[str]) -> None:
    extras = re.findall(r"genai-otel\[([^\]]+)\]", " ".join(arguments))
    project = (ROOT / "pyproject.toml").read_text()
    for extra in ",".join(extras).split(",") if extras else ():
        assert re.search(rf"^{extra} = \[", project, re.M), f"no extra {extra}"


def _check_python(arguments: list[str]) -> None:
    if arguments[0].startswith("examples/"):
        assert (ROOT / arguments[0]).is_file(), arguments[0]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_of_a_kind_that_is_checked(page: str) -> None:
    found = blocks(page)
    assert text_of(page).count("```") == 2 * len(found)
    for block in found:
        assert block.language in ("python", *SHELL, *DATA, *PROSE), f"{block.place}: {block.language}"
        assert block.mark in (None, *MARKS), f"{block.place}: {block.mark}"
        assert block.reason or block.mark != "not run", f"{block.place}: not run, without a reason"


# --- links ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("page", [*PAGES, *sorted(PAGES_BESIDE)])
def test_links_lead_somewhere(page: str) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert target.exists(), f"{page}: {link}"
        if anchor:
            name = target.relative_to(ROOT).as_posix()
            assert anchor in anchors(name), f"{page}: {link}, but there is {sorted(anchors(name))}"


# --- what has to be complete ---------------------------------------------------------------------------------
def test_the_chinese_readme_has_the_same_code_and_pages() -> None:
    assert [(one.language, one.code, one.mark) for one in blocks(CHINESE)] == [
        (one.language, one.code, one.mark) for one in blocks(ENGLISH)
    ]
    assert set(links(CHINESE)) - {ENGLISH} == set(links(ENGLISH)) - {CHINESE}
    assert CHINESE in links(ENGLISH) and ENGLISH in links(CHINESE)


def test_the_configuration_page_has_every_argument() -> None:
    page = text_of("docs/configuration.md")
    for function in (genai_otel.configure, genai_otel.autolog):
        for name in inspect.signature(function).parameters:
            assert re.search(rf"^\| `\*?{name}=?`", page, re.M), name


def test_the_configuration_page_has_every_variable_that_is_read() -> None:
    read = {
        name
        for source in (ROOT / "src" / "genai_otel").rglob("*.py")
        for name in _VARIABLE.findall(_strings(source))
    }
    assert len(read) > 20
    missing = read - NOT_VARIABLES - set(_VARIABLE.findall(text_of("docs/configuration.md")))
    assert not missing


def _strings(source: Path) -> str:
    """The short string constants of a module: names of variables, not sentences about them."""
    return " ".join(re.findall(r"[\"']([A-Z0-9_]+)[\"']", source.read_text(encoding="utf-8")))


def test_the_configuration_page_has_every_metric() -> None:
    known = {one.name for one in vars(metrics).values() if isinstance(one, metrics.Instrument)}
    assert len(known) > 10
    assert not {name for name in known if f"`{name}`" not in text_of("docs/configuration.md")}


def test_the_reference_shows_every_public_name() -> None:
    shown = re.findall(r"^::: ([\w.]+)$", text_of("docs/reference.md"), re.M)
    wanted = {f"genai_otel.{name}" for name in genai_otel.__all__} - {"genai_otel.__version__"}
    assert not wanted - {*shown, "genai_otel.openai", "genai_otel.get_current_active_span"}
    for name in shown:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute), name


def test_every_page_is_in_the_navigation() -> None:
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    listed = set(re.findall(r"[\w/.-]+\.md", json.dumps(settings["nav"])))
    assert {page.removeprefix("docs/") for page in PAGES if page.startswith("docs/")} <= listed


def test_pages_speak_of_no_place_on_somebodys_machine() -> None:
    for page in PAGES:
        assert not re.search(r"/root/|/home/\w|/Users/\w", text_of(page)), page


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    needed = ("mkdocs", "material", "mkdocstrings")
    if not all(importlib.util.find_spec(name) for name in needed):
        pytest.skip("mkdocs is not installed here: `make docs` builds the site")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mkdocs",
            "build",
            "--quiet",
            "--strict",
            "--site-dir",
            str(tmp_path / "site"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "reference" / "index.html").is_file()
    for page in (tmp_path / "site").rglob("*.html"):
        loaded = re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"?(https?://[^\"> ]+)", page.read_text())
        assert not [url for url in loaded if "readthedocs.io" not in url], page
