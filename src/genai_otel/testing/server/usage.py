"""Token usage in the shapes of the API: a function of the request and the answer, nothing else."""

from __future__ import annotations

from typing import Any

from genai_otel.testing.server.behaviour import Behaviour
from genai_otel.testing.server.exchange import JSON

REASONING_TOKENS = 8  # what a reasoning request costs unless the behaviour says otherwise


def cached_tokens(behaviour: Behaviour, prompt: int) -> int:
    """A quarter of the prompt comes from the cache, so that the number is never trivially zero."""
    return prompt // 4 if behaviour.cached is None else behaviour.cached


def reasoning_tokens(behaviour: Behaviour, asked: Any) -> int:
    """Tokens spent thinking: only for requests that ask for it (or a behaviour that shows it)."""
    if behaviour.reasoning_tokens is not None:
        return behaviour.reasoning_tokens
    return REASONING_TOKENS if asked or behaviour.reasoning is not None else 0


def chat_usage(behaviour: Behaviour, prompt: int, answer: int, reasoning: int, audio: int = 0) -> JSON:
    """``usage`` of a chat completion; ``answer`` excludes the reasoning tokens."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answer + reasoning,
        "total_tokens": prompt + answer + reasoning,
        "prompt_tokens_details": {
            "cached_tokens": cached_tokens(behaviour, prompt),
            "cache_write_tokens": behaviour.cache_write or 0,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": audio,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def response_usage(behaviour: Behaviour, prompt: int, answer: int, reasoning: int) -> JSON:
    """``usage`` of a response, a compaction or a decision."""
    return {
        "input_tokens": prompt,
        "input_tokens_details": {
            "cached_tokens": cached_tokens(behaviour, prompt),
            "cache_write_tokens": behaviour.cache_write or 0,
        },
        "output_tokens": answer + reasoning,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": prompt + answer + reasoning,
    }
