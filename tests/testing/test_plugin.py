"""The pytest plug-in, in sessions of their own: the fixture under every runner, and what it costs to have it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.configured import SOURCES, run

SESSION_TIMEOUT = 60
PLUGIN = "genai_otel.testing.plugin"

TWO_TESTS = """
    import genai_otel

    def test_first(genai_spans):
        with genai_otel.start_span("first", inputs="a"):
            pass
        genai_spans.assert_spans(["first"])

    def test_second(genai_spans):
        with genai_otel.start_span("second"):
            pass
        genai_spans.assert_spans(["second"])
"""


class Project:
    """A directory with tests, run by pytest in a process that has only the plug-ins named."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, name: str, text: str) -> None:
        lines = text.strip("\n").splitlines()
        margin = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
        (self.directory / name).write_text("\n".join(line[margin:] for line in lines))

    def pytest(self, *arguments: str, plugins: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        named = [word for plugin in (PLUGIN, *plugins) for word in ("-p", plugin)]
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "OTEL_"))}
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *named, *arguments],
            cwd=self.directory,
            env={**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(SOURCES)},
            capture_output=True,
            text=True,
            timeout=SESSION_TIMEOUT,
            check=False,
        )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return Project(tmp_path)


def test_each_test_has_its_own_spans(project: Project) -> None:
    project.write("test_it.py", TWO_TESTS)
    result = project.pytest("--strict-markers")
    assert "2 passed" in result.stdout, result.stdout


def test_the_closest_marker_sets_the_options(project: Project) -> None:
    project.write(
        "test_it.py",
        """
        import genai_otel, pytest

        pytestmark = pytest.mark.genai_spans(deterministic=True, capture_content=True)

        @genai_otel.trace
        def double(number):
            return number * 2

        @pytest.mark.genai_spans(capture_content=False)
        def test_without_content(genai_spans):
            double(2)
            assert genai_spans.one().inputs is None
            assert genai_spans.one().span_id == "0000000000000001"

        def test_with_content(genai_spans):
            double(2)
            assert genai_spans.one().outputs == 4
        """,
    )
    result = project.pytest("--strict-markers")
    assert "2 passed" in result.stdout, result.stdout


def test_an_option_without_its_name_is_refused(project: Project) -> None:
    project.write(
        "test_it.py",
        """
        import pytest

        @pytest.mark.genai_spans(False)
        def test_it(genai_spans):
            pass
        """,
    )
    output = project.pytest().stdout
    assert "1 error" in output
    assert "the options of @pytest.mark.genai_spans are named: capture_content=True, redact=None" in output


def test_two_runs_give_the_same_snapshot_ids_and_times(project: Project) -> None:
    project.write(
        "test_it.py",
        """
        import genai_otel, json, pytest

        @genai_otel.trace
        def answer(question):
            with genai_otel.start_span("draft", span_type="LLM", model="m", inputs=question) as span:
                span.set_outputs("four")
            raise LookupError(question)

        @pytest.mark.genai_spans(deterministic=True)
        def test_it(genai_spans):
            with pytest.raises(LookupError):
                answer("2 + 2")
            exact = [[s.name, s.trace_id, s.span_id, s.start_time, s.end_time] for s in genai_spans]
            print("SEEN", json.dumps([genai_spans.snapshot(), genai_spans.tree(), exact]))
        """,
    )
    first, second = (
        [line for line in project.pytest("-s").stdout.splitlines() if "SEEN" in line] for _ in range(2)
    )
    assert first == second
    assert '"2 + 2"' in first[0] and "test_it.py" not in first[0]


def test_a_failing_test_shows_the_tree(project: Project) -> None:
    project.write(
        "test_it.py",
        """
        import genai_otel

        def test_it(genai_spans):
            with genai_otel.start_span("outer"), genai_otel.start_span("inner", span_type="PARSER"):
                pass
            assert genai_spans.one(name="inner").outputs == 1
        """,
    )
    output = project.pytest().stdout
    assert "1 failed" in output
    assert "genai_spans" in output and "outer\n└─ inner [PARSER]" in output


def test_a_failed_look_up_points_at_the_line_of_the_test(project: Project) -> None:
    project.write(
        "test_it.py",
        """
        def test_it(genai_spans):
            genai_spans.one(name="missing")
        """,
    )
    output = project.pytest().stdout
    assert "expected one span with name='missing', found 0" in output
    assert "test_it.py:2: AssertionError" in output
    assert "capture.py" not in output


@pytest.mark.skipif(
    importlib.util.find_spec("pytest_asyncio") is None, reason="pytest-asyncio is not installed"
)
def test_it_works_with_pytest_asyncio(project: Project) -> None:
    project.write(
        "test_it.py",
        """
        import asyncio, genai_otel, pytest

        @genai_otel.trace
        async def step(number):
            await asyncio.sleep(0)

        @pytest.mark.asyncio
        async def test_it(genai_spans):
            with genai_otel.start_span("all"):
                await asyncio.gather(*map(step, range(3)))
            genai_spans.assert_spans(["all", "step", "step", "step"])
        """,
    )
    result = project.pytest(plugins=("pytest_asyncio.plugin",))
    assert "1 passed" in result.stdout, result.stdout


def test_it_works_with_anyio(project: Project) -> None:
    project.write(
        "test_it.py",
        """
        import importlib.util, anyio, genai_otel, pytest

        @pytest.fixture(params=["asyncio", "trio"])
        def anyio_backend(request):
            if importlib.util.find_spec(request.param) is None:
                pytest.skip(f"{request.param} is not installed")
            return request.param

        @genai_otel.trace
        async def step():
            await anyio.sleep(0)

        @pytest.mark.anyio
        async def test_it(genai_spans):
            async with genai_otel.start_span("all"), anyio.create_task_group() as group:
                group.start_soon(step)
            genai_spans.assert_spans(["all", "step"])
        """,
    )
    result = project.pytest(plugins=("anyio.pytest_plugin",))
    expected = "2 passed" if importlib.util.find_spec("trio") else "1 passed, 1 skipped"
    assert expected in result.stdout, result.stdout


@pytest.mark.skipif(importlib.util.find_spec("xdist") is None, reason="pytest-xdist is not installed")
def test_it_works_with_xdist(project: Project) -> None:
    for name in ("test_one.py", "test_two.py"):
        project.write(name, TWO_TESTS)
    result = project.pytest("-n", "2", plugins=("xdist.plugin",))
    assert "4 passed" in result.stdout, result.stdout


def test_having_it_installed_loads_nothing() -> None:
    script = (
        "import sys, pytest; before = set(sys.modules); import genai_otel.testing.plugin; "
        "print(sorted(name for name in set(sys.modules) - before if not name.startswith('genai_otel')))"
    )
    result = run(script)
    assert result.stdout.strip() == "[]", result.stderr


def test_it_is_registered_for_every_session() -> None:
    registered = [point.value for point in entry_points(group="pytest11") if point.name == "genai_otel"]
    assert registered == [PLUGIN]
