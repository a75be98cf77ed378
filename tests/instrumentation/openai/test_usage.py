from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from genai_otel.conventions import attributes as attr
from genai_otel.instrumentation.openai.usage import attributes_of, totals_of


def as_object(value: Any) -> Any:
    if isinstance(value, dict):
        return SimpleNamespace(**{key: as_object(item) for key, item in value.items()})
    return value


@pytest.mark.parametrize("make", [dict, as_object])
@pytest.mark.parametrize(
    ("usage", "found"),
    [
        (
            {"prompt_tokens": 5, "completion_tokens": 7},
            {attr.USAGE_INPUT_TOKENS: 5, attr.USAGE_OUTPUT_TOKENS: 7},
        ),
        ({"input_tokens": 5, "output_tokens": 0}, {attr.USAGE_INPUT_TOKENS: 5, attr.USAGE_OUTPUT_TOKENS: 0}),
        (
            {"prompt_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 2, "audio_tokens": 3}},
            {
                attr.USAGE_CACHE_READ_TOKENS: 1,
                attr.USAGE_CACHE_WRITE_TOKENS: 2,
                attr.USAGE_AUDIO_INPUT_TOKENS: 3,
            },
        ),
        (
            {"completion_tokens_details": {"reasoning_tokens": 1, "text_tokens": 2, "image_tokens": 3}},
            {
                attr.USAGE_REASONING_TOKENS: 1,
                attr.USAGE_TEXT_OUTPUT_TOKENS: 2,
                attr.USAGE_IMAGE_OUTPUT_TOKENS: 3,
            },
        ),
        ({"input_tokens_details": {"cached_tokens": 0, "text_tokens": 0}}, {}),
        (
            {
                "input_token_details": {
                    "cached_tokens": 9,
                    "cached_tokens_details": {"text_tokens": 4, "audio_tokens": 5, "image_tokens": 0},
                },
                "output_token_details": {"audio_tokens": 6},
            },
            {
                attr.USAGE_CACHE_READ_TOKENS: 9,
                attr.USAGE_TEXT_CACHE_READ_TOKENS: 4,
                attr.USAGE_AUDIO_CACHE_READ_TOKENS: 5,
                attr.USAGE_AUDIO_OUTPUT_TOKENS: 6,
            },
        ),
        ({"type": "duration", "seconds": 3.5}, {}),
        ({"prompt_tokens": None, "completion_tokens": "7", "prompt_tokens_details": None}, {}),
        ({"prompt_tokens": True, "completion_tokens": -1, "input_tokens_details": 3}, {}),
        ({"prompt_tokens": 2**63, "completion_tokens": 1.5}, {}),
    ],
)
def test_counts_are_recorded_as_reported(make: Any, usage: dict[str, Any], found: dict[str, int]) -> None:
    assert attributes_of(make(usage)) == found


def test_totals_are_counts_without_their_parts() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 1}}

    assert totals_of(usage) == {attr.USAGE_INPUT_TOKENS: 5, attr.USAGE_OUTPUT_TOKENS: 7}


@pytest.mark.parametrize("usage", [None, 7, "text", [], object()])
def test_what_is_no_usage_says_nothing(usage: Any) -> None:
    assert attributes_of(usage) == totals_of(usage) == {}
