"""What a span recorded, in OpenInference's attributes."""

from __future__ import annotations

import json
from typing import Any

import pytest

import genai_otel
from genai_otel import SpanType
from genai_otel.exporters.openinference import openinference_attributes
from tests.telemetry_capture import Telemetry

# https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md, "Span Kinds"
KINDS = {
    "LLM",
    "EMBEDDING",
    "CHAIN",
    "RETRIEVER",
    "RERANKER",
    "TOOL",
    "AGENT",
    "GUARDRAIL",
    "EVALUATOR",
    "PROMPT",
}


@pytest.mark.parametrize("kind", [*SpanType, "my own"])
def test_every_type_has_a_kind(telemetry: Telemetry, kind: str) -> None:
    with genai_otel.start_span(name="n", span_type=kind):
        pass
    found = openinference_attributes(telemetry.attributes("n"), str(kind))
    assert found["openinference.span.kind"] in {*KINDS, "UNKNOWN"}


def test_spans_of_others_stay_as_they_are() -> None:
    attributes = {"http.request.method": "GET", "session.id": "s"}
    assert openinference_attributes(attributes) == attributes


def test_what_is_there_already_wins() -> None:
    found = openinference_attributes(
        {"gen_ai.operation.name": "chat", "llm.model_name": "mine", "gen_ai.request.model": "m"}
    )
    assert found["llm.model_name"] == "mine"


def messages_of(parts: list[dict[str, Any]], role: str = "user") -> dict[str, Any]:
    text = json.dumps([{"role": role, "parts": parts}])
    return openinference_attributes({"gen_ai.operation.name": "chat", "gen_ai.input.messages": text})


def test_one_text_is_the_input_itself() -> None:
    found = messages_of([{"type": "text", "content": "hi"}])
    assert (found["input.value"], found["input.mime_type"]) == ("hi", "text/plain")
    assert found["llm.input_messages.0.message.content"] == "hi"


def test_parts_are_flattened() -> None:
    found = messages_of(
        [
            {"type": "reasoning", "content": "hm"},
            {"type": "text", "content": "look"},
            {"type": "uri", "modality": "image", "uri": "https://example.org/a.png"},
        ],
        "assistant",
    )
    contents = "llm.input_messages.0.message.contents"
    assert found[f"{contents}.0.message_content.type"] == "reasoning"
    assert found[f"{contents}.1.message_content.text"] == "look"
    assert found[f"{contents}.2.message_content.image.image.url"] == "https://example.org/a.png"
    assert found["input.mime_type"] == "application/json"


def test_tool_calls_and_results_are_flattened() -> None:
    found = messages_of([{"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}}], "assistant")
    call = "llm.input_messages.0.message.tool_calls.0.tool_call"
    assert (found[f"{call}.id"], found[f"{call}.function.name"]) == ("c", "f")
    assert json.loads(found[f"{call}.function.arguments"]) == {"a": 1}
    found = messages_of([{"type": "tool_call_response", "id": "c", "response": "r"}], "tool")
    assert found["llm.input_messages.0.message.tool_call_id"] == "c"
    assert found["llm.input_messages.0.message.content"] == "r"


@pytest.mark.parametrize(
    ("name", "provider", "system"),
    [("openai", "openai", "openai"), ("azure.ai.openai", "azure", "openai"), ("mine", "mine", None)],
)
def test_providers(name: str, provider: str, system: str | None) -> None:
    found = openinference_attributes({"gen_ai.operation.name": "chat", "gen_ai.provider.name": name})
    assert (found["llm.provider"], found.get("llm.system")) == (provider, system)


def test_tokens() -> None:
    found = openinference_attributes(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.usage.input_tokens": 3,
            "gen_ai.usage.output_tokens": 4,
            "gen_ai.usage.cache_read.input_tokens": 2,
        }
    )
    counts = ("prompt", "completion", "total", "prompt_details.cache_read")
    assert [found[f"llm.token_count.{name}"] for name in counts] == [3, 4, 7, 2]


def test_request_parameters() -> None:
    found = openinference_attributes(
        {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.request.temperature": 0.1}
    )
    assert json.loads(found["llm.invocation_parameters"]) == {"temperature": 0.1}


def test_documents() -> None:
    documents = json.dumps([{"id": "1", "score": 0.5, "content": "c", "url": "u"}, {"content": {"a": 1}}])
    found = openinference_attributes(
        {"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.documents": documents}
    )
    first, second = ("retrieval.documents.0.document", "retrieval.documents.1.document")
    assert (found[f"{first}.id"], found[f"{first}.score"], found[f"{first}.content"]) == ("1", 0.5, "c")
    assert json.loads(found[f"{first}.metadata"]) == {"url": "u"}
    assert found[f"{second}.content"] == '{"a":1}'


def test_tags_metadata_and_session() -> None:
    found = openinference_attributes(
        {
            "genai_otel.tag.env": "test",
            "genai_otel.metadata.k": "v",
            "genai_otel.trace_name": "n",
            "gen_ai.conversation.id": "c",
        },
        "CHAIN",
    )
    assert found["tag.tags"] == ["env:test"]
    assert json.loads(found["metadata"]) == {"k": "v", "trace_name": "n"}
    assert found["session.id"] == "c"


@pytest.mark.parametrize("value", ["", "…cut", "[1, null]", "{}", '[{"parts": 3}]'])
def test_unreadable_content_is_survived(value: str) -> None:
    keys = (
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.tool.definitions",
        "gen_ai.retrieval.documents",
    )
    for kind in ("LLM", "RETRIEVER", "EMBEDDING", "TOOL", "AGENT"):
        openinference_attributes(dict.fromkeys(keys, value), kind)
