"""Cells of a real IPython shell: each shows its own traces, once."""

from __future__ import annotations

import io
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from genai_otel.exporters import notebook, registry
from genai_otel.exporters.notebook import MAX_PER_CELL, NotebookTree
from tests.configured import fresh_process

IPython = pytest.importorskip("IPython")

Run = Callable[[str], str]


@pytest.fixture
def shell() -> Iterator[Any]:
    from IPython.core.interactiveshell import InteractiveShell

    hooks = sys.displayhook, sys.excepthook
    InteractiveShell.clear_instance()
    with fresh_process():
        yield InteractiveShell.instance()
    InteractiveShell.clear_instance()
    sys.displayhook, sys.excepthook = hooks


@pytest.fixture
def cell(shell: Any, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a cell and returns what stands under it."""
    monkeypatch.setenv("NO_COLOR", "1")
    shell.run_cell("import genai_otel")

    def run(source: str) -> str:
        output = io.StringIO()
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", output)
            shell.run_cell(source)
        return output.getvalue()

    return run


def test_a_trace_stands_under_the_cell_that_made_it(cell: Run) -> None:
    assert cell("genai_otel.configure('notebook')") == ""
    under = cell("with genai_otel.start_span('first'): print('in the cell')")
    assert under.startswith("in the cell\n● first")
    assert "second" in cell("with genai_otel.start_span('second'): pass")
    assert cell("pass") == ""


def test_a_cell_that_configures_may_be_run_again(cell: Run) -> None:
    for _ in range(3):
        cell("genai_otel.configure('notebook', exporter='console')")
    assert cell("with genai_otel.start_span('once'): pass").count("● once") == 1


def test_a_cell_that_fails_shows_its_trace(cell: Run) -> None:
    cell("genai_otel.configure('notebook')")
    under = cell("with genai_otel.start_span('failing'): raise ValueError('broken')")
    assert "✗ failing" in under and "ValueError: broken" in under.split("✗ failing")[-1]


def test_a_trace_over_several_cells_is_shown_when_it_has_ended(cell: Run) -> None:
    cell("genai_otel.configure('notebook')")
    assert "●" not in cell("span = genai_otel.start_span_no_context('long')")
    assert "● long" in cell("_ = span.end()")


def test_flush_shows_what_is_complete_inside_the_cell(cell: Run) -> None:
    cell("genai_otel.configure('notebook')")
    under = cell("with genai_otel.start_span('early'): pass\n_ = genai_otel.flush(); print('after')")
    assert under.index("● early") < under.index("after")


def test_a_loop_does_not_flood_the_notebook(cell: Run) -> None:
    cell("genai_otel.configure('notebook')")
    under = cell(f"for n in range({MAX_PER_CELL + 5}):\n    with genai_otel.start_span(f'step {{n}}'): pass")
    assert under.count("● step") == MAX_PER_CELL
    assert "… and 5 more traces" in under


def test_shutdown_leaves_the_shell_as_it_was(cell: Run, shell: Any) -> None:
    before = list(shell.events.callbacks["post_run_cell"])
    cell("genai_otel.configure('notebook')")
    assert len(shell.events.callbacks["post_run_cell"]) == len(before) + 1
    cell("genai_otel.shutdown()")
    assert shell.events.callbacks["post_run_cell"] == before
    assert "●" not in cell("with genai_otel.start_span('unseen'): pass")


@pytest.mark.parametrize(("no_color", "colored"), [("", True), ("1", False)])
def test_a_browser_gets_colours(
    no_color: str, colored: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    events = types.SimpleNamespace(register=lambda *_: None, unregister=lambda *_: None)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(NotebookTree(types.SimpleNamespace(events=events, kernel=object())))
    with provider.get_tracer("test").start_as_current_span("coloured"):
        pass
    provider.shutdown()
    output = capsys.readouterr().out
    assert ("\x1b[" in output, "coloured" in output) == (colored, True)


def test_outside_ipython_the_console_is_the_usual_one() -> None:
    from IPython.core.interactiveshell import InteractiveShell

    InteractiveShell.clear_instance()
    assert notebook.running_shell() is None
    built: Any = registry.build("console", registry.ExporterRequest())
    assert type(built).__name__ == "ConsoleTree"
    built.shutdown()
