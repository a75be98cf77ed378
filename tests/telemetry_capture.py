"""Real OpenTelemetry SDK providers that keep what they export in memory, installed as the globals for one test."""

from __future__ import annotations

from typing import Any

from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.util._once import Once

from genai_otel import _guard, _settings


def reset_globals() -> None:
    """Forget the global providers; the API offers no way, a test needs one."""
    trace._TRACER_PROVIDER = None
    trace._TRACER_PROVIDER_SET_ONCE = Once()
    metrics._internal._METER_PROVIDER = None
    metrics._internal._METER_PROVIDER_SET_ONCE = Once()
    _logs._internal._LOGGER_PROVIDER = None
    _logs._internal._LOGGER_PROVIDER_SET_ONCE = Once()


class Telemetry:
    """Spans, metrics and events of one test."""

    def __init__(self, *, sampler: Any = None, **content: Any) -> None:
        self._content = content
        self.exporter = InMemorySpanExporter()
        self.tracer_provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider(metric_readers=[self.reader], shutdown_on_exit=False)
        self.log_exporter = InMemoryLogRecordExporter()
        self.logger_provider = LoggerProvider(shutdown_on_exit=False)
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self.log_exporter))

    def __enter__(self) -> Telemetry:
        reset_globals()
        trace.set_tracer_provider(self.tracer_provider)
        metrics.set_meter_provider(self.meter_provider)
        _logs.set_logger_provider(self.logger_provider)
        _guard.reset()
        settings = _settings.reload()
        capture = self._content.get("capture_content")
        _settings.use(
            _settings.with_content(
                settings, capture, self._content.get("redact"), self._content.get("max_length")
            )
        )
        return self

    def __exit__(self, *exc: object) -> None:
        reset_globals()
        _settings.reload()

    @property
    def spans(self) -> list[ReadableSpan]:
        """The finished spans, in the order they ended."""
        return list(self.exporter.get_finished_spans())

    def one(self, name: str | None = None) -> ReadableSpan:
        """The only finished span (of that name)."""
        found = [span for span in self.spans if name is None or span.name == name]
        assert len(found) == 1, (
            f"{len(found)} spans named {name!r} among {[span.name for span in self.spans]}"
        )
        return found[0]

    def attributes(self, name: str | None = None) -> dict[str, Any]:
        """The attributes of the only finished span (of that name)."""
        return dict(self.one(name).attributes or {})

    @property
    def events(self) -> list[Any]:
        """The log records emitted."""
        return [item.log_record for item in self.log_exporter.get_finished_logs()]

    def metrics(self) -> dict[str, list[Any]]:
        """Metric name -> data points."""
        data = self.reader.get_metrics_data()
        found: dict[str, list[Any]] = {}
        for resource in data.resource_metrics if data is not None else []:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    found.setdefault(metric.name, []).extend(metric.data.data_points)
        return found
