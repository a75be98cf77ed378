"""``MlflowClient``: spans with explicit lifecycles."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from genai_otel import _client
from genai_otel._guard import guarded
from genai_otel.conventions.span_types import SpanType

from . import _destination, _refusals, _trace_info
from ._live_span import LiveSpan, live
from ._open_traces import open_traces

__all__ = ["MlflowClient"]

_REFUSED: Final = (ValueError, NotImplementedError)


def _unrecorded() -> LiveSpan:
    return live(_client._unrecorded())


class MlflowClient:
    """Starts and ends spans by id, never touching the current context; all instances see the same traces.

    ``request_id=`` is accepted wherever ``trace_id=`` is, ids with or without MLflow's ``tr-``. See
    :class:`genai_otel.TracingClient` for limits and for what happens with unknown and malformed ids. While
    tracing is disabled or suppressed, the spans started record nothing and may be ended like any other.

    Raises:
        NotImplementedError: if ``tracking_uri`` or ``registry_uri`` is given.
    """

    def __init__(self, tracking_uri: None = None, registry_uri: None = None) -> None:
        _refusals.refuse_given("MlflowClient", tracking_uri=tracking_uri, registry_uri=registry_uri)

    @guarded(make=_unrecorded, but=_REFUSED)
    def start_trace(
        self,
        name: str,
        span_type: SpanType | str = SpanType.UNKNOWN,
        inputs: Any = None,
        attributes: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        experiment_id: str | None = None,
        start_time_ns: int | None = None,
        run_id: None = None,
        links: Iterable[Any] | None = None,
        *,
        trace_id: str | uuid.UUID | None = None,
    ) -> LiveSpan:
        """Start a trace and return its root span; beyond MLflow, ``trace_id`` may be chosen.

        Raises:
            ValueError: for a malformed ``trace_id``, or one whose trace is open here already.
            NotImplementedError: for ``run_id``, and an ``experiment_id`` other than the one set.
        """
        _destination.refuse_other_experiment("MlflowClient.start_trace", experiment_id)
        _refusals.refuse_given("MlflowClient.start_trace", run_id=run_id)
        root = open_traces.start_trace(
            name,
            span_type=span_type,
            inputs=inputs,
            attributes=attributes,
            trace_id=trace_id,
            start_time_ns=start_time_ns,
        )
        _trace_info.describe(root, tags=tags)
        return _linked(live(root), links)

    @guarded(make=_unrecorded, but=_REFUSED)
    def start_span(
        self,
        name: str,
        trace_id: str | uuid.UUID | None = None,
        parent_id: str | None = None,
        span_type: SpanType | str = SpanType.UNKNOWN,
        inputs: Any = None,
        attributes: Mapping[str, Any] | None = None,
        start_time_ns: int | None = None,
        links: Iterable[Any] | None = None,
        *,
        request_id: str | uuid.UUID | None = None,
    ) -> LiveSpan:
        """Start a child span of the span ``parent_id`` in the trace ``trace_id``.

        Raises:
            ValueError: for a missing or malformed id.
        """
        span = open_traces.start_span(
            name,
            trace_id,
            parent_id,
            request_id=request_id,
            span_type=span_type,
            inputs=inputs,
            attributes=attributes,
            start_time_ns=start_time_ns,
        )
        return _linked(live(span), links)

    @guarded(but=_REFUSED)
    def end_span(
        self,
        trace_id: str | uuid.UUID | None = None,
        span_id: str | None = None,
        outputs: Any = None,
        attributes: Mapping[str, Any] | None = None,
        status: Any = None,
        end_time_ns: int | None = None,
        *,
        request_id: str | uuid.UUID | None = None,
    ) -> None:
        """End one span; ``status`` is "OK", "ERROR" or a ``SpanStatus``, unset if it is left out.

        Raises:
            ValueError: for a missing or malformed id.
        """
        open_traces.end_span(
            trace_id,
            span_id,
            request_id=request_id,
            outputs=outputs,
            attributes=attributes,
            status=status,
            end_time_ns=end_time_ns,
        )

    @guarded(but=_REFUSED)
    def end_trace(
        self,
        trace_id: str | uuid.UUID | None = None,
        outputs: Any = None,
        attributes: Mapping[str, Any] | None = None,
        status: Any = None,
        end_time_ns: int | None = None,
        *,
        request_id: str | uuid.UUID | None = None,
    ) -> None:
        """End the root span of a trace, and before it the children that are still open.

        Raises:
            ValueError: for a missing or malformed id.
        """
        open_traces.end_trace(
            trace_id,
            request_id=request_id,
            outputs=outputs,
            attributes=attributes,
            status=status,
            end_time_ns=end_time_ns,
        )

    def set_trace_tag(self, trace_id: str, key: str, value: Any) -> None:
        """Tag a trace that is open in this process.

        Raises:
            NotImplementedError: for any other trace.
        """
        _trace_info.set_trace_tag(trace_id, key, value)

    def __getattr__(self, name: str) -> Any:
        if name in _refusals.FUNCTIONS:
            return _refusals.stub(f"MlflowClient.{name}", _refusals.FUNCTIONS[name])
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)


def _linked(span: LiveSpan, links: Iterable[Any] | None) -> LiveSpan:
    for link in links or ():
        span.add_link(link)
    return span
