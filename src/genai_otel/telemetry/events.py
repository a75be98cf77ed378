"""The GenAI events: log records with an event name, in the context of their span."""

from __future__ import annotations

from typing import Any

from opentelemetry._logs import Logger, LogRecord, SeverityNumber
from opentelemetry.context import Context

from ..conventions import events


def emit(
    logger: Logger,
    name: str,
    attributes: dict[str, Any],
    context: Context,
    timestamp: int,
    severity: SeverityNumber | None = None,
) -> None:
    """Emit one event; ``context`` holds the span it belongs to, ``timestamp`` is in nanoseconds since the epoch."""
    logger.emit(
        LogRecord(
            timestamp=timestamp,
            context=context,
            severity_number=severity,
            attributes=attributes,
            event_name=name,
        )
    )


def emit_inference_details(
    logger: Logger, attributes: dict[str, Any], content: dict[str, Any], context: Context, timestamp: int
) -> None:
    """Emit the details event of an inference: its span's attributes, with messages structured instead of as JSON."""
    emit(
        logger, events.INFERENCE_DETAILS, {**attributes, **content}, context, timestamp, SeverityNumber.DEBUG
    )
