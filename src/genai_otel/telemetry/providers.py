"""The tracer, the instruments and the event logger of one set of providers, resolved once per provider."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics, trace
from opentelemetry.metrics import _internal as _metrics
from opentelemetry.trace import ProxyTracerProvider, Tracer, TracerProvider

from .. import _forks
from .._version import __version__
from ..conventions import SCHEMA_URL, SCOPE_NAME
from .metrics import Instruments

if TYPE_CHECKING:
    from opentelemetry._logs import Logger, LoggerProvider
    from opentelemetry.metrics import MeterProvider


def _all_off() -> bool:
    """Whether ``OTEL_SDK_DISABLED`` turns everything off: the SDK sees to its own providers, this to all others."""
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


class Providers:
    """Explicit providers, or the global ones where none was given.

    What a provider gives is kept as long as that provider is in force (asking for a tracer costs as much as half a
    span), and looked up again when the global provider changes.
    """

    __slots__ = (
        "__weakref__",
        "_instruments",
        "_logger",
        "_tracer",
        "logger_provider",
        "meter_provider",
        "tracer_provider",
    )

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        logger_provider: LoggerProvider | None = None,
    ) -> None:
        self.tracer_provider = tracer_provider
        self.meter_provider = meter_provider
        self.logger_provider = logger_provider
        # (provider, what it gave), replaced as a pair so that threads never see halves
        self._tracer: tuple[Any, Tracer | None] = (None, None)
        self._instruments: tuple[Any, Instruments | None] = (None, None)
        self._logger: tuple[Any, Logger | None] = (None, None)
        _forks.in_children(self)

    def tracer(self) -> Tracer | None:
        """Return the tracer, or None when the process has no tracer provider at all."""
        provider = self.tracer_provider or trace.get_tracer_provider()
        source, tracer = self._tracer
        if provider is source:
            return tracer
        absent = isinstance(provider, ProxyTracerProvider) or _all_off()
        tracer = None if absent else provider.get_tracer(SCOPE_NAME, __version__, SCHEMA_URL)
        self._tracer = (provider, tracer)
        return tracer

    def instruments(self) -> Instruments | None:
        """Return the metric instruments, or None when no meter provider is installed."""
        source, instruments = self._instruments
        if (
            instruments is None
            and source is not None
            and getattr(_metrics, "_METER_PROVIDER", source) is None
        ):
            return None  # still none: asking the API would cost a look at the environment at every call
        provider = self.meter_provider or metrics.get_meter_provider()
        if provider is source:
            return instruments
        absent = type(provider).__name__ in ("_ProxyMeterProvider", "NoOpMeterProvider") or _all_off()
        instruments = None if absent else Instruments(provider.get_meter(SCOPE_NAME, __version__, SCHEMA_URL))
        self._instruments = (provider, instruments)
        return instruments

    def start_afresh(self) -> None:
        """In a forked child: let no measurement wait for a lock that a thread of the parent held."""
        provider = self._instruments[0]
        if type(provider).__module__.startswith("opentelemetry.sdk."):
            from .metric_forks import renew_locks

            renew_locks(provider)

    def logger(self) -> Logger | None:
        """Return the event logger, or None when no logger provider is installed."""
        from opentelemetry import _logs  # only event modes need it

        provider = self.logger_provider or _logs.get_logger_provider()
        source, logger = self._logger
        if provider is source:
            return logger
        absent = type(provider).__name__ in ("ProxyLoggerProvider", "NoOpLoggerProvider") or _all_off()
        logger = None if absent else provider.get_logger(SCOPE_NAME, __version__, SCHEMA_URL)
        self._logger = (provider, logger)
        return logger
