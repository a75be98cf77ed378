"""What ``context()`` puts in the OpenTelemetry context for every span that starts inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from opentelemetry.context import Context, create_key, set_value

AMBIENT_KEY: Final = create_key("genai_otel.ambient")


@dataclass(frozen=True, slots=True, eq=False)
class Ambient:
    """Attributes for every span; trace-level attributes for the outermost span of ours that starts inside.

    ``attributes`` has those of the enclosing blocks merged in, ``trace_attributes`` are this block's alone.
    """

    attributes: Mapping[str, Any] = field(default_factory=dict)
    trace_attributes: Mapping[str, Any] = field(default_factory=dict)
    outer: Ambient | None = None

    def trace_attributes_since(self, block: Ambient | None) -> dict[str, Any]:
        """Return the trace-level attributes of the blocks entered inside ``block``, the inner values winning."""
        found: dict[str, Any] = {}
        layer: Ambient | None = self
        while layer is not None and layer is not block:
            found = {**layer.trace_attributes, **found}
            layer = layer.outer
        return found


def ambient_of(context: Context) -> Ambient | None:
    """Return what the enclosing ``context()`` blocks put in ``context``, if any."""
    return context.get(AMBIENT_KEY)  # type: ignore[return-value]


def with_ambient(
    context: Context, attributes: Mapping[str, Any], trace_attributes: Mapping[str, Any]
) -> Context:
    """Return ``context`` with more ambient values; the new value of a key wins."""
    outer = ambient_of(context)
    merged = attributes if outer is None else {**outer.attributes, **attributes}
    return set_value(AMBIENT_KEY, Ambient(merged, trace_attributes, outer), context)
