"""What ``context()`` puts in the OpenTelemetry context for every span that starts inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from opentelemetry import baggage
from opentelemetry.context import Context, create_key, set_value

from ..conventions import attributes as attr

AMBIENT_KEY: Final = create_key("genai_otel.ambient")
CARRIED: Final = (attr.SESSION_ID, attr.USER_ID, attr.CONVERSATION_ID)
"""What ``context(propagate=True)`` puts in the baggage, and what is taken from there."""
_MAX_CARRIED_LENGTH: Final = 256


def _baggage_key() -> str:
    """Return the API's key for the baggage, found by setting some."""
    (key,) = baggage.set_baggage("key", "value", Context())
    return key


_BAGGAGE_KEY: Final = _baggage_key()


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
    """Return what the enclosing ``context()`` blocks put in ``context``, else what the baggage brought, if any."""
    found = context.get(AMBIENT_KEY)
    if found is None and _BAGGAGE_KEY in context:
        ids = carried_ids(context)
        return Ambient(ids) if ids else None
    return found  # type: ignore[return-value]


def carried_ids(context: Context) -> dict[str, str]:
    """Return the ids that another service put in the baggage; what is empty or overlong is left out."""
    found = baggage.get_all(context)
    return {
        key: value
        for key in CARRIED
        if isinstance(value := found.get(key), str) and 0 < len(value) <= _MAX_CARRIED_LENGTH
    }


def with_ambient(
    context: Context, attributes: Mapping[str, Any], trace_attributes: Mapping[str, Any]
) -> Context:
    """Return ``context`` with more ambient values; the new value of a key wins."""
    outer = ambient_of(context)
    merged = attributes if outer is None else {**outer.attributes, **attributes}
    return set_value(AMBIENT_KEY, Ambient(merged, trace_attributes, outer), context)
