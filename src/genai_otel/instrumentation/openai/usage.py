"""Token usage of an answer -> attributes; what the provider does not report stays absent.

``prompt``/``completion`` are the words of chat and text completions, ``input``/``output`` those of the newer
APIs; the details are ``…_tokens_details``, in the audio APIs and the realtime API ``…_token_details``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from genai_otel.conventions import attributes as attr

# field -> attribute, and whether it wins over the other field of the same attribute
_TOTALS: Final = {
    "prompt_tokens": (attr.USAGE_INPUT_TOKENS, True),
    "input_tokens": (attr.USAGE_INPUT_TOKENS, False),
    "completion_tokens": (attr.USAGE_OUTPUT_TOKENS, True),
    "output_tokens": (attr.USAGE_OUTPUT_TOKENS, False),
}
_INPUT_PARTS: Final = {
    "cached_tokens": attr.USAGE_CACHE_READ_TOKENS,
    "cache_write_tokens": attr.USAGE_CACHE_WRITE_TOKENS,
    "text_tokens": attr.USAGE_TEXT_INPUT_TOKENS,
    "audio_tokens": attr.USAGE_AUDIO_INPUT_TOKENS,
    "image_tokens": attr.USAGE_IMAGE_INPUT_TOKENS,
}
_OUTPUT_PARTS: Final = {
    "reasoning_tokens": attr.USAGE_REASONING_TOKENS,
    "text_tokens": attr.USAGE_TEXT_OUTPUT_TOKENS,
    "audio_tokens": attr.USAGE_AUDIO_OUTPUT_TOKENS,
    "image_tokens": attr.USAGE_IMAGE_OUTPUT_TOKENS,
}
_CACHED_PARTS: Final = {
    "text_tokens": attr.USAGE_TEXT_CACHE_READ_TOKENS,
    "audio_tokens": attr.USAGE_AUDIO_CACHE_READ_TOKENS,
    "image_tokens": attr.USAGE_IMAGE_CACHE_READ_TOKENS,
}
_DETAILS: Final = {
    **dict.fromkeys(("prompt_tokens_details", "input_tokens_details", "input_token_details"), _INPUT_PARTS),
    **dict.fromkeys(
        ("completion_tokens_details", "output_tokens_details", "output_token_details"), _OUTPUT_PARTS
    ),
}
_MAX_COUNT: Final = 2**63 - 1  # what OTLP can carry
_NOTHING: Final[Mapping[str, Any]] = {}
_CACHED_DETAILS: Final = "cached_tokens_details"


def attributes_of(usage: Any) -> dict[str, int]:
    """Return the token counts of a ``usage`` object or dict; parts that are zero are left out."""
    fields = fields_of(usage)
    found = _totals(fields)
    for name, value in fields.items():
        parts = _DETAILS.get(name)
        if parts is None or value is None:
            continue
        details = fields_of(value)
        _add(found, details, parts)
        if parts is _INPUT_PARTS and _CACHED_DETAILS in details:
            _add(found, fields_of(details[_CACHED_DETAILS]), _CACHED_PARTS)
    return found


def totals_of(usage: Any) -> dict[str, int]:
    """Return the input and output token counts of a ``usage`` object or dict, without their parts."""
    return _totals(fields_of(usage))


def _totals(fields: Mapping[str, Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, count in fields.items():
        target = _TOTALS.get(name)
        if target is not None and type(count) is int and 0 <= count <= _MAX_COUNT:
            key, wins = target
            if wins or key not in found:
                found[key] = count
    return found


def _add(found: dict[str, int], details: Mapping[str, Any], parts: dict[str, str]) -> None:
    for name, key in parts.items():
        count = details.get(name)
        if type(count) is int and 0 < count <= _MAX_COUNT:
            found[key] = count


def fields_of(holder: Any) -> Mapping[str, Any]:
    """Return the fields of an SDK object, those newer than the SDK among them, or of a dict."""
    if holder is None:
        return _NOTHING
    if isinstance(holder, dict):
        return holder
    known = getattr(holder, "__dict__", None)
    more = getattr(holder, "__pydantic_extra__", None) if known is not None else None
    if not isinstance(known, dict):
        return {}
    return {**known, **more} if more else known
