"""The meter provider that goes with an OTLP exporter, and its exporters, which can be exchanged and ended."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Hashable
from time import monotonic
from typing import Any, Final

from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource

from .. import _forks
from .._guard import report
from ..exporters import variables
from ..exporters.guarded import GuardedExporter
from ..telemetry.metric_forks import forget_measurements, renew_locks
from . import sdk
from .pipeline import end, join, remaining_ms

_INTERVAL: Final = (("OTEL_METRIC_EXPORT_INTERVAL",), 60_000.0)
_TIMEOUT: Final = (("OTEL_METRIC_EXPORT_TIMEOUT",), 30_000.0)


class MetricRoute:
    """Exporters and the thread that collects for them: every minute, and once more at the end."""

    def __init__(
        self, key: Hashable, exporters: tuple[GuardedExporter, ...], details: dict[str, Any]
    ) -> None:
        self.key = key
        self.exporters = exporters
        self.details = details
        self._reader: PeriodicExportingMetricReader | None = None
        self._ticker: Ticker | None = None

    def start(self, reader: PeriodicExportingMetricReader) -> None:
        """Begin to collect from ``reader``."""
        timeout_ms = variables.number(*_TIMEOUT)
        self._reader = reader
        self._ticker = Ticker(lambda: reader.collect(timeout_ms), variables.number(*_INTERVAL) / 1_000)

    def flush(self, timeout_ms: float) -> bool:
        failures = sum(exporter.failures for exporter in self.exporters)
        flushed = self._reader is None or self._reader.force_flush(timeout_ms)
        return flushed and sum(exporter.failures for exporter in self.exporters) == failures

    def wake(self) -> None:
        if self._ticker is not None:
            self._ticker.stop()

    def finish(self, deadline: float) -> None:
        if self._ticker is not None:
            join(self._ticker.thread, deadline)
        for exporter in self.exporters:
            exporter.shutdown(timeout_millis=remaining_ms(deadline))

    def settle(self, deadline: float) -> None:
        if self._ticker is not None:
            join(self._ticker.thread, deadline)

    def unsent(self) -> str:
        return "metrics" if any(exporter.sending for exporter in self.exporters) else ""


class MetricPipeline:
    """A meter provider of ours and the route it feeds, if any."""

    def __init__(self, first: MetricRoute, resource: Resource) -> None:
        self._fan = _Fan(first.exporters)
        # an infinite interval: collecting is the route's, which can be ended and begun again
        self._reader = PeriodicExportingMetricReader(self._fan, math.inf, 30_000)
        self.provider = sdk.meter_provider(resource, self._reader)
        self.route: MetricRoute | None = None
        self.exchange(first, 0)
        _forks.in_children(self)

    def start_afresh(self) -> None:
        """In a forked child: measure from nothing, with locks that are free."""
        renew_locks(self.provider)
        forget_measurements(self.provider)

    def exchange(self, route: MetricRoute | None, seconds: float) -> None:
        """Put ``route`` in the place of the one that is there, which gets ``seconds`` to send what it has."""
        if self.route is not None:
            end([self.route], seconds)
        self.detach()
        if route is not None:
            self.route, self._fan.exporters = route, route.exporters
            route.start(self._reader)

    def detach(self) -> None:
        """Forget the route, which has been ended."""
        self.route, self._fan.exporters = None, ()


class Ticker:
    """Calls ``tick`` every ``seconds`` on a daemon thread, and a last time when it is stopped."""

    def __init__(self, tick: Callable[[], None], seconds: float) -> None:
        self._tick = tick
        self._seconds = seconds
        self.begin()
        _forks.in_children(self)

    def begin(self) -> None:
        self._stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, name="genai_otel-metrics", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def start_afresh(self) -> None:
        """In a forked child: have a thread again."""
        if self.running:
            self.begin()

    @property
    def running(self) -> bool:
        return not self._stopping.is_set()

    def _run(self) -> None:
        stopping = self._stopping
        due = monotonic() + self._seconds
        while not stopping.wait(max(due - monotonic(), 0)):
            due = monotonic() + self._seconds
            self._collect()
        self._collect()

    def _collect(self) -> None:
        try:
            self._tick()
        except Exception:
            report("metric collection")


class _Fan(MetricExporter):
    """The one exporter that the SDK's reader sees; its temporality is that of the first it stands for."""

    def __init__(self, exporters: tuple[GuardedExporter, ...]) -> None:
        inner: Any = exporters[0].inner
        super().__init__(
            preferred_temporality=getattr(inner, "_preferred_temporality", None),
            preferred_aggregation=getattr(inner, "_preferred_aggregation", None),
        )
        self.exporters = exporters

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        results = [one.export(metrics_data, timeout_millis=timeout_millis) for one in self.exporters]
        failed = MetricExportResult.FAILURE in results
        return MetricExportResult.FAILURE if failed else MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        flushed = [one.force_flush(timeout_millis) for one in self.exporters]
        return all(flushed)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        exporters, self.exporters = self.exporters, ()
        for one in exporters:
            one.shutdown(timeout_millis)
