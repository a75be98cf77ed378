"""The console tree in IPython and Jupyter: each trace under the cell that made it."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from genai_otel._guard import guarded

from . import ledger
from .figures import plural
from .screen import Screen

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span

_EVENT: Final = "post_run_cell"
MAX_PER_CELL: Final = 20


def running_shell() -> Any:
    """Return the IPython shell that this code runs in, or None; never imports IPython."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_ipython() if callable(get_ipython) else None


def _color(shell: Any) -> bool | None:
    """A browser is no terminal but shows colours; elsewhere the stream decides."""
    return True if hasattr(shell, "kernel") and not os.environ.get("NO_COLOR") else None


class _Stdout:
    """Whatever ``sys.stdout`` is at the moment: the output area of the cell that is running."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stdout, name)


class NotebookTree(SpanProcessor):
    """Shows traces when the cell that ended them has run, on its thread, in its output.

    Traces that end between cells follow under the next one; ``force_flush`` shows what is complete at once. Of one
    cell's traces the first 20 are shown, the others counted.

    Args:
        shell: The IPython shell whose cells these are.
        width: Cells per line; when not given, ``COLUMNS``, the terminal's, or 100.
    """

    def __init__(self, shell: Any, width: int | None = None) -> None:
        self._screen = Screen(cast("TextIO", _Stdout()), _color(shell), width)
        # Re-entrant: the garbage collector may end a forgotten span while this very thread holds it.
        self._lock = threading.RLock()
        self._ledger = ledger.Ledger(ledger.MAX_TRACES, ledger.MAX_SPANS, ledger.GRACE_SECONDS)
        self._waiting: list[ledger.Batch] = []
        self._more = 0
        self._shell = shell
        shell.events.register(_EVENT, self._after_cell)

    @guarded()
    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Note that a span of its trace is open."""
        context = span.context
        if context is not None and context.trace_flags.sampled:
            with self._lock:
                self._keep(self._ledger.start(context.trace_id, context.span_id, span))

    @guarded()
    def on_end(self, span: ReadableSpan) -> None:
        """Keep the span until the cell has run."""
        context = span.context
        if context is not None and context.trace_flags.sampled:
            with self._lock:
                self._keep(self._ledger.end(context.trace_id, context.span_id, span))

    @guarded(default=False)
    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Show every trace that is complete."""
        self._show()
        return True

    @guarded()
    def shutdown(self) -> None:
        """Show everything that has ended, complete or not, and leave the shell alone."""
        shell, self._shell = self._shell, None
        if shell is None:
            return
        shell.events.unregister(_EVENT, self._after_cell)
        with self._lock:
            for batch in self._ledger.close():
                self._keep(batch)
        self._show()

    @guarded()
    def _after_cell(self, *result: object) -> None:
        with self._lock:
            for batch in self._ledger.overdue():
                self._keep(batch)
        self._show()

    def _keep(self, batch: ledger.Batch | None) -> None:
        if batch is None:
            return
        if len(self._waiting) < MAX_PER_CELL:
            self._waiting.append(batch)
        else:
            self._more += 1

    def _show(self) -> None:
        with self._lock:
            batches, more = self._waiting, self._more
            self._waiting, self._more = [], 0
        for batch in batches:
            self._screen.show(batch)
        if more:
            self._screen.note(f"… and {plural(more, 'more trace')}")
