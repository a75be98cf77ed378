"""Which attribute a recorded input or output becomes, by the shape of its span type.

A value goes redact -> shorten -> encode (the content policy) -> attribute, once, here and nowhere else. Explicit
values go on the span whatever the content mode; captured ones only where the mode says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any, Final, Literal

from ..content import describe
from ..content import documents as document_shapes
from ..content import messages as chat
from ..content.answers import CONVENTIONAL
from ..content.encode import APPLICATION_JSON, TEXT, text_or_json
from ..content.fields import first
from ..content.media import inline_text
from ..content.policy import DROPPED
from ..content.preview import MAX_LENGTH, said, shortened
from ..content.second_try import second_try
from ..content.tools import object_of, tool_definitions
from ..conventions import attributes as attr
from ..conventions.span_types import Family, Shape

if TYPE_CHECKING:
    from .operation import Operation

_QUERY_NAMES: Final = (
    "query",
    "question",
    "query_text",
    "search_query",
    "q",
    "text",
    "input",
    "search",
    "prompt",
)


def write_inputs(op: Operation, value: Any, *, captured: bool) -> None:
    """Record the inputs of an operation."""
    if _wanted(op, captured):
        _write(op, _INPUTS[op.rules.shape], value, captured)


def write_outputs(op: Operation, value: Any, *, captured: bool) -> None:
    """Record the outputs of an operation."""
    if op.rules.shape is Shape.EMBEDDING:
        _write_dimension(op, value)
    elif _wanted(op, captured):
        _write(op, _OUTPUTS[op.rules.shape], value, captured)


def write_documents(op: Operation, value: Any, *, captured: bool) -> None:
    """Record retrieval results."""
    if _wanted(op, captured):
        _write(op, _write_found, value, captured)


def write_content(op: Operation, key: str, make: Callable[[], Any], *, captured: bool) -> None:
    """Record content in its convention's shape; ``make`` builds it and is called only if it is going to be recorded."""
    if _wanted(op, captured):
        _write(op, _write_made, (key, make), captured)


def _write(op: Operation, write: Callable[[Operation, Any, bool], None], value: Any, captured: bool) -> None:
    """Call a writer; where there is a redactor nothing may be shortened on the way to it."""
    if op.settings.content.redact is None:
        write(op, value, captured)
        return
    token = describe.whole.set(True)
    try:
        write(op, value, captured)
    finally:
        describe.whole.reset(token)


def _write_made(op: Operation, made: tuple[str, Callable[[], Any]], captured: bool) -> None:
    key, make = made
    value = make()
    if value:
        _put_json(op, key, value, captured, _REPAIRS.get(key))


def _write_found(op: Operation, value: Any, captured: bool) -> None:
    found = document_shapes.documents(value)
    _put_json(op, attr.RETRIEVAL_DOCUMENTS, found, captured, document_shapes.documents)


def wants_captured(op: Operation) -> bool:
    """Whether content captured on the user's behalf is recorded for this operation."""
    return _wanted(op, captured=True)


def _wanted(op: Operation, captured: bool) -> bool:
    if not op.recording:
        return False
    policy = op.settings.content
    return not captured or policy.span or (policy.event and op.rules.family is Family.INFERENCE)


def _put_json(
    op: Operation, key: str, value: Any, captured: bool, repair: Callable[[Any], Any] | None = None
) -> Any:
    """Clear ``value``, then put it on the span as JSON text and, in event modes, on the event as plain data.

    ``repair`` brings what a redactor returned back into the convention's shape. Returns the cleared value.
    """
    policy = op.settings.content
    cleared = policy.cleared(key, value)
    if cleared is DROPPED:
        op.pending.pop(key, None)
        return DROPPED
    if repair is not None and policy.redact is not None:
        cleared = repair(cleared)
    if key == attr.OUTPUT_MESSAGES:
        _give_finish_reasons(op, cleared)
    if policy.span or not captured:
        op.pending[key] = policy.json(cleared)
    if policy.event and op.rules.family is Family.INFERENCE:
        if op.event_content is None:
            op.event_content = {}
        op.event_content[key] = policy.structured(cleared)
    return cleared


def _give_finish_reasons(op: Operation, messages: Any) -> None:
    """Give each message the ``finish_reason`` that the schema required until lately, and that tools still expect."""
    reasons = op.lookup(attr.RESPONSE_FINISH_REASONS) or ()
    absent = "error" if op.failed else ("unknown" if op.lookup(attr.REQUEST_STREAM) else "stop")
    for index, message in enumerate(messages):
        reason = reasons[index] if index < len(reasons) else absent
        message.setdefault("finish_reason", CONVENTIONAL.get(reason, reason))


def _put_text(op: Operation, key: str, value: Any) -> Any:
    policy = op.settings.content
    cleared = policy.cleared(key, value)
    if cleared is DROPPED:
        op.pending.pop(key, None)
        return DROPPED
    op.pending[key] = policy.text(cleared) if _is_text(cleared) else policy.json(cleared)
    return cleared


def _is_text(value: Any) -> bool:
    return issubclass(type(value), str)  # `isinstance` would ask the value's `__class__`


# --- plain values: input.value / output.value ---------------------------------------------------------------
def _value_writer(
    key: str, mime_key: str, side: Literal["request", "response"], preview_key: str
) -> Callable[[Operation, Any, bool], None]:
    def write(op: Operation, value: Any, captured: bool) -> None:
        policy, pending = op.settings.content, op.pending
        if policy.redact is None and policy.max_length is None:  # the common case, without a detour
            text, pending[mime_key] = text_or_json(value)
            pending[key] = text = inline_text(text)
        else:
            value = _put_text(op, key, value)
            if value is DROPPED:
                return
            text = pending[key]
            pending[mime_key] = TEXT if _is_text(value) else APPLICATION_JSON
        if op.parent is None and value is not None:
            if op.previews is None:
                op.previews = {}
            op.previews[preview_key] = _preview(value, text, side)

    return write


def _preview(value: Any, text: str, side: Literal["request", "response"]) -> str:
    """Return the last message where ``value`` may be a chat, else the start of the text it was recorded as."""
    if _may_be_chat(value):
        return said(value, side) or shortened(inline_text(text))
    if len(text) <= MAX_LENGTH and ";base64," not in text:
        return text
    return shortened(inline_text(text))


def _may_be_chat(value: Any) -> bool:
    """Whether a look at the message shapes is worth its cost: not for scalars and dicts of plain arguments."""
    kind = type(value)
    if kind is dict:
        return not _CHAT_KEYS.isdisjoint(value)
    if kind is list or kind is tuple:
        return bool(value) and type(value[0]) not in _SCALARS
    return kind not in _SCALARS


_SCALARS: Final = frozenset({str, int, float, bool, type(None)})
_CHAT_KEYS: Final = frozenset(
    {"messages", "choices", "input", "output", "prompt", "role", "content", "parts", "data"}
)


# --- chat messages --------------------------------------------------------------------------------------------
def _write_request(op: Operation, value: Any, captured: bool) -> None:
    request = chat.split_request(value)
    _put_json(op, attr.INPUT_MESSAGES, request.messages, captured, chat.input_messages)
    for key, part in (
        (attr.SYSTEM_INSTRUCTIONS, request.system_instructions),
        (attr.TOOL_DEFINITIONS, request.tool_definitions),
    ):
        if part:
            _put_json(op, key, part, captured, _REPAIRS[key])


def _write_answer(op: Operation, value: Any, captured: bool) -> None:
    _put_json(op, attr.OUTPUT_MESSAGES, chat.output_messages(value), captured, chat.output_messages)


def _system_instructions(value: Any) -> Any:
    return value if isinstance(value, list) else [{"type": "text", "content": str(value)}]


_REPAIRS: Final[dict[str, Callable[[Any], Any]]] = {
    attr.INPUT_MESSAGES: chat.input_messages,
    attr.OUTPUT_MESSAGES: chat.output_messages,
    attr.SYSTEM_INSTRUCTIONS: _system_instructions,
    attr.TOOL_DEFINITIONS: tool_definitions,
}


# --- retrieval, tools, memory, embeddings ---------------------------------------------------------------------
def _query(value: Any) -> Any:
    try:
        return _query_of(value)
    except Exception as exc:
        return second_try(exc, "telemetry.writers.query", _query_of, value, lambda: value)


def _query_of(value: Any) -> Any:
    """Return the query among named arguments, where one of them plainly is the query."""
    if not isinstance(value, Mapping):
        return value
    for name in _QUERY_NAMES:
        if isinstance(value.get(name), str):
            return value[name]
    texts = [item for item in value.values() if isinstance(item, str)]
    return texts[0] if len(texts) == 1 else value


def _write_query(op: Operation, value: Any, captured: bool) -> None:
    _put_text(op, attr.RETRIEVAL_QUERY, _query(value))


def _write_arguments(op: Operation, value: Any, captured: bool) -> None:
    _put_json(op, attr.TOOL_CALL_ARGUMENTS, object_of(value, "input"), captured, _arguments)


def _write_result(op: Operation, value: Any, captured: bool) -> None:
    _put_json(op, attr.TOOL_CALL_RESULT, object_of(value, "result"), captured, _result)


def _arguments(value: Any) -> Any:
    return object_of(value, "input")


def _result(value: Any) -> Any:
    return object_of(value, "result")


def _write_memory_query(op: Operation, value: Any, captured: bool) -> None:
    _put_text(op, attr.MEMORY_QUERY, _query(value))


def _write_memory_records(op: Operation, value: Any, captured: bool) -> None:
    records = document_shapes.memory_records(value)
    _put_json(op, attr.MEMORY_RECORDS, records, captured, document_shapes.memory_records)
    op.pending.setdefault(attr.MEMORY_RECORD_COUNT, len(records))


def _write_embedding_input(op: Operation, value: Any, captured: bool) -> None:
    if captured:
        return  # the conventions have no attribute for it: only what the user sets explicitly is recorded
    cleared = _put_text(op, attr.INPUT_VALUE, value)
    if cleared is not DROPPED:
        op.pending[attr.INPUT_MIME_TYPE] = "text/plain" if _is_text(cleared) else "application/json"


def _write_dimension(op: Operation, value: Any) -> None:
    """Record only how long the vectors are."""
    try:
        dimension = _dimension_of(value)
    except Exception as exc:
        dimension = second_try(exc, "telemetry.writers.dimension", _dimension_of, value, lambda: None)
    if dimension:
        op.pending.setdefault(attr.EMBEDDINGS_DIMENSION_COUNT, dimension)


def _dimension_of(value: Any) -> int | None:
    """Return the length of the vector that ``value`` is, or of the first one inside lists and answers."""
    for _ in range(_MAX_NESTING):
        if isinstance(value, (list, tuple)):
            if not value or isinstance(value[0], Real):
                return len(value)
            value = value[0]
        elif describe.on_type(type(value), "shape"):
            shape = value.shape
            return shape[-1] if isinstance(shape, tuple) and shape else None
        else:
            value = first(value, _VECTORS)
    return None


_VECTORS: Final = ("embedding", "embeddings", "data")
_MAX_NESTING: Final = 8


def _nothing(op: Operation, value: Any, captured: bool) -> None:
    return


_INPUTS: Final[dict[Shape, Callable[[Any, Any, bool], None]]] = {
    Shape.VALUE: _value_writer(attr.INPUT_VALUE, attr.INPUT_MIME_TYPE, "request", attr.REQUEST_PREVIEW),
    Shape.MESSAGES: _write_request,
    Shape.EMBEDDING: _write_embedding_input,
    Shape.RETRIEVAL: _write_query,
    Shape.TOOL: _write_arguments,
    Shape.MEMORY: _write_memory_query,
}
_OUTPUTS: Final[dict[Shape, Callable[[Any, Any, bool], None]]] = {
    Shape.VALUE: _value_writer(attr.OUTPUT_VALUE, attr.OUTPUT_MIME_TYPE, "response", attr.RESPONSE_PREVIEW),
    Shape.MESSAGES: _write_answer,
    Shape.EMBEDDING: _nothing,
    Shape.RETRIEVAL: _write_found,
    Shape.TOOL: _write_result,
    Shape.MEMORY: _write_memory_records,
}
