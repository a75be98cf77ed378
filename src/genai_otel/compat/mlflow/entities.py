"""``mlflow.entities``: span types, statuses, events, links and documents."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import Enum
from time import time_ns
from typing import TYPE_CHECKING, Any

from genai_otel.conventions.span_types import SpanType
from genai_otel.telemetry.errors import exception_attributes

from . import _refusals

if TYPE_CHECKING:
    from ._live_span import LiveSpan
    from ._live_span import LiveSpan as Span

__all__ = [
    "Document",
    "Experiment",
    "Link",
    "LiveSpan",
    "Span",
    "SpanEvent",
    "SpanStatus",
    "SpanStatusCode",
    "SpanType",
]


class SpanStatusCode(str, Enum):
    """How an operation went."""

    UNSET = "UNSET"
    OK = "OK"
    ERROR = "ERROR"

    def __str__(self) -> str:
        return self.value


@dataclass
class SpanStatus:
    """A status code, and for an ERROR why.

    Raises:
        ValueError: for an unknown status code.
    """

    status_code: SpanStatusCode
    description: str = ""

    def __post_init__(self) -> None:
        code = (
            self.status_code if isinstance(self.status_code, str) else getattr(self.status_code, "name", "")
        )
        self.status_code = SpanStatusCode(code)


@dataclass
class SpanEvent:
    """Something that happened during a span; the timestamp is in nano- or microseconds since the epoch."""

    name: str
    timestamp: int = field(default_factory=time_ns)
    attributes: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_exception(cls, exception: BaseException) -> SpanEvent:
        """Return the ``exception`` event of an exception."""
        return cls("exception", attributes=exception_attributes(exception, content=True))


@dataclass
class Link:
    """A reference to a span of another trace, by ids in hexadecimal digits."""

    trace_id: str
    span_id: str
    attributes: dict[str, Any] | None = None


@dataclass
class Document:
    """A retrieved document, for the outputs of a RETRIEVER span."""

    page_content: str
    metadata: dict[str, Any] = field(default_factory=dict)
    id: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the document as a dictionary."""
        return asdict(self)


@dataclass(frozen=True)
class Experiment:
    """The experiment that traces go to; its id is known only when it was chosen by id."""

    name: str | None
    experiment_id: str | None


def __getattr__(name: str) -> Any:
    if name in ("LiveSpan", "Span"):
        from ._live_span import LiveSpan

        return LiveSpan
    return _refusals.missing(__name__, name, _refusals.ENTITIES, __all__)
