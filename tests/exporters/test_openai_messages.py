"""The conventions' messages become what OpenAI's chat API would have been sent and would have answered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from genai_otel.content.messages import input_messages
from genai_otel.exporters.openai_messages import openai_choices, openai_messages, openai_tools

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": "hi"},
        {"role": "system", "content": "be kind"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "assistant", "content": "wait", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "done"},
        {"role": "user", "content": "hi", "name": "ada"},
    ],
)
def test_what_came_from_openai_goes_back_to_it(message: dict[str, Any]) -> None:
    assert openai_messages(input_messages([message])) == [message]


def test_system_instructions_come_first() -> None:
    found = openai_messages(input_messages("hi"), [{"type": "text", "content": "be kind"}])
    assert [one["role"] for one in found] == ["system", "user"]


def test_each_tool_result_is_a_message_of_its_own() -> None:
    results = [{"type": "tool_call_response", "id": key, "response": {"of": key}} for key in ("a", "b")]
    found = openai_messages([{"role": "tool", "parts": results}])
    assert [(one["tool_call_id"], json.loads(one["content"])) for one in found] == [
        ("a", {"of": "a"}),
        ("b", {"of": "b"}),
    ]


def test_media_are_described_and_images_linked() -> None:
    parts = [
        {"type": "text", "content": "look"},
        {"type": "uri", "modality": "image", "uri": "https://example.org/a.png"},
        {"type": "uri", "modality": "image", "uri": "urn:sha256:ab", "mime_type": "image/png", "size": 3},
        {"type": "file", "modality": "document", "file_id": "f1"},
    ]
    (message,) = openai_messages([{"role": "user", "parts": parts}])
    assert message["content"] == [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
        {"type": "text", "text": "[image urn:sha256:ab image/png 3]"},
        {"type": "text", "text": "[document f1]"},
    ]


def test_reasoning_and_refusals_have_fields_of_their_own() -> None:
    parts = [{"type": "reasoning", "content": "hm"}, {"type": "refusal", "content": "no"}]
    (message,) = openai_messages([{"role": "assistant", "parts": parts}])
    assert message == {"role": "assistant", "content": None, "reasoning_content": "hm", "refusal": "no"}


def test_unknown_parts_are_kept_as_text() -> None:
    parts = [{"type": "hologram", "of": "a cat"}]
    (message,) = openai_messages([{"role": "user", "parts": parts}])
    assert json.loads(message["content"][0]["text"]) == parts[0]


def test_choices_are_numbered_and_say_why_they_ended() -> None:
    messages = [
        {"role": "assistant", "parts": [{"type": "text", "content": text}], "finish_reason": reason}
        for text, reason in (("a", "stop"), ("b", "length"))
    ]
    found = openai_choices(messages)
    assert [(one["index"], one["message"]["content"], one["finish_reason"]) for one in found] == [
        (0, "a", "stop"),
        (1, "b", "length"),
    ]


@pytest.mark.parametrize("junk", [None, 3, "text", {"role": "user"}, {"parts": [1, None]}, {"parts": "x"}])
def test_junk_is_survived(junk: Any) -> None:
    json.dumps([openai_messages([junk]), openai_choices([junk])])


def test_tools_are_nested() -> None:
    parameters = {"type": "object", "properties": {"a": {"type": "string"}}}
    flat = [{"type": "function", "name": "f", "description": "d", "parameters": parameters}, {"type": "x"}, 3]
    assert openai_tools(flat) == [
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": parameters}}
    ]
