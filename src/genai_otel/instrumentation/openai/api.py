"""What an API family of the SDK tells the funnel: how a record starts, and how request and answer fill it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from genai_otel.conventions.span_types import Rules
from genai_otel.telemetry.operation import Operation


@dataclass(slots=True)
class Request:
    """One request as the SDK is about to send it: parameters are plain JSON already.

    ``params`` are those in the path, ``query`` those of the URL, ``files`` the uploads of a multipart
    request as the caller gave them: never to be read.
    """

    method: str
    path: str
    body: Mapping[str, Any]
    params: Mapping[str, str] = field(default_factory=dict)
    stream: bool = False
    query: Mapping[str, Any] = field(default_factory=dict)
    files: Any = None


class StreamObserver(Protocol):
    """Watches one stream; every method is called at most once per chunk or end, never concurrently."""

    def chunk(self, chunk: Any, /) -> None:
        """Take note of one chunk."""

    def finish(self) -> None:
        """Record what was seen, complete or partial; called once, before the operation ends."""


def read_json(body: bytes) -> Mapping[str, Any] | None:
    """Return the JSON object that a raw body is, or None."""
    try:
        found = orjson.loads(body)
    except ValueError:
        try:
            found = json.loads(body)  # takes NaN, as the SDK does
        except ValueError:
            return None
    return found if isinstance(found, Mapping) else None


@dataclass(frozen=True, slots=True)
class Api:
    """One kind of operation.

    ``start`` gives the attributes known before the call, ``content`` records the request's content,
    ``answer`` records the answer (an SDK object or what ``read`` makes of a raw body), ``observe`` makes the
    observer of a stream. ``exchange`` makes the telemetry of one request where it is not the ordinary
    ``Exchange``, and None where there is nothing to record.
    """

    rules: Rules
    start: Callable[[Request], dict[str, Any]]
    content: Callable[[Operation, Request], None]
    answer: Callable[[Operation, Any], None]
    observe: Callable[[Operation, float], StreamObserver] | None = None
    read: Callable[[bytes], Any] = read_json
    exchange: Callable[..., Any] | None = None
