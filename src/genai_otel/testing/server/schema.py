"""A plausible instance of a JSON schema: structured answers and tool arguments of the test server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

from genai_otel.testing.server.exchange import JSON
from genai_otel.testing.server.text import content_words

_DEPTH = 6
_QUESTION_FIELDS = frozenset({"query", "question", "prompt", "input", "text", "message", "q", "search_query"})
_FORMATS = {
    "date": "2024-01-01",
    "date-time": "2024-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "user@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000001",
}


def instance(schema: JSON, question: str) -> Any:
    """A value that fits the schema: strings from the question's words, numbers 1, all properties present."""
    return _Builder(schema, question).build(schema, "", 0)


def arguments(schema: JSON | None, question: str) -> str:
    """A function's arguments as JSON text."""
    return json.dumps(instance(schema or {"type": "object"}, question), ensure_ascii=False)


def _words(question: str) -> Iterator[str]:
    """The question's words, names first (a capital that doesn't open the text), for ever."""
    words = content_words(question)
    opening = question.split(maxsplit=1)[0].strip("'’") if question.split() else ""
    names = [word for word in words if word[0].isupper() and word != opening]
    rest = sorted((word for word in words if word not in names), key=len, reverse=True)
    return cycle([*names, *rest] or ["example"])


class _Builder:
    def __init__(self, root: JSON, question: str) -> None:
        self.root = root
        self.question = question
        self.words = _words(question)

    def build(self, schema: Any, name: str, depth: int) -> Any:
        schema = self._resolve(schema)
        if depth > 4 * _DEPTH:  # a schema that requires itself has no instance
            return None
        for keyword, choose in _CHOICES:
            if keyword in schema:
                return choose(self, schema, name, depth)
        return _KINDS.get(_kind(schema), _Builder.string)(self, schema, name, depth)

    def _resolve(self, schema: Any) -> JSON:
        for _ in range(16):
            if not isinstance(schema, dict) or "$ref" not in schema:
                break
            schema = self._pointer(str(schema["$ref"]))
        return schema if isinstance(schema, dict) else {}

    def _pointer(self, reference: str) -> Any:
        found: Any = self.root
        for key in reference.lstrip("#/").split("/") if reference != "#" else ():
            found = found.get(key, {}) if isinstance(found, dict) else {}
        return found

    def const(self, schema: JSON, name: str, depth: int) -> Any:
        return schema["const"]

    def enum(self, schema: JSON, name: str, depth: int) -> Any:
        asked = self.question.lower()
        named = (value for value in schema["enum"] if isinstance(value, str) and value.lower() in asked)
        return next(named, schema["enum"][0])

    def any_of(self, schema: JSON, name: str, depth: int) -> Any:
        options = [self._resolve(option) for option in schema.get("anyOf") or schema.get("oneOf") or [{}]]
        null = next((option for option in options if option.get("type") == "null"), None)
        if null is not None and depth >= _DEPTH:
            return None
        return self.build(next((option for option in options if option is not null), {}), name, depth)

    def all_of(self, schema: JSON, name: str, depth: int) -> Any:
        merged: JSON = {key: value for key, value in schema.items() if key != "allOf"}
        for part in map(self._resolve, schema["allOf"]):
            properties = {**merged.get("properties", {}), **part.get("properties", {})}
            merged = {**merged, **part, **({"properties": properties} if properties else {})}
        return self.build(merged, name, depth)

    def object(self, schema: JSON, name: str, depth: int) -> Any:
        properties: JSON = schema.get("properties") or {}
        wanted = schema.get("required", ()) if depth >= _DEPTH else properties
        return {key: self.build(properties.get(key, {}), key, depth + 1) for key in wanted}

    def array(self, schema: JSON, name: str, depth: int) -> Any:
        if "prefixItems" in schema:
            return [self.build(item, name, depth + 1) for item in schema["prefixItems"]]
        length = max(0 if depth >= _DEPTH else 1, schema.get("minItems", 0))
        return [self.build(schema.get("items", {}), name, depth + 1) for _ in range(length)]

    def string(self, schema: JSON, name: str, depth: int) -> str:
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        text = self.question if name.lower() in _QUESTION_FIELDS and self.question else next(self.words)
        text = text.ljust(schema.get("minLength", 0), "x")
        return text[: schema.get("maxLength", len(text))]

    def number(self, schema: JSON, name: str, depth: int) -> Any:
        value = max(1, schema.get("minimum", 1), schema.get("exclusiveMinimum", 0) + 1)
        value = min(value, schema.get("maximum", value))
        if value >= schema.get("exclusiveMaximum", value + 1):
            value = schema["exclusiveMaximum"] - 1
        return value if schema.get("type") == "number" else int(value)

    def boolean(self, schema: JSON, name: str, depth: int) -> bool:
        return True

    def null(self, schema: JSON, name: str, depth: int) -> None:
        return None


_Build = Callable[[_Builder, JSON, str, int], Any]
_CHOICES: tuple[tuple[str, _Build], ...] = (
    ("const", _Builder.const),
    ("enum", _Builder.enum),
    ("anyOf", _Builder.any_of),
    ("oneOf", _Builder.any_of),
    ("allOf", _Builder.all_of),
)
_KINDS: dict[str, _Build] = {
    "object": _Builder.object,
    "array": _Builder.array,
    "string": _Builder.string,
    "number": _Builder.number,
    "integer": _Builder.number,
    "boolean": _Builder.boolean,
    "null": _Builder.null,
}


def _kind(schema: JSON) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((option for option in kind if option != "null"), "null")
    return str(kind) if kind else "object" if "properties" in schema else "string"
