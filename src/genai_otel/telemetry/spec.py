"""What is known of a span before it starts, resolved once: at decoration, or at the call of ``start_span``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.context import Context

from ..content.policy import ContentPolicy
from ..conventions import attributes as attr
from ..conventions.span_types import MEMORY_OPERATIONS, Rules
from .attributes import attribute_value, text_of
from .operation import Operation, begin, default_name

if TYPE_CHECKING:
    from .._settings import Settings


class Spec:
    """The rules, the name and the start attributes of a span."""

    __slots__ = ("attributes", "name", "named", "rules", "user_attributes")

    def __init__(
        self,
        rules: Rules,
        name: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        *,
        model: str | None = None,
        provider: str | None = None,
        operation: str | None = None,
        function_name: str | None = None,
    ) -> None:
        self.rules = rules
        self.named = name is not None
        self.user_attributes = dict(attributes) if attributes else {}
        self.attributes = self._start_attributes(name or function_name, model, provider, operation)
        self.name = name if name is not None else self._default_name(function_name)

    def _start_attributes(
        self, entity: str | None, model: str | None, provider: str | None, operation: str | None
    ) -> dict[str, Any]:
        rules = self.rules
        found: dict[str, Any] = {}
        if rules.operation is not None:
            found[attr.OPERATION_NAME] = operation or rules.operation
        elif rules.openinference_kind is not None:
            found[attr.OPENINFERENCE_KIND] = rules.openinference_kind
        if model is not None:
            found[attr.REQUEST_MODEL] = model
        if provider is not None:
            found[attr.PROVIDER_NAME] = provider
        if rules.entity_key is not None and entity is not None:
            found[rules.entity_key] = entity
        return {**found, **cleaned(self.user_attributes, _AS_GIVEN)}

    def _default_name(self, function_name: str | None) -> str:
        if self.rules.operation is not None:
            return default_name(self.rules, self.attributes.get)
        return function_name or (
            "span" if self.rules.span_type == "UNKNOWN" else self.rules.span_type.lower()
        )

    def begin(
        self,
        settings: Settings,
        context: Context,
        start_time: int | None = None,
        tracer: trace.Tracer | None = None,
    ) -> tuple[trace.Span | None, Operation | None]:
        """Start the span in ``context``; nothing is made current."""
        attributes: Mapping[str, Any] = self.attributes
        if self.user_attributes and (settings.content.redact or settings.content.max_length):
            kept = {key: value for key, value in attributes.items() if key not in self.user_attributes}
            attributes = {**kept, **cleaned(self.user_attributes, settings.content)}
            if not self.named and self.rules.operation is not None:  # the name must not say what was redacted
                name = default_name(self.rules, attributes.get)
                return begin(self.rules, settings, name, attributes, context, False, start_time, tracer)
        return begin(self.rules, settings, self.name, attributes, context, self.named, start_time, tracer)


_AS_GIVEN = ContentPolicy()


def cleaned(attributes: Mapping[Any, Any], policy: ContentPolicy) -> dict[str, Any]:
    """Return user attributes as span attributes; None and dropped values are left out."""
    found: dict[str, Any] = {}
    for key, value in attributes.items():
        name = text_of(key) or ""
        clean = attribute_value(name, value, policy)
        if clean is not None:
            found[name] = clean
    return found


def memory_operation(rules: Rules, operation: str | None) -> str | None:
    """Return ``operation`` if it may be given for a span of these rules.

    Raises:
        ValueError: if it is not one of the memory operations, or the span type is not MEMORY.
    """
    if operation is None:
        return None
    if rules.span_type != "MEMORY":
        raise ValueError(f"operation={operation!r} goes with span_type=MEMORY only, not {rules.span_type}")
    if operation not in MEMORY_OPERATIONS:
        raise ValueError(
            f"operation={operation!r} is not a memory operation: {', '.join(sorted(MEMORY_OPERATIONS))}"
        )
    return operation
