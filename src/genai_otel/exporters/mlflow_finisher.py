"""Says by REST, once a trace's outermost span of ours has been delivered, what OTLP can't carry to MLflow."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from genai_otel.conventions import attributes as attr

from .errands import Errands
from .mlflow_assessments import assessment
from .mlflow_attributes import SPAN_INPUTS, SPAN_OUTPUTS
from .mlflow_server import Answer, MlflowServer
from .mlflow_spans import warn_of
from .mlflow_trace import TraceSummary, beneath, covered, is_finished, merged, rest_body, says_all

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_API: Final = "/api/3.0/mlflow/traces"
# Traces in which our outermost span is not the root: more may be said of them.
_MAX_NESTED: Final = 2_000
_MAX_BEGUN: Final = 10_000
# Seconds between tries to attach feedback to a trace that the server doesn't know yet.
_PAUSES: Final = (1.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)


class Root(NamedTuple):
    """An outermost span of ours: what it says of its trace, and its attributes as sent."""

    summary: TraceSummary
    sent: Mapping[str, Any]


class Finisher:
    """Completes traces on the server; ``failures`` counts what could not be said."""

    def __init__(self, server: MlflowServer) -> None:
        self._server = server
        self._errands = Errands("MLflow's trace information and feedback")
        self.failures = 0
        self._reset()

    def _reset(self) -> None:
        self._nested: dict[int, TraceSummary] = {}
        self._begun: dict[int, tuple[Any, Any]] = {}
        self._finished: dict[int, None] = {}
        self._numbers = count()
        self._lock = threading.Lock()

    def start_afresh(self) -> None:
        """Begin with nothing to say, in a forked child."""
        self._errands.start_afresh()
        self._reset()

    def drain(self, seconds: float) -> bool:
        """Say everything that is waiting to be said; returns whether it was, in time."""
        failures = self.failures
        return self._errands.drain(seconds) and self.failures == failures

    def stop(self, seconds: float) -> None:
        """Say what can be said within ``seconds``, then nothing more."""
        self._errands.stop(seconds)

    # --- traces ---------------------------------------------------------------------------------------------
    def begun(self, spans: Sequence[ReadableSpan]) -> None:
        """Note sessions and users of spans that precede their root: the server keeps the first it sees."""
        with self._lock:
            for span in spans:
                found = span.attributes or {}
                said = (
                    found.get(attr.SESSION_ID) or found.get(attr.CONVERSATION_ID),
                    found.get(attr.USER_ID),
                )
                if span.context is not None and said != (None, None):
                    self._begun.setdefault(span.context.trace_id, said)
                    _bound(self._begun, _MAX_BEGUN)

    def finish(self, roots: Sequence[Root], enclosing: Sequence[ReadableSpan], experiment_id: str) -> None:
        """Complete the traces of ``roots``, and of the spans, not ours, that enclose such roots."""
        with self._lock:
            due = self._settled(roots)
            for span in enclosing:
                trace_id = span.context.trace_id if span.context is not None else 0
                inner = self._nested.get(trace_id)
                if inner is not None:
                    due[trace_id] = self._remembered(covered(inner, span))
        for trace_id, summary in due.items():
            self._errands.put(trace_id, partial(self._complete, summary, experiment_id))

    def _settled(self, roots: Sequence[Root]) -> dict[int, TraceSummary]:
        due: dict[int, TraceSummary] = {}
        for root in roots:
            trace_id = root.summary.trace_id
            before = self._nested.get(trace_id)
            summary = root.summary if before is None else merged(before, root.summary)
            if before is not None or not self._is_said(root):
                due[trace_id] = self._remembered(summary)
        return due

    def _is_said(self, root: Root) -> bool:
        summary = root.summary
        session, user = self._begun.pop(summary.trace_id, (None, None))
        differs = any(
            own is not None and first not in (None, own)
            for own, first in ((summary.session, session), (summary.user, user))
        )
        return not differs and says_all(summary, root.sent.get(SPAN_INPUTS), root.sent.get(SPAN_OUTPUTS))

    def _remembered(self, summary: TraceSummary) -> TraceSummary:
        self._nested.pop(summary.trace_id, None)
        if summary.nested:
            self._nested[summary.trace_id] = summary
            _bound(self._nested, _MAX_NESTED)
        return summary

    def _complete(self, summary: TraceSummary, experiment_id: str) -> None:
        body = rest_body(summary, experiment_id)
        if summary.remote and summary.trace_id not in self._finished:
            there = self._server.send("GET", f"{_API}/{summary.key}")
            info = _info(there)
            if is_finished(info):
                body = beneath(body, info)
        answer = self._server.send("POST", _API, json=body)
        if not answer.ok:
            self._failed(answer, "a trace's previews and metadata")
        elif summary.remote:
            self._finished[summary.trace_id] = None
            _bound(self._finished, _MAX_NESTED)

    # --- feedback -------------------------------------------------------------------------------------------
    def assess(self, attributes: Mapping[str, Any], trace_id: str, span_id: str | None) -> None:
        """Attach an evaluation to a trace, or to a span of it, that may still be on its way."""
        pauses = iter(_PAUSES)
        body = assessment(attributes, trace_id, span_id)
        job = partial(self._attach, body, trace_id, pauses)
        self._errands.put(("assessment", next(self._numbers)), job, delay=next(pauses))

    def _attach(self, body: dict[str, Any], trace_id: str, pauses: Any) -> float | None:
        answer = self._server.send("POST", f"{_API}/{trace_id}/assessments", json=body)
        if answer.ok:
            return None
        pause: float | None = next(pauses, None) if answer.status == 404 else None
        if pause is None:
            self._failed(answer, "feedback")
        return pause

    def _failed(self, answer: Answer, what: str) -> None:
        self.failures += 1
        warn_of(answer, self._server.shown, what)


def _info(answer: Answer) -> dict[str, Any]:
    body = answer.body if answer.ok and isinstance(answer.body, dict) else {}
    info = (body.get("trace") or {}).get("trace_info")
    return info if isinstance(info, dict) else {}


def _bound(entries: dict[int, Any], most: int) -> None:
    if len(entries) > most:
        del entries[next(iter(entries))]
