"""Messages of every chat shape and of everything else, requests taken apart, finish reasons."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from enum import Enum
from types import MappingProxyType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from genai_otel._guard import reset
from genai_otel.content.messages import finish_reasons, input_messages, output_messages, split_request
from tests.content.message_schema import CASSETTES, assert_messages, assert_schema, message, text, unchanged

CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Paris"}'}}
CALL_PART = {"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Paris"}}


def read(value: Any, **kwargs: Any) -> list[dict[str, Any]]:
    messages = input_messages(value, **kwargs)
    assert_messages(messages)
    return messages


def answer(value: Any) -> list[dict[str, Any]]:
    messages = output_messages(value)
    assert_messages(messages, "output")
    return messages


def parts(value: Any) -> list[dict[str, Any]]:
    (only,) = read([value])
    return only["parts"]


def content(*entries: Any) -> list[dict[str, Any]]:
    return parts({"role": "user", "content": list(entries)})


# --- free-form values -------------------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", [None, [], ()])
def test_nothing_gives_no_messages(nothing: Any) -> None:
    assert read(nothing) == []
    assert answer(nothing) == []


def test_a_string_is_one_message_as_it_is() -> None:
    assert read("hi") == [message("user", "hi")]
    assert answer("hi") == [message("assistant", "hi")]
    assert read("") == [message("user", "")]


@pytest.mark.parametrize(
    ("value", "json_text"),
    [
        ({"question": "q", "k": 3}, '{"question":"q","k":3}'),
        ([1, 2, 3], "[1,2,3]"),
        ([[1, 2], [3, 4]], "[[1,2],[3,4]]"),
        ([{"id": "a", "score": 0.5}], '[{"id":"a","score":0.5}]'),
        (5, "5"),
        (True, "true"),
        ({}, "{}"),
        ({"type": "custom", "a": 1}, '{"type":"custom","a":1}'),
        ({"type": "car", "brand": "x"}, '{"type":"car","brand":"x"}'),
        ([{"type": "car"}], '[{"type":"car"}]'),
        ({"messages": [1, 2]}, '{"messages":[1,2]}'),
        ({"input": "q", "customer": 7}, '{"input":"q","customer":7}'),
        ({"input": "a", "prompt": "b"}, '{"input":"a","prompt":"b"}'),
        ({"input": {"deep": 1}}, '{"input":{"deep":1}}'),
        ({"choices": ["a", "b"]}, '{"choices":["a","b"]}'),
        ({"output": "done"}, '{"output":"done"}'),
        ({"content": "no role"}, '{"content":"no role"}'),
    ],
)
def test_a_free_form_value_is_one_text_part_with_its_json(value: Any, json_text: str) -> None:
    assert read(value) == [message("user", json_text)]
    assert answer(value) == [message("assistant", json_text)]


def test_the_default_role_is_the_callers() -> None:
    assert read("x", role="assistant") == [message("assistant", "x")]
    assert read({"a": 1}, role="system") == [message("system", '{"a":1}')]


def test_several_prompts_are_a_message_each() -> None:
    assert read(["a", "b"]) == [message("user", "a"), message("user", "b")]


def test_a_list_of_strings_as_an_answer_is_a_free_form_value() -> None:
    assert answer(["a", "b"]) == [message("assistant", '["a","b"]')]


def test_generators_are_not_consumed() -> None:
    def prompts() -> Iterator[str]:
        yield "a"

    generator = prompts()
    read(generator)
    read({"model": "m", "messages": generator})
    read({"role": "user", "content": generator})
    answer(generator)
    split_request({"model": "m", "messages": [], "tools": generator})
    assert list(generator) == ["a"]


def test_the_given_value_is_not_changed() -> None:
    url = "data:image/png;base64,aGVsbG8gd29ybGQgaGVsbG8gd29ybGQgaGVsbG8gd29ybGQ="
    value = [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]},
        {"role": "assistant", "tool_calls": [CALL], "content": None},
        {"role": "user", "parts": [{"type": "text", "content": "x", "note": {"image": url}}]},
        {"type": "new_call", "data": {"b64_json": "aGVsbG8="}},
    ]
    before = unchanged(value)
    read(value)
    assert value == before


def test_the_result_shares_nothing_with_the_given_value() -> None:
    arguments = {"city": ["Paris"]}
    value = [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": arguments}}]}]
    read(value)[0]["parts"][0]["arguments"]["city"].append("Rome")
    assert arguments == {"city": ["Paris"]}


def test_objects_that_answer_to_every_name_are_free_form() -> None:
    ((only,),) = [read(MagicMock())]
    assert [part["type"] for part in only["parts"]] == ["text"]
    assert len(answer(MagicMock())) == 1


def test_objects_that_refuse_every_name_are_free_form() -> None:
    class Hostile:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(name)

        def __repr__(self) -> str:
            raise RuntimeError

    assert len(read(Hostile())) == 1
    assert len(read([{"role": "user", "content": Hostile()}])) == 1
    assert len(answer([Hostile(), {"role": "assistant", "content": "x"}])) == 2


class Torn(list[Any]):
    """A list that can't be read."""

    def __iter__(self) -> Iterator[Any]:
        raise RuntimeError


@pytest.fixture
def failures_are_reported() -> Iterator[None]:
    reset(raise_errors=False)
    yield
    reset(raise_errors=True)


@pytest.mark.usefixtures("failures_are_reported")
def test_what_cannot_be_read_is_still_one_text_part() -> None:
    torn = Torn([1, "x"])
    assert [len(messages[0]["parts"]) for messages in (read(torn), answer(torn))] == [1, 1]
    assert split_request(torn)[1:] == ([], [])
    assert len(split_request({"model": "m", "messages": torn}).messages) == 1
    assert finish_reasons({"object": "response", "status": "completed", "output": torn}) == []


def test_enumerations_are_their_values() -> None:
    class Role(Enum):
        USER = "user"

    class Text(str, Enum):
        HI = "hi"

    assert read([{"role": Role.USER, "content": Text.HI}]) == [message("user", "hi")]


def test_properties_of_models_are_read() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Chat(pydantic.BaseModel):
        role: str

        @property
        def content(self) -> str:
            return "hi"

    assert read([Chat(role="user")]) == [message("user", "hi")]


def test_circular_values_are_read() -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert len(read(circle)) == 1
    request: dict[str, Any] = {"model": "m"}
    request["input"] = request
    assert len(read(request)) == 1
    block: dict[str, Any] = {"type": "document", "source": {"type": "content"}}
    block["source"]["content"] = [block]
    read([{"role": "user", "content": [block]}])
    image: dict[str, Any] = {"type": "image"}
    image["image"] = image
    read([{"role": "user", "content": [image]}])
    result: dict[str, Any] = {"type": "tool_result", "tool_use_id": "1"}
    result["content"] = [result]
    read([{"role": "user", "content": [result]}])


# --- OpenAI chat ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant", "model", "critic"])
def test_chat_messages_keep_their_role(role: str) -> None:
    assert read([{"role": role, "content": "x"}]) == [message(role, "x")]


def test_a_history_keeps_its_order() -> None:
    history = [
        {"role": "developer", "content": "be kind"},
        {"role": "user", "content": "weather?", "name": "ann"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        {"role": "assistant", "content": "It is sunny."},
    ]
    assert read(history) == [
        message("developer", "be kind"),
        message("user", "weather?", name="ann"),
        message("assistant", CALL_PART),
        message("tool", {"type": "tool_call_response", "id": "c1", "response": "sunny"}),
        message("assistant", "It is sunny."),
    ]


def test_one_message_alone_or_in_a_tuple_is_read() -> None:
    assert read({"role": "user", "content": "x"}) == [message("user", "x")]
    assert read(({"role": "user", "content": "x"},)) == [message("user", "x")]
    assert read(SimpleNamespace(role="user", content="x")) == [message("user", "x")]
    assert read([MappingProxyType({"role": "user", "content": "x"})]) == [message("user", "x")]


def test_text_around_tool_calls_is_kept_and_empty_text_is_not() -> None:
    assert parts({"role": "assistant", "content": "let me see", "tool_calls": [CALL]}) == [
        text("let me see"),
        CALL_PART,
    ]
    assert parts({"role": "assistant", "content": "", "tool_calls": [CALL]}) == [CALL_PART]
    assert parts({"role": "assistant", "content": "", "tool_calls": []}) == [text("")]
    assert parts({"role": "assistant", "content": None}) == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ({"a": 1}, {"a": 1}),
        ("[1]", [1]),
        ("5", 5),
        ("null", None),
        ("", None),
        (None, None),
        ('{"a": ', '{"a": '),
        ('{"id": 12345678901234567890123}', {"id": 12345678901234567890123}),
        ("[" * 5000, "[" * 5000),
    ],
)
def test_tool_call_arguments_are_deserialised_where_they_can_be(arguments: Any, expected: Any) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    (part,) = parts({"role": "assistant", "content": None, "tool_calls": [call]})
    assert part.get("arguments") == expected
    assert ("arguments" in part) is (expected is not None)


def test_very_deep_arguments_stay_encodable() -> None:
    deep = '{"a":' * 900 + '"data:image/png;base64,' + "A" * 400 + '"' + "}" * 900
    (part,) = parts({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": deep}}]})
    assert part["arguments"].keys() == {"a"}
    assert "A" * 100 not in json.dumps(part)


def test_custom_tool_calls_carry_their_text_as_input() -> None:
    call = {"id": "c", "type": "custom", "custom": {"name": "sql", "input": "select 1"}}
    assert parts({"role": "assistant", "tool_calls": [call]}) == [
        {"type": "tool_call", "id": "c", "name": "sql", "arguments": {"input": "select 1"}}
    ]


def test_legacy_functions_are_tool_calls() -> None:
    history = [
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "42"},
    ]
    assert read(history) == [
        message("assistant", {"type": "tool_call", "name": "f", "arguments": {}}),
        message("function", {"type": "tool_call_response", "response": "42"}, name="f"),
    ]


def test_incomplete_tool_calls_still_have_a_name() -> None:
    for call in ({}, {"function": None}, {"function": {"name": None}}, {"id": 7, "function": "f"}):
        (part,) = parts({"role": "assistant", "tool_calls": [call]})
        assert part["name"] == ""


def test_tool_results_may_be_lists_of_parts() -> None:
    result = {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "a"}, {"x": 1}]}
    assert parts(result) == [{"type": "tool_call_response", "id": "c", "response": [text("a"), {"x": 1}]}]


def test_tool_results_without_an_id_and_those_that_name_their_own() -> None:
    assert parts({"role": "tool", "content": "42"}) == [{"type": "tool_call_response", "response": "42"}]
    result = {"type": "tool_result", "tool_use_id": "a", "content": "1"}
    assert parts({"role": "tool", "content": [result]}) == [
        {"type": "tool_call_response", "id": "a", "response": "1"}
    ]


def test_a_refusal_is_told_from_text() -> None:
    assert parts({"role": "assistant", "content": None, "refusal": "I won't."}) == [
        {"type": "refusal", "content": "I won't."}
    ]
    assert content({"type": "refusal", "refusal": "no"}) == [{"type": "refusal", "content": "no"}]


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_of_compatible_servers_comes_before_the_answer(name: str) -> None:
    assert parts({"role": "assistant", "content": "4", name: "2+2"}) == [
        {"type": "reasoning", "content": "2+2"},
        text("4"),
    ]


def test_a_list_of_tool_calls_alone_is_an_answer() -> None:
    assert answer([CALL, CALL]) == [message("assistant", CALL_PART, CALL_PART)]


def test_spoken_answers_give_transcript_and_sound() -> None:
    audio = {"id": "audio_1", "data": "aGVsbG8=", "transcript": "hello", "expires_at": 1}
    transcript, sound = parts({"role": "assistant", "content": None, "audio": audio})
    assert transcript == text("hello")
    assert (sound["type"], sound["modality"], sound["size"], sound["id"]) == ("uri", "audio", 5, "audio_1")


def test_a_spoken_answer_sent_back_is_a_file() -> None:
    assert parts({"role": "assistant", "audio": {"id": "audio_1"}}) == [
        {"type": "file", "modality": "audio", "file_id": "audio_1"}
    ]


def test_annotations_stay_on_the_text() -> None:
    note = {"type": "url_citation", "url_citation": {"url": "https://x"}}
    (part,) = parts({"role": "assistant", "content": "see x", "annotations": [note]})
    assert part == {**text("see x"), "annotations": [note]}


def test_unusual_content_is_kept() -> None:
    assert parts({"role": "user", "content": {"a": 1}}) == [text('{"a":1}')]
    assert parts({"role": "user", "content": 7}) == [text("7")]
    assert content("a", {"type": "text", "text": "b"}, 7, None) == [
        text("a"),
        text("b"),
        text("7"),
        text("null"),
    ]
    assert content({"type": "text", "text": {"value": "v", "annotations": []}}) == [text("v")]
    assert content({"type": "text"}) == [text("")]


def test_unknown_parts_keep_their_type_and_fields() -> None:
    assert content({"type": "hologram", "depth": 3, "none": None}) == [{"type": "hologram", "depth": 3}]


# --- OpenAI Responses: input items ------------------------------------------------------------------------


def test_easy_messages_need_no_type() -> None:
    items = [
        {"role": "user", "content": "a"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "b"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "c"}]},
    ]
    assert read(items) == [message("user", "a"), message("user", "b"), message("assistant", "c")]


CALL_ITEM = {"type": "function_call", "call_id": "c1", "id": "fc_1", "name": "f", "arguments": '{"a":1}'}
ITEMS: list[tuple[dict[str, Any], str, list[dict[str, Any]]]] = [
    (CALL_ITEM, "assistant", [{"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}}]),
    (
        {"type": "function_call_output", "call_id": "c1", "output": "42"},
        "tool",
        [{"type": "tool_call_response", "id": "c1", "response": "42"}],
    ),
    (
        {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "42"}]},
        "tool",
        [{"type": "tool_call_response", "id": "c1", "response": [text("42")]}],
    ),
    (
        {"type": "custom_tool_call", "call_id": "c", "name": "sql", "input": "select 1"},
        "assistant",
        [{"type": "tool_call", "id": "c", "name": "sql", "arguments": {"input": "select 1"}}],
    ),
    (
        {"type": "custom_tool_call_output", "call_id": "c", "output": "1"},
        "tool",
        [{"type": "tool_call_response", "id": "c", "response": "1"}],
    ),
    (
        {
            "type": "reasoning",
            "id": "rs",
            "summary": [{"type": "summary_text", "text": "a"}],
            "content": None,
        },
        "assistant",
        [{"type": "reasoning", "id": "rs", "content": "a"}],
    ),
    (
        {
            "type": "reasoning",
            "id": "rs",
            "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
            "content": [{"type": "reasoning_text", "text": "c"}],
            "encrypted_content": "SECRET",
        },
        "assistant",
        [{"type": "reasoning", "id": "rs", "content": "a\n\nb\n\nc"}],
    ),
    (
        {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "SECRET"},
        "assistant",
        [{"type": "reasoning", "id": "rs", "content": ""}],
    ),
    (
        {
            "type": "computer_call",
            "id": "cu",
            "call_id": "c",
            "status": "completed",
            "action": {"type": "click", "x": 1},
            "pending_safety_checks": [],
        },
        "assistant",
        [
            {
                "type": "tool_call",
                "id": "c",
                "name": "computer",
                "arguments": {"action": {"type": "click", "x": 1}, "pending_safety_checks": []},
            }
        ],
    ),
    (
        {"type": "local_shell_call", "id": "l", "call_id": "c", "action": {"command": ["ls"]}},
        "assistant",
        [
            {
                "type": "tool_call",
                "id": "c",
                "name": "local_shell",
                "arguments": {"action": {"command": ["ls"]}},
            }
        ],
    ),
    (
        {"type": "local_shell_call_output", "id": "c", "output": "file"},
        "tool",
        [{"type": "tool_call_response", "id": "c", "response": "file"}],
    ),
    (
        {"type": "shell_call_output", "call_id": "c", "output": [{"stdout": "x", "stderr": ""}]},
        "tool",
        [{"type": "tool_call_response", "id": "c", "response": [{"stdout": "x", "stderr": ""}]}],
    ),
    (
        {"type": "apply_patch_call", "call_id": "c", "operation": {"type": "delete_file", "path": "p"}},
        "assistant",
        [
            {
                "type": "tool_call",
                "id": "c",
                "name": "apply_patch",
                "arguments": {"operation": {"type": "delete_file", "path": "p"}},
            }
        ],
    ),
    (
        {"type": "apply_patch_call_output", "call_id": "c", "status": "completed"},
        "tool",
        [{"type": "tool_call_response", "id": "c", "response": {"status": "completed"}}],
    ),
    (
        {
            "type": "web_search_call",
            "id": "ws",
            "status": "completed",
            "action": {"type": "search", "query": "q"},
        },
        "assistant",
        [
            {
                "type": "server_tool_call",
                "id": "ws",
                "name": "web_search",
                "server_tool_call": {
                    "type": "web_search_call",
                    "status": "completed",
                    "action": {"type": "search", "query": "q"},
                },
            }
        ],
    ),
    (
        {
            "type": "file_search_call",
            "id": "fs",
            "queries": ["q"],
            "results": [{"file_id": "f", "text": "t"}],
        },
        "assistant",
        [
            {
                "type": "server_tool_call",
                "id": "fs",
                "name": "file_search",
                "server_tool_call": {"type": "file_search_call", "queries": ["q"]},
            },
            {
                "type": "server_tool_call_response",
                "id": "fs",
                "server_tool_call_response": {
                    "type": "file_search_call",
                    "results": [{"file_id": "f", "text": "t"}],
                },
            },
        ],
    ),
    (
        {"type": "code_interpreter_call", "id": "ci", "code": "1+1", "container_id": "k", "outputs": None},
        "assistant",
        [
            {
                "type": "server_tool_call",
                "id": "ci",
                "name": "code_interpreter",
                "server_tool_call": {"type": "code_interpreter_call", "code": "1+1", "container_id": "k"},
            }
        ],
    ),
    (
        {
            "type": "mcp_call",
            "id": "m",
            "name": "roll",
            "server_label": "dice",
            "arguments": '{"n":2}',
            "output": "7",
        },
        "assistant",
        [
            {
                "type": "server_tool_call",
                "id": "m",
                "name": "roll",
                "server_tool_call": {"type": "mcp_call", "server_label": "dice", "arguments": {"n": 2}},
            },
            {
                "type": "server_tool_call_response",
                "id": "m",
                "server_tool_call_response": {"type": "mcp_call", "output": "7"},
            },
        ],
    ),
    (
        {
            "type": "mcp_call",
            "id": "m",
            "name": "roll",
            "server_label": "dice",
            "arguments": "{}",
            "error": "down",
        },
        "assistant",
        [
            {
                "type": "server_tool_call",
                "id": "m",
                "name": "roll",
                "server_tool_call": {"type": "mcp_call", "server_label": "dice", "arguments": {}},
            },
            {
                "type": "server_tool_call_response",
                "id": "m",
                "server_tool_call_response": {"type": "mcp_call", "error": "down"},
            },
        ],
    ),
    (
        {"type": "mcp_list_tools", "id": "m", "server_label": "dice", "tools": [{"name": "roll"}]},
        "assistant",
        [
            {
                "type": "server_tool_call",
                "id": "m",
                "name": "mcp_list_tools",
                "server_tool_call": {"type": "mcp_list_tools", "server_label": "dice"},
            },
            {
                "type": "server_tool_call_response",
                "id": "m",
                "server_tool_call_response": {"type": "mcp_list_tools", "tools": [{"name": "roll"}]},
            },
        ],
    ),
    (
        {"type": "mcp_approval_request", "id": "a", "name": "roll", "server_label": "d", "arguments": "{}"},
        "assistant",
        [{"type": "tool_call", "id": "a", "name": "roll", "arguments": {}, "server_label": "d"}],
    ),
    (
        {"type": "mcp_approval_response", "approval_request_id": "a", "approve": True},
        "user",
        [{"type": "tool_call_response", "id": "a", "response": {"approve": True}}],
    ),
    (
        {
            "type": "tool_search_call",
            "id": "t",
            "call_id": None,
            "execution": "server",
            "arguments": {"q": 1},
        },
        "assistant",
        [
            {
                "type": "server_tool_call",
                "id": "t",
                "name": "tool_search",
                "server_tool_call": {
                    "type": "tool_search_call",
                    "execution": "server",
                    "arguments": {"q": 1},
                },
            }
        ],
    ),
    (
        {
            "type": "tool_search_call",
            "id": "t",
            "call_id": "c",
            "execution": "client",
            "arguments": '{"q":1}',
        },
        "assistant",
        [{"type": "tool_call", "id": "c", "name": "tool_search", "arguments": {"q": 1}}],
    ),
    (
        {"type": "tool_search_output", "call_id": "c", "execution": "client", "tools": []},
        "tool",
        [{"type": "tool_call_response", "id": "c", "response": {"execution": "client", "tools": []}}],
    ),
    (
        {"type": "program_output", "id": "o", "call_id": "c", "result": "1", "status": "completed"},
        "tool",
        [
            {
                "type": "server_tool_call_response",
                "id": "c",
                "server_tool_call_response": {
                    "type": "program_output",
                    "result": "1",
                    "status": "completed",
                },
            }
        ],
    ),
    (
        {"type": "program", "id": "p", "call_id": "c", "code": "x()", "fingerprint": "f"},
        "assistant",
        [
            {
                "type": "server_tool_call",
                "id": "c",
                "name": "program",
                "server_tool_call": {"type": "program", "code": "x()"},
            }
        ],
    ),
    (
        {"type": "compaction", "id": "cmp", "encrypted_content": "SECRET"},
        "assistant",
        [{"type": "compaction", "id": "cmp"}],
    ),
    ({"type": "item_reference", "id": "msg_1"}, "user", [{"type": "item_reference", "id": "msg_1"}]),
    (
        {"type": "additional_tools", "id": "at", "role": "developer", "tools": [{"type": "function"}]},
        "system",
        [{"type": "additional_tools", "id": "at", "role": "developer", "tools": [{"type": "function"}]}],
    ),
    (
        {"type": "future_call", "id": "x", "power": 9},
        "assistant",
        [{"type": "future_call", "id": "x", "power": 9}],
    ),
    ({"type": "future_call_output", "y": 1}, "tool", [{"type": "future_call_output", "y": 1}]),
]


@pytest.mark.parametrize(("item", "role", "expected"), ITEMS, ids=[item[0]["type"] for item in ITEMS])
def test_every_item_is_a_message_of_its_own(
    item: dict[str, Any], role: str, expected: list[dict[str, Any]]
) -> None:
    user = {"role": "user", "content": "go"}
    assert read([user, item, user]) == [
        message("user", "go"),
        message(role, *expected),
        message("user", "go"),
    ]
    assert read([item]) == [message(role, *expected)]


@pytest.mark.parametrize(("item", "role", "expected"), ITEMS, ids=[item[0]["type"] for item in ITEMS])
def test_items_are_the_same_as_objects(
    item: dict[str, Any], role: str, expected: list[dict[str, Any]]
) -> None:
    pydantic = pytest.importorskip("pydantic")

    class Item(pydantic.BaseModel):
        model_config = {"extra": "allow"}

    assert read([Item.model_construct(**item)]) == [message(role, *expected)]


def test_an_unknown_item_among_known_ones_keeps_its_type() -> None:
    first, second = read([CALL_ITEM, {"type": "novelty", "a": 1}])
    assert first["role"] == "assistant"
    assert second == message("user", {"type": "novelty", "a": 1})


def test_screenshots_and_generated_images_become_references() -> None:
    png = "data:image/png;base64,aGVsbG8="
    output = {
        "type": "computer_call_output",
        "call_id": "c",
        "output": {"type": "computer_screenshot", "image_url": png},
    }
    (part,) = parts(output)
    assert part["response"]["mime_type"] == "image/png"
    assert part["response"]["size"] == 5
    image = {"type": "image_generation_call", "id": "ig", "result": "aGVsbG8=", "output_format": "webp"}
    call, outcome = parts(image)
    assert call["server_tool_call"] == {"type": "image_generation_call", "output_format": "webp"}
    assert outcome["server_tool_call_response"]["result"]["mime_type"] == "image/webp"


def test_neighbouring_bare_parts_share_a_message() -> None:
    value = [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]
    assert read(value) == [message("user", "a", "b")]
    assert read({"type": "text", "text": "a"}) == [message("user", "a")]


# --- Anthropic, LangChain, Gemini, our own ----------------------------------------------------------------


def test_anthropic_blocks() -> None:
    history = [
        {"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hmm", "signature": "SIGNATURE"},
                {"type": "redacted_thinking", "data": "SEALED"},
                {"type": "text", "text": "calling"},
                {"type": "tool_use", "id": "tu", "name": "f", "input": {"a": 1}},
                {"type": "server_tool_use", "id": "st", "name": "web_search", "input": {"query": "q"}},
                {
                    "type": "web_search_tool_result",
                    "tool_use_id": "st",
                    "content": [{"type": "web_search_result", "url": "u", "encrypted_content": "SEALED"}],
                },
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "tu", "content": "no", "is_error": True},
                {"type": "tool_result", "tool_use_id": "tv", "content": [{"type": "text", "text": "x"}]},
            ],
        },
    ]
    messages = read(history)
    assert messages == [
        message("user", "hi"),
        message(
            "assistant",
            {"type": "reasoning", "content": "hmm"},
            {"type": "reasoning", "content": ""},
            "calling",
            {"type": "tool_call", "id": "tu", "name": "f", "arguments": {"a": 1}},
            {
                "type": "server_tool_call",
                "id": "st",
                "name": "web_search",
                "server_tool_call": {"type": "web_search", "input": {"query": "q"}},
            },
            {
                "type": "server_tool_call_response",
                "id": "st",
                "server_tool_call_response": {
                    "type": "web_search_tool_result",
                    "content": [{"type": "web_search_result", "url": "u"}],
                },
            },
        ),
        message(
            "user",
            {"type": "tool_call_response", "id": "tu", "response": "no", "is_error": True},
            {"type": "tool_call_response", "id": "tv", "response": [text("x")]},
        ),
    ]
    assert "SEALED" not in str(messages)
    assert "SIGNATURE" not in str(messages)


def test_anthropic_text_documents_are_text() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "the text"}
    assert content({"type": "document", "title": "t", "source": source}) == [
        {**text("the text"), "title": "t"}
    ]
    nested = {"type": "content", "content": [{"type": "text", "text": "inner"}]}
    assert content({"type": "document", "source": nested}) == [text("inner")]
    assert content({"type": "document", "source": {"type": "content", "content": "x"}}) == [text("x")]


@pytest.mark.parametrize(
    ("name", "role"),
    [("human", "user"), ("ai", "assistant"), ("system", "system"), ("user", "user"), ("tool", "tool")],
)
def test_role_and_content_pairs(name: str, role: str) -> None:
    assert read([(name, "x"), [name, "y"]]) == [message(role, "x"), message(role, "y")]


def test_one_pair_as_a_tuple() -> None:
    assert read(("human", "x")) == [message("user", "x")]
    assert answer(("ai", "x")) == [message("assistant", "x")]


def langchain(kind: str, content: Any, **fields: Any) -> SimpleNamespace:
    return SimpleNamespace(type=kind, content=content, **fields)


def test_langchain_messages() -> None:
    history = [
        langchain("system", "s"),
        langchain("human", [{"type": "text", "text": "h"}]),
        langchain("ai", "", tool_calls=[{"name": "f", "args": {"a": 1}, "id": "c", "type": "tool_call"}]),
        langchain("tool", "42", tool_call_id="c", name="f"),
        langchain("AIMessageChunk", "done"),
    ]
    expected = [
        message("system", "s"),
        message("user", "h"),
        message("assistant", {"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}}),
        message("tool", {"type": "tool_call_response", "id": "c", "response": "42"}, name="f"),
        message("assistant", "done"),
    ]
    assert read(history) == expected
    assert read([history]) == expected
    assert read({"messages": history, "other": 1}) == expected
    assert read(SimpleNamespace(messages=history)) == expected
    assert answer(history[2]) == [expected[2]]


def test_gemini_messages() -> None:
    history = [
        {
            "role": "user",
            "parts": [{"text": "hi"}, {"inline_data": {"mime_type": "image/png", "data": b"abc"}}],
        },
        {
            "role": "model",
            "parts": [{"text": "hm", "thought": True}, {"function_call": {"name": "f", "args": {}}}],
        },
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"r": 1}}}]},
    ]
    first, second, third = read(history)
    assert first["parts"][0] == text("hi")
    assert (first["parts"][1]["mime_type"], first["parts"][1]["size"]) == ("image/png", 3)
    assert second == message(
        "model",
        {"type": "reasoning", "content": "hm"},
        {"type": "tool_call", "name": "f", "arguments": {}},
    )
    assert third == message("user", {"type": "tool_call_response", "response": {"r": 1}})


def test_the_conventions_own_messages_pass_through() -> None:
    history = [
        message("system", "s", note={"kept": True}),
        message("user", {**text("x"), "extra": 1}, name="ann"),
        message("assistant", {**CALL_PART, "arguments": "{}"}),
        message("assistant", CALL_PART, {"type": "reasoning", "content": "r"}, {"type": "custom", "a": 1}),
        message("tool", {"type": "tool_call_response", "id": "c1", "response": {"ok": True}}),
        message(
            "user", {"type": "uri", "modality": "image", "uri": "urn:sha256:00", "size": 3, "sha256": "00"}
        ),
        message(
            "assistant", {"type": "server_tool_call", "name": "w", "server_tool_call": {"type": "w", "q": 1}}
        ),
    ]
    expected = unchanged(history)
    expected[2]["parts"][0]["arguments"] = {}
    assert read(history) == expected
    assert read(expected) == expected


def test_own_parts_that_lack_a_key_are_completed() -> None:
    incomplete = [
        {"type": "text"},
        {"type": "tool_call"},
        {"type": "tool_call_response", "result": 1},
        {"type": "server_tool_call"},
        {"type": "server_tool_call_response"},
        {"type": "reasoning"},
        {"type": "uri"},
        {"type": "file"},
        {"type": "blob"},
        {"type": "refusal"},
    ]
    (only,) = read([{"role": "user", "parts": incomplete}])
    assert len(only["parts"]) == len(incomplete)
    assert only["parts"][2]["response"] == 1


def test_own_blobs_and_data_urls_become_references() -> None:
    blob = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "aGVsbG8="}
    url = {"type": "uri", "modality": "image", "uri": "data:image/png;base64,aGVsbG8="}
    (only,) = read([{"role": "user", "parts": [blob, url, text("data:image/png;base64," + "A" * 80)]}])
    assert [part["type"] for part in only["parts"]] == ["uri", "uri", "text"]
    assert [part["size"] for part in only["parts"][:2]] == [5, 5]
    assert "A" * 40 not in str(only)


# --- answers ----------------------------------------------------------------------------------------------


def completion(*messages: Any, **fields: Any) -> dict[str, Any]:
    choices = [
        {"index": index, "finish_reason": "stop", "message": message}
        for index, message in enumerate(messages)
    ]
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, **fields}


def test_each_choice_is_one_message() -> None:
    value = completion({"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"})
    assert answer(value) == [message("assistant", "a"), message("assistant", "b")]


def test_finish_reasons_are_not_put_into_messages() -> None:
    assert "finish_reason" not in answer(completion({"role": "assistant", "content": "a"}))[0]


@pytest.mark.parametrize("choices", [None, [], "x", 5, {}])
def test_odd_choices_are_no_messages(choices: Any) -> None:
    assert answer(completion(choices=choices)) == []
    assert finish_reasons(completion(choices=choices)) == []


def test_odd_choices_keep_their_place() -> None:
    choices = [
        "x",
        None,
        {"message": None},
        {"message": "said"},
        {"delta": {"content": "d"}},
        {"message": {}},
    ]
    assert answer(completion(choices=choices)) == [
        message("assistant", "x"),
        message("assistant"),
        message("assistant"),
        message("assistant", "said"),
        message("assistant", "d"),
        message("assistant"),
    ]


def test_text_completions() -> None:
    value = {"object": "text_completion", "choices": [{"text": "a", "finish_reason": "length"}, {"text": ""}]}
    assert answer(value) == [message("assistant", "a"), message("assistant", "")]
    assert finish_reasons(value) == ["length", "error"]


OUTPUT = [
    {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "hm"}]},
    {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]},
    CALL_ITEM,
    {"type": "novelty", "a": 1},
]
OUTPUT_PARTS = [
    {"type": "reasoning", "id": "rs", "content": "hm"},
    text("hi"),
    {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}},
    {"type": "novelty", "a": 1},
]


def test_all_items_of_a_response_are_one_message() -> None:
    value = {"object": "response", "status": "completed", "output": OUTPUT}
    assert answer(value) == [message("assistant", *OUTPUT_PARTS)]
    assert answer({"output": OUTPUT}) == [message("assistant", *OUTPUT_PARTS)]
    assert answer(OUTPUT[:3]) == [message("assistant", *OUTPUT_PARTS[:3])]


@pytest.mark.parametrize("output", [None, [], "x"])
def test_a_response_without_items_has_no_message(output: Any) -> None:
    assert answer({"object": "response", "status": "failed", "output": output}) == []


def test_an_anthropic_message_is_one_message() -> None:
    value = {
        "type": "message",
        "role": "assistant",
        "stop_reason": "tool_use",
        "content": [{"type": "text", "text": "a"}, {"type": "tool_use", "id": "t", "name": "f", "input": {}}],
    }
    expected = [message("assistant", "a", {"type": "tool_call", "id": "t", "name": "f", "arguments": {}})]
    assert answer(value) == expected
    assert answer(value["content"]) == expected
    assert finish_reasons(value) == ["tool_use"]


def test_answers_that_hold_a_message() -> None:
    assert answer({"message": {"role": "assistant", "content": "a"}, "done": True}) == [
        message("assistant", "a")
    ]
    assert answer({"messages": [{"role": "assistant", "content": "a"}]}) == [message("assistant", "a")]
    candidate = {"content": {"role": "model", "parts": [{"text": "a"}]}, "finishReason": "STOP"}
    assert answer({"candidates": [candidate]}) == [message("model", "a")]
    assert finish_reasons({"candidates": [candidate]}) == ["STOP"]


def test_a_list_of_chat_messages_is_a_message_each() -> None:
    value = [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert answer(value) == [message("assistant", "a"), message("assistant", "b")]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": "completed", "output": []}, ["stop"]),
        ({"status": "completed", "output": [CALL_ITEM]}, ["tool_calls"]),
        ({"status": "completed", "output": [{"type": "custom_tool_call"}]}, ["tool_calls"]),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, ["length"]),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, ["content_filter"]),
        ({"status": "incomplete", "incomplete_details": {"reason": "steered"}}, ["steered"]),
        ({"status": "incomplete", "incomplete_details": None}, ["incomplete"]),
        ({"status": "failed"}, ["error"]),
        ({"status": "cancelled"}, ["error"]),
        ({"status": "in_progress"}, []),
        ({"status": "queued"}, []),
        ({"status": None}, []),
        ({}, []),
    ],
)
def test_why_a_response_ended_is_derived_from_its_status(fields: dict[str, Any], expected: list[str]) -> None:
    assert finish_reasons({"object": "response", **fields}) == expected


def test_finish_reasons_are_the_providers_words() -> None:
    value = completion({"content": "a"}, {"content": "b"})
    value["choices"][0]["finish_reason"] = "function_call"
    value["choices"][1]["finish_reason"] = None
    assert finish_reasons(value) == ["function_call", "error"]
    value["choices"][0]["finish_reason"] = None
    assert finish_reasons(value) == []


def test_finish_reasons_are_put_into_messages_on_demand() -> None:
    value = completion({"content": "a"}, {"content": "b"})
    value["choices"][0]["finish_reason"] = "tool_calls"
    value["choices"][1]["finish_reason"] = "eos"
    messages = output_messages(value, finish_reason=True)
    assert [message["finish_reason"] for message in messages] == ["tool_call", "eos"]
    assert output_messages(messages, finish_reason=True) == messages
    response = {"object": "response", "status": "incomplete", "output": OUTPUT}
    assert output_messages(response, finish_reason=True)[0]["finish_reason"] == "incomplete"
    assert output_messages("free", finish_reason=True) == [message("assistant", "free", finish_reason="stop")]
    assert_messages(messages, "output")


@pytest.mark.parametrize("value", [None, "stop", 5, [], {}, {"status": "completed"}, MagicMock(), object()])
def test_what_is_no_answer_has_no_finish_reason(value: Any) -> None:
    assert finish_reasons(value) == []


# --- requests ---------------------------------------------------------------------------------------------


def test_a_chat_request_is_taken_apart() -> None:
    request = split_request(
        {
            "model": "m",
            "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
            "tools": [{"type": "function", "function": {"name": "f"}}],
            "functions": [{"name": "g"}],
            "unheard_of": 1,
        }
    )
    assert request.messages == [message("system", "s"), message("user", "u")]
    assert request.system_instructions == []
    assert request.tool_definitions == [{"type": "function", "name": "f"}, {"type": "function", "name": "g"}]


@pytest.mark.parametrize("instructions", ["be kind", [{"type": "text", "text": "be kind"}]])
@pytest.mark.parametrize("name", ["instructions", "system"])
def test_separate_instructions_are_system_instructions(name: str, instructions: Any) -> None:
    request = split_request({"model": "m", "input": "hi", name: instructions})
    assert request.messages == [message("user", "hi")]
    assert request.system_instructions == [text("be kind")]
    assert_schema("gen-ai-system-instructions", request.system_instructions)


def test_instructions_may_be_messages() -> None:
    items = [{"role": "developer", "content": "a"}, {"role": "developer", "content": "b"}]
    request = split_request({"model": "m", "input": "hi", "instructions": items})
    assert request.system_instructions == [text("a"), text("b")]


@pytest.mark.parametrize("name", ["input", "prompt", "contents", "messages"])
def test_every_name_of_a_conversation(name: str) -> None:
    assert split_request({"model": "m", name: ["a"]}).messages == [message("user", "a")]
    assert read({name: ["a"], "temperature": 0}) == [message("user", "a")]


def test_token_ids_are_one_compact_text() -> None:
    assert split_request({"model": "m", "prompt": [1, 2, 3]}).messages == [message("user", "[1,2,3]")]


def test_arguments_that_were_not_given_are_absent() -> None:
    class NotGiven:
        def __bool__(self) -> bool:
            return False

    sentinel = NotGiven()
    request = split_request({"model": "m", "input": "x", "instructions": sentinel, "tools": sentinel})
    assert request == ([message("user", "x")], [], [])
    assert split_request({"model": "m", "input": sentinel}).messages == []


def test_a_stored_prompt_is_no_message() -> None:
    request = {"model": "m", "prompt": {"id": "pmpt_1", "variables": {"a": "b"}}}
    assert split_request(request).messages == []
    assert split_request({**request, "input": "x"}).messages == [message("user", "x")]


def test_a_free_form_dict_has_messages_only() -> None:
    request = split_request({"question": "q", "tools": ["a"], "system": "s"})
    assert request == ([message("user", '{"question":"q","tools":["a"],"system":"s"}')], [], [])


def test_values_that_are_no_dict_have_messages_only() -> None:
    assert split_request("hi") == ([message("user", "hi")], [], [])
    assert split_request([("human", "x")]) == ([message("user", "x")], [], [])
    assert split_request(None) == ([], [], [])


def test_any_mapping_is_a_request() -> None:
    request = split_request(MappingProxyType({"model": "m", "input": "x", "instructions": "i"}))
    assert request == ([message("user", "x")], [text("i")], [])


# --- real SDK objects and recorded traffic ----------------------------------------------------------------


def test_sdk_completions_are_read_like_dicts() -> None:
    chat = pytest.importorskip("openai.types.chat")
    value = completion(
        {"role": "assistant", "content": "hi", "reasoning_content": "hm", "refusal": None},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
    )
    model = chat.ChatCompletion.model_validate(value)
    assert answer(model) == answer(value)
    assert answer(model)[0] == message("assistant", {"type": "reasoning", "content": "hm"}, "hi")
    assert answer(model)[1] == message("assistant", CALL_PART)
    assert finish_reasons(model) == ["stop", "stop"]
    assert read([model.choices[1].message]) == [message("assistant", CALL_PART)]
    assert answer(chat.ChatCompletion.construct(**{**value, "choices": None})) == []


def test_sdk_responses_are_read_like_dicts() -> None:
    responses = pytest.importorskip("openai.types.responses")
    value = {"id": "r", "object": "response", "created_at": 1, "status": "completed", "output": OUTPUT}
    model = responses.Response.construct(**value)
    assert answer(model) == answer(value) == [message("assistant", *OUTPUT_PARTS)]
    assert finish_reasons(model) == ["tool_calls"]
    assert read(model.output[:3]) == read(OUTPUT[:3])


def test_items_that_arrive_as_the_wrong_class_are_known_by_their_type() -> None:
    responses = pytest.importorskip("openai.types.responses")
    item = {
        "type": "mcp_call",
        "id": "m",
        "name": "roll",
        "server_label": "d",
        "arguments": "{}",
        "output": "7",
    }
    wrong = responses.ResponseOutputMessage.construct(**item)
    value = responses.Response.construct(object="response", status="completed", output=[wrong])
    assert [part["type"] for part in answer(value)[0]["parts"]] == [
        "server_tool_call",
        "server_tool_call_response",
    ]


def recorded() -> Iterator[tuple[str, Any, Any]]:
    yaml = pytest.importorskip("yaml")
    for path in sorted(CASSETTES.rglob("*.yaml")):
        loaded = yaml.load(
            path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        )
        for interaction in loaded.get("interactions", []):
            body = interaction["response"]["body"]["string"]
            yield interaction["request"]["uri"], decoded(interaction["request"]["body"]), decoded(body)


def decoded(body: Any) -> Any:
    raw = body.encode() if isinstance(body, str) else body or b""
    raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode("utf-8", "replace")


@pytest.mark.skipif(not CASSETTES.exists(), reason="needs ../shared")
def test_recorded_traffic_is_valid_and_complete() -> None:
    seen = 0
    for uri, request, response in recorded():
        if not isinstance(request, dict) or not uri.endswith(
            ("/chat/completions", "/responses", "/completions")
        ):
            continue
        seen += 1
        taken = split_request(request)
        assert taken.messages
        assert_messages(taken.messages)
        assert_schema("gen-ai-tool-definitions", taken.tool_definitions)
        assert not any(message["parts"] == [] for message in taken.messages)
        if isinstance(response, dict) and "error" not in response:
            messages = answer(response)
            assert len(messages) == len(response.get("choices") or [1])
            assert all(message["parts"] for message in messages)
            assert finish_reasons(response)
    assert seen > 70


def test_own_messages_may_be_objects() -> None:
    own = SimpleNamespace(
        role="assistant", parts=[SimpleNamespace(**text("x")), SimpleNamespace(**CALL_PART)], name=None
    )
    assert read([own]) == [message("assistant", "x", CALL_PART)]
