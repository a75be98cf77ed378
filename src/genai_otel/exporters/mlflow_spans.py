"""Sends spans to MLflow's OTLP endpoint, which takes a batch whole or not at all: bad spans are left out."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from genai_otel._guard import warn_once
from genai_otel.exporters import variables

from .mlflow_server import Answer, MlflowServer

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

PATH: Final = "/v1/traces"
EXPERIMENT_HEADER: Final = "x-mlflow-experiment-id"
# what the server says of content that it can't take, as opposed to a request that it doesn't want
_REFUSED_CONTENT: Final = frozenset({400, 413, 422})
_MAX_REQUESTS: Final = 64
_COMPRESSION_VARIABLES: Final = ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION")


class SpanSender:
    """Posts batches; ``refused`` counts the spans that the server did not take."""

    def __init__(self, server: MlflowServer) -> None:
        self._server = server
        self._gzip = variables.choice(_COMPRESSION_VARIABLES, ("none", "gzip"), "none") == "gzip"
        self.refused = 0

    def send(self, spans: Sequence[ReadableSpan], experiment_id: str) -> tuple[list[ReadableSpan], Answer]:
        """Return the spans that were delivered, and the last answer that was not a success, else a success.

        A batch that is refused for its content is halved until the spans at fault are found.
        """
        delivered: list[ReadableSpan] = []
        worst = Answer(200)
        waiting = [_by_trace(spans)]
        for _ in range(_MAX_REQUESTS):
            if not waiting:
                break
            batch = waiting.pop()
            answer = self._post(batch, experiment_id)
            if answer.ok:
                delivered.extend(batch)
                continue
            worst = answer
            if answer.status not in _REFUSED_CONTENT:
                return delivered, worst
            waiting.extend(_halves(batch) if len(batch) > 1 else [])
            self.refused += len(batch) == 1
        return delivered, worst

    def _post(self, spans: list[ReadableSpan], experiment_id: str) -> Answer:
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

        try:
            data = encode_spans(spans).SerializeToString()
        except Exception as exc:  # a value that protobuf can't hold: like one that the server refuses
            return Answer(400, problem=type(exc).__name__)
        headers = {"content-type": "application/x-protobuf", EXPERIMENT_HEADER: experiment_id}
        if self._gzip:
            data, headers["content-encoding"] = gzip.compress(data), "gzip"
        return self._server.send("POST", PATH, data=data, headers=headers)


def warn_of(answer: Answer, server: str, what: str) -> None:
    """Say once per kind of failure that something was not delivered."""
    reason = f"HTTP {answer.status} {answer.problem}" if answer.status else answer.problem
    warn_once(
        f"mlflow:{server}:{what}:{answer.status}", "%s could not be sent to %s: %s", what, server, reason
    )


def _by_trace(spans: Sequence[ReadableSpan]) -> list[ReadableSpan]:
    """Return the spans of each trace next to each other, roots first: the server takes what it sees first."""
    traces: dict[int, list[ReadableSpan]] = {}
    for span in spans:
        of_trace = traces.setdefault(_trace_id(span), [])
        of_trace.insert(0 if span.parent is None else len(of_trace), span)
    return [span for of_trace in traces.values() for span in of_trace]


def _halves(batch: list[Any]) -> list[list[Any]]:
    """Split between two traces if there are several, else in the middle."""
    middle = len(batch) // 2
    borders = [at for at in range(1, len(batch)) if _trace_id(batch[at]) != _trace_id(batch[at - 1])]
    border = min(borders, key=lambda at: abs(at - middle), default=middle)
    return [batch[border:], batch[:border]]


def _trace_id(span: ReadableSpan) -> int:
    return span.context.trace_id if span.context is not None else 0
