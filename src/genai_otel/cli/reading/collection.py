"""The spans of the traces to show, gathered from files of any size."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from genai_otel.exporters.figures import plural
from genai_otel.exporters.tree import Trace, build_traces

from . import console_json, otlp_json
from .documents import Documents
from .lines import lines_of, named
from .problems import CutShortError, NothingFoundError, UnreadableError
from .recorded_span import RecordedSpan

# Traces kept beyond the limit while reading: spans may be out of order by that many traces.
_SLACK: Final = 200
_OTHER_SIGNALS: Final = {"resourceMetrics": "metrics", "resourceLogs": "logs"}
_QUOTED: Final = 60


class Collection:
    """Spans by trace and id; of two with one id the last read stays.

    Args:
        wanted: Trace ids, or how they begin; empty for every trace.
        limit: The number of traces to keep, those that started last; 0 for all.
    """

    def __init__(self, wanted: Sequence[str] = (), limit: int = 0) -> None:
        self._wanted = tuple(wanted)
        self._limit = limit
        self._spans: dict[str, dict[str, RecordedSpan]] = {}
        self._starts: dict[str, int] = {}
        self._let_go: set[str] = set()
        self.notes: list[str] = []

    def read(self, paths: Iterable[str]) -> None:
        """Take the spans of every file.

        Raises:
            UnreadableError: if one is missing, can't be read, or holds no JSON.
            NothingFoundError: if there is no span in them, or none of a trace that was asked for.
        """
        others: Counter[str] = Counter()
        for path in paths:
            self._read(path, others)
        if self._starts:
            self._keep_newest(self._limit or len(self._starts))
        elif others["span"]:
            raise NothingFoundError(
                f"no trace {' or '.join(self._wanted)} among the {plural(others['span'], 'span')}"
            )
        else:
            raise NothingFoundError(_no_spans(others))

    def _read(self, path: str, others: Counter[str]) -> None:
        documents = Documents(lines_of(path))
        try:
            for document in documents:
                for span in _spans_in(document, others):
                    others["span"] += 1
                    self._add(span)
        except CutShortError:
            self.notes.append(f"{named(path)} ends too early: it is still being written, or was cut off")
        if documents.read and not documents.found:
            raise UnreadableError(_no_json(path, documents))
        if documents.skipped:
            self.notes.append(_skipped(path, documents))

    def _add(self, span: RecordedSpan) -> None:
        node = span.node
        if self._wanted and not node.trace_id.startswith(self._wanted):
            return
        if node.trace_id in self._let_go:
            return
        self._spans.setdefault(node.trace_id, {})[node.span_id] = span
        self._starts[node.trace_id] = min(node.start_ns, self._starts.get(node.trace_id, node.start_ns))
        if self._limit and len(self._starts) >= self._limit + 2 * _SLACK:
            self._keep_newest(self._limit + _SLACK)

    def _keep_newest(self, count: int) -> None:
        newest_first = sorted(self._starts, key=lambda trace_id: (-self._starts[trace_id], trace_id))
        for trace_id in newest_first[count:]:
            del self._spans[trace_id], self._starts[trace_id]
            self._let_go.add(trace_id)

    # --- what was read ----------------------------------------------------------------------------------------
    @property
    def all_traces(self) -> int:
        """How many traces were read, shown or not."""
        return len(self._starts) + len(self._let_go)

    def traces(self) -> list[Trace]:
        """Return the traces as trees, in order of their start."""
        return build_traces(span.node for spans in self._spans.values() for span in spans.values())

    def span(self, trace_id: str, span_id: str) -> RecordedSpan:
        """Return all that is known of a span."""
        return self._spans[trace_id][span_id]

    def orphans(self, trace: Trace) -> int:
        """How many spans of the trace, besides its first, name a parent that was not read."""
        known = self._spans[trace.trace_id]
        return sum(root.parent_id is not None and root.parent_id not in known for root in trace.roots[1:])


def _spans_in(document: Any, others: Counter[str]) -> Iterator[RecordedSpan]:
    for one in document if isinstance(document, list) else [document]:
        spans = _spans_of(one) if isinstance(one, dict) else None
        if spans is None:
            others[_signal_of(one)] += 1
        else:
            yield from spans


def _spans_of(document: Mapping[str, Any]) -> Iterable[RecordedSpan] | None:
    spans = otlp_json.spans_of(document)
    if spans is not None:
        return spans
    span = console_json.span_of(document)
    return None if span is None else (span,)


def _signal_of(document: Any) -> str:
    keys = document if isinstance(document, dict) else ()
    return next((name for key, name in _OTHER_SIGNALS.items() if key in keys), "json")


def _no_json(path: str, documents: Documents) -> str:
    if documents.cut_short:
        return f"{named(path)} is cut short: its only document does not end"
    beginning = re.sub(r"\W", " ", documents.first_foreign or "")[:_QUOTED].strip()
    return (
        f"{named(path)} is not JSON (it begins with {beginning!r}). Wanted: OTLP JSON, as the collector's file"
        " exporter writes it, or what OpenTelemetry's console exporter prints"
    )


def _no_spans(others: Counter[str]) -> str:
    found = [plural(others[name], "document") + f" of {name}" for name in ("metrics", "logs") if others[name]]
    if found:
        return f"no spans, only {' and '.join(found)}"
    if others["json"]:
        return "no spans: this JSON is neither OTLP (resourceSpans) nor the console exporter's"
    return "no spans: there is nothing in it"


def _skipped(path: str, documents: Documents) -> str:
    note = f"{named(path)}: {plural(documents.skipped, 'line')} skipped"
    return f"{note}, the last document is cut short" if documents.cut_short else f"{note}, no JSON"
