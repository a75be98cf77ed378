"""Usage summed on the enclosing agents and workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..conventions import attributes as attr
from ..conventions.span_types import Family, Rules
from .usage import Usage, UsageSum

if TYPE_CHECKING:
    from .operation import Operation


def report_upwards(op: Operation) -> None:
    """Sum usage on the enclosing agents and workflows; an enclosing inference reports for its inner ones."""
    inner = op.sum.total() if op.sum is not None else None
    if op.rules.sums_usage:
        if inner is not None:
            _take_sum(op, inner)
        return
    if op.parent is None:
        return
    inference, tool = op.rules.family is Family.INFERENCE, op.rules.family is Family.TOOL
    if not (inference or tool):
        return
    _walk_up(op, _own_usage(op, inner or Usage()) if inference else None, inference=inference)


def _own_usage(op: Operation, inner: Usage) -> Usage:
    """Return what this inference reports; where it knows nothing itself, what those inside it reported."""
    tokens_in, tokens_out = op.lookup(attr.USAGE_INPUT_TOKENS), op.lookup(attr.USAGE_OUTPUT_TOKENS)
    return Usage(
        inner.input_tokens if tokens_in is None else tokens_in,
        inner.output_tokens if tokens_out is None else tokens_out,
        op.lookup(attr.RESPONSE_FINISH_REASONS) or inner.finish_reasons,
    )


def _walk_up(op: Operation, usage: Usage | None, *, inference: bool) -> None:
    counted, node = False, op.parent
    while node is not None:
        if _sums(node.rules):
            total = vars(node).setdefault("sum", UsageSum())  # made by the first call inside, atomically
            if usage is not None:
                total.add(usage)
            if node.rules.family is Family.INFERENCE:
                return
            if not counted and node.rules.family is Family.AGENT:
                total.count(inference=inference)
                counted = True
        node = node.parent


def _take_sum(op: Operation, total: Usage) -> None:
    for key, value in (
        (attr.USAGE_INPUT_TOKENS, total.input_tokens),
        (attr.USAGE_OUTPUT_TOKENS, total.output_tokens),
        (attr.RESPONSE_FINISH_REASONS, total.finish_reasons),
    ):
        if value is not None and op.lookup(key) is None:
            op.pending[key] = value


def _sums(rules: Rules) -> bool:
    return rules.sums_usage or rules.family is Family.INFERENCE
