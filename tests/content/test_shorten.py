"""shorten, shorten_json and shorten_text: within the limit, valid, and of the same shape."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from genai_otel.content.plain import dump
from genai_otel.content.shorten import shorten, shorten_json, shorten_text
from tests.content.message_schema import assert_messages, message, text

LIMITS = [64, 80, 100, 128, 200, 400, 1_000, 4_000]

CONVERSATION: list[Any] = [
    message("system", "You are helpful."),
    message("user", "question " * 300),
    message(
        "assistant",
        {"type": "tool_call", "id": "call_1", "name": "search", "arguments": {"query": "z" * 500, "n": 3}},
        {
            "type": "server_tool_call",
            "name": "web",
            "server_tool_call": {"type": "web_search", "q": "q" * 200},
        },
    ),
    message("tool", {"type": "tool_call_response", "id": "call_1", "response": ["r" * 300] * 50}),
    message("user", {"type": "uri", "modality": "image", "uri": "https://host/" + "p" * 300}),
    message("assistant", 'the\n"end" é\x00' * 40, name="bot", finish_reason="stop"),
]


def sized(value: Any, limit: int) -> Any:
    shortened = shorten(value, limit)
    assert len(dump(shortened)) <= limit
    return shortened


def test_what_fits_stays_the_same_object() -> None:
    value: Any = {"a": ["x" * 50]}
    assert shorten(value, len(dump(value))) is value


def test_the_value_is_not_changed() -> None:
    before = json.dumps(CONVERSATION)
    for limit in LIMITS:
        shorten(CONVERSATION, limit)
    assert json.dumps(CONVERSATION) == before


@pytest.mark.parametrize("limit", LIMITS)
def test_messages_stay_messages(limit: int) -> None:
    shortened = sized(CONVERSATION, limit)
    assert_messages(shortened)
    assert_messages(shortened, "output")
    assert shortened or limit == 64  # the last message's own keys take more


def test_the_longest_strings_are_cut_first() -> None:
    shortened = sized({"short": "stays whole", "long": "x" * 900, "longer": "y" * 9_000}, 300)
    assert shortened["short"] == "stays whole"
    assert shortened["long"] == "x" * (len(shortened["long"]) - 1) + "…"
    assert abs(len(shortened["long"]) - len(shortened["longer"])) <= 1


def test_the_room_is_used() -> None:
    for limit in (100, 1_000, 3_000):
        assert len(dump(sized({"a": "x" * 5_000, "b": ["y" * 5_000]}, limit))) > limit - 5


def test_keys_that_say_what_a_part_is_stay_whole() -> None:
    call = {
        "type": "tool_call",
        "id": "call_" + "1" * 40,
        "name": "a_long_function_name",
        "arguments": "x" * 500,
    }
    (shortened,) = sized([message("assistant", call)], 220)[0]["parts"]
    assert {**shortened, "arguments": ""} == {**call, "arguments": ""}
    assert shortened["arguments"].endswith("x…")


def test_of_messages_the_last_ones_stay_after_a_note() -> None:
    messages = [message("system", "Be brief."), *(message("user", f"{i} " + "x" * 200) for i in range(50))]
    shortened = sized(messages, 600)
    missing = len(messages) - (len(shortened) - 1)
    assert shortened[0] == message("system", f"… {missing} messages left out")
    assert shortened[-1]["parts"][0]["content"].startswith("49 x")
    assert len(shortened) > 3


def test_messages_without_parts_have_a_note_of_their_kind() -> None:
    messages = [{"role": "user", "content": "x" * 200}] * 20
    assert sized(messages, 200)[0] == {"role": "user", "content": "… 19 messages left out"}


def test_the_last_message_alone_is_better_than_a_note_alone() -> None:
    (only,) = sized([*CONVERSATION, message("user", "the end " * 40)], 128)
    assert only["role"] == "user"
    assert only["parts"][0]["content"].startswith("the end the end")


def test_a_note_alone_is_better_than_nothing() -> None:
    assert sized(CONVERSATION, 80) == [message("system", "… 6 messages left out")]


def test_a_list_loses_its_middle() -> None:
    shortened = sized(list(range(10_000)), 100)
    note = next(item for item in shortened if isinstance(item, str))
    assert note == f"… {10_000 - len(shortened) + 1} left out"
    assert (shortened[0], shortened[-1]) == (0, 9_999)


CALL = {"type": "tool_call", "id": "1", "name": "f"}


@pytest.mark.parametrize(
    ("item", "note"),
    [
        (text("c" * 200), {"type": "text", "content": "NOTE"}),
        ({**CALL, "arguments": "a" * 200}, {"type": "text", "content": "NOTE"}),
        ({"id": "1", "score": 0.5, "content": "c" * 200}, {"content": "NOTE"}),
        ({"type": "function", "name": "f", "description": "d" * 200}, {"type": "function", "name": "NOTE"}),
        ("c" * 200, "NOTE"),
        (["c" * 200], "NOTE"),
    ],
    ids=["part", "call", "document", "definition", "string", "list"],
)
def test_the_note_has_the_shape_of_the_items(item: Any, note: Any) -> None:
    shortened = sized([item] * 20, 180)
    expected = json.loads(dump(note).replace("NOTE", f"… {21 - len(shortened)} left out"))
    assert shortened.count(expected) == 1
    assert all(type(other) is type(item) for other in shortened if other != expected)
    assert len(shortened) > 1


def test_the_only_item_is_cut_rather_than_left_out() -> None:
    assert sized(["x" * 500], 64) == ["x" * 59 + "…"]


def test_an_object_keeps_as_many_keys_as_fit_and_counts_the_others() -> None:
    shortened = sized({f"key{i}": i for i in range(1_000)} | {"id": "kept"}, 100)
    assert shortened["id"] == "kept"
    assert shortened["key0"] == 0
    assert shortened["…"] == f"{1_001 - len(shortened) + 1} more"


def test_deep_structures_end_in_an_ellipsis() -> None:
    value: Any = ["x" * 100]
    for _ in range(200):
        value = {"a": value}
    assert "…" in dump(sized(value, 100))


@pytest.mark.parametrize(
    "value",
    ["x" * 500, "\x00" * 500, '"\\' * 500, "é\n" * 500, "🎉" * 500, "\u2028" * 500],
    ids=ascii,
)
def test_a_string_is_cut_between_characters(value: str) -> None:
    for limit in range(64, 90):
        shortened = sized(value, limit)
        assert shortened[-1] == "…"
        assert value.startswith(shortened[:-1])
        assert len(dump(shortened)) > limit - 6


@pytest.mark.parametrize("value", [None, True, 5, 1.5, "", [], {}], ids=repr)
def test_small_values_stay(value: Any) -> None:
    assert shorten(value, 64) == value


def test_a_number_too_long_becomes_an_approximation() -> None:
    assert sized(2**900, 64) == float(2**900)
    assert sized([1, 2**900], 64) == [1, "… 1 left out"]


@pytest.mark.parametrize(
    ("value", "minimal"),
    [
        (CONVERSATION, []),
        ({"type": "x" * 500, "k" * 500: 1}, {}),
        ("x" * 500, "…"),
    ],
)
def test_where_nothing_fits_an_empty_value_of_the_same_kind_is_left(value: Any, minimal: Any) -> None:
    assert shorten(value, 3) == minimal


def test_a_complete_object_too_large_for_its_keys_loses_some() -> None:
    shortened = sized({"type": "x", **{f"key{i}": "v" * 20 for i in range(100)}}, 100)
    assert shortened["type"] == "x"
    assert "more" in shortened["…"]


def test_data_that_is_not_plain_leaves_an_empty_value() -> None:
    value: Any = [{"a": object()}]
    assert shorten(value, 64) == []


def test_json_text_within_the_limit_stays_as_it_is() -> None:
    assert shorten_json('{"a": 1}', 64) == '{"a": 1}'


def test_json_text_is_shortened_as_data() -> None:
    assert json.loads(shorten_json(dump({"a": "x" * 500}), 64)) == {"a": "x" * 55 + "…"}


def test_text_that_is_not_json_becomes_a_json_string() -> None:
    assert shorten_json("not json", 64) == '"not json"'
    assert json.loads(shorten_json("{broken" * 100, 64)).endswith("…")


def test_values_are_encoded_and_shortened() -> None:
    assert shorten_json({"a": [1]}, 64) == '{"a":[1]}'
    assert len(shorten_json({"a": "x" * 500}, 64)) == 64


@pytest.mark.parametrize(
    ("given", "limit", "expected"),
    [
        ("short", 5, "short"),
        ("longer", 5, "long…"),
        ("longer", 1, "…"),
        ("longer", 0, ""),
        ("ab\ud83d\ude00cd", 4, "ab…"),
        ("a\udc00b", 3, "a\ufffdb"),
        ("a\udc00b" * 10, 3, "a\ufffd…"),
        ("ab🎉cd", 4, "ab🎉…"),
    ],
)
def test_text_is_cut_to_the_limit(given: str, limit: int, expected: str) -> None:
    assert shorten_text(given, limit) == expected
    assert expected.encode().decode() == expected


def seconds(value: Any, limit: int) -> float:
    start = time.perf_counter()
    sized(value, limit)
    return time.perf_counter() - start


@pytest.mark.parametrize(
    "make",
    [
        lambda n: [message("user", "x" * 5_000)] * (n // 5_000),
        lambda n: [message("user", f"x{i}" * 4) for i in range(n // 80)],
        lambda n: {"a": "x\n" * (n // 3)},
        lambda n: {f"key{i}": "v" * 10 for i in range(n // 22)},
        lambda n: [i * 0.1 for i in range(n // 18)],
    ],
    ids=["long messages", "short messages", "one string", "many keys", "numbers"],
)
def test_the_work_grows_no_faster_than_the_size(make: Any) -> None:
    small, large = make(200_000), make(2_000_000)
    for limit in (1_000, 100_000):
        once = min(seconds(small, limit) for _ in range(3))
        ten_times = min(seconds(large, limit) for _ in range(3))
        assert ten_times < 40 * once + 0.02
