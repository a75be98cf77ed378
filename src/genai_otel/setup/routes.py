"""Builds the routes that a configuration asks for, keeping those that are there already."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import partial
from typing import Any, Final

from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExportResult
from opentelemetry.sdk.metrics.export import MetricExportResult
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

from .._guard import warn_once
from ..exporters import otlp, registry, urls, variables
from ..exporters.guarded import GuardedExporter
from ..exporters.registry import ExporterRequest
from .metric_pipeline import MetricRoute
from .pipeline import BatchRoute, end

# signal -> (batch processor, what a failed export returns)
_SDK: Final[dict[str, tuple[Callable[..., Any], Any]]] = {
    "traces": (BatchSpanProcessor, SpanExportResult.FAILURE),
    "logs": (BatchLogRecordProcessor, LogRecordExportResult.FAILURE),
}
_BATCH_DEFAULTS: Final = {
    "max_queue_size": 2_048,
    "schedule_delay_millis": 5_000,
    "max_export_batch_size": 512,
    "export_timeout_millis": 30_000,
}


def span_routes(
    exporters: Iterable[Any], request: ExporterRequest, present: Iterable[BatchRoute]
) -> tuple[BatchRoute, ...]:
    """Return one route per exporter, a name or an object; those of ``present`` that do the same stay.

    Raises:
        ValueError: if what a name stands for can't be built; nothing is left running then.
    """
    known: dict[Hashable, BatchRoute | None] = {route.key: route for route in present}
    keyed = [(_span_key(one, request), one) for one in exporters]
    new: dict[Hashable, BatchRoute | None] = {}
    try:
        # names first: they may fail, and what the user made must not be touched then
        for key, one in sorted(keyed, key=lambda pair: not isinstance(pair[1], str)):
            if key not in known:
                new[key] = _span_route(one, key, request)
    except BaseException:
        end([route for route in new.values() if route is not None], 0)
        raise
    routes = [known.get(key) or new.get(key) for key, _ in keyed]
    return tuple(route for route in routes if route is not None)


def log_routes(
    names: Iterable[str], request: ExporterRequest, present: Iterable[BatchRoute]
) -> tuple[BatchRoute, ...]:
    """Return one route per named exporter of log records; those of ``present`` that do the same stay."""
    known = {route.key: route for route in present}
    routes: list[BatchRoute] = []
    for key, details, make in _signal_exporters("logs", names, request):
        exporter = None if key in known else make()
        if key in known:
            routes.append(known[key])
        elif exporter is not None:
            routes.append(_batched("logs", key, exporter, details))
    return tuple(routes)


def metric_route(
    names: Iterable[str], request: ExporterRequest, present: MetricRoute | None
) -> MetricRoute | None:
    """Return the one route of all named exporters of metrics; ``present`` if that does the same."""
    chosen = list(_signal_exporters("metrics", names, request))
    key = tuple(key for key, _, _ in chosen)
    if present is not None and present.key == key:
        return present
    made = [(make(), details) for _, details, make in chosen]
    exporters = tuple(GuardedExporter(one, MetricExportResult.FAILURE) for one, _ in made if one is not None)
    details = next((details for one, details in made if one is not None), {})
    return MetricRoute(key, exporters, details) if exporters else None


def _span_key(one: Any, request: ExporterRequest) -> Hashable:
    if not isinstance(one, str):
        return ("object", id(one))  # the route holds it, so the id stays its own
    if one == "otlp":
        return otlp.resolve(request, "traces")
    readers = registry.READERS
    read = [getattr(request, argument) for argument in readers if one in readers[argument]]
    return (one, *(tuple(value.items()) if isinstance(value, Mapping) else value for value in read))


def _span_route(one: Any, key: Hashable, request: ExporterRequest) -> BatchRoute | None:
    named = isinstance(one, str)
    if not named:
        built = one
    elif one in registry.BUILDERS:
        built = registry.build(one, request)
    else:
        built = _registered("traces", one)
    if built is None:
        return None
    details = _details(one if named else "custom", key, built)
    if hasattr(built, "on_end"):
        return BatchRoute(key, built, None, details)
    return _batched("traces", key, built, details)


def _batched(signal: str, key: Hashable, exporter: Any, details: dict[str, Any]) -> BatchRoute:
    processor, failure = _SDK[signal]
    guarded = GuardedExporter(exporter, failure)
    try:
        batch = processor(guarded)
    except ValueError as exc:  # from a variable such as OTEL_BSP_MAX_QUEUE_SIZE=0
        warn_once(f"batch:{signal}", "the OTEL_BSP_*/OTEL_BLRP_* variables are ignored: %s", exc)
        batch = processor(guarded, **_BATCH_DEFAULTS)
    return BatchRoute(key, batch, guarded, details)


def _signal_exporters(
    signal: str, names: Iterable[str], request: ExporterRequest
) -> Iterable[tuple[Hashable, dict[str, Any], Callable[[], Any]]]:
    """Yield (key, details, function that makes the exporter) for each name."""
    for name in names:
        if name == "otlp":
            target = otlp.resolve(request, signal)
            yield target, _details(name, target, None), partial(otlp.in_portions, target)
        else:
            yield (signal, name), {"exporter": name}, partial(_registered, signal, name)


def _registered(signal: str, name: str) -> Any:
    """Return an exporter by the name under which its package registers it, or None after one warning."""
    try:
        made = variables.registered(signal, name).load()()
        if not hasattr(made, "export"):
            raise TypeError("it is not a push exporter")
    except Exception as exc:
        variable = variables.EXPORTER_VARIABLES[signal]
        warn_once(
            f"{variable}={name}", "%s=%s can't be used: it raised %s", variable, name, type(exc).__name__
        )
        return None
    return made


def _details(name: str, key: Hashable, built: Any) -> dict[str, Any]:
    if isinstance(key, otlp.Target):
        return {"exporter": name, "endpoint": urls.shown(key.endpoint), "protocol": key.protocol}
    details = {"exporter": name, "type": f"{type(built).__module__}.{type(built).__qualname__}"}
    endpoint = getattr(built, "endpoint", None) or getattr(built, "_endpoint", None)
    return {**details, "endpoint": urls.shown(endpoint)} if isinstance(endpoint, str) else details
