"""What makes content valid: the conventions' JSON schemas, and the required keys that they let through."""

from __future__ import annotations

import copy
import functools
import json
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared"
MODEL = SHARED / "semconv" / "model" / "gen-ai"
CASSETTES = SHARED / "cassettes"

REQUIRED: dict[str, set[str]] = {
    "text": {"content"},
    "refusal": {"content"},
    "reasoning": {"content"},
    "tool_call": {"name"},
    "tool_call_response": {"response"},
    "server_tool_call": {"name", "server_tool_call"},
    "server_tool_call_response": {"server_tool_call_response"},
    "blob": {"modality", "content"},
    "file": {"modality", "file_id"},
    "uri": {"modality", "uri"},
    "compaction": set(),
}
TEXTS = {"content", "name", "modality", "file_id", "uri", "role"}


def assert_messages(messages: Any, side: str = "input") -> None:
    """The messages are plain JSON data, complete in every part, and valid in the conventions' schema."""
    assert_json(messages)
    for message in messages:
        assert isinstance(message["role"], str)
        for part in message["parts"]:
            assert_part(part)
    assert_schema(f"gen-ai-{side}-messages", messages)


def assert_part(part: dict[str, Any]) -> None:
    kind = part["type"]
    assert type(kind) is str
    required = REQUIRED.get(kind, set())
    assert required <= part.keys(), f"{kind} lacks {required - part.keys()}"
    assert all(type(part[key]) is str for key in required & TEXTS), part
    assert kind != "blob"
    assert not str(part.get("uri", "")).startswith("data:")
    for key in ("server_tool_call", "server_tool_call_response"):
        assert key not in required or type(part[key]["type"]) is str


def assert_json(value: Any) -> None:
    """Only what JSON has, of the exact types, and the same after a round trip."""
    assert_plain(value)
    assert json.loads(json.dumps(value, allow_nan=False)) == value


def assert_plain(value: Any) -> None:
    assert type(value) in (dict, list, str, int, float, bool, type(None)), type(value)
    for entry in value.values() if type(value) is dict else value if type(value) is list else ():
        assert_plain(entry)
    assert type(value) is not dict or all(type(key) is str for key in value)


def assert_schema(name: str, value: Any) -> None:
    """Valid in the schema of that name; nothing where the schemas are not at hand."""
    validator = _validator(name)
    if validator is not None:
        errors = [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(value)]
        assert not errors, errors[:3]


@functools.cache
def _validator(name: str) -> Any:
    path = MODEL / f"{name}.json"
    if not path.exists():
        return None
    jsonschema = pytest.importorskip("jsonschema")
    text = path.read_text(encoding="utf-8")
    text = text.replace('"$ref": "http://json-schema.org/draft-07/schema#"', '"type": "object"')
    return jsonschema.Draft202012Validator(json.loads(text))


def unchanged(value: Any) -> Any:
    """A deep copy to compare the value with afterwards."""
    return copy.deepcopy(value)


def text(content: str) -> dict[str, Any]:
    return {"type": "text", "content": content}


def message(role: str, *parts: dict[str, Any] | str, **extra: Any) -> dict[str, Any]:
    return {"role": role, "parts": [text(part) if isinstance(part, str) else part for part in parts], **extra}
