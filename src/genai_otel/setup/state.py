"""What ``configure()`` has built so far: one frozen object, replaced as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from .arguments import Arguments

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

    from .metric_pipeline import MetricPipeline
    from .pipeline import LogSwitch, Route, SpanSwitch


class SpanPipeline(NamedTuple):
    """A tracer provider, anyone's, and the switch that it got from us."""

    provider: Any
    switch: SpanSwitch


class LogPipeline(NamedTuple):
    """A logger provider of ours and its switch."""

    provider: Any
    switch: LogSwitch


@dataclass(frozen=True, slots=True)
class State:
    """The arguments of all calls and what stands for them.

    ``kind`` says whose tracer provider is in use: "none", "disabled", "ours", "existing" or "explicit".
    """

    arguments: Arguments = field(default_factory=Arguments)
    kind: str = "none"
    own: TracerProvider | None = None
    spans: tuple[SpanPipeline, ...] = ()
    metrics: MetricPipeline | None = None
    logs: LogPipeline | None = None

    def span_pipeline(self, provider: object) -> SpanPipeline | None:
        """Return the pipeline of ``provider``, if there is one."""
        return next((pipeline for pipeline in self.spans if pipeline.provider is provider), None)

    def switches(self) -> list[SpanSwitch | LogSwitch]:
        """Return every switch that has been given to a provider."""
        switches: list[SpanSwitch | LogSwitch] = [pipeline.switch for pipeline in self.spans]
        return switches if self.logs is None else [*switches, self.logs.switch]

    def routes(self) -> list[Route]:
        """Return every route in use."""
        routes: list[Route] = [route for switch in self.switches() for route in switch.routes]
        metrics = self.metrics.route if self.metrics is not None else None
        return routes if metrics is None else [*routes, metrics]

    def own_providers(self) -> list[Any]:
        """Return the providers that ``configure()`` built."""
        return [self.own, *(one.provider for one in (self.metrics, self.logs) if one is not None)]
