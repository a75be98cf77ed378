"""Evaluations and feedback as MLflow's assessments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from genai_otel.conventions import attributes as attr
from genai_otel.conventions import events

from . import mlflow_limits as limits

_SOURCES: Final = {events.USER_FEEDBACK: "HUMAN"}
_OTHER_SOURCE: Final = "CODE"
_SOURCE_ID: Final = "default"
# said beside the value, where MLflow has no field for it
_METADATA: Final = (attr.EVALUATION_LABEL, attr.RESPONSE_ID)


def assessment(attributes: Mapping[str, Any], trace_id: str, span_id: str | None) -> dict[str, Any]:
    """Return the body of ``POST /api/3.0/mlflow/traces/{trace_id}/assessments`` for one evaluation event.

    The score is the value, else the label is. Without ``span_id`` the trace as a whole is judged.
    """
    name = str(attributes.get(attr.EVALUATION_NAME) or "feedback")
    found = {
        "assessment_name": limits.text(name, limits.ID_LENGTH),
        "trace_id": trace_id,
        "span_id": span_id,
        "source": {"source_type": _SOURCES.get(name, _OTHER_SOURCE), "source_id": _SOURCE_ID},
        "feedback": _feedback(attributes),
        "rationale": _optional(attributes.get(attr.EVALUATION_EXPLANATION)),
        "metadata": _metadata(attributes),
    }
    return {"assessment": {key: value for key, value in found.items() if value}}


def _feedback(attributes: Mapping[str, Any]) -> dict[str, Any]:
    value = attributes.get(attr.EVALUATION_VALUE)
    error = attributes.get(attr.ERROR_TYPE)
    judged = _optional(attributes.get(attr.EVALUATION_LABEL)) if value is None else value
    feedback = {} if judged is None else {"value": judged}
    return {**feedback, "error": {"error_code": limits.text(error)}} if error is not None else feedback


def _metadata(attributes: Mapping[str, Any]) -> dict[str, str]:
    keys = _METADATA if attributes.get(attr.EVALUATION_VALUE) is not None else (attr.RESPONSE_ID,)
    return {key: limits.text(attributes[key], limits.METADATA_LENGTH) for key in keys if attributes.get(key)}


def _optional(value: Any) -> str | None:
    return None if value is None else limits.text(value)
