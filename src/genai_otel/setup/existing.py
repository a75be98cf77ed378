"""What a provider that isn't ours exports to already, as far as its processors let see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._guard import guarded, warn_once
from ..exporters import urls
from ..exporters.registry import ExporterRequest


@guarded(default=())
def exporters(provider: Any) -> tuple[Any, ...]:
    """Return the span exporters of an SDK provider's own processors."""
    several = getattr(provider, "_active_span_processor", None)
    processors: Iterable[Any] = getattr(several, "_span_processors", ())
    found = (getattr(processor, "span_exporter", None) for processor in processors)
    return tuple(one for one in found if one is not None)


def covers(present: Iterable[Any], one: Any, request: ExporterRequest) -> bool:
    """Whether one of the exporters ``present`` sends to where ``one`` would; said once at WARNING."""
    same = _same_target(request) if isinstance(one, str) else (lambda other: other is one)
    if one not in ("otlp",) and isinstance(one, str):
        return False
    if not any(same(other) for other in present):
        return False
    warn_once(
        f"covered:{one}", "the TracerProvider in use exports there already: the exporter is not added again"
    )
    return True


def _same_target(request: ExporterRequest) -> Any:
    from ..exporters import otlp

    target = otlp.resolve(request, "traces")
    package = ".http." if target.protocol == urls.HTTP else ".grpc."

    def same(other: Any) -> bool:
        kind = type(other)
        return (
            kind.__name__ == "OTLPSpanExporter"
            and package in kind.__module__
            and getattr(other, "_endpoint", None) == target.endpoint
        )

    return same
