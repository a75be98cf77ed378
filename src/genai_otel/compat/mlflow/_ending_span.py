"""``EndingSpan``: what a span processor is given, with everything recorded readable and replaceable."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from typing_extensions import Self

from genai_otel.conventions import attributes as attr
from genai_otel.telemetry.operation import Operation

from ._live_span import LiveSpan

_INPUTS: Final = (
    attr.INPUT_MESSAGES,
    attr.SYSTEM_INSTRUCTIONS,
    attr.TOOL_DEFINITIONS,
    attr.INPUT_VALUE,
    attr.INPUT_MIME_TYPE,
    attr.TOOL_CALL_ARGUMENTS,
    attr.RETRIEVAL_QUERY,
    attr.MEMORY_QUERY,
)
_OUTPUTS: Final = (
    attr.OUTPUT_MESSAGES,
    attr.OUTPUT_VALUE,
    attr.OUTPUT_MIME_TYPE,
    attr.TOOL_CALL_RESULT,
    attr.RETRIEVAL_DOCUMENTS,
    attr.MEMORY_RECORDS,
)
_REQUEST_KEYS: Final = {attr.SYSTEM_INSTRUCTIONS: "instructions", attr.TOOL_DEFINITIONS: "tools"}


class EndingSpan(LiveSpan):
    """A span about to end.

    ``inputs`` and ``outputs`` are what was recorded, of automatic spans as well: a chat request is
    ``{"messages": [...]}`` (with ``instructions`` and ``tools`` where there are any), its answer
    ``{"choices": [{"message": ...}]}``. Setting one replaces all that was recorded on its side.
    """

    @property
    def inputs(self) -> Any:
        """The inputs as plain data, free to be edited."""
        given = super().inputs
        if given is not None or self._operation is None:
            return given
        messages = _recorded(self._operation, attr.INPUT_MESSAGES)
        if messages is None:
            return _first(self._operation, _INPUTS)
        parts = {name: _recorded(self._operation, key) for key, name in _REQUEST_KEYS.items()}
        return {"messages": [_message(said) for said in messages], **{k: v for k, v in parts.items() if v}}

    @property
    def outputs(self) -> Any:
        """The outputs as plain data, free to be edited."""
        given = super().outputs
        if given is not None or self._operation is None:
            return given
        messages = _recorded(self._operation, attr.OUTPUT_MESSAGES)
        if messages is None:
            return _first(self._operation, _OUTPUTS)
        return {"choices": [_choice(index, said) for index, said in enumerate(messages)]}

    def set_inputs(self, value: Any) -> Self:
        """Record other inputs in place of all that were recorded."""
        self._clear(_INPUTS, attr.REQUEST_PREVIEW)
        super().set_inputs(value)
        return self

    def set_outputs(self, value: Any) -> Self:
        """Record other outputs in place of all that were recorded."""
        self._clear(_OUTPUTS, attr.RESPONSE_PREVIEW)
        super().set_outputs(value)
        return self

    def _clear(self, keys: tuple[str, ...], preview: str) -> None:
        operation = self._operation
        if operation is None:
            return
        for key in keys:
            operation.pending.pop(key, None)
            if operation.event_content is not None:
                operation.event_content.pop(key, None)
        if operation.previews is not None:
            operation.previews.pop(preview, None)


def _recorded(operation: Operation, key: str) -> Any:
    if operation.event_content is not None and key in operation.event_content:
        return operation.event_content[key]
    text = operation.pending.get(key)
    try:
        return json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return text


def _first(operation: Operation, keys: tuple[str, ...]) -> Any:
    return next((found for key in keys if (found := _recorded(operation, key)) is not None), None)


def _message(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message of the conventions in the shape that chat APIs have."""
    parts = said.get("parts") or []
    text = all(part.get("type") == "text" and set(part) == {"type", "content"} for part in parts)
    content: Any = "\n".join(part["content"] for part in parts) if text else [dict(part) for part in parts]
    return {**{key: value for key, value in said.items() if key != "parts"}, "content": content}


def _choice(index: int, said: Mapping[str, Any]) -> dict[str, Any]:
    message = _message(said)
    return {"index": index, "finish_reason": message.pop("finish_reason", None), "message": message}
