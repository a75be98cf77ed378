"""Token usage of an answer -> attributes; what the provider does not report stays absent."""

from __future__ import annotations

from typing import Any, Final

from ...content.fields import field
from ...conventions import attributes as attr

# attribute -> the field of ``usage``, or (details, field), in the order they are tried
_FIELDS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    attr.USAGE_INPUT_TOKENS: (("prompt_tokens",), ("input_tokens",)),
    attr.USAGE_OUTPUT_TOKENS: (("completion_tokens",), ("output_tokens",)),
    attr.USAGE_CACHE_READ_TOKENS: (("prompt_tokens_details", "cached_tokens"), ("input_tokens_details", "cached_tokens")),
    attr.USAGE_CACHE_WRITE_TOKENS: (
        ("prompt_tokens_details", "cache_write_tokens"),
        ("input_tokens_details", "cache_write_tokens"),
    ),
    attr.USAGE_REASONING_TOKENS: (
        ("completion_tokens_details", "reasoning_tokens"),
        ("output_tokens_details", "reasoning_tokens"),
    ),
    attr.USAGE_TEXT_INPUT_TOKENS: (("prompt_tokens_details", "text_tokens"), ("input_tokens_details", "text_tokens")),
    attr.USAGE_TEXT_OUTPUT_TOKENS: (
        ("completion_tokens_details", "text_tokens"),
        ("output_tokens_details", "text_tokens"),
    ),
    attr.USAGE_AUDIO_INPUT_TOKENS: (("prompt_tokens_details", "audio_tokens"), ("input_tokens_details", "audio_tokens")),
    attr.USAGE_AUDIO_OUTPUT_TOKENS: (
        ("completion_tokens_details", "audio_tokens"),
        ("output_tokens_details", "audio_tokens"),
    ),
    attr.USAGE_IMAGE_INPUT_TOKENS: (("prompt_tokens_details", "image_tokens"), ("input_tokens_details", "image_tokens")),
    attr.USAGE_IMAGE_OUTPUT_TOKENS: (
        ("completion_tokens_details", "image_tokens"),
        ("output_tokens_details", "image_tokens"),
    ),
}
# parts of a total that say nothing when they are zero
_PARTS: Final = frozenset(_FIELDS) - {attr.USAGE_INPUT_TOKENS, attr.USAGE_OUTPUT_TOKENS}


def attributes_of(usage: Any) -> dict[str, int]:
    """Return the token counts of a ``usage`` object or dict; parts that are zero are left out."""
    if usage is None:
        return {}
    details: dict[str, Any] = {}
    found: dict[str, int] = {}
    for key, paths in _FIELDS.items():
        for path in paths:
            count = _read(usage, path, details)
            if isinstance(count, int) and not isinstance(count, bool):
                if count > 0 or (count == 0 and key not in _PARTS):
                    found[key] = count
                break
    return found


def _read(usage: Any, path: tuple[str, ...], details: dict[str, Any]) -> Any:
    if len(path) == 1:
        return field(usage, path[0])
    group = path[0]
    if group not in details:
        details[group] = field(usage, group)
    return None if details[group] is None else field(details[group], path[1])
