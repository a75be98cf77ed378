"""``exporter="phoenix"`` against a real Phoenix server, read back through its REST and GraphQL APIs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import genai_otel
from genai_otel import SpanType
from tests.configured import Exporter, fresh_process
from tests.e2e.backends import Phoenix

QUESTION = "What is the capital of France?"
ANSWER = "Paris."
CALL = {"id": "call_1", "type": "function", "function": {"name": "search", "arguments": '{"city":"Paris"}'}}
TOOL = {
    "type": "function",
    "function": {
        "name": "search",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phoenix]:
    started = Phoenix(tmp_path_factory.mktemp("phoenix"))
    try:
        started.start()
        yield started
    finally:
        started.stop()


@pytest.fixture
def project() -> str:
    return f"e2e-{uuid.uuid4().hex[:8]}"


@contextmanager
def configured(server: Phoenix, project: str, **arguments: Any) -> Iterator[None]:
    with fresh_process():
        arguments.setdefault("exporter", "phoenix")
        arguments.setdefault("endpoint", server.url)
        genai_otel.configure("e2e", experiment=project, capture_content=True, **arguments)
        yield


def chat(question: str) -> None:
    with genai_otel.start_span(span_type=SpanType.CHAT_MODEL, model="gpt-4o-mini", provider="openai") as span:
        span.set_attributes({"gen_ai.request.temperature": 0.5})
        messages: list[dict[str, Any]] = [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": question},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "found"},
        ]
        span.set_inputs({"messages": messages, "tools": [TOOL]})
        span.set_outputs({"role": "assistant", "content": ANSWER})
        span.set_usage(12, 7, cache_read_tokens=3, reasoning_tokens=2)
        span.set_finish_reasons(["stop"])


def pipeline(session: str = "s-1") -> None:
    with genai_otel.start_span(name="guide", span_type=SpanType.AGENT) as agent:
        agent.set_inputs(QUESTION)
        genai_otel.update_current_trace(
            session_id=session, user_id="u-1", tags={"env": "test"}, metadata={"build": "7"}, name="asked"
        )
        with genai_otel.start_span(span_type=SpanType.RETRIEVER) as retriever:
            retriever.set_inputs(QUESTION)
            retriever.set_documents(
                [{"id": "d1", "content": "Paris!", "score": 0.9, "url": "https://example.org"}]
            )
        with genai_otel.start_span(span_type=SpanType.EMBEDDING, model="embed") as embedding:
            embedding.set_inputs(["one", "two"])
            embedding.set_usage(4)
        with genai_otel.start_span(name="search", span_type=SpanType.TOOL) as tool:
            tool.set_inputs({"city": "Paris"})
            tool.set_outputs({"found": True})
        chat(QUESTION)
        with genai_otel.start_span(name="tidy", span_type=SpanType.PARSER) as parser:
            parser.set_inputs("raw")
        agent.set_outputs(ANSWER)


@pytest.fixture
def stored(server: Phoenix, project: str) -> dict[str, Any]:
    with configured(server, project):
        pipeline(project)
        assert genai_otel.flush(20_000)
    return {span["name"]: span for span in server.spans(project, 6)}


def test_kinds(stored: dict[str, Any]) -> None:
    assert {name: span["span_kind"] for name, span in stored.items()} == {
        "invoke_agent guide" if "invoke_agent guide" in stored else "guide": "AGENT",
        "retrieval": "RETRIEVER",
        "embeddings embed": "EMBEDDING",
        "search": "TOOL",
        "chat gpt-4o-mini": "LLM",
        "tidy": "CHAIN",
    }


def test_a_chat_has_messages_tools_model_and_tokens(stored: dict[str, Any]) -> None:
    found = stored["chat gpt-4o-mini"]["attributes"]
    assert found["llm.model_name"] == "gpt-4o-mini"
    assert found["llm.provider"] == found["llm.system"] == "openai"
    assert found["llm.input_messages.0.message.role"] == "system"
    assert found["llm.input_messages.1.message.content"] == QUESTION
    call = "llm.input_messages.2.message.tool_calls.0.tool_call"
    assert found[f"{call}.function.name"] == "search"
    assert json.loads(found[f"{call}.function.arguments"]) == {"city": "Paris"}
    assert found["llm.input_messages.3.message.tool_call_id"] == "call_1"
    assert found["llm.output_messages.0.message.content"] == ANSWER
    assert json.loads(found["llm.tools.0.tool.json_schema"])["function"]["name"] == "search"
    assert json.loads(found["llm.invocation_parameters"]) == {"temperature": 0.5}
    assert found["llm.finish_reason"] == "stop"
    counts = ("prompt", "completion", "total", "prompt_details.cache_read", "completion_details.reasoning")
    assert [found[f"llm.token_count.{name}"] for name in counts] == [12, 7, 19, 3, 2]
    assert found["output.value"] == ANSWER


def test_documents_tools_and_embeddings(stored: dict[str, Any]) -> None:
    retriever, tool = stored["retrieval"]["attributes"], stored["search"]["attributes"]
    document = "retrieval.documents.0.document"
    assert (retriever[f"{document}.id"], retriever[f"{document}.content"]) == ("d1", "Paris!")
    assert retriever[f"{document}.score"] == 0.9
    assert retriever[f"{document}.metadata.url"] == "https://example.org"
    assert retriever["input.value"] == QUESTION
    assert tool["tool.name"] == "search"
    assert json.loads(tool["input.value"]) == {"city": "Paris"}
    assert json.loads(tool["output.value"]) == {"found": True}
    embedding = stored["embeddings embed"]["attributes"]
    assert embedding["embedding.model_name"] == "embed"
    assert embedding["embedding.embeddings.1.embedding.text"] == "two"


def test_the_root_says_what_the_trace_is(project: str, stored: dict[str, Any]) -> None:
    (root,) = [span for span in stored.values() if span["parent_id"] is None]
    found = root["attributes"]
    assert (found["input.value"], found["output.value"]) == (QUESTION, ANSWER)
    assert (found["session.id"], found["user.id"]) == (project, "u-1")
    assert found["tag.tags"] == ["env:test"]
    assert found["metadata.build"] == "7"


def test_the_ui_adds_up_each_token_once(server: Phoenix, project: str, stored: dict[str, Any]) -> None:
    (root,) = [span for span in stored.values() if span["parent_id"] is None]
    query = """query ($id: ID!) { node(id: $id) { ... on Span {
        spanKind cumulativeTokenCountTotal input { value } output { value } } } }"""
    found = server.query(query, id=root["id"])["node"]
    assert found["spanKind"] == "agent"
    assert found["cumulativeTokenCountTotal"] == 12 + 7  # of models, not of embeddings
    assert found["input"]["value"] == QUESTION
    assert found["output"]["value"] == ANSWER


def test_sessions_are_found(server: Phoenix, project: str, stored: dict[str, Any]) -> None:
    sessions = server.get(f"/v1/projects/{project}/sessions")["data"]
    assert [session["session_id"] for session in sessions] == [project]


def test_over_grpc(server: Phoenix, project: str) -> None:
    with configured(server, project, protocol="grpc", endpoint=server.grpc):
        pipeline()
        assert genai_otel.flush(20_000)
    assert len(server.spans(project, 6)) == 6


def test_errors_are_shown(server: Phoenix, project: str) -> None:
    with configured(server, project):
        with pytest.raises(ValueError), genai_otel.start_span(name="failing", span_type=SpanType.TOOL):
            raise ValueError("no")
        assert genai_otel.flush(20_000)
    (span,) = server.spans(project, 1)
    assert span["status_code"] == "ERROR"
    assert [event["name"] for event in span["events"]] == ["exception"]


def test_other_routes_see_nothing_of_it(server: Phoenix, project: str) -> None:
    seen = Exporter()
    with configured(server, project, exporter=["phoenix", seen]):
        chat(QUESTION)
        assert genai_otel.flush(20_000)
    (span,) = seen.get_finished_spans()
    assert not [key for key in span.attributes or {} if key.startswith(("llm.", "input.", "openinference."))]


def test_many_spans_arrive_once_with_their_parents(server: Phoenix, project: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10000")
    seen = Exporter()
    with configured(server, project, exporter=["phoenix", seen]):
        for _ in range(500):
            pipeline()
        assert genai_otel.flush(60_000)
    stored = server.spans(project, 3_000)
    sent = seen.get_finished_spans()
    assert len(stored) == len(sent) == 3_000
    parents = {span["context"]["span_id"]: span["parent_id"] for span in stored}
    for span in sent:
        assert span.context is not None
        expected = None if span.parent is None else f"{span.parent.span_id:016x}"
        assert parents[f"{span.context.span_id:016x}"] == expected
