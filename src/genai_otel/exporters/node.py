"""One span as a plain node, whatever it came from: the SDK, an OTLP file, a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from genai_otel.conventions import attributes as attr
from genai_otel.conventions.events import EXCEPTION

from . import previews

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

OPERATION_LABELS: Final[Mapping[str, str]] = {
    "chat": "LLM",
    "text_completion": "LLM",
    "generate_content": "LLM",
    "fetch_response": "LLM",
    "embeddings": "EMBEDDING",
    "retrieval": "RETRIEVER",
    "execute_tool": "TOOL",
    "invoke_agent": "AGENT",
    "create_agent": "AGENT",
    "invoke_workflow": "WORKFLOW",
    "plan": "PLAN",
}
PLAIN_LABEL: Final = "SPAN"
_KIND_LABELS: Final = frozenset({"SERVER", "CLIENT", "PRODUCER", "CONSUMER"})


class SpanEvent(NamedTuple):
    """An event on a span: name, time in nanoseconds, attributes."""

    name: str
    time_ns: int
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class SpanNode:
    """One span and the spans under it; ``end_ns`` is ``None`` while it is still running.

    Ids are lower-case hexadecimal. ``label`` is the type shown to people (``LLM``, ``TOOL``, ``SERVER`` ...),
    ``status`` one of ``UNSET``, ``OK``, ``ERROR``, ``time_to_first_chunk`` is in seconds. Build one with
    :func:`span_node`, which reads all that from the attributes.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    label: str
    start_ns: int
    end_ns: int | None
    status: str = "UNSET"
    error_type: str | None = None
    error_message: str | None = None
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    time_to_first_chunk: float | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False)
    events: Sequence[SpanEvent] = field(default=(), repr=False)
    children: tuple[SpanNode, ...] = field(default=(), repr=False)

    @property
    def failed(self) -> bool:
        return self.status == "ERROR"

    @property
    def operation(self) -> str:
        """The GenAI operation, or the span's name where it has none."""
        return _text(self.attributes.get(attr.OPERATION_NAME)) or self.name

    @property
    def names_its_model(self) -> bool:
        """Whether the name says which model it was, be it without the version that answered."""
        model = self.model or ""
        requested = _text(self.attributes.get(attr.REQUEST_MODEL)) or model
        return model in self.name or (requested in self.name and model.startswith(requested))

    @property
    def typed(self) -> bool:
        """Whether the span says what it is, beyond its OpenTelemetry kind."""
        return self.label != PLAIN_LABEL and self.label not in _KIND_LABELS

    @property
    def request_preview(self) -> str | None:
        """The recorded input as one short text, or ``None`` when nothing was recorded."""
        return previews.request(self.attributes)

    @property
    def response_preview(self) -> str | None:
        """The recorded output as one short text, or ``None`` when nothing was recorded."""
        return previews.response(self.attributes)


def span_node(
    *,
    trace_id: str,
    span_id: str,
    parent_id: str | None,
    name: str,
    start_ns: int,
    end_ns: int | None,
    kind: str = "INTERNAL",
    status: str = "UNSET",
    status_description: str | None = None,
    attributes: Mapping[str, Any] | None = None,
    events: Sequence[SpanEvent] = (),
) -> SpanNode:
    """Build a node from plain values, reading type, model, usage and error from the attributes and events.

    ``kind`` and ``status`` are OpenTelemetry's names without prefix (``"SERVER"``, ``"ERROR"``).
    """
    attributes = attributes if attributes is not None else {}
    exception = _last_exception(events) if status == "ERROR" else {}
    return SpanNode(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=parent_id,
        name=name,
        label=label_of(attributes, kind),
        start_ns=start_ns,
        end_ns=end_ns,
        status=status,
        error_type=_text(attributes.get(attr.ERROR_TYPE)) or _text(exception.get(attr.EXCEPTION_TYPE)),
        error_message=status_description or _text(exception.get(attr.EXCEPTION_MESSAGE)),
        model=_text(attributes.get(attr.RESPONSE_MODEL)) or _text(attributes.get(attr.REQUEST_MODEL)),
        input_tokens=_count(attributes.get(attr.USAGE_INPUT_TOKENS)),
        output_tokens=_count(attributes.get(attr.USAGE_OUTPUT_TOKENS)),
        time_to_first_chunk=_seconds(attributes.get(attr.TIME_TO_FIRST_CHUNK)),
        attributes=attributes,
        events=events,
    )


def from_readable(span: ReadableSpan) -> SpanNode:
    """Build a node from a span of the OpenTelemetry SDK, ended or still running."""
    context = span.context
    return span_node(
        trace_id=f"{context.trace_id:032x}" if context else "0" * 32,
        span_id=f"{context.span_id:016x}" if context else f"{id(span):016x}",
        parent_id=f"{span.parent.span_id:016x}" if span.parent else None,
        name=span.name,
        start_ns=span.start_time or 0,
        end_ns=span.end_time,
        kind=span.kind.name,
        status=span.status.status_code.name,
        status_description=span.status.description,
        attributes=span.attributes,
        events=tuple(SpanEvent(e.name, e.timestamp, e.attributes or {}) for e in span.events),
    )


def label_of(attributes: Mapping[str, Any], kind: str = "INTERNAL") -> str:
    """Return the type to show: from the GenAI operation, else OpenInference's kind, else the span kind."""
    operation = _text(attributes.get(attr.OPERATION_NAME))
    if operation:
        return OPERATION_LABELS.get(operation) or ("MEMORY" if "memory" in operation else operation.upper())
    openinference = _text(attributes.get(attr.OPENINFERENCE_KIND))
    if openinference and openinference != "UNKNOWN":
        return openinference
    return kind if kind in _KIND_LABELS else PLAIN_LABEL


def _last_exception(events: Sequence[SpanEvent]) -> Mapping[str, Any]:
    return next((event.attributes for event in reversed(events) if event.name == EXCEPTION), {})


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
