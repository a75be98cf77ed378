"""Span types and what each one means in the GenAI conventions: operation, kind, default name, content attributes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final

from opentelemetry.trace import SpanKind

from . import attributes as attr


class SpanType(str, Enum):
    """What a span stands for; any other string is accepted as a custom type.

    Types with a GenAI operation (LLM, EMBEDDING, TOOL, AGENT ...) carry the semantic conventions' attributes;
    the others carry ``openinference.span.kind``, ``input.value`` and ``output.value``.
    """

    LLM = "LLM"
    CHAT_MODEL = "CHAT_MODEL"
    COMPLETION = "COMPLETION"
    EMBEDDING = "EMBEDDING"
    RETRIEVER = "RETRIEVER"
    RERANKER = "RERANKER"
    TOOL = "TOOL"
    AGENT = "AGENT"
    CHAIN = "CHAIN"
    WORKFLOW = "WORKFLOW"
    TASK = "TASK"
    PLAN = "PLAN"
    MEMORY = "MEMORY"
    PARSER = "PARSER"
    GUARDRAIL = "GUARDRAIL"
    EVALUATOR = "EVALUATOR"
    PROMPT = "PROMPT"
    UNKNOWN = "UNKNOWN"

    def __str__(self) -> str:
        return self.value


class Family(IntEnum):
    """Which metrics an operation records."""

    NONE = 0
    INFERENCE = 1
    EMBEDDINGS = 2
    CLIENT = 3
    TOOL = 4
    AGENT = 5
    WORKFLOW = 6


class Shape(IntEnum):
    """How inputs and outputs become attributes."""

    VALUE = 0
    MESSAGES = 1
    EMBEDDING = 2
    RETRIEVAL = 3
    TOOL = 4
    MEMORY = 5


@dataclass(frozen=True, slots=True)
class Rules:
    """The conventions' rules for one span type.

    ``name_key`` is the attribute that completes the default span name, which begins with ``operation`` or, without
    one, with ``span_type``; ``entity_key`` the one that an explicit span name or a decorated function's name fills.
    """

    span_type: str
    operation: str | None = None
    kind: SpanKind = SpanKind.INTERNAL
    shape: Shape = Shape.VALUE
    family: Family = Family.NONE
    name_key: str | None = None
    entity_key: str | None = None
    openinference_kind: str | None = None

    @property
    def sums_usage(self) -> bool:
        """Whether the span carries the usage of the inference calls made inside it (in-process only)."""
        return self.family in (Family.AGENT, Family.WORKFLOW) and self.kind is SpanKind.INTERNAL


def _inference(span_type: str, operation: str) -> Rules:
    return Rules(span_type, operation, SpanKind.CLIENT, Shape.MESSAGES, Family.INFERENCE, attr.REQUEST_MODEL)


def _plain(span_type: str, openinference_kind: str) -> Rules:
    return Rules(span_type, openinference_kind=openinference_kind)


_AGENT_NAME, _WORKFLOW_NAME = attr.AGENT_NAME, attr.WORKFLOW_NAME

RULES: Final[dict[str, Rules]] = {
    rules.span_type: rules
    for rules in (
        _inference("LLM", "chat"),
        _inference("CHAT_MODEL", "chat"),
        _inference("COMPLETION", "text_completion"),
        Rules(
            "EMBEDDING", "embeddings", SpanKind.CLIENT, Shape.EMBEDDING, Family.EMBEDDINGS, attr.REQUEST_MODEL
        ),
        Rules("RETRIEVER", "retrieval", SpanKind.CLIENT, Shape.RETRIEVAL, Family.CLIENT, attr.DATA_SOURCE_ID),
        Rules(
            "TOOL", "execute_tool", SpanKind.INTERNAL, Shape.TOOL, Family.TOOL, attr.TOOL_NAME, attr.TOOL_NAME
        ),
        Rules(
            "AGENT", "invoke_agent", SpanKind.INTERNAL, Shape.MESSAGES, Family.AGENT, _AGENT_NAME, _AGENT_NAME
        ),
        Rules(
            "WORKFLOW",
            "invoke_workflow",
            SpanKind.INTERNAL,
            Shape.MESSAGES,
            Family.WORKFLOW,
            _WORKFLOW_NAME,
            _WORKFLOW_NAME,
        ),
        Rules("PLAN", "plan", SpanKind.INTERNAL, Shape.MESSAGES, Family.NONE, _AGENT_NAME, _AGENT_NAME),
        Rules("MEMORY", "search_memory", SpanKind.CLIENT, Shape.MEMORY, Family.CLIENT),
        _plain("CHAIN", "CHAIN"),
        _plain("TASK", "CHAIN"),
        _plain("PARSER", "CHAIN"),
        _plain("RERANKER", "RERANKER"),
        _plain("GUARDRAIL", "GUARDRAIL"),
        _plain("EVALUATOR", "EVALUATOR"),
        _plain("PROMPT", "PROMPT"),
        _plain("UNKNOWN", "UNKNOWN"),
    )
}


def _without_operation(name: str) -> Rules:
    """A call that no registered operation describes: its own name, no operation, and so no GenAI metrics."""
    return Rules(name, None, SpanKind.CLIENT, Shape.MESSAGES, Family.NONE, attr.REQUEST_MODEL)


# What automatic instrumentation sees and no span type of ours stands for, by operation or by name.
AUTOMATIC: Final[dict[str, Rules]] = {
    rules.operation or rules.span_type: rules
    for rules in (
        Rules("FETCH_RESPONSE", "fetch_response", SpanKind.CLIENT, Shape.MESSAGES, Family.CLIENT),
        # an agent that runs elsewhere: its usage is its own, its duration that of a client's operation
        Rules(
            "AGENT", "invoke_agent", SpanKind.CLIENT, Shape.MESSAGES, Family.CLIENT, _AGENT_NAME, _AGENT_NAME
        ),
        _without_operation("images.generate"),
        _without_operation("images.edit"),
        _without_operation("images.create_variation"),
        _without_operation("audio.speech"),
        _without_operation("audio.transcriptions"),
        _without_operation("audio.translations"),
        _without_operation("moderations"),
        _without_operation("decisions"),
    )
}

MEMORY_OPERATIONS: Final = frozenset(
    {
        "create_memory_store",
        "delete_memory_store",
        "create_memory",
        "update_memory",
        "upsert_memory",
        "search_memory",
        "delete_memory",
    }
)


def rules_for(span_type: SpanType | str) -> Rules:
    """Return the rules of a span type; an unknown string gets those of a custom type (shown as CHAIN).

    Raises:
        TypeError: if ``span_type`` is neither a ``SpanType`` nor a string.
        ValueError: if it is empty.
    """
    if not isinstance(span_type, str):
        raise TypeError(f"span_type must be a SpanType or a string, not {type(span_type).__name__}")
    name = span_type.value if isinstance(span_type, SpanType) else span_type
    if not name.strip():
        raise ValueError("span_type must not be empty; use SpanType.UNKNOWN or leave it out")
    rules = RULES.get(name)
    return rules if rules is not None else RULES.get(name.upper()) or _plain(name, "CHAIN")
