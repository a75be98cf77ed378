"""The examples of MLflow's manual-tracing guide, run as they are written there but for the import line."""

from __future__ import annotations

import asyncio
import contextvars
import importlib.util
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from genai_otel.compat import mlflow
from genai_otel.compat.mlflow import MlflowClient
from genai_otel.compat.mlflow.entities import Document, SpanType
from tests.telemetry_capture import Telemetry

openai_installed = pytest.mark.skipif(
    importlib.util.find_spec("openai") is None, reason="needs the OpenAI SDK"
)


@pytest.fixture
def traced(telemetry_without_content: Telemetry) -> Telemetry:
    """Telemetry as a user has it who configured nothing about content."""
    return telemetry_without_content


@pytest.fixture
def module_client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The SDK's module-level client, against the bundled server."""
    import openai

    from genai_otel.testing.server import OpenAIServer

    with OpenAIServer() as server:
        monkeypatch.setattr(openai, "api_key", "test")
        monkeypatch.setattr(openai, "base_url", f"{server.base_url}/")
        monkeypatch.setattr(openai, "_client", None, raising=False)
        yield openai
    mlflow.openai.autolog(disable=True)


def content(span: ReadableSpan) -> dict[str, Any]:
    """Inputs and outputs of a span of a type without GenAI operation, decoded."""
    attributes = span.attributes or {}
    return {
        key: json.loads(str(attributes[key])) for key in ("input.value", "output.value") if key in attributes
    }


def parent_of(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.span_id


# --- decorators -------------------------------------------------------------------------------------------
def test_decorated_functions_with_nested_calls(traced: Telemetry) -> None:
    @mlflow.trace(span_type="func", attributes={"key": "value"})
    def add_1(x):
        return x + 1

    @mlflow.trace(span_type="func", attributes={"key1": "value1"})
    def minus_1(x):
        return x - 1

    @mlflow.trace(name="Trace Test")
    def trace_test(x):
        step1 = add_1(x)
        return minus_1(step1)

    assert trace_test(4) == 4

    assert [span.name for span in traced.spans] == ["add_1", "minus_1", "Trace Test"]
    add, minus, root = traced.spans
    assert parent_of(root) is None
    assert parent_of(add) == parent_of(minus) == id_of(root)
    assert content(add) == {"input.value": {"x": 4}, "output.value": 5}
    assert content(minus) == {"input.value": {"x": 5}, "output.value": 4}
    assert content(root) == {"input.value": {"x": 4}, "output.value": 4}
    assert add.attributes["key"] == "value"
    assert minus.attributes["key1"] == "value1"
    assert add.attributes["openinference.span.kind"] == "CHAIN"
    assert root.attributes["openinference.span.kind"] == "UNKNOWN"
    assert root.attributes["genai_otel.request_preview"] == '{"x":4}'
    assert all(span.status.status_code is StatusCode.UNSET for span in traced.spans)


@pytest.mark.parametrize("span_type", [SpanType.CHAIN, "CHAIN"])
def test_the_type_by_enum_and_by_string(traced: Telemetry, span_type: Any) -> None:
    @mlflow.trace(span_type=span_type)
    def my_chain(question):
        return f"answer to {question}"

    assert my_chain("why") == "answer to why"
    attributes = traced.attributes("my_chain")
    assert attributes == {
        "openinference.span.kind": "CHAIN",
        "input.value": '{"question":"why"}',
        "input.mime_type": "application/json",
        "output.value": "answer to why",
        "output.mime_type": "text/plain",
        "genai_otel.request_preview": '{"question":"why"}',
        "genai_otel.response_preview": "answer to why",
    }


def test_a_typed_decorator_keeps_the_functions_name_and_speaks_the_conventions(traced: Telemetry) -> None:
    @mlflow.trace(span_type=SpanType.LLM)
    def call_my_llm(messages):
        return {"role": "assistant", "content": "hello"}

    call_my_llm([{"role": "user", "content": "hi"}])
    span = traced.one("call_my_llm")
    assert span.kind is SpanKind.CLIENT
    assert span.attributes["gen_ai.operation.name"] == "chat"
    assert json.loads(span.attributes["gen_ai.input.messages"])[0]["parts"] == [
        {"type": "text", "content": "hi"}
    ]
    assert json.loads(span.attributes["gen_ai.output.messages"])[0]["parts"] == [
        {"type": "text", "content": "hello"}
    ]


def test_wrapping_a_function_of_somebody_else(traced: Telemetry) -> None:
    import math

    assert mlflow.trace(math.factorial)(5) == 120
    assert mlflow.trace(math.gcd, name="divisor", span_type=SpanType.TOOL)(8, 12) == 4
    assert traced.one("factorial").attributes["output.value"] == "120"
    assert traced.one("divisor").attributes["gen_ai.tool.name"] == "divisor"


# --- context manager --------------------------------------------------------------------------------------
def test_a_block_with_inputs_outputs_and_attributes(traced: Telemetry) -> None:
    x, y = 1, 2
    with mlflow.start_span(name="Span_1", span_type=SpanType.CHAIN) as span:
        span.set_inputs({"x": x, "y": y})
        z = x + y
        span.set_outputs(z)
        span.set_attributes(
            {"model": "m-1", "count": 3, "ratio": 0.5, "tags": ["a", "b"], "nested": {"k": 1}}
        )

    attributes = traced.attributes("Span_1")
    assert attributes["openinference.span.kind"] == "CHAIN"
    assert content(traced.one("Span_1")) == {"input.value": {"x": 1, "y": 2}, "output.value": 3}
    assert [attributes[key] for key in ("model", "count", "ratio", "tags", "nested")] == [
        "m-1",
        3,
        0.5,
        ("a", "b"),
        '{"k":1}',
    ]


def test_nested_blocks(traced: Telemetry) -> None:
    with mlflow.start_span(name="outer") as outer:
        outer.set_inputs("in")
        with mlflow.start_span(name="inner", span_type=SpanType.TOOL) as inner:
            inner.set_inputs({"a": 1})
            inner.set_outputs({"b": 2})
        with mlflow.start_span() as unnamed:
            unnamed.set_outputs("done")

    inner_span, unnamed_span, outer_span = traced.spans
    assert [span.name for span in traced.spans] == ["inner", "span", "outer"]
    assert parent_of(inner_span) == parent_of(unnamed_span) == id_of(outer_span)
    assert inner_span.attributes["gen_ai.tool.call.arguments"] == '{"a":1}'
    assert inner_span.attributes["gen_ai.tool.call.result"] == '{"b":2}'


def test_an_exception_inside_a_block(traced: Telemetry) -> None:
    error = ValueError("bad 1")
    with pytest.raises(ValueError) as caught:
        with mlflow.start_span(name="failing") as span:
            span.set_inputs({"x": 1})
            raise error

    assert caught.value is error
    failed = traced.one("failing")
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.attributes["error.type"] == "ValueError"
    assert content(failed) == {"input.value": {"x": 1}}
    (event,) = failed.events
    assert (event.name, event.attributes["exception.type"], event.attributes["exception.message"]) == (
        "exception",
        "ValueError",
        "bad 1",
    )


# --- client -----------------------------------------------------------------------------------------------
def test_the_clients_rag_agent(traced: Telemetry) -> None:
    client = MlflowClient()

    root_span = client.start_trace("simple-rag-agent", inputs={"query": "Demo", "model_name": "DBRX"})
    request_id = root_span.request_id

    retrieval_span = client.start_span(
        name="retrieval",
        request_id=request_id,
        parent_id=root_span.span_id,
        inputs={"query": "Demo", "top_k": 5},
    )
    client.end_span(
        request_id=request_id,
        span_id=retrieval_span.span_id,
        outputs={"documents": ["doc1", "doc2"]},
        attributes={"retriever": "in-house"},
    )
    generation_span = client.start_span(
        "generation", request_id, root_span.span_id, span_type=SpanType.CHAIN, inputs="prompt"
    )
    client.end_span(request_id, generation_span.span_id, outputs="answer", status="OK")
    client.end_trace(request_id=request_id, outputs={"output": "Demo answer"})

    assert [span.name for span in traced.spans] == ["retrieval", "generation", "simple-rag-agent"]
    retrieval, generation, root = traced.spans
    assert parent_of(root) is None
    assert parent_of(retrieval) == parent_of(generation) == id_of(root)
    assert f"{root.context.trace_id:032x}" == request_id
    assert content(root) == {
        "input.value": {"query": "Demo", "model_name": "DBRX"},
        "output.value": {"output": "Demo answer"},
    }
    assert content(retrieval) == {
        "input.value": {"query": "Demo", "top_k": 5},
        "output.value": {"documents": ["doc1", "doc2"]},
    }
    assert retrieval.attributes["retriever"] == "in-house"
    assert generation.attributes["input.value"] == "prompt"
    assert generation.status.status_code is StatusCode.OK
    assert mlflow.get_current_active_span() is None


# --- autolog and RAG --------------------------------------------------------------------------------------
@openai_installed
def test_autolog_beside_manual_spans(traced: Telemetry, module_client: Any) -> None:
    openai = module_client

    mlflow.openai.autolog()

    @mlflow.trace(span_type=SpanType.CHAIN)
    def rag(query):
        with mlflow.start_span(name="retrieval", span_type=SpanType.RETRIEVER) as span:
            span.set_inputs({"query": query})
            documents = [Document("Python is a language", {"doc_uri": "a.md"})]
            span.set_outputs(documents)
        response = openai.chat.completions.create(
            model="gpt-4o-mini",
            messages=[
                {"role": "system", "content": f"Use this: {documents[0].page_content}"},
                {"role": "user", "content": query},
            ],
        )
        return response.choices[0].message.content

    answer = rag("What is Python?")

    assert [span.name for span in traced.spans] == ["retrieval", "chat gpt-4o-mini", "rag"]
    retrieval, chat, root = traced.spans
    assert parent_of(root) is None
    assert parent_of(retrieval) == parent_of(chat) == id_of(root)
    assert len({span.context.trace_id for span in traced.spans}) == 1
    assert retrieval.attributes["gen_ai.retrieval.query.text"] == "What is Python?"
    assert json.loads(retrieval.attributes["gen_ai.retrieval.documents"]) == [
        {"content": "Python is a language", "metadata": {"doc_uri": "a.md"}}
    ]
    assert chat.attributes["gen_ai.request.model"] == "gpt-4o-mini"
    messages = json.loads(chat.attributes["gen_ai.input.messages"])
    assert [message["role"] for message in messages] == ["system", "user"]
    assert messages[1]["parts"] == [{"type": "text", "content": "What is Python?"}]
    assert answer in chat.attributes["gen_ai.output.messages"]
    assert root.attributes["output.value"] == answer


# --- data pipeline ----------------------------------------------------------------------------------------
def test_the_data_pipeline(traced: Telemetry) -> None:
    @mlflow.trace(name="data_pipeline")
    def process_data_pipeline(data_source):
        with mlflow.start_span(name="extract") as extract_span:
            raw_data = [" 1", "2 ", "x"]
            extract_span.set_outputs({"record_count": len(raw_data)})
        with mlflow.start_span(name="transform") as transform_span:
            transformed = [int(value) for value in raw_data if value.strip().isdigit()]
            transform_span.set_outputs({"transformed_count": len(transformed)})
        with mlflow.start_span(name="load") as load_span:
            result = {"loaded": transformed}
            load_span.set_outputs({"status": "success"})
        return result

    assert process_data_pipeline("s3://bucket") == {"loaded": [1, 2]}
    assert [span.name for span in traced.spans] == ["extract", "transform", "load", "data_pipeline"]
    *steps, root = traced.spans
    assert {parent_of(step) for step in steps} == {id_of(root)}
    assert [content(step)["output.value"] for step in steps] == [
        {"record_count": 3},
        {"transformed_count": 2},
        {"status": "success"},
    ]
    assert content(root) == {
        "input.value": {"data_source": "s3://bucket"},
        "output.value": {"loaded": [1, 2]},
    }
    starts = [step.start_time for step in steps]
    assert starts == sorted(starts)
    assert root.start_time <= starts[0]
    assert root.end_time >= steps[-1].end_time


# --- previews ---------------------------------------------------------------------------------------------
def test_the_request_preview_of_a_conversation(traced: Telemetry) -> None:
    @mlflow.trace(name="predict")
    def predict(messages: list[dict]) -> str:
        mlflow.update_current_trace(
            request_preview=f"{messages[0]['content'][:10]} ... {messages[-1]['content'][:10]}"
        )
        return "Goodbye, have a nice day"

    messages = [
        {"role": "user", "content": "Hi, how are you?"},
        {"role": "assistant", "content": "I'm good, thank you!"},
        {"role": "user", "content": "What's your name?"},
        {"role": "assistant", "content": "My name is Bot"},
        {"role": "user", "content": "Bye!"},
    ]
    predict(messages)

    attributes = traced.attributes("predict")
    assert attributes["genai_otel.request_preview"] == "Hi, how ar ... Bye!"
    assert attributes["genai_otel.response_preview"] == "Goodbye, have a nice day"
    assert content_messages(attributes) == messages


def content_messages(attributes: dict[str, Any]) -> Any:
    return json.loads(attributes["input.value"])["messages"]


def test_a_response_preview_from_inside_a_nested_span(traced: Telemetry) -> None:
    with mlflow.start_span(name="root"):
        with mlflow.start_span(name="deep") as deep:
            deep.set_outputs({"answer": "long"})
            mlflow.update_current_trace(response_preview="short")

    assert traced.attributes("root")["genai_otel.response_preview"] == "short"
    assert "genai_otel.response_preview" not in traced.attributes("deep")


# --- async, generators, threads ---------------------------------------------------------------------------
async def test_concurrent_coroutines_keep_their_own_children(traced: Telemetry) -> None:
    @mlflow.trace(span_type=SpanType.TOOL)
    async def fetch(name):
        await asyncio.sleep(0)
        return name.upper()

    @mlflow.trace
    async def agent(name):
        return await asyncio.gather(fetch(name), fetch(name))

    assert await asyncio.gather(agent("a"), agent("b")) == [["A", "A"], ["B", "B"]]
    agents = {id_of(span): span for span in traced.spans if span.name == "agent"}
    fetches = [span for span in traced.spans if span.name == "fetch"]
    assert len(agents) == 2
    for span in fetches:
        asked = content(agents[parent_of(span)])["input.value"]["name"]
        assert json.loads(span.attributes["gen_ai.tool.call.arguments"]) == {"name": asked}


def test_a_generator_is_folded_by_its_reducer(traced: Telemetry) -> None:
    @mlflow.trace(output_reducer=lambda chunks: ",".join(chunks))
    def stream(n):
        for i in range(n):
            mlflow.get_current_active_span().set_attribute("last", i)
            yield str(i)

    assert list(stream(3)) == ["0", "1", "2"]
    attributes = traced.attributes("stream")
    assert attributes["output.value"] == "0,1,2"
    assert attributes["input.value"] == '{"n":3}'
    assert attributes["last"] == 2


async def test_an_async_generator_yields_a_list_of_its_items(traced: Telemetry) -> None:
    @mlflow.trace
    async def stream(n):
        for i in range(n):
            yield i

    assert [item async for item in stream(3)] == [0, 1, 2]
    assert content(traced.one("stream")) == {"input.value": {"n": 3}, "output.value": [0, 1, 2]}


def test_threads_with_a_copied_context_join_the_trace(traced: Telemetry) -> None:
    @mlflow.trace
    def worker(number):
        mlflow.get_current_active_span().set_attribute("thread", threading.current_thread().name)
        return number * 2

    @mlflow.trace
    def fan_out(numbers):
        with ThreadPoolExecutor(max_workers=2) as executor:
            futures = [executor.submit(contextvars.copy_context().run, worker, number) for number in numbers]
            return [future.result() for future in futures]

    assert fan_out([1, 2, 3]) == [2, 4, 6]
    root = traced.one("fan_out")
    workers = [span for span in traced.spans if span.name == "worker"]
    assert {parent_of(span) for span in workers} == {id_of(root)}
    assert sorted(content(span)["output.value"] for span in workers) == [2, 4, 6]
    assert all(span.attributes["thread"] != threading.current_thread().name for span in workers)


# --- current state ----------------------------------------------------------------------------------------
def test_the_active_span_and_the_last_trace(traced: Telemetry) -> None:
    @mlflow.trace
    def step():
        span = mlflow.get_current_active_span()
        span.set_attribute("step", 1).set_attribute("more", True)
        return mlflow.get_active_trace_id()

    seen = step()
    assert mlflow.get_last_active_trace_id() == seen == f"{traced.one('step').context.trace_id:032x}"
    assert mlflow.get_last_active_trace_id(thread_local=True) == seen
    assert traced.attributes("step")["step"] == 1
    assert mlflow.get_current_active_span() is None
    assert mlflow.get_active_trace_id() is None


def test_tags_metadata_session_and_user_of_a_trace(traced: Telemetry) -> None:
    @mlflow.trace
    def handle(message):
        with mlflow.start_span(name="inner"):
            mlflow.update_current_trace(
                tags={"env": "prod"},
                metadata={"mlflow.trace.session": "s-1", "mlflow.trace.user": "u-1", "tier": 2},
                client_request_id="req-1",
            )
        return message

    handle("hi")
    attributes = traced.attributes("handle")
    assert attributes["genai_otel.tag.env"] == "prod"
    assert attributes["genai_otel.metadata.tier"] == "2"
    assert attributes["genai_otel.client_request_id"] == "req-1"
    assert (attributes["session.id"], attributes["user.id"]) == ("s-1", "u-1")
    assert not [key for key in attributes if key.startswith("mlflow.")]


# --- two services -----------------------------------------------------------------------------------------
def test_a_trace_crosses_two_services(traced: Telemetry) -> None:
    def server(headers):
        with mlflow.tracing.set_tracing_context_from_http_request_headers(headers):
            with mlflow.start_span(name="server") as span:
                span.set_inputs("request")

    @mlflow.trace
    def client_call():
        return mlflow.tracing.get_tracing_context_headers_for_http_request()

    headers = client_call()
    assert list(headers) == ["traceparent"]
    contextvars.Context().run(server, {"Traceparent": headers["traceparent"]})

    caller, handler = traced.one("client_call"), traced.one("server")
    assert parent_of(handler) == id_of(caller)
    assert handler.context.trace_id == caller.context.trace_id
    assert handler.parent.is_remote
