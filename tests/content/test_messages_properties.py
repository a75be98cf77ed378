"""Whatever is given: nothing raises, everything is valid, nothing is changed or consumed."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from genai_otel.content.documents import documents, memory_records
from genai_otel.content.messages import finish_reasons, input_messages, output_messages, split_request
from genai_otel.content.parts import BUILDERS
from genai_otel.content.preview import derive, request_preview, response_preview
from genai_otel.content.responses_items import _ITEMS
from genai_otel.content.tools import object_of, tool_definitions
from tests.content.message_schema import assert_json, assert_messages, assert_schema

KINDS = sorted({*BUILDERS, *_ITEMS, "x_call", "x_output", "x_tool_result", "human", "ai", "tool", "novelty"})
NAMES = [
    *("type", "role", "content", "parts", "text", "name", "id", "call_id", "tool_call_id", "tool_calls"),
    *(
        "function",
        "custom",
        "function_call",
        "arguments",
        "args",
        "input",
        "output",
        "response",
        "result",
        "results",
    ),
    *(
        "messages",
        "prompt",
        "model",
        "choices",
        "message",
        "delta",
        "object",
        "status",
        "instructions",
        "system",
    ),
    *(
        "tools",
        "functions",
        "parameters",
        "source",
        "data",
        "image_url",
        "input_audio",
        "file",
        "file_id",
        "url",
    ),
    *(
        "media_type",
        "format",
        "summary",
        "thinking",
        "reasoning",
        "refusal",
        "audio",
        "transcript",
        "annotations",
    ),
    *(
        "server_tool_call",
        "server_tool_call_response",
        "modality",
        "uri",
        "score",
        "metadata",
        "page_content",
    ),
    *(
        "node",
        "documents",
        "execution",
        "error",
        "finish_reason",
        "incomplete_details",
        "candidates",
        "images",
    ),
]
ROLES = ["user", "assistant", "tool", "function", "system", "model", "human"]
TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        [*KINDS, *ROLES, "response", "chat.completion", "completed", '{"a":1}', "data:image/png;base64,QUJD"]
    ),
)


class Thing:
    """An object with some of the names that messages have."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.__dict__.update(fields)


class Refusing:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __bool__(self) -> bool:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]


def nested(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fields = st.dictionaries(st.sampled_from(NAMES), children, max_size=5)
    typed = st.builds(lambda kind, rest: {**rest, "type": kind}, st.sampled_from(KINDS), fields)
    chat = st.builds(lambda role, rest: {**rest, "role": role}, st.sampled_from(ROLES), fields)
    lists = st.lists(children, max_size=4)
    return st.one_of(fields, typed, chat, lists, lists.map(tuple), fields.map(Thing), typed.map(Thing))


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS, st.binary(max_size=8))
PLAIN = st.recursive(SCALARS, nested, max_leaves=25)
HOSTILE = st.recursive(
    st.one_of(SCALARS, st.builds(Refusing), st.builds(lambda: iter(["x"])), st.builds(object)),
    nested,
    max_leaves=12,
)
READERS = [
    input_messages,
    output_messages,
    finish_reasons,
    split_request,
    documents,
    memory_records,
    tool_definitions,
]


@given(PLAIN)
@settings(max_examples=400, deadline=None)
def test_messages_are_valid(value: Any) -> None:
    assert_messages(input_messages(value))
    assert_messages(output_messages(value), "output")
    assert all(type(reason) is str for reason in finish_reasons(value))


@given(st.dictionaries(st.sampled_from(NAMES), PLAIN, max_size=6))
@settings(max_examples=200, deadline=None)
def test_requests_are_valid(value: Any) -> None:
    request = split_request(value)
    assert_messages(request.messages)
    assert_json(request.system_instructions)
    assert_schema("gen-ai-system-instructions", request.system_instructions)
    assert_schema("gen-ai-tool-definitions", request.tool_definitions)


@given(PLAIN)
@settings(max_examples=200, deadline=None)
def test_documents_records_and_objects_are_valid(value: Any) -> None:
    for name, found in (
        ("gen-ai-retrieval-documents", documents(value)),
        ("gen-ai-memory-records", memory_records(value)),
        ("gen-ai-tool-definitions", tool_definitions(value)),
        ("gen-ai-tool-call-result", object_of(value, "result")),
    ):
        assert_json(found)
        assert_schema(name, found)


@given(PLAIN)
@settings(max_examples=200, deadline=None)
def test_reading_twice_changes_nothing_more(value: Any) -> None:
    once = input_messages(value)
    assert input_messages(once) == once
    answered = output_messages(value)
    assert output_messages(answered) == answered


@given(PLAIN)
@settings(max_examples=200, deadline=None)
def test_previews_are_short_texts(value: Any) -> None:
    for preview in (
        derive(value, "request"),
        derive(value, "response"),
        request_preview(value),
        response_preview(value),
    ):
        assert preview is None or (type(preview) is str and len(preview) <= 1000)


@given(HOSTILE)
@settings(max_examples=200, deadline=None)
def test_hostile_values_raise_nothing(value: Any) -> None:
    for read in READERS:
        assert_json(list(read(value)))
    assert_json(object_of(value, "k"))
    derive(value, "request")


@given(st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), TEXTS), nested, max_leaves=15))
@settings(max_examples=200, deadline=None)
def test_nothing_given_is_changed(value: Any) -> None:
    before = copy.deepcopy(value)
    for read in READERS:
        read(value)
    object_of(value, "k")
    assert same(value, before)


def same(left: Any, right: Any) -> bool:
    if isinstance(left, Thing):
        return isinstance(right, Thing) and same(left.__dict__, right.__dict__)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


@given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3), st.sampled_from(KINDS))
@settings(max_examples=100, deadline=None)
def test_iterators_are_never_consumed(names: list[str], kind: str) -> None:
    iterator = iter(["kept"])
    value: Any = iterator
    for name in names:
        value = {"type": kind, "role": "user", "model": "m", name: value}
    for read in READERS:
        read(value)
        read([value])
    assert list(iterator) == ["kept"]
