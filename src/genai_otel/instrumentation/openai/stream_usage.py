"""``autolog(request_stream_usage=True)``: ask for a chat stream's usage; hide the chunk with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genai_otel.content.fields import field

from .exchange import Exchange

_STREAMING_APIS = ("/chat/completions", "/completions")


def ask(options: Any, exchange: Exchange) -> None:
    """Add ``stream_options.include_usage`` to a copy of the body, unless the caller said something about it.

    Only where the SDK itself makes the stream: who reads a raw body would see the extra chunk.
    """
    request = exchange.request
    body = getattr(options, "json_data", None)
    if exchange.raw is not None or not request.stream or request.path not in _STREAMING_APIS:
        return
    if not isinstance(body, Mapping) or "include_usage" in (request.body.get("stream_options") or {}):
        return
    asked = {**(body.get("stream_options") or {}), "include_usage": True}
    options.json_data = {**body, "stream_options": asked}
    exchange.hide = is_usage_chunk


def is_usage_chunk(chunk: Any) -> bool:
    """Whether a chunk is the extra one: usage and no choices."""
    return field(chunk, "choices") == [] and field(chunk, "usage") is not None
