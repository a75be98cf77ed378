"""What is said of a trace as a whole: tags, metadata, previews, state, and feedback on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.trace import StatusCode

from genai_otel import _context, _evaluation, _spans
from genai_otel._guard import guarded, warn_once
from genai_otel._spans import Span
from genai_otel.content.encode import text_or_json
from genai_otel.telemetry.operation import entered

from . import _recording, _refusals
from ._open_traces import open_traces

# metadata and tags by which MLflow's users say what genai_otel has an argument for
_ARGUMENTS: Final = {
    "mlflow.trace.session": "session_id",
    "mlflow.trace.user": "user_id",
    "mlflow.traceName": "name",
}
_STATES: Final = {"OK": StatusCode.OK, "ERROR": StatusCode.ERROR}


def split(tags: Mapping[str, Any] | None, metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return tags and metadata as genai_otel's arguments, reserved keys as those they stand for."""
    found: dict[str, Any] = {}
    for argument, values in (("tags", tags), ("metadata", metadata)):
        if values is not None and not isinstance(values, Mapping):
            warn_once(argument, "%s ignored: a mapping is needed, not %s", argument, type(values).__name__)
            continue
        for key, value in (values or {}).items():
            if key in _ARGUMENTS:
                found[_ARGUMENTS[key]] = value
            else:
                found.setdefault(argument, {})[key] = value
    return found


@guarded()
def update_current_trace(
    tags: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    client_request_id: str | None = None,
    request_preview: str | None = None,
    response_preview: str | None = None,
    state: str | None = None,
    model_id: str | None = None,
    session_id: Any = None,
    user: str | None = None,
) -> None:
    """Describe the current trace as a whole, from however deep inside it.

    As :func:`genai_otel.update_current_trace`;     ``state`` ("OK" or "ERROR") becomes the status of the
    trace's outermost span, ``model_id`` the metadata ``mlflow.modelId``. Outside any trace: one warning.
    """
    said = split(tags, metadata)
    if model_id is not None:
        said["metadata"] = {**said.get("metadata", {}), "mlflow.modelId": model_id}
    given = {
        "client_request_id": client_request_id,
        "request_preview": request_preview or None,
        "response_preview": response_preview or None,
        "session_id": session_id,
        "user_id": user,
    }
    _context.update_current_trace(**said, **{key: value for key, value in given.items() if value is not None})
    if state is not None:
        _set_state(state)


@guarded()
def _set_state(state: str) -> None:
    code = _STATES.get(str(getattr(state, "value", state)).upper())
    if code is None:
        warn_once("update_current_trace.state", "state= ignored: allowed are 'OK' and 'ERROR'")
        return
    span = _spans.get_current_span()
    if span is not None and span._operation is not None:
        span._operation.root.set_status(code, None)


@guarded()
def describe(
    span: Span, tags: Mapping[str, Any] | None = None, metadata: Mapping[str, Any] | None = None
) -> None:
    """Put tags and metadata on the trace of a span that need not be current."""
    said = split(tags, metadata)
    if not said or span._operation is None:
        return
    with _context._Block(lambda outer: entered(outer, span, span._operation)):
        _context.update_current_trace(**said)


def set_trace_tag(trace_id: str, key: str, value: Any) -> None:
    """Tag a trace that is open in this process: the current one, or one begun with the client.

    Raises:
        NotImplementedError: for any other trace.
    """
    root = _open_root(_digits(trace_id))
    if root is None:
        _refusals.refuse(
            "set_trace_tag() on a trace that is not open here", "tag it before its outermost span ends"
        )
    describe(root, tags={key: value})


def log_feedback(
    *,
    trace_id: str | None = None,
    name: str = "feedback",
    value: Any = None,
    source: None = None,
    error: Any = None,
    rationale: str | None = None,
    metadata: None = None,
    span_id: str | None = None,
) -> None:
    """Emit feedback as an OpenTelemetry evaluation event, see :func:`genai_otel.log_evaluation`.

    A number or bool is the score, anything else the label. The event goes to the span ``span_id``, else to
    the outermost span of the trace (one that is open here or ended here not long ago), else to the current
    span.

    Raises:
        NotImplementedError: for ``source`` and ``metadata``, and for a trace of another process without
        ``span_id``.
    """
    _refusals.refuse_given("log_feedback", source=source, metadata=metadata)
    score = value if isinstance(value, (bool, int, float)) else None
    label = None if value is None or score is not None else text_or_json(value)[0]
    code = getattr(error, "error_code", error)
    _evaluation.log_evaluation(
        name,
        value=score,
        label=label,
        explanation=rationale,
        span=None if trace_id is None else _judged(_digits(trace_id), span_id),
        error=code if code is None or isinstance(code, BaseException) else str(code),
    )


def _judged(trace_id: str, span_id: str | None) -> trace.Span | tuple[str, str]:
    if span_id is not None:
        return trace_id, span_id
    root = _open_root(trace_id)
    if root is not None:
        return root
    ended = _recording.root_id_of(trace_id)
    if ended is None:
        _refusals.refuse("log_feedback() on a trace of another process", "give span_id= as well")
    return trace_id, ended


def _open_root(trace_id: str) -> Span | None:
    current = _spans.get_current_span()
    if current is not None and current._operation is not None and current.trace_id == trace_id:
        root = current._operation.root
        return Span(root.span, root)
    return open_traces.root_of(trace_id)


def _digits(trace_id: object) -> str:
    return str(trace_id).rpartition("/")[2].removeprefix("tr-").replace("-", "").lower()
