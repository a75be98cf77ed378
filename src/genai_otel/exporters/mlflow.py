"""``exporter="mlflow"``: spans over OTLP to an MLflow tracking server, and by REST what OTLP can't carry.

The ``mlflow.*`` attributes are put on copies of the spans. The experiment is looked up, and made where it is
missing, when the first spans are sent. What is said of a trace as a whole (previews, metadata, its state
where our outermost span is not its root) follows once that span has been delivered; feedback follows its
trace.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from genai_otel._guard import report
from genai_otel.telemetry import listeners

from .known_operations import Known, KnownOperations
from .mlflow_attributes import OWN_PREFIX, mlflow_attributes
from .mlflow_experiment import Experiment
from .mlflow_finisher import Finisher, Root
from .mlflow_limits import NAME_LENGTH, text
from .mlflow_server import Address, Answer, MlflowServer, address_of
from .mlflow_spans import SpanSender, warn_of
from .mlflow_trace import summary_of, tag_attributes
from .span_copies import with_attributes

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from .registry import ExporterRequest

# What is still to be said at shutdown gets this long even where nothing of the time given is left.
_LAST_SECONDS: Final = 0.1


def build(request: ExporterRequest) -> MlflowSpanExporter:
    """Return the span exporter that ``exporter="mlflow"`` stands for; nothing is sent yet.

    Raises:
        ValueError: if ``tracking_uri`` is no http(s) address.
    """
    return MlflowSpanExporter(address_of(request), request.experiment)


class MlflowSpanExporter(SpanExporter):
    """Sends spans, trace information and feedback to one experiment of one MLflow server.

    Meant to be fed by a batch processor: ``export`` talks to the server. Listens to the operations and
    evaluations of this process from its construction to its shutdown.

    Args:
        address: The server.
        experiment: Name or id; else ``MLFLOW_EXPERIMENT_ID``, ``MLFLOW_EXPERIMENT_NAME``, "0".
    """

    def __init__(self, address: Address, experiment: str | None = None) -> None:
        self._server = MlflowServer(address)
        self._experiment = Experiment(self._server, experiment)
        self._sender = SpanSender(self._server)
        self._finisher = Finisher(self._server)
        self._known = KnownOperations()
        listeners.listen(self._known.hear, self._evaluated)
        if hasattr(os, "register_at_fork"):
            reference: weakref.ref[MlflowSpanExporter] = weakref.ref(self)
            os.register_at_fork(after_in_child=lambda: _start_afresh(reference))

    @property
    def endpoint(self) -> str:
        """The server's address."""
        return self._server.address.uri

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Deliver ``spans``; a failure is said once and costs them."""
        translated = [_Translated(span, self._known.take(span)) for span in spans]
        experiment_id = self._experiment.resolve()
        if isinstance(experiment_id, Answer):
            warn_of(experiment_id, self._server.shown, f"spans for the experiment {self._experiment.key!r}")
            return SpanExportResult.FAILURE
        delivered, answer = self._sender.send([one.copy for one in translated], experiment_id)
        self._finish(translated, {id(copy) for copy in delivered}, experiment_id)
        if answer.ok:
            return SpanExportResult.SUCCESS
        if answer.status == 404:
            self._experiment.forget()
        warn_of(answer, self._server.shown, "spans")
        return SpanExportResult.FAILURE

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Say everything that is to be said of the traces delivered; returns whether it was, in time."""
        return self._finisher.drain(timeout_millis / 1_000)

    def shutdown(self, timeout_millis: float = 30_000) -> None:
        """Do what can be done within ``timeout_millis``, and stop."""
        listeners.forget(self._known.hear, self._evaluated)
        self._finisher.stop(max(timeout_millis / 1_000, _LAST_SECONDS))
        self._server.close()
        self._known.forget()

    def _finish(self, translated: list[_Translated], delivered: set[int], experiment_id: str) -> None:
        there = [one for one in translated if id(one.copy) in delivered]
        roots = [one.root for one in there if one.root is not None]
        self._finisher.finish(roots, [one.span for one in there if one.encloses], experiment_id)
        settled = {root.summary.trace_id for root in roots}
        self._finisher.begun([one.span for one in there if one.trace_id not in settled])

    def _evaluated(self, attributes: dict[str, Any], trace_id: int, span_id: int) -> None:
        try:
            if trace_id:
                whole = self._known.is_outermost(trace_id, span_id)
                self._finisher.assess(attributes, f"tr-{trace_id:032x}", None if whole else f"{span_id:016x}")
        except Exception:
            report("exporters.mlflow")


class _Translated:
    """A span, its copy for MLflow, and what it means for its trace."""

    __slots__ = ("copy", "encloses", "root", "span", "trace_id")

    def __init__(self, span: ReadableSpan, known: Known | None) -> None:
        attributes: Mapping[str, Any] = span.attributes or {}
        self.span = span
        self.trace_id = span.context.trace_id if span.context is not None else 0
        entry = span.parent is None or span.parent.is_remote
        sent = _sent(attributes, known)
        self.root: Root | None = None
        if _is_outermost(span, known):
            summary = summary_of(span, known.previews if known is not None else ())
            if span.parent is None:
                sent.update(tag_attributes(summary))
            self.root = Root(summary, sent)
        self.encloses = entry and self.root is None
        self.copy = with_attributes(span, sent, name=text(span.name, NAME_LENGTH))


def _sent(attributes: Mapping[str, Any], known: Known | None) -> dict[str, Any]:
    try:
        return mlflow_attributes(attributes, None if known is None else known.span_type)
    except Exception:
        report("exporters.mlflow")
        return dict(attributes)


def _is_outermost(span: ReadableSpan, known: Known | None) -> bool:
    if known is not None:
        return known.outermost
    return span.parent is None and any(key.startswith(OWN_PREFIX) for key in span.attributes or {})


def _start_afresh(reference: weakref.ref[MlflowSpanExporter]) -> None:
    exporter = reference()
    if exporter is not None:
        for part in (exporter._server, exporter._experiment, exporter._finisher):
            part.start_afresh()
        exporter._known.forget()
