from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genai_otel.testing.server import behaviour as behaviours
from genai_otel.testing.server import schema, text

NODE: Any = {
    "type": "object",
    "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
    "required": ["next"],
}


@given(st.text())
def test_tokens_joined_are_the_text(value: str) -> None:
    assert "".join(text.tokens(value)) == value


@given(st.text(min_size=1), st.integers(1, 40))
def test_chunks_are_as_many_as_asked_for(value: str, wanted: int) -> None:
    behaviour = behaviours.Behaviour(text=value, chunks=wanted)
    said = text.say(behaviour, "", "")
    assert len(text.pieces(said, behaviour)) == wanted
    assert "".join(text.pieces(said, behaviour)) == said


@pytest.mark.parametrize(
    "wanted",
    [
        {
            "type": "object",
            "properties": {
                "a": {"type": ["string", "null"]},
                "b": {"type": "array", "items": {"type": "number"}},
            },
        },
        {"type": "integer", "minimum": 5, "exclusiveMaximum": 7},
        {"type": "number", "maximum": 0.5},
        {"type": "string", "minLength": 30, "maxLength": 31},
        {"type": "string", "format": "date"},
        {"enum": ["x", "Paris"]},
        {"const": {"a": [1]}},
        {"oneOf": [{"type": "null"}, {"type": "boolean"}]},
        {"allOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {"type": "integer"}}}]},
        {"$ref": "#/$defs/node", "$defs": {"node": NODE}},
        {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
        {"type": "array", "items": {"type": "string"}, "minItems": 3},
    ],
    ids=str,
)
def test_an_instance_fits_its_schema(wanted: Any) -> None:
    jsonschema.validate(schema.instance(wanted, "What's the weather in Paris?"), wanted)


def test_an_unsatisfiable_schema_ends() -> None:
    loop = {"type": "object", "properties": {"me": {"$ref": "#"}}, "required": ["me"]}
    assert schema.instance(loop, "")
