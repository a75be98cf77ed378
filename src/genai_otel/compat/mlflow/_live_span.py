"""``LiveSpan``: a genai_otel span with what MLflow's spans have beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.trace import Link as OTelLink
from opentelemetry.trace import SpanContext, StatusCode, TraceFlags
from typing_extensions import Self

from genai_otel._guard import report, warn_once
from genai_otel._spans import Span
from genai_otel.content.plain import plain
from genai_otel.content.tools import tool_definitions
from genai_otel.conventions import attributes as attr
from genai_otel.telemetry.writers import write_content

from ._refusals import PARAMETERS, refuse
from .entities import Link, SpanStatus, SpanStatusCode

_MICROSECONDS: Final = 10**17  # as nanoseconds a moment in 1973, as microseconds one in 5138


class LiveSpan(Span):
    """A live span; all of :class:`genai_otel.Span` holds: chainable setters, any value, nothing raises."""

    @property
    def inputs(self) -> Any:
        """A copy of the inputs as plain data (dict, list, str, numbers), free to be edited."""
        return plain(super().inputs)

    @property
    def outputs(self) -> Any:
        """A copy of the outputs as plain data (dict, list, str, numbers), free to be edited."""
        return plain(super().outputs)

    @property
    def status(self) -> SpanStatus:  # type: ignore[override]
        """The status as it is now; UNSET, not OK, after a success that nobody declared one."""
        found = super().status
        return SpanStatus(SpanStatusCode(found.status_code.name), found.description or "")

    def get_attribute(self, key: str) -> Any:
        """Return one attribute as it is now, or None; what is neither a primitive nor a list is JSON text."""
        return self.attributes.get(key)

    def set_attribute(self, key: str, value: Any) -> Self:  # type: ignore[override]
        """Set one attribute; MLflow's keys for usage, model and the like become those of the conventions."""
        translate = _TRANSLATED.get(key) if isinstance(key, str) else None
        if translate is None:
            super().set_attribute(key, value)
            return self
        try:
            translate(self, value)
        except Exception:
            report("LiveSpan.set_attribute")
        return self

    def set_attributes(self, attributes: Mapping[str, Any]) -> Self:  # type: ignore[override]
        """Set several attributes."""
        if not isinstance(attributes, Mapping):
            warn_once(
                "set_attributes", "set_attributes(%s) ignored: a mapping is needed", type(attributes).__name__
            )
            return self
        for key, value in attributes.items():
            self.set_attribute(key, value)
        return self

    def set_status(self, status: Any, description: str | None = None) -> Self:  # type: ignore[override]
        """Set the status: "OK", "ERROR", "UNSET", a ``SpanStatus``, a ``SpanStatusCode`` or an OTel one."""
        try:
            super().set_status(*_status(status, description))
        except Exception:
            report("LiveSpan.set_status")
        return self

    def add_event(  # type: ignore[override]
        self, name: Any, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None
    ) -> Self:
        """Add an event: a ``SpanEvent`` or a name; timestamps in nano- or microseconds since the epoch."""
        timestamp = timestamp or getattr(name, "timestamp", None)
        if isinstance(timestamp, int) and 0 < timestamp < _MICROSECONDS:
            timestamp *= 1_000
        super().add_event(name, attributes, timestamp)
        return self

    def add_link(self, context: Any, attributes: Mapping[str, Any] | None = None) -> Self:  # type: ignore[override]
        """Add a link: an ``entities.Link``, a span, or OpenTelemetry's ``Link`` or ``SpanContext``."""
        target = _linked(context)
        if target is None:
            warn_once("add_link", "link ignored: it needs a trace_id and a span_id in hexadecimal digits")
            return self
        if attributes is None and isinstance(context, (Link, OTelLink)):
            attributes = context.attributes
        super().add_link(target, attributes)
        return self

    def record_exception(  # type: ignore[override]
        self,
        exception: BaseException | str,
        attributes: Mapping[str, Any] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> Self:
        """Add an ``exception`` event and make the status ERROR, as MLflow does; a text is its message."""
        if attributes or timestamp:
            super().record_exception(_exception(exception), attributes, timestamp, escaped)
            super().set_status(StatusCode.ERROR)
            return self
        try:
            if self._operation is not None:
                self._operation.fail(_exception(exception))
        except Exception:
            report("LiveSpan.record_exception")
        return self

    def set_description(self, description: str | None) -> None:
        """Refuse: spans have no description."""
        refuse("LiveSpan.set_description", PARAMETERS["description"])

    def set_log_level(self, level: Any) -> None:
        """Refuse: spans have no log level."""
        refuse("LiveSpan.set_log_level", PARAMETERS["log_level"])


def live(span: Span) -> LiveSpan:
    """Return a span of ours with MLflow's surface."""
    return span if isinstance(span, LiveSpan) else LiveSpan(span._otel, span._operation)


def set_tools(span: Span, tools: Any) -> None:
    """Record the definitions of the tools that a model was offered."""
    if span._operation is not None:
        write_content(span._operation, attr.TOOL_DEFINITIONS, lambda: tool_definitions(tools), captured=False)


def _exception(exception: BaseException | str) -> BaseException:
    return exception if isinstance(exception, BaseException) else Exception(str(exception))


def _status(status: Any, description: str | None) -> tuple[Any, str | None]:
    if isinstance(status, SpanStatus):
        status, description = status.status_code, description or status.description or None
    return (status.value if isinstance(status, SpanStatusCode) else status), description


def _linked(target: Any) -> SpanContext | None:
    if isinstance(target, SpanContext):
        return target
    if isinstance(target, OTelLink):
        return target.context
    if isinstance(target, trace.Span):
        return target.get_span_context()
    try:
        trace_id = int(str(target.trace_id).rpartition("/")[2].removeprefix("tr-"), 16)
        context = SpanContext(trace_id, int(str(target.span_id), 16), True, TraceFlags(TraceFlags.SAMPLED))
    except (AttributeError, ValueError):
        return None
    return context if context.is_valid else None


def _set_usage(span: LiveSpan, usage: Any) -> None:
    if not isinstance(usage, Mapping):
        warn_once("set_usage", "token usage must be a mapping, not %s: ignored", type(usage).__name__)
        return
    span.set_usage(
        usage.get("input_tokens"),
        usage.get("output_tokens"),
        cache_read_tokens=usage.get("cache_read_input_tokens"),
        cache_write_tokens=usage.get("cache_creation_input_tokens"),
    )


_TRANSLATED: Final[dict[str, Callable[[LiveSpan, Any], object]]] = {
    "mlflow.chat.tokenUsage": _set_usage,
    "mlflow.chat.tools": set_tools,
    "mlflow.llm.model": lambda span, value: span.set_model(value),
    "mlflow.llm.provider": lambda span, value: span.set_model(provider=value),
    "mlflow.spanType": lambda span, value: span.set_span_type(value),
    "mlflow.spanInputs": lambda span, value: span.set_inputs(value),
    "mlflow.spanOutputs": lambda span, value: span.set_outputs(value),
}
