"""Each finished trace as a tree on a terminal, drawn off the caller's path."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, Final, TextIO

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from genai_otel._guard import report

from . import ledger, terminal
from .layout import layout
from .node import SpanNode, from_readable
from .paint import UNICODE, ansi, plain
from .screen import Screen
from .tree import build_traces

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span

_MAX_WAITING: Final = 1_000
_SHUTDOWN_SECONDS: Final = 10.0


def render(spans: Sequence[ReadableSpan], *, width: int | None = None, color: bool = False) -> str:
    """Return the traces that ``spans`` belong to as text, one tree per trace, in order of their start.

    Args:
        spans: Ended spans, in any order; one whose parent is not among them becomes a root.
        width: Cells per line at most; when not given, ``COLUMNS``, the width of the terminal that standard
            output is, or 100.
        color: Whether to put in ANSI colour sequences.
    """
    return draw([from_readable(span) for span in spans], width=width, color=color)


def draw(nodes: Sequence[SpanNode], *, width: int | None = None, color: bool = False) -> str:
    """Do what :func:`render` does, for nodes built from anything."""
    size = terminal.columns(sys.stdout) if width is None else max(width, terminal.NARROWEST)
    paint = ansi if color else plain
    return "\n".join(paint(layout(trace, UNICODE, size)) for trace in build_traces(nodes))


class ConsoleTree(SpanProcessor):
    """Prints each trace as a tree once the last of its spans in this process has ended.

    A trace whose root has ended is shown after a few seconds even though spans in it still run; those follow
    later under a header of their own. Drawing and writing happen on a background thread; ``force_flush`` and
    ``shutdown`` write what is waiting before they return. Nothing here raises into the traced program.

    Args:
        stream: Where to write; when not given, what ``sys.stderr`` is at that moment.
        color: Whether to colour; when not given, ``NO_COLOR``, ``FORCE_COLOR``, ``TERM`` and the stream
            decide.
        width: Cells per line; when not given, ``COLUMNS``, the terminal's, or 100.
        max_traces: Traces in progress kept at a time; beyond that the oldest is shown as far as it got.
        max_spans: Ended spans kept per trace; beyond that the oldest are dropped and counted.
        grace_seconds: How long to wait for the spans still open after a root has ended.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        color: bool | None = None,
        width: int | None = None,
        max_traces: int = ledger.MAX_TRACES,
        max_spans: int = ledger.MAX_SPANS,
        grace_seconds: float = ledger.GRACE_SECONDS,
    ) -> None:
        self._limits = (max_traces, max_spans, grace_seconds)
        self._screen = Screen(stream, color, width)
        self._stopped = False
        self._start_afresh()
        if hasattr(os, "register_at_fork"):
            reference: weakref.ref[ConsoleTree] = weakref.ref(self)
            os.register_at_fork(after_in_child=lambda: _start_afresh(reference))

    def _start_afresh(self) -> None:
        """Begin with nothing open and no thread: what a forked child inherits is its parent's to show."""
        self._ledger = ledger.Ledger(*self._limits)
        self._waiting: deque[ledger.Batch] = deque()
        self._queued = self._settled = self._skipped = 0
        self._writer: threading.Thread | None = None
        self._threadless = False
        self._sleeping = False
        self._alarm: float | None = None
        # Re-entrant: the garbage collector may end a forgotten span while this very thread holds them.
        lock = threading.RLock()
        self._changed, self._shown = threading.Condition(lock), threading.Condition(lock)
        self._writing = threading.RLock()

    # --- called by the SDK on the traced program's threads -----------------------------------------------

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Note that a span of its trace is open."""
        try:
            context = span.context
            if context is None or not context.trace_flags.sampled or self._stopped:
                return
            with self._changed:
                self._enqueue(self._ledger.start(context.trace_id, context.span_id, span))
            if self._writer is None:
                self._write_without_writer()
        except Exception:
            report("console tree")

    def on_end(self, span: ReadableSpan) -> None:
        """Keep the span; hand its trace to the writer when it was the last one open."""
        try:
            context = span.context
            if context is None or not context.trace_flags.sampled or self._stopped:
                return
            with self._changed:
                self._enqueue(self._ledger.end(context.trace_id, context.span_id, span))
            if self._writer is None:
                self._write_without_writer()
        except Exception:
            report("console tree")

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Write every trace that is complete; returns whether that was done in time."""
        try:
            return self._settle(timeout_millis / 1_000)
        except Exception:
            report("console tree")
            return False

    def shutdown(self) -> None:
        """Write everything that has ended, complete or not, and stop."""
        try:
            with self._changed:
                self._stopped = True
                for batch in self._ledger.close():
                    self._enqueue(batch)
                self._changed.notify_all()
            in_time = self._settle(_SHUTDOWN_SECONDS)
            # A daemon thread caught writing while the interpreter goes down would abort the process.
            if in_time and self._writer is not None and self._writer is not threading.current_thread():
                self._writer.join(_SHUTDOWN_SECONDS)
        except Exception:
            report("console tree")

    # --- waiting and writing -----------------------------------------------------------------------------

    def _enqueue(self, batch: ledger.Batch | None) -> None:
        if batch is not None:
            self._waiting.append(batch)
            self._queued += 1
            if len(self._waiting) > _MAX_WAITING:
                self._waiting.popleft()
                self._skipped += 1
                self._settled += 1
        new_alarm = self._alarm is None and self._ledger.next_due() is not None
        if self._sleeping and (self._waiting or new_alarm):
            self._sleeping = False
            self._changed.notify()

    def _write_without_writer(self) -> None:
        self._start_writer()
        if self._threadless:
            self._drain()

    def _start_writer(self) -> None:
        with self._changed:
            if self._writer is not None or self._threadless or self._stopped:
                return
            writer = threading.Thread(target=self._run, name="genai_otel-console", daemon=True)
            try:
                writer.start()
            except RuntimeError:  # no threads on this platform, or the interpreter is going down
                self._threadless = True
            else:
                self._writer = writer

    def _run(self) -> None:
        stopped = False
        try:
            while not stopped:
                with self._changed:
                    self._sleep()
                    stopped = self._stopped
                self._drain()
        except Exception:
            report("console tree")
            self._writer = None  # the next span starts another one

    def _sleep(self) -> None:
        if not self._waiting and not self._stopped:
            self._alarm, self._sleeping = self._ledger.next_due(), True
            self._changed.wait(None if self._alarm is None else max(self._alarm - monotonic(), 0.0))
            self._sleeping = False
        for batch in self._ledger.overdue():
            self._enqueue(batch)

    def _settle(self, timeout: float) -> bool:
        """Wait until what is queued now is written: by the writer, or here where there is none."""
        writer = self._writer
        if writer is None or not writer.is_alive() or writer is threading.current_thread():
            return self._drain(timeout)
        with self._shown:
            queued = self._queued
            return self._shown.wait_for(lambda: self._settled >= queued, timeout)

    def _drain(self, timeout: float = -1) -> bool:
        if not self._writing.acquire(timeout=timeout):
            return False
        try:
            while self._show_next():
                pass
        finally:
            self._writing.release()
        return True

    def _show_next(self) -> bool:
        with self._changed:
            batch = self._waiting.popleft() if self._waiting else None
            skipped, self._skipped = self._skipped, 0
        try:
            if skipped:
                self._screen.skipped(skipped)
            if batch is not None:
                self._screen.show(batch)
        except Exception:
            report("console tree")
        finally:
            with self._shown:
                self._settled += batch is not None
                self._shown.notify_all()
        return batch is not None


def _start_afresh(reference: weakref.ref[ConsoleTree]) -> None:
    tree = reference()
    if tree is not None:
        tree._start_afresh()
