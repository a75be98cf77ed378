"""A chat completion cut into chunks, as it is streamed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from genai_otel.testing.server import text
from genai_otel.testing.server.behaviour import Behaviour
from genai_otel.testing.server.exchange import JSON, Call, Event

FILTER_RESULTS = {
    kind: {"filtered": False, "severity": "safe"} for kind in ("hate", "self_harm", "sexual", "violence")
}
PROMPT_FILTER_RESULTS = [{"prompt_index": 0, "content_filter_results": FILTER_RESULTS}]


def stream(call: Call, completion: JSON) -> Iterator[Event]:
    """The chunks of a completion: choices interleaved, usage last and only if it was asked for."""
    wants_usage = (
        bool((call.body.get("stream_options") or {}).get("include_usage")) and not call.behaviour.nousage
    )
    shared = ("id", "created", "model", "service_tier", "system_fingerprint")
    frame = {"object": "chat.completion.chunk", **{key: completion[key] for key in shared}}
    if call.deployment:
        yield Event(_azure_opening())
    for choice in _interleaved(call.behaviour, completion["choices"]):
        yield Event({**frame, "choices": [choice], **({"usage": None} if wants_usage else {})})
    if wants_usage:
        yield Event({**frame, "choices": [], "usage": completion["usage"]})


def _azure_opening() -> JSON:
    empty = {"id": "", "object": "", "created": 0, "model": "", "choices": []}
    return {**empty, "prompt_filter_results": PROMPT_FILTER_RESULTS}


def _interleaved(behaviour: Behaviour, choices: list[JSON]) -> Iterator[JSON]:
    for row in zip_longest(*(_choice_chunks(behaviour, choice) for choice in choices)):
        yield from (chunk for chunk in row if chunk is not None)


def _choice_chunks(behaviour: Behaviour, choice: JSON) -> Iterator[JSON]:
    logprobs = iter((choice["logprobs"] or {}).get("content") or ())
    for delta in deltas(behaviour, choice["message"]):
        known = next(logprobs, None) if delta.get("content") else None
        scored = {"content": [known], "refusal": None} if known else None
        yield {"index": choice["index"], "delta": delta, "logprobs": scored, "finish_reason": None}
    yield {"index": choice["index"], "delta": {}, "logprobs": None, "finish_reason": choice["finish_reason"]}


def deltas(behaviour: Behaviour, message: JSON) -> Iterator[JSON]:
    """The message as deltas: the role first, then whatever it holds, piece by piece."""
    silent = message.get("tool_calls") or message.get("function_call") or message["refusal"]
    yield {"role": "assistant", "content": None if silent else "", "refusal": None}
    for field in ("reasoning_content", "content", "refusal"):
        for piece in text.pieces(message.get(field) or "", behaviour):
            yield {field: piece}
    if function := message.get("function_call"):
        yield {"function_call": {"name": function["name"], "arguments": ""}}
        yield from (
            {"function_call": {"arguments": piece}} for piece in text.pieces(function["arguments"], behaviour)
        )
    for position, called in enumerate(message.get("tool_calls") or ()):
        yield from ({"tool_calls": [part]} for part in _tool_call_parts(behaviour, position, called))
    if audio := message.get("audio"):
        yield from ({"audio": part} for part in _audio_parts(behaviour, audio))


def _tool_call_parts(behaviour: Behaviour, position: int, called: JSON) -> Iterator[JSON]:
    kind: str = called["type"]
    written = "arguments" if kind == "function" else "input"
    index: JSON = {} if behaviour.tool_delta_noindex else {"index": position}
    yield {**index, "id": called["id"], "type": kind, kind: {"name": called[kind]["name"], written: ""}}
    for piece in text.pieces(called[kind][written], behaviour):
        yield {**index, kind: {written: piece}}


def _audio_parts(behaviour: Behaviour, audio: JSON) -> Iterator[dict[str, Any]]:
    yield {"id": audio["id"], "transcript": ""}
    yield from ({"transcript": piece} for piece in text.pieces(audio["transcript"], behaviour))
    yield {"data": audio["data"]}
    yield {"expires_at": audio["expires_at"]}
