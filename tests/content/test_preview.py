"""Previews: the last user message, the last assistant text, else the text or compact JSON."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from genai_otel.content.preview import derive, request_preview, response_preview
from tests.content.message_schema import message

CALL = {"type": "tool_call", "name": "f"}


def test_the_last_user_message_previews_a_request() -> None:
    messages = [
        message("user", "first"),
        message("assistant", "a"),
        message("user", "x", "y"),
        message("tool"),
    ]
    assert request_preview(messages) == "x\ny"


def test_the_last_assistant_text_previews_a_response() -> None:
    assert response_preview([message("assistant", "said"), message("assistant", CALL)]) == "said"
    assert response_preview([message("model", "said")]) == "said"
    assert response_preview([message("assistant", {"type": "refusal", "content": "no"})]) == "no"


def test_without_text_there_is_no_preview() -> None:
    assert request_preview([message("system", "s")]) is None
    assert response_preview([message("assistant", CALL)]) is None
    assert request_preview([]) is None


@pytest.mark.parametrize(
    "odd", ["redacted", None, [1, "x"], [{"role": "user"}], [{"role": "user", "parts": 3}]]
)
def test_what_redaction_leaves_is_no_trouble(odd: Any) -> None:
    assert request_preview(odd) is None


@pytest.mark.parametrize(
    ("value", "side", "preview"),
    [
        ("text", "request", "text"),
        ([{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "request", "q"),
        ([{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "response", "a"),
        ({"model": "m", "messages": [{"role": "user", "content": "q"}]}, "request", "q"),
        ({"choices": [{"message": {"content": "a"}}]}, "response", "a"),
        ({"question": "q", "k": 3}, "request", '{"question":"q","k":3}'),
        ([1, 2], "response", "[1,2]"),
        ([{"role": "system", "content": "s"}], "request", '[{"role":"system","content":"s"}]'),
        (0, "response", "0"),
        ("", "response", ""),
    ],
)
def test_previews_are_derived_from_any_value(
    value: Any, side: Literal["request", "response"], preview: str
) -> None:
    assert derive(value, side) == preview


def test_nothing_has_no_preview() -> None:
    assert derive(None, "request") is None


@pytest.mark.parametrize("value", ["x" * 1001, {"role": "user", "content": "x" * 1001}, ["x" * 1001]])
def test_previews_are_cut_at_a_thousand_characters(value: Any) -> None:
    preview = derive(value, "request")
    assert preview == "x" * 999 + "…"
    assert derive("x" * 1000, "request") == "x" * 1000


def test_previews_keep_no_binary() -> None:
    url = "data:image/png;base64," + "A" * 400
    assert "A" * 40 not in str(derive({"image": url}, "request"))
    assert "A" * 40 not in str(derive(url, "request"))
