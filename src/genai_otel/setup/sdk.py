"""The SDK's providers and their resource: ours to build and to bring up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, TypeVar, cast

from opentelemetry.sdk._logs import LoggerProvider, LogRecordLimits
from opentelemetry.sdk.metrics import MeterProvider, TraceBasedExemplarFilter
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider

from .._guard import guarded, warn_once

_P = TypeVar("_P")
_COUNT: Final = 128  # the SDK's own default for every limit that counts


def resource_attributes(service_name: str | None, attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what the arguments say about the resource; values of None are left out."""
    given = {name: value for name, value in (attributes or {}).items() if value is not None}
    return {**given, SERVICE_NAME: service_name} if service_name is not None else given


def resource(service_name: str | None, attributes: Mapping[str, Any] | None) -> Resource:
    """Return the resource: the arguments over the ``OTEL_*`` variables over what the SDK detects."""
    return Resource.create(resource_attributes(service_name, attributes))


def tracer_provider(of: Resource, sampler: Any) -> TracerProvider:
    """Return a provider that doesn't shut itself down; without ``sampler`` the environment's is taken."""
    build = partial(TracerProvider, sampler=sampler, resource=of, shutdown_on_exit=False)
    return _built(build, lambda: {"span_limits": _span_limits()})


def meter_provider(of: Resource, reader: MetricReader) -> MeterProvider:
    """Return a provider that ``reader`` collects from and that doesn't shut itself down."""
    build = partial(MeterProvider, [reader], resource=of, shutdown_on_exit=False)
    return _built(build, lambda: {"exemplar_filter": TraceBasedExemplarFilter()})


def logger_provider(of: Resource) -> LoggerProvider:
    """Return a provider that doesn't shut itself down."""
    build = partial(LoggerProvider, of, shutdown_on_exit=False)
    return _built(build, lambda: {"log_record_limits": _log_record_limits()})


def _built(build: Callable[..., _P], defaults: Callable[[], Mapping[str, Any]]) -> _P:
    """Return the provider, with ``defaults`` where a variable, such as one of the limits, has a bad value."""
    try:
        return build()
    except ValueError as exc:
        warn_once(f"variable:{exc}", "an OTEL_* variable is ignored, its default is used instead: %s", exc)
        return build(**defaults())


def _span_limits() -> SpanLimits:
    return SpanLimits(*[_COUNT] * 6, *[SpanLimits.UNSET] * 2)


def _log_record_limits() -> LogRecordLimits:
    limits: Any = LogRecordLimits
    return cast(LogRecordLimits, limits(_COUNT, limits.UNSET, _COUNT, limits.UNSET))


def update_resource(providers: Iterable[Any], attributes: Mapping[str, Any]) -> None:
    """Merge ``attributes`` into the resource of providers of ours, for everything recorded from now on."""
    for provider in providers:
        _update(provider, Resource(attributes))


@guarded()
def _update(provider: Any, addition: Resource) -> None:
    update = getattr(provider, "_update_resource", None)
    if update is not None:
        update(addition)
    elif hasattr(provider, "_resource"):  # SDKs before that method existed
        provider._resource = provider._resource.merge(addition)
        for logger in list(getattr(provider, "_logger_cache", {}).values()):
            logger._resource = provider._resource
    else:
        provider._sdk_config.resource = provider._sdk_config.resource.merge(addition)


@guarded()
def update_sampler(provider: TracerProvider, sampler: Any) -> None:
    """Let ``sampler`` decide from now on, also for the tracers handed out already."""
    provider.sampler = sampler
    tracers: Any = getattr(provider, "_tracers", None)
    for tracer in list(tracers.values()) if isinstance(tracers, dict) else ():
        tracer.sampler = sampler
