"""Embeddings: how long the vectors are, never the vectors; the cost does not grow with their number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...content.fields import field
from ...conventions import attributes as attr
from ...conventions.span_types import RULES
from ...telemetry.operation import Operation
from . import requests, usage
from .api import Api, Request, read_json

_BYTES_PER_NUMBER: Final = 4


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
    """Return what a raw body says, with its first vector only: the rest of the list, megabytes maybe, is skipped."""
    begin = body.find(b"[", body.find(b'"data"'))
    end = body.rfind(b"]")
    first = _first_vector(body, begin)
    if begin < 0 or end < begin or first is None:
        return read_json(body)
    found = read_json(body[:begin] + b"[]" + body[end + 1 :])
    return read_json(body) if found is None else {**found, "data": [{"embedding": first}]}


def _first_vector(body: bytes, begin: int) -> Any:
    """Return the first vector of the list: its text, or a list of as many numbers."""
    key = body.find(b'"embedding"', body.find(b"{", begin))
    colon = body.find(b":", key + len(b'"embedding"'))
    if key < 0 or colon < 0:
        return None
    # the first entry may also say "object": "embedding": that is a value, and no colon follows it at once
    if body[key + len(b'"embedding"') : colon].strip():
        return _first_vector(body, key + 1)
    opening = body[colon + 1 : colon + 65].lstrip()[:1]
    start = body.find(opening, colon) + 1
    if opening == b'"':
        return body[start : body.find(b'"', start)].decode("ascii", "replace")
    if opening == b"[":
        return [0.0] * (body.count(b",", start, body.find(b"]", start)) + 1)
    return None


EMBEDDINGS: Final = Api(RULES["EMBEDDING"], start, record_request, record_answer, read=read)
