"""Embeddings: hashed bags of words, so that texts which share words are near each other."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from genai_otel.testing.server import text
from genai_otel.testing.server.exchange import JSON, Answer, APIError, Call, json_reply
from genai_otel.testing.server.media import base64_text, digest

DIMENSIONS = 256
_STOP_WORD_WEIGHT = 0.1
_TRIGRAM_WEIGHT = 0.3


def create(call: Call) -> Answer:
    """POST /embeddings."""
    model = call.model()
    inputs = _inputs(call.require("input"))
    dimensions = call.body.get("dimensions") or DIMENSIONS
    if not isinstance(dimensions, int) or dimensions < 1:
        raise APIError(400, "'dimensions' must be a positive integer.", param="dimensions")
    as_base64 = call.body.get("encoding_format") == "base64"
    data = [_entry(index, vector(each, dimensions), as_base64) for index, each in enumerate(inputs)]
    reply: JSON = {"object": "list", "data": data, "model": call.behaviour.model or model}
    spent = sum(map(text.count, inputs))
    if not call.behaviour.nousage:
        reply["usage"] = {"prompt_tokens": spent, "total_tokens": spent}
    return json_reply(reply)


def _inputs(given: Any) -> list[Any]:
    if isinstance(given, list) and given and not isinstance(given[0], int):
        return given
    return [given]


def _entry(index: int, values: tuple[float, ...], as_base64: bool) -> JSON:
    packed = struct.pack(f"<{len(values)}f", *values)
    # Rounding through 32 bits makes both encodings the same numbers.
    plain = list(struct.unpack(f"<{len(values)}f", packed))
    return {"object": "embedding", "index": index, "embedding": base64_text(packed) if as_base64 else plain}


def vector(value: Any, dimensions: int = DIMENSIONS) -> tuple[float, ...]:
    """The unit vector of a text, or of a list of token ids."""
    return _vector(value if isinstance(value, str) else " ".join(map(str, value)), dimensions)


@lru_cache(maxsize=1024)
def _vector(value: str, dimensions: int) -> tuple[float, ...]:
    sums = [0.0] * dimensions
    for feature, weight in _features(value):
        place = int.from_bytes(digest(feature), "big")
        sums[place % dimensions] += weight if place >> 63 else -weight
    length = math.sqrt(math.fsum(number * number for number in sums))
    if not length:
        return (1.0,) + (0.0,) * (dimensions - 1)
    return tuple(number / length for number in sums)


def _features(value: str) -> Iterator[tuple[str, float]]:
    for word in text.words(value.lower()):
        scale = _STOP_WORD_WEIGHT if word in text.STOP_WORDS else 1.0
        yield word, scale
        for start in range(len(word) - 2):
            yield f"~{word[start : start + 3]}", scale * _TRIGRAM_WEIGHT


def similarity(one: str, other: str) -> float:
    """Cosine similarity of two texts, between -1 and 1."""
    return math.fsum(a * b for a, b in zip(vector(one), vector(other), strict=True))
