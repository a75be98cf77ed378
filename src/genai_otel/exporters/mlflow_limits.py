"""Values that an MLflow server refuses, cut to what it takes: it rejects a whole batch for a single one.

What can't be repaired (a token count that is no count, a cost that is no cost) is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from genai_otel.content.encode import to_json
from genai_otel.conventions import attributes as attr

from .recorded import recorded_object

NAME_LENGTH: Final = 4_096
TAG_KEY_LENGTH: Final = 250
TAG_VALUE_LENGTH: Final = 4_096
METADATA_LENGTH: Final = 250
ID_LENGTH: Final = 250
MAX_COUNT: Final = 2**53
_INT64: Final = 2**63

TOKEN_USAGE: Final = "mlflow.chat.tokenUsage"
COST: Final = "mlflow.llm.cost"
TRACE_TAG_PREFIX: Final = "mlflow.traceTag."
TRACE_NAME_TAG: Final = "mlflow.traceName"
_TOTAL: Final = "total_tokens"
_COUNTS: Final = ("input_tokens", "output_tokens")
_COSTS: Final = ("input_cost", "output_cost", "total_cost")


def text(value: object, length: int | None = None) -> str:
    """Return ``value`` as text that every store holds: without NUL or lone surrogates, cut to ``length``."""
    found = value if isinstance(value, str) else to_json(value)
    if not found.isascii():
        found = found.encode("utf-8", "replace").decode()
    if "\x00" in found:
        found = found.replace("\x00", "�")
    return found if length is None or len(found) <= length else found[: length - 1] + "…"


def is_count(value: object) -> bool:
    """Whether ``value`` is a number of tokens that can be stored and added up."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_COUNT


def usage(counts: Mapping[str, Any]) -> str | None:
    """Return MLflow's token usage with its total as JSON text; None where there is no count in it."""
    valid = {key: value for key, value in counts.items() if is_count(value)}
    if not any(key in valid for key in (*_COUNTS, _TOTAL)):
        return None
    valid.setdefault(_TOTAL, sum(valid.get(key, 0) for key in _COUNTS))
    return to_json(valid)


def acceptable(key: str, value: Any) -> Any:
    """Return what may be sent of one attribute; None for nothing."""
    check = _CHECKS.get(key)
    if check is not None:
        return check(value)
    if key.startswith(TRACE_TAG_PREFIX):
        return text(value, TAG_VALUE_LENGTH) if len(key) <= len(TRACE_TAG_PREFIX) + TAG_KEY_LENGTH else None
    return _encodable(value)


def _encodable(value: Any) -> Any:
    """Return a value that OTLP can carry: integers have 64 bits there."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int):
        return value if -_INT64 <= value < _INT64 else str(value)
    if isinstance(value, (list, tuple)):
        items = [_encodable(item) for item in value]
        mixed = any(isinstance(item, str) for item in items)
        return [item if isinstance(item, str) else str(item) for item in items] if mixed else items
    return value


def _id(value: Any) -> str | None:
    return text(value, ID_LENGTH) or None


def _count(value: Any) -> int | None:
    return value if is_count(value) else None


def _given_usage(value: Any) -> str | None:
    found = recorded_object(value)
    return None if found is None else usage(found)


def _given_cost(value: Any) -> str | None:
    found = recorded_object(value) or {}
    costs = {key: found[key] for key in _COSTS if _is_amount(found.get(key))}
    return to_json(costs) if costs else None


def _is_amount(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


_CHECKS: Final[dict[str, Callable[[Any], Any]]] = {
    **dict.fromkeys((attr.SESSION_ID, attr.CONVERSATION_ID, attr.USER_ID), _id),
    **dict.fromkeys(
        (
            attr.USAGE_INPUT_TOKENS,
            attr.USAGE_OUTPUT_TOKENS,
            attr.USAGE_CACHE_READ_TOKENS,
            attr.USAGE_CACHE_WRITE_TOKENS,
        ),
        _count,
    ),
    TRACE_TAG_PREFIX + TRACE_NAME_TAG: lambda value: text(value, NAME_LENGTH),
    TOKEN_USAGE: _given_usage,
    COST: _given_cost,
}
