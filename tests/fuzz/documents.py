"""What providers send, in short: the valid documents that the mutations start from."""

from __future__ import annotations

from typing import Any

USAGE = {
    "prompt_tokens": 3,
    "completion_tokens": 4,
    "total_tokens": 7,
    "prompt_tokens_details": {"cached_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
_CALL = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":'}}


def _chunk(delta: dict[str, Any], **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": None, **more}
    return {
        "id": "x1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m-1",
        "service_tier": "default",
        "system_fingerprint": "fp",
        "choices": [choice],
    }


CHAT_CHUNKS: list[Any] = [
    _chunk({"role": "assistant", "content": ""}),
    _chunk({"content": "Hello"}),
    _chunk({"content": " wörld"}),
    _chunk({"content": "other"}, index=1),
    _chunk({"tool_calls": [_CALL]}),
    _chunk({"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]}),
    _chunk({"refusal": "no"}),
    _chunk({"reasoning_content": "hm"}),
    _chunk({"function_call": {"name": "g", "arguments": "{}"}}),
    _chunk({"audio": {"id": "a", "transcript": "said"}}),
    _chunk({}, finish_reason="stop"),
    _chunk({}, finish_reason="tool_calls", index=1),
    {**_chunk({}), "choices": [], "usage": USAGE},
]
COMPLETION_CHUNKS: list[Any] = [
    {
        "id": "c",
        "object": "text_completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": index, "text": text, "finish_reason": reason, "logprobs": None}],
        "usage": usage,
    }
    for index, text, reason, usage in (
        (0, "one", None, None),
        (1, "two", None, None),
        (0, "", "length", None),
        (0, "", None, USAGE),
    )
]
_ITEM = {
    "id": "m1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Hello", "annotations": []}],
}
_FUNCTION = {"id": "f1", "type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'}
_REASONING = {"id": "r1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}
_RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1.0,
    "model": "m-1",
    "status": "in_progress",
    "output": [],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "error": None,
    "incomplete_details": None,
}
_DONE = {
    **_RESPONSE,
    "status": "completed",
    "output": [_ITEM, _FUNCTION, _REASONING],
    "usage": {
        "input_tokens": 3,
        "output_tokens": 4,
        "total_tokens": 7,
        "input_tokens_details": {"cached_tokens": 1},
        "output_tokens_details": {"reasoning_tokens": 2},
    },
}
_AT = {"item_id": "m1", "output_index": 0, "content_index": 0, "sequence_number": 1}
RESPONSE_EVENTS: list[Any] = [
    {"type": "response.created", "sequence_number": 0, "response": _RESPONSE},
    {"type": "response.output_item.added", "output_index": 0, "sequence_number": 1, "item": _ITEM},
    {"type": "response.output_text.delta", "delta": "Hel", "logprobs": [], **_AT},
    {"type": "response.output_text.done", "text": "Hello", "logprobs": [], **_AT},
    {"type": "response.refusal.delta", "delta": "no", **_AT},
    {"type": "response.function_call_arguments.delta", "delta": '{"a"', **_AT},
    {"type": "response.reasoning_summary_text.delta", "delta": "hm", "summary_index": 0, **_AT},
    {"type": "response.output_item.done", "output_index": 1, "sequence_number": 2, "item": _FUNCTION},
    {"type": "response.completed", "sequence_number": 9, "response": _DONE},
    {
        "type": "response.failed",
        "sequence_number": 9,
        "response": {**_RESPONSE, "status": "failed", "error": {"code": "server_error", "message": "m"}},
    },
    {
        "type": "response.incomplete",
        "sequence_number": 9,
        "response": {**_DONE, "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
    },
    {"type": "error", "code": "c", "message": "m", "param": None, "sequence_number": 3},
    {"type": "response.novelty.delta", "delta": "new", **_AT},
]
CONVERSATIONS: list[Any] = [
    [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}]},
        {"role": "tool", "tool_call_id": "c", "content": "7"},
        {"role": "assistant", "content": "done", "refusal": None, "annotations": []},
    ],
    [_ITEM, _FUNCTION, _REASONING, {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "7"}]}],
    [
        {"role": "user", "content": [{"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "QUJD"}}]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "7"}]}]},
    ],
    {"messages": [["human", "hi"], ["ai", "hello"]], "model": "m", "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]},
    {"id": "x", "object": "chat.completion", "model": "m", "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}], "usage": USAGE},
    _DONE,
]  # fmt: skip
