"""What an API family of the SDK tells the funnel: the record that starts, and how request and answer fill it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ...conventions.span_types import Rules
from ...telemetry.operation import Operation


@dataclass(slots=True)
class Request:
    """One request as the SDK is about to send it: parameters are plain JSON already."""

    method: str
    path: str
    body: Mapping[str, Any]
    params: Mapping[str, str] = field(default_factory=dict)
    stream: bool = False


class StreamObserver(Protocol):
    """Watches one stream; every method is called at most once per chunk or end, never concurrently."""

    def chunk(self, chunk: Any) -> None:
        """Take note of one chunk."""

    def finish(self) -> None:
        """Record what was seen, complete or partial; called once, before the operation ends."""


@dataclass(frozen=True, slots=True)
class Api:
    """One kind of operation.

    ``start`` gives the attributes known before the call, ``content`` records the request's content, ``answer`` records
    the answer (an SDK object or plain JSON), ``observe`` makes the observer of a stream.
    """

    rules: Rules
    start: Callable[[Request], dict[str, Any]]
    content: Callable[[Operation, Request], None]
    answer: Callable[[Operation, Any], None]
    observe: Callable[[Operation, float], StreamObserver] | None = None
