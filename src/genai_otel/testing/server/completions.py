"""Legacy completions: a text for each prompt and choice, whole or as chunks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from genai_otel.testing.server import text, usage
from genai_otel.testing.server.exchange import CREATED, JSON, Answer, Call, Event, EventStream, json_reply


def create(call: Call) -> Answer:
    """POST /completions."""
    model = call.model()
    prompts = _prompts(call.require("prompt"))
    choices = list(_choices(call, prompts))
    completion: JSON = {
        "id": call.state.next_id("cmpl-"),
        "object": "text_completion",
        "created": CREATED,
        "model": call.behaviour.model or text.response_model(model),
        "choices": choices,
    }
    spent = _usage(call, prompts, choices)
    if call.body.get("stream"):
        return EventStream(_stream(call, completion, spent))
    return json_reply(completion if call.behaviour.nousage else completion | {"usage": spent})


def _prompts(prompt: Any) -> list[Any]:
    """The prompts of a request: one text, several, or token ids either way."""
    if isinstance(prompt, list) and prompt and not isinstance(prompt[0], int):
        return prompt
    return [prompt]


def _choices(call: Call, prompts: list[Any]) -> Iterator[JSON]:
    body, index = call.body, 0
    for prompt in prompts:
        asked = prompt if isinstance(prompt, str) else f"{len(prompt)} tokens"
        for variant in range(body.get("n") or 1):
            said = text.say(call.behaviour, asked, "") + (f" ({variant + 1})" if variant else "")
            said, finish = text.truncated(said, body.get("max_tokens"), body.get("stop"))
            yield {
                "index": index,
                "text": asked + said if body.get("echo") else said,
                "logprobs": _logprobs(said) if body.get("logprobs") is not None else None,
                "finish_reason": call.behaviour.finish or finish,
            }
            index += 1


def _logprobs(said: str) -> JSON:
    cut = text.tokens(said)
    offsets = [len("".join(cut[:position])) for position in range(len(cut))]
    return {
        "tokens": cut,
        "token_logprobs": [-0.25] * len(cut),
        "top_logprobs": [{token: -0.25} for token in cut],
        "text_offset": offsets,
    }


def _usage(call: Call, prompts: list[Any], choices: list[JSON]) -> JSON:
    answer = sum(text.count(choice["text"]) for choice in choices)
    return usage.chat_usage(call.behaviour, sum(map(text.count, prompts)), answer, 0)


def _stream(call: Call, completion: JSON, spent: JSON) -> Iterator[Event]:
    wants_usage = (
        bool((call.body.get("stream_options") or {}).get("include_usage")) and not call.behaviour.nousage
    )
    for row in zip_longest(*(_chunks(call, choice) for choice in completion["choices"])):
        for chunk in row:
            if chunk is not None:
                yield Event(completion | {"choices": [chunk], **({"usage": None} if wants_usage else {})})
    if wants_usage:
        yield Event(completion | {"choices": [], "usage": spent})


def _chunks(call: Call, choice: JSON) -> Iterator[JSON]:
    for piece in text.pieces(choice["text"], call.behaviour):
        yield choice | {"text": piece, "logprobs": None, "finish_reason": None}
    yield choice | {"text": "", "logprobs": None}
