"""The SDK's tracer provider and resource: ours to build and to bring up to date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider

from ._guard import guarded, warn_once


def resource_attributes(service_name: str | None, attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what the arguments say about the resource; values of None are left out."""
    given = {name: value for name, value in (attributes or {}).items() if value is not None}
    return {**given, SERVICE_NAME: service_name} if service_name is not None else given


def resource(service_name: str | None, attributes: Mapping[str, Any] | None) -> Resource:
    """Return the resource: the arguments over the ``OTEL_*`` variables over what the SDK detects."""
    return Resource.create(resource_attributes(service_name, attributes))


def tracer_provider(of: Resource, sampler: Any) -> TracerProvider:
    """Return a provider that doesn't shut itself down; without ``sampler`` the environment's is taken."""
    try:
        return TracerProvider(sampler=sampler, resource=of, shutdown_on_exit=False)
    except ValueError as exc:  # from a variable such as OTEL_SPAN_EVENT_COUNT_LIMIT=many
        warn_once("span limits", "the OTEL_*_LIMIT variables are ignored: %s", exc)
        return TracerProvider(
            sampler=sampler, resource=of, shutdown_on_exit=False, span_limits=_default_limits()
        )


def _default_limits() -> SpanLimits:
    count, unlimited = 128, SpanLimits.UNSET
    return SpanLimits(count, count, count, count, count, count, unlimited, unlimited)


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
