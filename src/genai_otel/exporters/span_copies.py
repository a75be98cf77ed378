"""Copies of ended spans that carry other attributes: a span itself never changes for one route's sake."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan


def with_attributes(
    span: ReadableSpan,
    attributes: Mapping[str, Any],
    *,
    name: str | None = None,
    resource: Resource | None = None,
) -> ReadableSpan:
    """Return a copy of ``span`` with ``attributes`` in place of its own, and all else as it is."""
    copied: Any = copy.copy(span)
    copied._attributes = attributes
    if name is not None:
        copied._name = name
    if resource is not None:
        copied._resource = resource
    twin: ReadableSpan = copied
    return twin
