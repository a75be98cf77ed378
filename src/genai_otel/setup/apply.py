"""Brings providers and exporters in line with the arguments of ``configure()``.

Which tracer provider: the one given, else the global one, else one that is built and made global. A provider
that isn't ours keeps everything it has; it gets an exporter only from a call that names one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import ProxyTracerProvider

from .._guard import warn_once
from ..exporters import variables
from . import existing, sdk
from .arguments import Arguments
from .metric_pipeline import MetricPipeline
from .pipeline import SHUTDOWN_SECONDS, BatchRoute, LogSwitch, SpanSwitch, end
from .routes import log_routes, metric_route, span_routes
from .state import LogPipeline, SpanPipeline, State

# what the API hands out as long as nobody has installed a provider
_PLACEHOLDERS: Final = ("_ProxyMeterProvider", "ProxyLoggerProvider")


def apply(state: State, given: Arguments) -> State:
    """Return the state after a call with ``given``; ``state.arguments`` holds those of all calls already.

    Raises:
        ValueError: if an exporter that was named can't be built; nothing has changed then.
    """
    kind, provider = _target(state)
    exporters = _exporters(state, given, kind, provider)
    routes = None
    if exporters is not None:
        routes = span_routes(exporters, state.arguments.request(), _present(state))
    if provider is None:
        state, provider, routes = _install(state, given, routes)
    else:
        _shape(state, given, kind)
        state = replace(state, kind=kind)
    if routes is None or exporters is None:
        return state
    state = _attach(state, provider, routes)
    named = (*exporters, *state.arguments.exporters())
    if state.arguments.tracer_provider is None:
        state = _other_signals(state, provider, "otlp" in named)
    _warn_of_unread(state, given, named)
    return state


def _target(state: State) -> tuple[str, Any]:
    """Return whose tracer provider is in use, and that provider; None where one has to be built."""
    if state.arguments.tracer_provider is not None:
        return "explicit", state.arguments.tracer_provider
    current = trace.get_tracer_provider()
    if current is state.own:
        return "ours", current
    return ("ours", None) if isinstance(current, ProxyTracerProvider) else ("existing", current)


def _exporters(state: State, given: Arguments, kind: str, provider: Any) -> tuple[Any, ...] | None:
    """Return the exporters that ``provider`` is to have from us; None to leave it as it is."""
    arguments = state.arguments
    if kind == "ours":
        return _default_exporters() if arguments.exporter is None else arguments.exporters()
    has_ours = arguments.exporter is not None and state.span_pipeline(provider) is not None
    if not given.names_exporter and not has_ours:
        return None
    if not hasattr(provider, "add_span_processor"):
        name = f"{type(provider).__module__}.{type(provider).__qualname__}"
        warn_once(f"foreign:{name}", "%s takes no span processors: no exporter is added to it", name)
        return None
    present = existing.exporters(provider)
    return tuple(
        one for one in arguments.exporters() if not existing.covers(present, one, arguments.request())
    )


def _default_exporters() -> tuple[str, ...]:
    named = variables.exporter_names("traces")
    if named is not None:
        return named
    return ("otlp",) if variables.otlp_configured() else ("console",)


def _present(state: State) -> list[BatchRoute]:
    return [route for pipeline in state.spans for route in pipeline.switch.routes]


def _install(
    state: State, given: Arguments, routes: tuple[BatchRoute, ...] | None
) -> tuple[State, Any, tuple[BatchRoute, ...] | None]:
    """Build a tracer provider and make it global; returns the provider that is, and the routes it gets."""
    arguments = state.arguments
    resource = sdk.resource(arguments.service_name, arguments.resource_attributes)
    provider = sdk.tracer_provider(resource, arguments.sampler)
    trace.set_tracer_provider(provider)
    installed = trace.get_tracer_provider()
    if installed is provider:
        return replace(state, kind="ours", own=provider), provider, routes
    if not given.names_exporter:  # somebody was faster, so this is an existing provider after all
        end(routes or (), 0)
        routes = None
    return replace(state, kind="existing"), installed, routes


def _shape(state: State, given: Arguments, kind: str) -> None:
    """Apply resource and sampler to a provider that is there already."""
    names = given.of_provider()
    if not names:
        return
    if kind != "ours" or state.own is None:
        warn_once(
            f"foreign:{names}",
            "%s: without effect, the TracerProvider in use is the application's own and stays as it is",
            ", ".join(names),
        )
        return
    attributes = sdk.resource_attributes(given.service_name, given.resource_attributes)
    if attributes:
        sdk.update_resource(state.own_providers(), attributes)
    if given.sampler is not None:
        sdk.update_sampler(state.own, given.sampler)


def _attach(state: State, provider: Any, routes: tuple[BatchRoute, ...]) -> State:
    """Put ``routes`` in the place of those that ``provider`` has from us; end those no longer in use."""
    pipeline = state.span_pipeline(provider)
    if pipeline is None:
        pipeline = SpanPipeline(provider, SpanSwitch())
        provider.add_span_processor(pipeline.switch)
        state = replace(state, spans=(*_worth_keeping(state), pipeline))
    before, pipeline.switch.routes = pipeline.switch.routes, routes
    _end_unused(before, _present(state))
    return state


def _worth_keeping(state: State) -> list[SpanPipeline]:
    """Return the pipelines but those of providers that were passed once and are no longer exported from."""
    current = trace.get_tracer_provider()
    return [one for one in state.spans if one.switch.routes or one.provider is current]


def _end_unused(before: Iterable[BatchRoute], in_use: Iterable[BatchRoute]) -> None:
    kept = set(in_use)
    end([route for route in before if route not in kept], SHUTDOWN_SECONDS)


def _other_signals(state: State, provider: Any, otlp: bool) -> State:
    """Export metrics and log records too, where the application hasn't its own providers for them."""
    of_provider = getattr(provider, "resource", None)
    arguments = state.arguments
    resource = (
        of_provider
        if isinstance(of_provider, Resource)
        else sdk.resource(arguments.service_name, arguments.resource_attributes)
    )
    return replace(state, metrics=_metrics(state, resource, otlp), logs=_log_records(state, resource, otlp))


def _named(signal: str, otlp: bool) -> tuple[str, ...]:
    named = variables.exporter_names(signal)
    if named is not None:
        return named
    return ("otlp",) if otlp else ()


def _ours_to_set(given: Any, current: Any, own: Any) -> bool:
    return given is None and (current is own or type(current).__name__ in _PLACEHOLDERS)


def _metrics(state: State, resource: Resource, otlp: bool) -> MetricPipeline | None:
    own, current = state.metrics, metrics.get_meter_provider()
    if not _ours_to_set(state.arguments.meter_provider, current, own and own.provider):
        return own
    there = own if own is not None and own.provider is current else None
    before = there.route if there is not None else None
    route = metric_route(_named("metrics", otlp), state.arguments.request(), before)
    if there is not None:
        if route is not before:
            there.exchange(route, SHUTDOWN_SECONDS)
    elif route is not None:
        own = MetricPipeline(route, resource)
        metrics.set_meter_provider(own.provider)
    return own


def _log_records(state: State, resource: Resource, otlp: bool) -> LogPipeline | None:
    own, current = state.logs, _logs.get_logger_provider()
    if not _ours_to_set(state.arguments.logger_provider, current, own and own.provider):
        return own
    there = own if own is not None and own.provider is current else None
    before = () if there is None else there.switch.routes
    routes = log_routes(_named("logs", otlp), state.arguments.request(), before)
    if there is None and routes:
        there = own = LogPipeline(sdk.logger_provider(resource), LogSwitch())
        there.provider.add_log_record_processor(there.switch)
        _logs.set_logger_provider(there.provider)
    if there is not None:
        there.switch.routes = routes
        _end_unused(before, routes)
    return own


def _warn_of_unread(state: State, given: Arguments, named: Iterable[Any]) -> None:
    unread = given.unread([*named, *(route.details.get("exporter") for route in state.routes())])
    if unread:
        warn_once(f"unread:{unread}", "%s: without effect, no exporter in use reads it", ", ".join(unread))
