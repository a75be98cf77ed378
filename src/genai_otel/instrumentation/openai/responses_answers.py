"""Answers of the Responses API -> attributes: of a response that was made, and of one that was fetched."""

from __future__ import annotations

import re
from typing import Any, Final

from genai_otel.content import messages as shapes
from genai_otel.content.fields import field, kind_of, sequence, string
from genai_otel.content.tools import tool_definitions
from genai_otel.conventions import attributes as attr
from genai_otel.telemetry import writers
from genai_otel.telemetry.operation import Operation

from . import usage

COMPACTION: Final = "compaction"
_CODE: Final = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


def record_answer(op: Operation, response: Any) -> None:
    """Record a ``Response`` or a ``CompactedResponse``: an SDK object or plain JSON."""
    identify(op, response)
    op.update(usage.attributes_of(field(response, "usage")))
    compacted = has_compaction(field(response, "output"))
    if compacted:
        op.set(attr.CONVERSATION_COMPACTED, True)
    op.set(attr.RESPONSE_FINISH_REASONS, _reasons(response) or ([COMPACTION] if compacted else None))
    if string(field(response, "status")) == "failed":
        fail(op, field(response, "error"))
    record_output(op, field(response, "output"))


def record_fetched(op: Operation, response: Any) -> None:
    """Record the state of a ``Response`` that was fetched or cancelled; if it failed, the fetch did not."""
    identify_fetched(op, response)
    op.set(attr.RESPONSE_FINISH_REASONS, _reasons(response) or None)
    record_context(op, response)
    record_output(op, field(response, "output"))


def identify(op: Operation, response: Any) -> None:
    """Record the ids, the model and the service tier of a response, finished or not."""
    _identify(op, response)
    op.set(attr.CONVERSATION_ID, string(field(field(response, "conversation"), "id")))


def identify_fetched(op: Operation, response: Any) -> None:
    """Record the id, the model, the service tier and the status of a response that was fetched."""
    _identify(op, response)
    op.set(attr.RESPONSE_STATUS, string(field(response, "status")))


def _identify(op: Operation, response: Any) -> None:
    op.update(
        {
            attr.RESPONSE_ID: string(field(response, "id")),
            attr.RESPONSE_MODEL: string(field(response, "model")),
            attr.OPENAI_RESPONSE_SERVICE_TIER: string(field(response, "service_tier")),
        }
    )


def has_compaction(items: Any) -> bool:
    """Whether one of these input or output items stands for a conversation that was compacted."""
    return any(kind_of(item) == COMPACTION for item in sequence(items))


def fail(op: Operation, error: Any) -> None:
    """Make the operation failed, as an ``error`` of the provider with ``code`` and ``message`` says."""
    code = string(field(error, "code")) or ""
    policy, message = op.settings.content, string(field(error, "message"))
    described = policy.cleared(attr.EXCEPTION_MESSAGE, message) if policy.span and message else None
    op.fail_with(code if _CODE.fullmatch(code) else "", described if isinstance(described, str) else None)


def record_context(op: Operation, holder: Any) -> None:
    """Record the instructions and the tools that a request or a response names."""
    instructions, tools = field(holder, "instructions"), field(holder, "tools")
    if instructions:
        writers.write_content(op, attr.SYSTEM_INSTRUCTIONS, lambda: _parts(instructions), captured=True)
    if tools:
        writers.write_content(op, attr.TOOL_DEFINITIONS, lambda: tool_definitions(tools), captured=True)


def _parts(instructions: Any) -> list[dict[str, Any]]:
    return shapes.split_request({"input": [], "instructions": instructions}).system_instructions


def record_output(op: Operation, items: Any) -> None:
    """Record the output items as one message."""
    if sequence(items):
        answer = {"object": "response", "output": items}
        writers.write_content(op, attr.OUTPUT_MESSAGES, lambda: shapes.output_messages(answer), captured=True)


def _reasons(response: Any) -> list[str]:
    """Return why the answer ended; the ``object`` that tells a response from other things may be missing."""
    told = {name: field(response, name) for name in ("status", "output", "incomplete_details")}
    return shapes.finish_reasons({"object": "response", **told})
