"""Streams of the Responses API: typed events, of which the last one carries the whole response.

Text is put together from the deltas only for streams that are cut off: kept until its item is done, and only if it is
going to be recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ...content import messages as shapes
from ...content.fields import field, string
from ...content.plain import plain
from ...conventions import attributes as attr
from ...telemetry import writers
from ...telemetry.operation import Operation
from .chunks import ChunkTimer
from .responses_answers import fail, identify, identify_fetched, record_answer, record_fetched

# kind of delta -> type of its item, the field that it adds to, and the part of that field
_ADDS: Final[dict[str, tuple[str, str, str | None]]] = {
    "response.output_text.delta": ("message", "output_text", "content_index"),
    "response.refusal.delta": ("message", "refusal", "content_index"),
    "response.audio.transcript.delta": ("message", "output_text", "content_index"),
    "response.reasoning_summary_text.delta": ("reasoning", "summary_text", "summary_index"),
    "response.reasoning_text.delta": ("reasoning", "reasoning_text", "content_index"),
    "response.function_call_arguments.delta": ("function_call", "arguments", None),
    "response.mcp_call_arguments.delta": ("mcp_call", "arguments", None),
    "response.custom_tool_call_input.delta": ("custom_tool_call", "input", None),
    "response.code_interpreter_call_code.delta": ("code_interpreter_call", "code", None),
}
# kind of part -> the field of the item that lists such parts, and the field of the part that holds the text
_PARTS: Final = {
    "output_text": ("content", "text"),
    "refusal": ("content", "refusal"),
    "summary_text": ("summary", "text"),
    "reasoning_text": ("content", "text"),
}
