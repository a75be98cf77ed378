"""Which captured spans a test means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from genai_otel.conventions.span_types import SpanType, rules_for

from .captured_span import CapturedSpan

ANY: Final[Any] = object()


class Filter:
    """A name, a type, attributes and a parent, each of which may be left open."""

    def __init__(
        self,
        name: str | re.Pattern[str] | None,
        span_type: SpanType | str | None,
        attributes: Mapping[str, Any] | None,
        parent: Any,
    ) -> None:
        self.name = name
        self.span_type = span_type
        self.attributes = attributes
        self.parent = parent

    def select(self, spans: Sequence[CapturedSpan]) -> list[CapturedSpan]:
        """Return the spans meant, in the order given."""
        names = {span.span_id: span.name for span in spans}
        return [span for span in spans if self._matches(span, names)]

    def _matches(self, span: CapturedSpan, names: Mapping[str, str]) -> bool:
        return (
            self._has_name(span)
            and self._has_type(span)
            and self._has_attributes(span)
            and self._has_parent(span, names)
        )

    def _has_name(self, span: CapturedSpan) -> bool:
        if self.name is None:
            return True
        return self.name == span.name if isinstance(self.name, str) else bool(self.name.search(span.name))

    def _has_type(self, span: CapturedSpan) -> bool:
        if self.span_type is None:
            return True
        wanted, found = rules_for(self.span_type), rules_for(span.span_type)
        same_operation = wanted.operation is not None and wanted.operation == found.operation
        return same_operation or wanted.span_type == found.span_type

    def _has_attributes(self, span: CapturedSpan) -> bool:
        found = span.attributes or {}
        return all(
            key in found and _equal(found[key], value) for key, value in (self.attributes or {}).items()
        )

    def _has_parent(self, span: CapturedSpan, names: Mapping[str, str]) -> bool:
        parent = self.parent
        if parent is ANY:
            return True
        if parent is None:
            return span.parent_id is None
        if isinstance(parent, str):
            return span.parent_id is not None and names.get(span.parent_id) == parent
        return span.parent is not None and parent.get_span_context().span_id == span.parent.span_id

    def __str__(self) -> str:
        given = {"name": self.name, "span_type": self.span_type, "attributes": self.attributes}
        shown = [f"{key}={_shown(value)}" for key, value in given.items() if value is not None]
        if self.parent is not ANY:
            shown.append(f"parent={_shown(self.parent)}")
        return f" with {', '.join(shown)}" if shown else ""


def _equal(found: Any, wanted: Any) -> bool:
    return bool((list(found) if isinstance(found, tuple) else found) == _listed(wanted))


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _shown(value: Any) -> str:
    if isinstance(value, SpanType):
        return repr(value.value)
    return repr(getattr(value, "pattern", value))
