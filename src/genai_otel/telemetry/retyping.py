"""Changing the type of a span that is already running."""

from __future__ import annotations

from typing import Any

from ..conventions import attributes as attr
from ..conventions.span_types import Family, Rules
from .operation import Operation

_OF_A_TYPE = (
    *attr.CONTENT,
    attr.INPUT_MIME_TYPE,
    attr.OUTPUT_MIME_TYPE,
    attr.OPERATION_NAME,
    attr.OPENINFERENCE_KIND,
    attr.MEMORY_RECORD_COUNT,
    attr.EMBEDDINGS_DIMENSION_COUNT,
)


def retype(op: Operation, rules: Rules) -> None:
    """Give ``op`` the rules of another span type and record its inputs and outputs again under them."""
    if op.ended or rules is op.rules:
        return
    _forget(op)
    op.rules = rules
    op.previews = None
    if rules.entity_key is not None and op.named and op.lookup(rules.entity_key) is None:
        op.set(rules.entity_key, getattr(op.span, "name", None))
    if rules.family is not Family.NONE and op.instruments is None:
        op.instruments = op.settings.providers.instruments()
    if rules.operation is not None:
        op.set(attr.OPERATION_NAME, rules.operation)
    else:
        op.set(attr.OPENINFERENCE_KIND, rules.openinference_kind)
    _set_kind(op.span, rules)
    op.rename()
    _record_again(op)


def _forget(op: Operation) -> None:
    """Remove what belongs to the old type; the SDK offers no removal, so this reaches into its span if it can."""
    op.start_attributes = {key: value for key, value in op.start_attributes.items() if key not in _OF_A_TYPE}
    written: Any = getattr(op.span, "_attributes", None)
    for key in _OF_A_TYPE:
        op.pending.pop(key, None)
        if hasattr(written, "pop"):
            written.pop(key, None)


def _set_kind(span: Any, rules: Rules) -> None:
    if hasattr(span, "_kind"):
        span._kind = rules.kind


def _record_again(op: Operation) -> None:
    if op.inputs is not None:
        op.set_inputs(op.inputs, captured=not op.inputs_set)
    if op.outputs is not None:
        op.set_outputs(op.outputs, captured=not op.outputs_set)
