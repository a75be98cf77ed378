"""Evaluation results and user feedback, as ``gen_ai.evaluation.result`` events on the span they judge."""

from __future__ import annotations

from time import time_ns
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from . import _runtime, _settings
from ._guard import guarded, warn_once
from .conventions import attributes as attr
from .conventions import events
from .telemetry import errors, listeners
from .telemetry.attributes import cleared_text, text_of
from .telemetry.events import emit

SpanReference = trace.Span | SpanContext | tuple[str, str]


@guarded()
def log_evaluation(
    name: str,
    *,
    value: float | bool | None = None,
    label: str | None = None,
    explanation: str | None = None,
    span: SpanReference | None = None,
    response_id: str | None = None,
    error: BaseException | str | None = None,
) -> None:
    """Emit the result of an evaluation on the span it judges.

    Args:
        name: the evaluation's name, such as ``"relevance"``.
        value: the score; a bool counts as 1 or 0.
        label: a low-cardinality verdict, such as ``"pass"``.
        explanation: free text.
        span: a span, also an ended one, or a ``(trace_id, span_id)`` pair; default: the current span.
        response_id: ``gen_ai.response.id`` of what was judged, where the span is not known.
        error: why the evaluator failed.
    """
    settings = _settings.current()
    logger = settings.providers.logger()
    if (logger is None and not listeners.evaluated) or _runtime.suppressed(_runtime.current()):
        return
    policy = settings.content
    explained = cleared_text(attr.EVALUATION_EXPLANATION, explanation, policy)
    attributes: dict[str, Any] = {
        attr.EVALUATION_NAME: text_of(name),
        attr.EVALUATION_VALUE: _score(value),
        attr.EVALUATION_LABEL: cleared_text(attr.EVALUATION_LABEL, label, policy),
        attr.EVALUATION_EXPLANATION: None if explained is None else policy.text(explained),
        attr.RESPONSE_ID: text_of(response_id),
        attr.ERROR_TYPE: errors.error_type(error)
        if isinstance(error, BaseException)
        else cleared_text(attr.ERROR_TYPE, error, policy),
    }
    present = {key: item for key, item in attributes.items() if item is not None}
    context = _context_of(span)
    if logger is not None:
        emit(logger, events.EVALUATION_RESULT, present, context, time_ns())
    judged = trace.get_current_span(context).get_span_context()
    for listener in listeners.evaluated:
        listener(present, judged.trace_id, judged.span_id)


def log_feedback(
    name: str = events.USER_FEEDBACK,
    *,
    value: float | bool | None = None,
    label: str | None = None,
    explanation: str | None = None,
    span: SpanReference | None = None,
    response_id: str | None = None,
    error: BaseException | str | None = None,
) -> None:
    """Emit a user's feedback: :func:`log_evaluation` named ``user_feedback`` unless another name is given.

    For feedback that comes later, keep ``(span.trace_id, span.span_id)`` and give it as ``span``. The other arguments
    are those of :func:`log_evaluation`.
    """
    log_evaluation(
        name,
        value=value,
        label=label,
        explanation=explanation,
        span=span,
        response_id=response_id,
        error=error,
    )


def _score(value: Any) -> float | None:
    if value is None:
        return None
    try:
        return float(value)
    except Exception:
        warn_once("log_evaluation.value", "value must be a number, not %s: ignored", type(value).__name__)
        return None


def _context_of(span: Any) -> Context:
    if span is None:
        return _runtime.current()
    if isinstance(span, trace.Span):
        return trace.set_span_in_context(span, Context())
    ids = span if isinstance(span, SpanContext) else _span_context(span)
    judged = trace.INVALID_SPAN if ids is None else NonRecordingSpan(ids)
    return trace.set_span_in_context(judged, Context())


def _span_context(pair: Any) -> SpanContext | None:
    try:
        readable = getattr(pair, "context", None)
        if isinstance(readable, SpanContext):  # an ended span from an exporter
            return readable
        trace_id, span_id = pair
        flags = TraceFlags(TraceFlags.SAMPLED)
        ids = SpanContext(_number(trace_id, 32), _number(span_id, 16), is_remote=True, trace_flags=flags)
    except Exception:
        ids = None
    if ids is None or not ids.is_valid:
        warn_once(
            "log_evaluation.span", "span must be a span or a (trace_id, span_id) pair of hexadecimal ids"
        )
        return None
    return ids


def _number(value: Any, digits: int) -> int:
    if isinstance(value, int):
        return value
    text = str(value).removeprefix("tr-").replace("-", "")
    if len(text) != digits:
        raise ValueError
    return int(text, 16)
