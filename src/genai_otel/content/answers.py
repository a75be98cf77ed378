"""What a model's answer consists of: choices, output items, and why it ended."""

from __future__ import annotations

from typing import Any, Final

from genai_otel._guard import report
from genai_otel.content.chat import chat_message
from genai_otel.content.fields import Message, field, first, kind_of, sequence, string
from genai_otel.content.history import Values
from genai_otel.content.parts import text_part

_COMPLETIONS: Final = frozenset({"chat.completion", "chat.completion.chunk", "text_completion"})
_CHOICE: Final = ("message", "delta", "text", "finish_reason", "finishReason")
_MESSAGE: Final = ("message", "delta", "content")
_COMPLETION: Final = ("model", "usage", "created")
_REASON: Final = ("finish_reason", "stop_reason", "finishReason")
_CALLS: Final = frozenset({"function_call", "custom_tool_call"})
_INCOMPLETE: Final = {"max_output_tokens": "length"}
CONVENTIONAL: Final = {
    **dict.fromkeys(("tool_calls", "function_call", "tool_use"), "tool_call"),
    **dict.fromkeys(("end_turn", "stop_sequence", "stop"), "stop"),
    **dict.fromkeys(("max_tokens", "length"), "length"),
    **dict.fromkeys(("safety", "refusal"), "content_filter"),
}
_STATUS: Final = {"failed": "error", "cancelled": "error"}


def choices_of(value: object) -> Values | None:
    """The choices of a chat or text completion (none if it has none), ``None`` for anything else."""
    found = sequence(field(value, "choices")) or sequence(field(value, "candidates"))  # Gemini's word
    if string(field(value, "object")) in _COMPLETIONS or any(_is_choice(choice) for choice in found):
        return found
    named = isinstance(value, dict) and "choices" in value
    return found if named and first(value, _COMPLETION) is not None else None


def _is_choice(choice: object) -> bool:
    return first(choice, _CHOICE) is not None


def items_of(value: object) -> Values | None:
    """The output items of a Responses answer (none if it has none), ``None`` for anything else."""
    items = field(value, "output")
    if string(field(value, "object")) == "response":
        return sequence(items)
    found = sequence(items)
    return found if found and all(kind_of(item) is not None for item in found) else None


def choice_message(choice: object) -> Message:
    """The one message of a choice; a choice of unknown shape gives a message without parts."""
    message = first(choice, _MESSAGE)
    if message is not None and not isinstance(message, (str, list, tuple)):
        return chat_message(message, "assistant")
    text = field(choice, "text") if message is None else message
    found = choice if isinstance(choice, str) else text
    return {"role": "assistant", "parts": [] if found is None else [text_part(found)]}


def finish_reasons(value: object) -> list[str]:
    """Why a model stopped, in the provider's words: one for each choice, or the one of the whole answer.

    A choice without a reason counts as ``error`` beside others that have one. A Responses answer has no such
    word; it is derived from its ``status``. Nothing is said of an answer under way, nor of values that are no
    answer. Never raises.
    """
    try:
        reasons = _reasons(value)
        return [reason or "error" for reason in reasons] if any(reasons) else []
    except Exception:
        report("content.answers.finish_reasons")
        return []


def with_finish_reasons(messages: list[Message], value: object) -> list[Message]:
    """The messages of an answer, each with the ``finish_reason`` that older schemas require.

    It is one of the conventions' own words where one fits; ``stop`` where the answer gives none.
    """
    reasons = finish_reasons(value) or ["stop"]
    for index, message in enumerate(messages):
        reason = reasons[min(index, len(reasons) - 1)]
        message.setdefault("finish_reason", CONVENTIONAL.get(reason.lower(), reason))
    return messages


def _reasons(value: object) -> list[str | None]:
    if value is None or isinstance(value, (str, list, tuple)):
        return []
    choices = choices_of(value)
    if choices is not None:
        return [string(first(choice, _REASON)) for choice in choices]
    items = items_of(value)
    if items is not None:
        return [_response_reason(value, items)]
    return [string(first(value, _REASON))]


def _response_reason(response: Any, items: Values) -> str | None:
    status = string(field(response, "status"))
    if status == "completed":
        return "tool_calls" if any(kind_of(item) in _CALLS for item in items) else "stop"
    if status == "incomplete":
        reason = string(field(field(response, "incomplete_details"), "reason")) or status
        return _INCOMPLETE.get(reason, reason)
    return _STATUS.get(status or "")
