"""One span as a file has it: the node that trees are made of, and what only a detailed view shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from genai_otel.exporters.node import SpanNode


class Link(NamedTuple):
    """Another span that this one points to."""

    trace_id: str
    span_id: str
    attributes: Mapping[str, Any]


class RecordedSpan(NamedTuple):
    """A span, the resource and instrumentation scope it came from, its kind and links."""

    node: SpanNode
    kind: str = "INTERNAL"
    resource: Mapping[str, Any] = {}
    scope: str = ""
    links: Sequence[Link] = ()
