"""The other two signals of an operation that has ended: its metrics and its details event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.context import Context

from ..conventions import attributes as attr
from ..conventions.span_types import Family
from .metrics import Instruments, record_agent_calls, record_chunk_times, record_operation
from .usage import UsageSum

if TYPE_CHECKING:
    from .operation import Operation

STARTED: Final = "genai_otel.start_time"
"""Where the start of an operation is kept whose span the sampler dropped."""


def emit_details(op: Operation, end: int) -> None:
    """Emit the details event of an inference, in the context of its span."""
    logger = op.settings.providers.logger()
    if logger is None:
        return
    from .events import emit_inference_details

    facts = {**op.start_attributes, **op.pending}
    for key in attr.CONTENT:
        facts.pop(key, None)
    context = trace.set_span_in_context(op.span, Context())
    emit_inference_details(logger, facts, op.event_content or {}, context, end)


def record_metrics(op: Operation, instruments: Instruments, end: int) -> None:
    """Record duration, tokens and, of streams and agents, what else the conventions measure."""
    started = getattr(op.span, "start_time", None) or op.start_attributes.get(STARTED, end)
    dialect = op.settings.dialect
    record_operation(instruments, dialect, op.rules.family, op.lookup, max(0, end - started) / 1e9)
    if op.first_chunk is not None:
        record_chunk_times(instruments, dialect, op.lookup, op.first_chunk, op.chunk_gaps or {})
    if op.rules.family is Family.AGENT and op.rules.sums_usage:
        made = op.sum or UsageSum()
        record_agent_calls(instruments, op.lookup, made.inference_calls, made.tool_calls)
