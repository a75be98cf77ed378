"""What a span's recorded content says in one line; nothing where nothing was recorded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from genai_otel.content import preview
from genai_otel.conventions import attributes as attr

_REQUESTS: Final = (
    attr.INPUT_MESSAGES,
    attr.RETRIEVAL_QUERY,
    attr.TOOL_CALL_ARGUMENTS,
    attr.MEMORY_QUERY,
    attr.INPUT_VALUE,
)
_RESPONSES: Final = (
    attr.OUTPUT_MESSAGES,
    attr.RETRIEVAL_DOCUMENTS,
    attr.TOOL_CALL_RESULT,
    attr.MEMORY_RECORDS,
    attr.OUTPUT_VALUE,
)


def request(attributes: Mapping[str, Any]) -> str | None:
    """Return the request as one short text: the preview set for it, else one derived from the input."""
    return _set_by_user(attributes, attr.REQUEST_PREVIEW) or _derived(attributes, _REQUESTS, "request")


def response(attributes: Mapping[str, Any]) -> str | None:
    """Return the response as one short text: the preview set for it, else one derived from the output."""
    return _set_by_user(attributes, attr.RESPONSE_PREVIEW) or _derived(attributes, _RESPONSES, "response")


def _set_by_user(attributes: Mapping[str, Any], key: str) -> str | None:
    value = attributes.get(key)
    return value if isinstance(value, str) else None


def _derived(
    attributes: Mapping[str, Any], keys: tuple[str, ...], side: Literal["request", "response"]
) -> str | None:
    key = next((key for key in keys if attributes.get(key) not in (None, "")), None)
    if key is None:
        return None
    value = _parsed(attributes[key])
    if key in (attr.INPUT_MESSAGES, attr.OUTPUT_MESSAGES) and isinstance(value, list):
        read = preview.request_preview if side == "request" else preview.response_preview
        return read(value)
    return preview.derive(value, side)


def _parsed(value: Any) -> Any:
    """The value that JSON text stands for; anything else, plain text included, as it is."""
    if not (isinstance(value, str) and value[:1] in ("{", "[")):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
