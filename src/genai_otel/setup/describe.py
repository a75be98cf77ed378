"""The configuration in words, for people who look for their traces."""

from __future__ import annotations

from typing import Any

from .. import _settings
from ..exporters import urls
from .existing import exporters
from .state import State


def describe(state: State, provider: Any) -> dict[str, Any]:
    """Return whose provider is in use, its resource and sampler, and where each signal goes."""
    attributes = dict(getattr(getattr(provider, "resource", None), "attributes", None) or {})
    pipeline = state.span_pipeline(provider)
    metrics, logs = state.metrics, state.logs
    return {
        "provider": state.kind if state.kind != "none" else _kind(provider),
        "provider_type": _name(provider),
        "exporters": [
            dict(route.details) for route in (pipeline.switch.routes if pipeline is not None else ())
        ],
        "counts": [route.counts() for route in (pipeline.switch.routes if pipeline is not None else ())],
        "other_exporters": [_exporter(one) for one in exporters(provider)],
        "metrics": dict(metrics.route.details) if metrics is not None and metrics.route is not None else None,
        "logs": [dict(route.details) for route in logs.switch.routes] if logs is not None else [],
        "service_name": attributes.get("service.name"),
        "resource": attributes,
        "sampler": _sampler(provider),
        "capture_content": _settings.current().content_source,
    }


def _kind(provider: Any) -> str:
    return "none" if type(provider).__name__ == "ProxyTracerProvider" else "existing"


def _sampler(provider: Any) -> str | None:
    describe = getattr(getattr(provider, "sampler", None), "get_description", None)
    return str(describe()) if callable(describe) else None


def _exporter(one: Any) -> dict[str, Any]:
    endpoint = getattr(one, "_endpoint", None)
    return {"type": _name(one), "endpoint": urls.shown(endpoint) if isinstance(endpoint, str) else None}


def _name(one: Any) -> str:
    return f"{type(one).__module__}.{type(one).__qualname__}"
