"""What a span recorded, in the attributes that MLflow reads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from genai_otel import SpanType
from genai_otel.exporters.mlflow_attributes import mlflow_attributes
from genai_otel.telemetry.operation import Operation
from tests.telemetry_capture import Telemetry

MESSAGES = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}])
ANSWER = json.dumps(
    [{"role": "assistant", "parts": [{"type": "text", "content": "ho"}], "finish_reason": "stop"}]
)


def test_a_chat() -> None:
    found = mlflow_attributes(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.input.messages": MESSAGES,
            "gen_ai.output.messages": ANSWER,
            "gen_ai.request.model": "asked",
            "gen_ai.response.model": "answered",
            "gen_ai.provider.name": "openai",
            "gen_ai.usage.input_tokens": 3,
            "gen_ai.usage.output_tokens": 4,
        },
        "LLM",
    )
    assert found["mlflow.spanType"] == "LLM"
    assert json.loads(found["mlflow.spanInputs"]) == {"messages": [{"role": "user", "content": "hi"}]}
    assert json.loads(found["mlflow.spanOutputs"])["choices"][0]["message"]["content"] == "ho"
    assert found["mlflow.message.format"] == "openai"
    assert json.loads(found["mlflow.chat.tokenUsage"]) == {
        "input_tokens": 3,
        "output_tokens": 4,
        "total_tokens": 7,
    }
    assert (found["mlflow.llm.model"], found["mlflow.llm.provider"]) == ("answered", "openai")
    assert found["gen_ai.input.messages"] == MESSAGES  # what the conventions say stays beside it


def test_system_instructions_alone_are_shown() -> None:
    found = mlflow_attributes({"gen_ai.system_instructions": '[{"type":"text","content":"be kind"}]'}, "LLM")
    assert json.loads(found["mlflow.spanInputs"]) == {"messages": [{"role": "system", "content": "be kind"}]}


def test_messages_that_are_not_readable_are_passed_on() -> None:
    assert mlflow_attributes({"gen_ai.input.messages": "…cut"}, "LLM")["mlflow.spanInputs"] == "…cut"


@pytest.mark.parametrize(
    ("document", "shaped"),
    [
        ({"content": "c"}, {"page_content": "c", "metadata": {}}),
        (
            {"id": "1", "content": "c", "score": 0.5},
            {"page_content": "c", "metadata": {"score": 0.5, "doc_uri": "1"}, "id": "1"},
        ),
        (
            {"id": "1", "content": "c", "metadata": {"url": "u", "page": 3}},
            {"page_content": "c", "metadata": {"url": "u", "page": 3, "doc_uri": "u"}, "id": "1"},
        ),
        ({"content": "c", "metadata": {"doc_uri": "d"}}, {"page_content": "c", "metadata": {"doc_uri": "d"}}),
        ({"metadata": "m"}, {"page_content": "", "metadata": {"metadata": "m"}}),
    ],
)
def test_documents(document: dict[str, Any], shaped: dict[str, Any]) -> None:
    found = mlflow_attributes({"gen_ai.retrieval.documents": json.dumps([document])}, "RETRIEVER")
    assert json.loads(found["mlflow.spanOutputs"]) == [shaped]


@pytest.mark.parametrize(
    ("text", "mime", "sent"),
    [
        ('{"a":1}', "application/json", '{"a":1}'),
        ("[1,2]", "application/json", "[1,2]"),
        ("5", "application/json", 5),
        ("true", "application/json", True),
        ("1.5", "application/json", 1.5),
        ("5", "text/plain", "5"),
        ("hello", "text/plain", "hello"),
        ("…cut", "application/json", "…cut"),
    ],
)
def test_plain_values(text: str, mime: str, sent: Any) -> None:
    for side in ("input", "output"):
        found = mlflow_attributes({f"{side}.value": text, f"{side}.mime_type": mime})
        assert found[f"mlflow.span{side.capitalize()}s"] == sent


def test_a_result_of_none_is_left_out() -> None:
    found = mlflow_attributes({"output.value": "null", "output.mime_type": "application/json"})
    assert "mlflow.spanOutputs" not in found


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"gen_ai.operation.name": "chat"}, "CHAT_MODEL"),
        ({"gen_ai.operation.name": "retrieval"}, "RETRIEVER"),
        ({"gen_ai.operation.name": "unheard of"}, None),
        ({"openinference.span.kind": "GUARDRAIL"}, "GUARDRAIL"),
        ({"http.request.method": "GET"}, None),
    ],
)
def test_the_type_of_spans_that_are_not_ours(attributes: dict[str, Any], kind: str | None) -> None:
    assert mlflow_attributes(attributes).get("mlflow.spanType") == kind


def test_spans_of_others_stay_as_they_are() -> None:
    attributes = {"http.request.method": "GET", "n": 1, "list": ("a", "b"), "float": 1.5, "bool": True}
    sent = mlflow_attributes(attributes)
    assert {**sent, "list": tuple(sent["list"])} == attributes


def test_what_the_user_set_for_mlflow_wins() -> None:
    found = mlflow_attributes(
        {"mlflow.spanInputs": "mine", "input.value": "other", "mlflow.spanType": "T"}, "LLM"
    )
    assert (found["mlflow.spanInputs"], found["mlflow.spanType"]) == ("mine", "T")


def test_our_own_namespace_is_not_sent() -> None:
    assert mlflow_attributes({"genai_otel.tag.a": "b", "genai_otel.request_preview": "p"}, "LLM") == {
        "mlflow.spanType": "LLM"
    }


@pytest.mark.parametrize("kind", list(SpanType))
def test_every_type_shows_its_content(telemetry: Telemetry, kind: SpanType) -> None:
    import genai_otel

    with genai_otel.start_span(name="n", span_type=kind) as span:
        operation = span._operation
        assert isinstance(operation, Operation)
        span.set_inputs("the question")
        span.set_outputs([{"id": "d", "content": "the answer"}])
    found = mlflow_attributes(telemetry.attributes("n"), str(kind))
    assert "the question" in found["mlflow.spanInputs"]
    if kind is not SpanType.EMBEDDING:  # vectors are never recorded
        assert "the answer" in found["mlflow.spanOutputs"]
