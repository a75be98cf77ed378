"""Tool definitions of every SDK, and objects for a tool's arguments and results."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import pytest

from genai_otel.content.tools import object_of, tool_definitions
from tests.content.message_schema import assert_json, assert_schema, unchanged

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


def defined(value: Any) -> list[dict[str, Any]]:
    result = tool_definitions(value)
    assert_json(result)
    assert all(type(tool["type"]) is str and type(tool["name"]) is str for tool in result)
    assert_schema("gen-ai-tool-definitions", result)
    return result


WEATHER = {"type": "function", "name": "weather", "description": "d", "parameters": SCHEMA}
FIELDS = {"name": "weather", "description": "d", "parameters": SCHEMA}


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        ({"type": "function", "function": {**FIELDS, "strict": True}}, WEATHER),
        ({"type": "function", **FIELDS, "strict": True}, WEATHER),
        (FIELDS, WEATHER),
        ({"name": "weather", "description": "d", "input_schema": SCHEMA}, WEATHER),
        ({"name": "weather", "description": "d", "inputSchema": SCHEMA}, WEATHER),
        ({"function_declarations": [FIELDS]}, WEATHER),
        ({"toolSpec": {"name": "weather", "description": "d", "inputSchema": {"json": SCHEMA}}}, WEATHER),
        ({"type": "function", "function": {"name": "f"}}, {"type": "function", "name": "f"}),
        (
            {"type": "function", "function": {"name": "f", "parameters": None}},
            {"type": "function", "name": "f"},
        ),
        (
            {"type": "function", "function": {"name": "f", "parameters": "x"}},
            {"type": "function", "name": "f"},
        ),
        (
            {"type": "custom", "custom": {"name": "sql", "format": {"type": "text"}}},
            {"type": "custom", "name": "sql", "format": {"type": "text"}},
        ),
        ({"type": "custom", "name": "sql"}, {"type": "custom", "name": "sql"}),
        ({"type": "web_search"}, {"type": "web_search", "name": "web_search"}),
        (
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
            {"type": "web_search_20250305", "name": "web_search"},
        ),
        ({"type": "namespace", "name": "crm", "tools": []}, {"type": "namespace", "name": "crm"}),
        ("search", {"type": "function", "name": "search"}),
    ],
)
def test_every_shape_of_a_definition(tool: Any, expected: dict[str, Any]) -> None:
    before = unchanged(tool)
    assert defined([tool]) == [expected]
    assert defined(tool) == [expected]
    assert tool == before


def test_credentials_and_addresses_of_mcp_servers_are_not_kept() -> None:
    tool = {
        "type": "mcp",
        "server_label": "dice",
        "server_description": "rolls",
        "server_url": "https://secret.example/token",
        "authorization": "SECRET",
        "headers": {"Authorization": "SECRET"},
    }
    assert defined([tool]) == [{"type": "mcp", "name": "dice", "description": "rolls"}]


def test_functions_and_classes_are_known_by_name() -> None:
    def weather(city: str) -> str:
        """Tell the weather.

        At length.
        """
        return city

    class Lookup:
        """Look something up."""

        name = 3

    assert defined([weather, Lookup, len]) == [
        {"type": "function", "name": "weather", "description": "Tell the weather.\n\nAt length."},
        {"type": "function", "name": "Lookup", "description": "Look something up."},
        {"type": "function", "name": "len", "description": len.__doc__},
    ]


def test_pydantic_classes_and_parameters() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Weather(pydantic.BaseModel):
        city: str

    (by_class, with_model) = defined([Weather, {"name": "f", "parameters": Weather(city="x")}])
    assert by_class == {"type": "function", "name": "Weather"}
    assert with_model == {"type": "function", "name": "f", "parameters": {"city": "x"}}


def test_tool_objects_are_read_like_dicts() -> None:
    class Tool:
        name = "weather"
        description = "d"
        inputSchema = SCHEMA

    assert defined([Tool()]) == [WEATHER]
    responses = pytest.importorskip("openai.types.responses")
    assert defined([responses.FunctionTool.construct(type="function", **FIELDS)]) == [WEATHER]


@pytest.mark.parametrize("nothing", [None, [], (), 5, [None, 5, {}, [1], object()]])
def test_what_is_no_tool_is_left_out(nothing: Any) -> None:
    assert defined(nothing) == []


def test_generators_are_not_consumed() -> None:
    generator = (tool for tool in [WEATHER])
    tool_definitions(generator)
    assert list(generator) == [WEATHER]


def test_a_result_shares_nothing_with_the_tool() -> None:
    tool = unchanged(WEATHER)
    defined([tool])[0]["parameters"]["properties"].clear()
    assert tool == WEATHER


@dataclass
class Point:
    x: int


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": 1}, {"a": 1}),
        ({}, {}),
        (OrderedDict(a=1), {"a": 1}),
        ('{"a": 1}', {"a": 1}),
        (' {"a": 1}', {"a": 1}),
        (Point(1), {"x": 1}),
        ('{"a": ', {"result": '{"a": '}),
        ("[1]", {"result": "[1]"}),
        ("sunny", {"result": "sunny"}),
        ("", {"result": ""}),
        ([1], {"result": [1]}),
        (None, {"result": None}),
        (5, {"result": 5}),
        ({1: 2}, {"1": 2}),
    ],
)
def test_arguments_and_results_are_objects(value: Any, expected: dict[str, Any]) -> None:
    result = object_of(value, "result")
    assert result == expected
    assert_json(result)
    assert_schema("gen-ai-tool-call-result", result)


def test_objects_keep_no_binary() -> None:
    url = "data:image/png;base64," + "A" * 400
    assert "A" * 40 not in str(
        [object_of({"image": url}, "k"), object_of(url, "k"), object_of(f"x {url}", "k")]
    )


def test_an_object_is_a_copy() -> None:
    value = {"a": [1]}
    object_of(value, "k")["a"].append(2)
    assert value == {"a": [1]}
