"""to_json and text_or_json: any value becomes valid JSON text."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
import os
import subprocess
import sys
import threading
import tracemalloc
import uuid
from collections import OrderedDict, defaultdict

import orjson
import pytest

from genai_otel.content.encode import text_or_json, to_json
from genai_otel.content.plain import dump, plain


class Colour(enum.Enum):
    RED = "red"


class Label(str):
    pass


@dataclasses.dataclass
class Point:
    x: int
    label: str = "p"


@dataclasses.dataclass(slots=True)
class Slotted:
    x: int = 1


def nested(levels: int, kind: type) -> object:
    value: object = 0
    for _ in range(levels):
        value = {"a": value} if kind is dict else kind([value])
    return value


def test_plain_data_is_written_compactly() -> None:
    assert to_json({"a": 1, "b": ["x", None, True, 1.5]}) == '{"a":1,"b":["x",null,true,1.5]}'


def test_non_ascii_text_stays_as_it_is() -> None:
    assert to_json({"ключ": "日本 🎉 é"}) == '{"ключ":"日本 🎉 é"}'


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_lacks_are_null_on_both_ways(number: float) -> None:
    assert to_json([number]) == "[null]"
    assert to_json([number, object()]).startswith("[null,")


def test_integers_beyond_64_bits_stay_exact_numbers() -> None:
    assert to_json([2**64, -(2**70)]) == f"[{2**64},{-(2**70)}]"


def test_integers_that_no_parser_reads_become_text() -> None:
    text = to_json([2**5000])
    assert json.loads(text) == [hex(2**5000)]
    assert orjson.loads(text) == [hex(2**5000)]


def test_lone_surrogates_are_replaced_and_pairs_joined() -> None:
    assert to_json({"\ud800k": "a\udfffb\ud83d\ude00"}) == '{"\ufffdk":"a\ufffdb😀"}'


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, 2.5, "é", None, True], "b": {"c": ()}},
        [Point(1), {"p": Point(2, "q")}, Slotted()],
        {"at": dt.datetime(2024, 5, 6, 7, 8, 9, 10, tzinfo=dt.timezone.utc), "on": dt.date(2024, 5, 6)},
        [uuid.UUID(int=7), Colour.RED, Label("l"), OrderedDict(a=1), defaultdict(int, b=2)],
        {1: "a", None: "b", 2.5: "c", Colour.RED: "d"},
        [1e16, 1e-7, 5e-324, -0.0, 123456789012345678.0, float("nan")],
    ],
)
def test_the_text_of_the_value_is_the_text_of_its_plain_copy(value: object) -> None:
    assert to_json(value) == dump(plain(value))


@pytest.mark.parametrize("kind", [list, dict])
def test_both_ways_end_at_the_same_level(kind: type) -> None:
    for levels in (253, 254, 255, 256):
        value = nested(levels, kind)
        assert to_json(value) == dump(plain(value)), levels


@pytest.mark.parametrize("kind", [list, tuple, dict])
@pytest.mark.parametrize("levels", [600, 1_999, 10_000])
def test_deep_values_end_in_an_ellipsis(kind: type, levels: int) -> None:
    text = to_json(nested(levels, kind))
    assert '"…"' in text
    json.loads(text)


CRASHERS = """
import dataclasses, enum, sys, uuid
from genai_otel.content.encode import to_json

@dataclasses.dataclass
class Unset:
    __slots__ = ("a",)
    a: int

class Failing(enum.Enum):
    A = 1
    @property
    def value(self):
        raise SystemExit(3)

unset = Unset(1)
del unset.a
deep = ()
for _ in range(1_999):
    deep = (deep,)
for value in (unset, Failing.A, uuid.UUID.__new__(uuid.UUID)):
    to_json([value])
for pad in range(300):
    to_json(["y" * 10 * pad, deep])
sys.stdout.write("alive")
"""


def test_values_that_crash_a_trusting_encoder_do_not_crash_the_process() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", CRASHERS], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "alive"), done.stderr


def test_json_fragments_are_not_trusted() -> None:
    assert json.loads(to_json({"a": orjson.Fragment(b'{"broken":')}))


def test_cycles_are_named() -> None:
    value: dict[str, object] = {"a": 1}
    value["self"] = [value]
    assert to_json(value) == '{"a":1,"self":["<circular reference>"]}'


def test_a_value_that_appears_twice_is_no_cycle() -> None:
    shared = [object]
    assert to_json([shared, shared]) == '[["<class object>"],["<class object>"]]'


def test_strings_are_text_and_all_else_is_json() -> None:
    assert text_or_json("a \ud800") == ("a \ufffd", "text/plain")
    assert text_or_json(Label("l")) == ("l", "text/plain")
    assert text_or_json({"a": 1}) == ('{"a":1}', "application/json")
    assert text_or_json(None) == ("null", "application/json")


def test_a_subclass_of_str_becomes_an_exact_string() -> None:
    class Loud(str):
        def __str__(self) -> str:
            raise AssertionError

    text, _ = text_or_json(Loud("l"))
    assert type(text) is str
    assert text == "l"


def test_ctrl_c_passes() -> None:
    class Interrupted:
        def __repr__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        to_json(Interrupted())


def test_nothing_escapes_where_the_stack_is_nearly_used_up() -> None:
    def descend(left: int) -> str:
        return descend(left - 1) if left else to_json({"a": [object(), {"b": Point(1)}]})

    depth = sys.getrecursionlimit()
    answered = 0
    for left in range(depth - 200, depth):
        try:
            text = descend(left)
        except RecursionError:
            continue  # the calls of `descend` themselves
        json.loads(text)
        answered += 1
    assert answered > 10


def test_containers_changing_in_another_thread_do_no_harm() -> None:
    shared: dict[object, object] = {str(i): [Point(i)] for i in range(50)}
    growing: list[object] = [shared, {1, 2}]
    stop = threading.Event()

    def change() -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            shared[turn % 977] = [turn]
            shared.pop((turn * 7) % 977, None)
            growing.append(turn)
            if len(growing) > 100:
                del growing[2:]

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(200):
            assert isinstance(json.loads(to_json(growing))[0], dict)
    finally:
        stop.set()
        thread.join()


LONG = {
    "ascii": "plain words, ",
    "escapes": '"quoted"\n\x01\\',
    "two bytes": "日本語",
    "four bytes": "🎉 é",
}


@pytest.mark.parametrize("piece", LONG.values(), ids=LONG)
def test_a_long_text_is_written_as_any_other(piece: str) -> None:
    value = [{"role": "user", "parts": [{"content": piece * 50_000, "n": 1.5, "more": [None, True, ""]}]}]
    assert to_json(value) == orjson.dumps(value).decode()


def test_a_long_text_takes_little_more_memory_than_its_own() -> None:
    value = {"text": "word " * 100_000}
    tracemalloc.start()
    try:
        text = to_json(value)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5 * len(text)


def test_a_long_text_with_a_lone_surrogate_is_written_too() -> None:
    assert json.loads(to_json(["x" * 100_000 + "\ud800"])) == ["x" * 100_000 + "\ufffd"]
