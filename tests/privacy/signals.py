"""Everything that leaves a process or shows on its screen, as bytes."""

from __future__ import annotations

import json
import logging
import warnings
from typing import Any

from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from genai_otel import _guard
from genai_otel.exporters.console import render
from genai_otel.exporters.mlflow_attributes import mlflow_attributes
from genai_otel.exporters.mlflow_trace import rest_body, summary_of
from genai_otel.exporters.openinference import openinference_attributes
from tests.telemetry_capture import Telemetry

_LOGGERS = ("genai_otel", "opentelemetry")


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class Everything(Telemetry):
    """All three signals, the log at every level, warnings; failures of ours are logged, as in production."""

    def __enter__(self) -> Everything:
        super().__enter__()
        _guard.reset(raise_errors=False)
        self._lines = _Lines()
        self._levels = {}
        for name in _LOGGERS:
            logger = logging.getLogger(name)
            self._levels[name] = logger.level
            logger.setLevel(logging.DEBUG)
            logger.addHandler(self._lines)
        self._catching = warnings.catch_warnings(record=True)
        self._warnings = self._catching.__enter__() or []
        warnings.simplefilter("always")
        return self

    def __exit__(self, *exc: object) -> None:
        self._catching.__exit__(None, None, None)
        for name, level in self._levels.items():
            logger = logging.getLogger(name)
            logger.removeHandler(self._lines)
            logger.setLevel(level)
        _guard.reset(raise_errors=True)
        super().__exit__(*exc)

    @property
    def lines(self) -> list[str]:
        """The log, formatted with its tracebacks."""
        return [logging.Formatter().format(record) for record in self._lines.records]

    @property
    def warnings_logged(self) -> list[str]:
        return [record.getMessage() for record in self._lines.records if record.levelname == "WARNING"]

    def spans_sent(self) -> bytes:
        """The spans, in the ways in which exporters read them."""
        return encode_spans(self.spans).SerializeToString() + "".join(
            span.to_json() for span in self.spans
        ).encode("utf-8", "surrogatepass")

    def events_sent(self) -> bytes:
        records = self.log_exporter.get_finished_logs()
        texts = "".join(item.log_record.body or "" for item in records if item.log_record.body)
        return (encode_logs(records).SerializeToString() if records else b"") + texts.encode()

    def metrics_sent(self) -> bytes:
        metrics = self.reader.get_metrics_data()
        return encode_metrics(metrics).SerializeToString() if metrics is not None else b""

    def shown(self) -> bytes:
        """The console tree, and what the routes to MLflow and Phoenix make of the spans."""
        made: list[Any] = [render(self.spans)]
        for span in self.spans:
            found = span.attributes or {}
            made += [
                mlflow_attributes(found),
                openinference_attributes(found),
                rest_body(summary_of(span), "0"),
            ]
        return json.dumps(made, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass")

    def said(self) -> bytes:
        """The log and the warnings."""
        told = [*self.lines, *(str(warning.message) for warning in self._warnings)]
        return "\n".join(told).encode("utf-8", "surrogatepass")

    def dump(self) -> bytes:
        """All of it."""
        parts = (self.spans_sent(), self.events_sent(), self.metrics_sent(), self.shown(), self.said())
        return b"\n".join(parts)
