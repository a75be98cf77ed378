"""Embeddings: how long the vectors are, never the vectors; the cost does not grow with their number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from genai_otel.content.fields import field
from genai_otel.conventions import attributes as attr
from genai_otel.conventions.span_types import RULES
from genai_otel.telemetry.operation import Operation

from . import requests, usage
from .api import Api, Request, read_json

_BYTES_PER_NUMBER: Final = 4
_VECTOR: Final = re.compile(rb'"embedding"\s*:\s*(["\[])')
_BEFORE_VECTOR: Final = 4_096  # room for the other fields of the first entry


def start(request: Request) -> dict[str, Any]:
    """Return the attributes of the request."""
    return requests.embeddings(request.body)


def record_request(op: Operation, request: Request) -> None:
    """Record nothing: the conventions have no attribute for what is embedded."""


def record_answer(op: Operation, answer: Any) -> None:
    """Record a ``CreateEmbeddingResponse``: model, tokens and, unless it was asked for, the dimension."""
    totals = usage.totals_of(field(answer, "usage"))
    op.set(attr.USAGE_INPUT_TOKENS, totals.get(attr.USAGE_INPUT_TOKENS))
    if isinstance(model := field(answer, "model"), str):
        op.set(attr.RESPONSE_MODEL, model)
    if op.lookup(attr.EMBEDDINGS_DIMENSION_COUNT) is None:
        op.set(attr.EMBEDDINGS_DIMENSION_COUNT, _dimension(field(answer, "data")))


def _dimension(data: Any) -> int | None:
    if not isinstance(data, (list, tuple)) or not data:
        return None
    vector = field(data[0], "embedding")
    if isinstance(vector, str):
        return _encoded_dimension(len(vector), vector[-2:].count("="))
    return len(vector) if isinstance(vector, (list, tuple)) and vector else None


def _encoded_dimension(length: int, padding: int) -> int | None:
    """Return how many 32-bit numbers base64 text of this length holds."""
    return (length * 3 // 4 - padding) // _BYTES_PER_NUMBER or None


def read(body: bytes) -> Mapping[str, Any] | None:
    """Return what a raw body says, with its first vector only: the others, megabytes maybe, are skipped."""
    begin = body.find(b"[", body.find(b'"data"'))
    end = body.rfind(b"]")
    vector = _first_vector(body, begin)
    around = read_json(body[:begin] + b"[]" + body[end + 1 :]) if vector is not None else None
    return read_json(body) if around is None else {**around, "data": [{"embedding": vector}]}


def _first_vector(body: bytes, begin: int) -> Any:
    """Return the first vector of the list: its text, or a list of as many numbers."""
    opening = _VECTOR.search(body, begin, begin + _BEFORE_VECTOR)
    if begin < 0 or opening is None:
        return None
    start = opening.end()
    if opening.group(1) == b'"':
        return body[start : body.find(b'"', start)].decode("ascii", "replace")
    end = body.find(b"]", start)
    return [0.0] * (body.count(b",", start, end) + 1) if body[start:end].strip() else None


EMBEDDINGS: Final = Api(RULES["EMBEDDING"], start, record_request, record_answer, read=read)
