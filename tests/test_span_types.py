"""Every span type against its row of the contract: operation, kind, name, content attributes, usage, metrics, events."""

from __future__ import annotations

import importlib.util
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import ModuleType
from typing import Any

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, Sampler, SamplingResult
from opentelemetry.trace import SpanKind

import genai_otel
from genai_otel import SpanType, start_span, trace
from tests.content.message_schema import MODEL, assert_messages, assert_schema
from tests.shared import CONFORMANCE, require
from tests.telemetry_capture import Telemetry

MESSAGES = ("gen_ai.input.messages", "gen_ai.output.messages")
VALUES = ("input.value", "output.value")
# type -> operation, kind, default name, inputs go to, outputs go to
OPERATIONS: dict[str, tuple[str, SpanKind, str, str | None, str | None]] = {
    "LLM": ("chat", SpanKind.CLIENT, "chat", *MESSAGES),
    "CHAT_MODEL": ("chat", SpanKind.CLIENT, "chat", *MESSAGES),
    "COMPLETION": ("text_completion", SpanKind.CLIENT, "text_completion", *MESSAGES),
    "EMBEDDING": ("embeddings", SpanKind.CLIENT, "embeddings", "input.value", None),
    "RETRIEVER": (
        "retrieval",
        SpanKind.CLIENT,
        "retrieval",
        "gen_ai.retrieval.query.text",
        "gen_ai.retrieval.documents",
    ),
    "TOOL": (
        "execute_tool",
        SpanKind.INTERNAL,
        "execute_tool",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
    ),
    "AGENT": ("invoke_agent", SpanKind.INTERNAL, "invoke_agent", *MESSAGES),
    "WORKFLOW": ("invoke_workflow", SpanKind.INTERNAL, "invoke_workflow", *MESSAGES),
    "PLAN": ("plan", SpanKind.INTERNAL, "plan", *MESSAGES),
    "MEMORY": (
        "search_memory",
        SpanKind.CLIENT,
        "search_memory",
        "gen_ai.memory.query.text",
        "gen_ai.memory.records",
    ),
}
# type -> its kind in OpenInference's vocabulary
PLAIN = {
    "CHAIN": "CHAIN",
    "TASK": "CHAIN",
    "PARSER": "CHAIN",
    "RERANKER": "RERANKER",
    "GUARDRAIL": "GUARDRAIL",
    "EVALUATOR": "EVALUATOR",
    "PROMPT": "PROMPT",
    "UNKNOWN": "UNKNOWN",
    "my own type": "CHAIN",
}
CONTENT = {
    *MESSAGES,
    *VALUES,
    "input.mime_type",
    "output.mime_type",
    "gen_ai.system_instructions",
    "gen_ai.tool.definitions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.retrieval.query.text",
    "gen_ai.retrieval.documents",
    "gen_ai.memory.query.text",
    "gen_ai.memory.records",
    "gen_ai.memory.record.count",
    "genai_otel.request_preview",
    "genai_otel.response_preview",
}


def parts_of(text: str) -> list[Any]:
    return [(message["role"], message["parts"]) for message in json.loads(text)]


def text(content: str) -> list[dict[str, str]]:
    return [{"type": "text", "content": content}]


# --- the table ----------------------------------------------------------------------------------------------------------
def test_every_span_type_is_tested() -> None:
    assert {*OPERATIONS, *PLAIN} == {*SpanType, "my own type"}


@pytest.mark.parametrize("span_type", sorted(OPERATIONS))
def test_a_type_with_an_operation_has_its_operation_kind_and_default_name(
    telemetry: Telemetry, span_type: str
) -> None:
    operation, kind, name, _, _ = OPERATIONS[span_type]
    with start_span(span_type=span_type) as span:
        assert span.span_type == span_type
    assert telemetry.one(name).kind is kind
    assert telemetry.attributes(name) == {"gen_ai.operation.name": operation}


@pytest.mark.parametrize("span_type", sorted(PLAIN))
def test_a_type_without_operation_has_the_openinference_kind_and_the_given_name(
    telemetry: Telemetry, span_type: str
) -> None:
    with start_span("given", span_type=span_type) as span:
        assert span.span_type == span_type
    assert telemetry.one("given").kind is SpanKind.INTERNAL
    assert telemetry.attributes("given") == {"openinference.span.kind": PLAIN[span_type]}


@pytest.mark.parametrize("span_type", sorted(OPERATIONS))
def test_inputs_and_outputs_go_to_the_attributes_of_the_type(telemetry: Telemetry, span_type: str) -> None:
    _, _, name, inputs, outputs = OPERATIONS[span_type]
    with start_span(span_type=span_type) as span:
        span.set_inputs("question").set_outputs("answer")
    attributes = telemetry.attributes(name)
    recorded = {key for key in attributes if key in CONTENT}
    allowed = {inputs, outputs, "gen_ai.memory.record.count"} | (
        {"input.mime_type"} if span_type == "EMBEDDING" else set()
    )
    assert {inputs, outputs} - {None} <= recorded <= allowed
    assert "question" in attributes[str(inputs)]
    assert outputs is None or "answer" in attributes[outputs]


@pytest.mark.parametrize("span_type", sorted(PLAIN))
def test_types_without_operation_have_values_with_mime_types(telemetry: Telemetry, span_type: str) -> None:
    with start_span("parent", span_type="AGENT"), start_span("s", span_type) as span:
        span.set_inputs("question").set_outputs({"a": [1]})
    assert telemetry.attributes("s") == {
        "openinference.span.kind": PLAIN[span_type],
        "input.value": "question",
        "input.mime_type": "text/plain",
        "output.value": '{"a":[1]}',
        "output.mime_type": "application/json",
    }


@pytest.mark.parametrize("span_type", sorted(OPERATIONS))
def test_nothing_of_our_own_namespace_is_on_a_type_with_an_operation(
    telemetry: Telemetry, span_type: str
) -> None:
    @trace(span_type=span_type)
    def f(question: str) -> str:
        return "answer"

    f("question")
    with start_span(span_type=span_type, inputs="question") as span:
        span.set_outputs("answer")
    for ended in telemetry.spans:
        assert [key for key in ended.attributes or {} if not key.startswith(("gen_ai.", "input."))] == []


@pytest.mark.parametrize("span_type", sorted(set(OPERATIONS) - {"EMBEDDING"}))
def test_only_attributes_of_the_registry_are_on_a_type_with_an_operation(
    telemetry: Telemetry, span_type: str
) -> None:
    known = registered_names()

    @trace(span_type=span_type, provider="openai", model="gpt")
    def f(question: str) -> str:
        span = genai_otel.get_current_span()
        assert span is not None
        span.set_usage(1, 2, cache_read_tokens=1, cache_write_tokens=1, reasoning_tokens=1)
        span.set_model("gpt", "gpt-4o").set_finish_reasons(["stop"]).set_tool_call("t", "i", "function", "d")
        span.set_agent("a", "i", "d", "v").set_documents([{"id": "1"}])
        raise ValueError("failed")

    with pytest.raises(ValueError):
        f("question")
    assert set(telemetry.attributes()) <= known


def registered_names() -> set[str]:
    yaml = pytest.importorskip("yaml")
    names = {"error.type", "server.address", "server.port"}
    for folder in ("gen-ai", "openai"):
        registry = yaml.safe_load(
            require(MODEL.parent / folder / "registry.yaml").read_text(encoding="utf-8")
        )
        names |= {attribute["key"] for attribute in registry["attributes"] if "key" in attribute}
    assert len(names) > 70
    return names


# --- free-form values and chat shapes ---------------------------------------------------------------------------------
@pytest.mark.parametrize("span_type", ["LLM", "CHAT_MODEL", "COMPLETION", "AGENT", "WORKFLOW", "PLAN"])
@pytest.mark.parametrize(
    ("value", "recorded"),
    [
        ("as it is", "as it is"),
        ({"topic": "x", "n": 1}, '{"topic":"x","n":1}'),
        ([1, 2], "[1,2]"),
        (5, "5"),
        (None, None),
        ({"k": {"deep": None}}, '{"k":{"deep":null}}'),
    ],
)
def test_free_form_values_become_one_message_with_one_text_part(
    telemetry: Telemetry, span_type: str, value: Any, recorded: str | None
) -> None:
    with start_span("s", span_type) as span:
        span.set_inputs(value).set_outputs(value)
    attributes = telemetry.attributes("s")
    inputs, outputs = (json.loads(attributes[key]) for key in MESSAGES)
    assert_messages(inputs, "input")
    assert_messages(outputs, "output")
    if recorded is None:
        assert inputs == outputs == []
    else:
        assert parts_of(attributes[MESSAGES[0]]) == [("user", text(recorded))]
        assert parts_of(attributes[MESSAGES[1]]) == [("assistant", text(recorded))]


@pytest.mark.parametrize(
    "value",
    [
        [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
        [("system", "be brief"), ("user", "hi")],
        {"messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]},
        [
            {"role": "system", "content": [{"type": "text", "text": "be brief"}]},
            {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        ],
    ],
    ids=["chat", "pairs", "request", "parts"],
)
def test_chats_of_any_shape_become_messages(telemetry: Telemetry, value: Any) -> None:
    with start_span("s", "LLM", inputs=value):
        pass
    assert parts_of(telemetry.attributes("s")[MESSAGES[0]]) == [
        ("system", text("be brief")),
        ("user", text("hi")),
    ]


def test_instructions_and_tools_of_a_request_have_attributes_of_their_own(telemetry: Telemetry) -> None:
    tool = {"type": "function", "name": "search", "parameters": {"type": "object", "properties": {}}}
    with start_span(
        "s", "LLM", inputs={"model": "gpt", "instructions": "be brief", "input": "hi", "tools": [tool]}
    ):
        pass
    attributes = telemetry.attributes("s")
    assert json.loads(attributes["gen_ai.system_instructions"]) == text("be brief")
    assert_schema("gen-ai-system-instructions", json.loads(attributes["gen_ai.system_instructions"]))
    definitions = json.loads(attributes["gen_ai.tool.definitions"])
    assert [definition["name"] for definition in definitions] == ["search"]
    assert_schema("gen-ai-tool-definitions", definitions)
    assert parts_of(attributes[MESSAGES[0]]) == [("user", text("hi"))]


@pytest.mark.parametrize(
    ("value", "arguments", "result"),
    [
        ({"q": 1}, {"q": 1}, {"q": 1}),
        ('{"q": 1}', {"q": 1}, {"q": 1}),
        ("text", {"input": "text"}, {"result": "text"}),
        ([1], {"input": [1]}, {"result": [1]}),
        (None, {"input": None}, {"result": None}),
    ],
)
def test_arguments_and_result_of_a_tool_are_objects(
    telemetry: Telemetry, value: Any, arguments: Any, result: Any
) -> None:
    with start_span("s", "TOOL") as span:
        span.set_inputs(value).set_outputs(value)
    attributes = telemetry.attributes("s")
    assert json.loads(attributes["gen_ai.tool.call.arguments"]) == arguments
    assert json.loads(attributes["gen_ai.tool.call.result"]) == result
    assert_schema("gen-ai-tool-call-arguments", arguments)
    assert_schema("gen-ai-tool-call-result", result)


def test_the_query_of_a_decorated_retriever_is_its_query_argument(telemetry: Telemetry) -> None:
    @trace(span_type=SpanType.RETRIEVER)
    def retrieve(query: str, k: int = 3) -> list[dict[str, Any]]:
        return [{"id": 7, "score": 0.5, "content": "found"}, "just text"]  # type: ignore[list-item]

    retrieve("what?")
    attributes = telemetry.attributes("retrieval")
    assert attributes["gen_ai.retrieval.query.text"] == "what?"
    documents = json.loads(attributes["gen_ai.retrieval.documents"])
    assert documents == [{"id": "7", "score": 0.5, "content": "found"}, {"content": "just text"}]
    assert_schema("gen-ai-retrieval-documents", documents)


def test_memory_records_have_content_and_are_counted(telemetry: Telemetry) -> None:
    with start_span(span_type="MEMORY", inputs="what?") as span:
        span.set_outputs([{"id": "1", "memory": "likes tea"}, "plain"])
    attributes = telemetry.attributes("search_memory")
    records = json.loads(attributes["gen_ai.memory.records"])
    assert [record["content"] for record in records] == ["likes tea", "plain"]
    assert attributes["gen_ai.memory.record.count"] == 2
    assert_schema("gen-ai-memory-records", records)


@pytest.mark.parametrize(
    "vectors",
    [[0.1, 0.2, 0.3], [[0.1, 0.2, 0.3]] * 2, {"data": [{"embedding": [0.1, 0.2, 0.3]}]}],
    ids=["vector", "vectors", "answer"],
)
def test_vectors_are_never_recorded_only_their_dimension(telemetry: Telemetry, vectors: Any) -> None:
    @trace(span_type=SpanType.EMBEDDING, model="ada")
    def embed(texts: list[str]) -> Any:
        return vectors

    assert embed(["secret"]) is vectors
    assert telemetry.attributes("embeddings ada") == {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.request.model": "ada",
        "gen_ai.embeddings.dimension.count": 3,
    }


def test_the_input_of_an_embedding_is_recorded_when_set_explicitly(
    telemetry_without_content: Telemetry,
) -> None:
    with start_span(span_type="EMBEDDING") as span:
        span.set_inputs(["a", "b"])
    attributes = telemetry_without_content.attributes("embeddings")
    assert (attributes["input.value"], attributes["input.mime_type"]) == ('["a","b"]', "application/json")


@pytest.mark.parametrize("span_type", sorted({*OPERATIONS, *PLAIN}))
def test_with_content_off_nothing_captured_is_recorded(
    telemetry_without_content: Telemetry, span_type: str
) -> None:
    @trace(span_type=span_type)
    def f(question: str) -> str:
        return "the secret answer"

    f("the secret question")
    recorded = str([span.to_json() for span in telemetry_without_content.spans])
    assert "secret" not in recorded
    assert not CONTENT & set(telemetry_without_content.attributes())


# --- names and entities --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("span_type", "key"),
    [
        ("TOOL", "gen_ai.tool.name"),
        ("AGENT", "gen_ai.agent.name"),
        ("WORKFLOW", "gen_ai.workflow.name"),
        ("PLAN", "gen_ai.agent.name"),
    ],
)
def test_a_function_or_an_explicit_name_fills_the_entity(
    telemetry: Telemetry, span_type: str, key: str
) -> None:
    operation = OPERATIONS[span_type][0]

    @trace(span_type=span_type)
    def planner() -> None: ...

    @trace(name="explicit", span_type=span_type)
    def other() -> None: ...

    @trace(name="shown", span_type=span_type, attributes={key: "given"})
    def third() -> None: ...

    planner()
    other()
    third()
    with start_span("block", span_type):
        pass
    with start_span(span_type=span_type):
        pass
    found = [(span.name, (span.attributes or {}).get(key)) for span in telemetry.spans]
    assert found == [
        (f"{operation} planner", "planner"),
        ("explicit", "explicit"),
        ("shown", "given"),
        ("block", "block"),
        (operation, None),
    ]


@pytest.mark.parametrize(
    ("span_type", "name"),
    [
        ("LLM", "chat gpt"),
        ("COMPLETION", "text_completion gpt"),
        ("EMBEDDING", "embeddings gpt"),
        ("CHAIN", "f"),
    ],
)
def test_a_model_completes_the_name_of_a_decorated_function(
    telemetry: Telemetry, span_type: str, name: str
) -> None:
    @trace(span_type=span_type, model="gpt")
    def f() -> None: ...

    @trace(span_type=span_type, attributes={"gen_ai.request.model": "gpt"})
    def g() -> None: ...

    f()
    g()
    assert [span.name for span in telemetry.spans] == [name, name if name != "f" else "g"]


def test_a_data_source_completes_the_name_of_a_retrieval(telemetry: Telemetry) -> None:
    with start_span(span_type="RETRIEVER", attributes={"gen_ai.data_source.id": "docs"}):
        pass
    assert telemetry.spans[0].name == "retrieval docs"


@pytest.mark.parametrize(
    "operation",
    [
        "create_memory_store",
        "delete_memory_store",
        "create_memory",
        "update_memory",
        "upsert_memory",
        "search_memory",
        "delete_memory",
    ],
)
def test_a_memory_operation_is_given_by_argument_or_attribute(telemetry: Telemetry, operation: str) -> None:
    key = "gen_ai.operation.name"
    with start_span(span_type="MEMORY", operation=operation):
        pass
    with start_span(span_type="MEMORY", attributes={key: operation}):
        pass
    with start_span(span_type="MEMORY") as span:
        span.set_attribute(key, operation)
    trace(span_type="MEMORY", operation=operation)(lambda: None)()
    assert [(span.name, (span.attributes or {})[key]) for span in telemetry.spans] == [
        (operation, operation)
    ] * 4


def test_a_type_may_be_given_in_lower_case_and_as_a_member(telemetry: Telemetry) -> None:
    for given in ("tool", "TOOL", SpanType.TOOL):
        with start_span("s", given) as span:
            assert span.span_type == "TOOL"
    assert str(SpanType.TOOL) == "TOOL"
    assert SpanType.TOOL == "TOOL"


# --- what a sampler and a processor see at the start --------------------------------------------------------------------
class Recording(Sampler):
    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, Any]]] = []

    def should_sample(
        self, parent_context: Any, trace_id: int, name: str, *args: Any, **kwargs: Any
    ) -> SamplingResult:
        attributes = kwargs.get("attributes") or (args[1] if len(args) > 1 else None) or {}
        self.seen.append((name, dict(attributes)))
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)

    def get_description(self) -> str:
        return "Recording"


def test_a_sampler_sees_what_is_known_at_the_start() -> None:
    sampler = Recording()
    with Telemetry(sampler=sampler, capture_content=True):
        with start_span(
            span_type="LLM", model="gpt", provider="openai", attributes={"mine": 1}, inputs="secret"
        ):
            pass
        with genai_otel.context(session_id="s1"), start_span("t", "TOOL"):
            pass
    (_, llm), (_, tool) = sampler.seen
    assert llm == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt",
        "gen_ai.provider.name": "openai",
        "mine": 1,
    }
    assert tool == {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t", "session.id": "s1"}


def test_a_processor_sees_the_start_attributes_and_the_kind(telemetry: Telemetry) -> None:
    started: list[tuple[dict[str, Any], SpanKind]] = []

    class Processor:
        def on_start(self, span: Any, parent_context: Any = None) -> None:
            started.append((dict(span.attributes), span.kind))

        def on_end(self, span: Any) -> None: ...

        def _on_ending(self, span: Any) -> None: ...

        def shutdown(self) -> None: ...

        def force_flush(self, timeout_millis: int = 0) -> bool:
            return True

    telemetry.tracer_provider.add_span_processor(Processor())  # type: ignore[arg-type]
    trace(span_type="AGENT", model="gpt", name="a")(lambda: None)()
    assert started == [
        (
            {
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.agent.name": "a",
                "gen_ai.request.model": "gpt",
            },
            SpanKind.INTERNAL,
        )
    ]


# --- sums of usage -------------------------------------------------------------------------------------------------------
def llm(
    tokens_in: int | None = None, tokens_out: int | None = None, *reasons: str, name: str = "llm"
) -> None:
    with start_span(name, "LLM") as span:
        span.set_usage(tokens_in, tokens_out).set_finish_reasons(list(reasons) or ())


def usage(telemetry: Telemetry, name: str) -> tuple[Any, Any, Any]:
    attributes = telemetry.attributes(name)
    return (
        attributes.get("gen_ai.usage.input_tokens"),
        attributes.get("gen_ai.usage.output_tokens"),
        attributes.get("gen_ai.response.finish_reasons"),
    )


@pytest.mark.parametrize("span_type", ["AGENT", "WORKFLOW"])
def test_an_agent_or_workflow_sums_the_usage_and_takes_the_last_finish_reasons(
    telemetry: Telemetry, span_type: str
) -> None:
    with start_span("outer", span_type):
        llm(10, 1, "tool_calls")
        with start_span("between", "CHAIN"):
            llm(20, 2, "stop")
        llm()
    assert usage(telemetry, "outer") == (30, 3, ("stop",))
    assert usage(telemetry, "between") == (None, None, None)


def test_without_any_inference_an_agent_has_no_usage(telemetry: Telemetry) -> None:
    with start_span("agent", "AGENT"):
        llm()
    assert usage(telemetry, "agent") == (None, None, None)


def test_nested_agents_each_sum_what_is_inside_them(telemetry: Telemetry) -> None:
    with start_span("workflow", "WORKFLOW"):
        llm(1, 1)
        with start_span("agent", "AGENT"):
            llm(10, 10, "length")
            with start_span("sub agent", "AGENT"):
                llm(100, 100, "stop")
    assert usage(telemetry, "sub agent") == (100, 100, ("stop",))
    assert usage(telemetry, "agent") == (110, 110, ("stop",))
    assert usage(telemetry, "workflow") == (111, 111, ("stop",))


def test_a_model_call_inside_a_model_call_is_counted_once(telemetry: Telemetry) -> None:
    with start_span("agent", "AGENT"):
        with start_span("manual", "LLM") as manual:
            llm(10, 5, "stop")
            manual.set_usage(10, 5)
        with start_span("silent", "LLM"):
            llm(100, 50, "length")
        with start_span("partly", "LLM") as partly:
            llm(1_000, 500, "stop")
            partly.set_finish_reasons(["tool_calls"])
    assert usage(telemetry, "agent") == (1_110, 555, ("tool_calls",))
    calls = telemetry.metrics()["gen_ai.invoke_agent.inference_calls"]
    assert [point.sum for point in calls] == [3]


def test_embeddings_and_tools_add_no_usage(telemetry: Telemetry) -> None:
    with start_span("agent", "AGENT"), start_span("embed", "EMBEDDING") as span:
        span.set_usage(99)
    assert usage(telemetry, "agent") == (None, None, None)


def test_usage_that_the_user_sets_on_an_agent_wins(telemetry: Telemetry) -> None:
    with start_span("agent", "AGENT") as agent:
        llm(1, 1, "stop")
        agent.set_usage(7, 8).set_finish_reasons(["length"])
    assert usage(telemetry, "agent") == (7, 8, ("length",))


def test_a_failed_call_still_counts(telemetry: Telemetry) -> None:
    with start_span("agent", "AGENT"), pytest.raises(ValueError), start_span("llm", "LLM") as span:
        span.set_usage(5, 0)
        raise ValueError
    assert usage(telemetry, "agent")[:2] == (5, 0)
    assert [point.sum for point in telemetry.metrics()["gen_ai.invoke_agent.inference_calls"]] == [1]


def test_calls_in_parallel_threads_are_all_summed(telemetry: Telemetry) -> None:
    with start_span("agent", "AGENT"), genai_otel.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: llm(n, 1), range(100)))
    assert usage(telemetry, "agent")[:2] == (sum(range(100)), 100)


def test_a_decorated_agent_sums_decorated_calls(telemetry: Telemetry) -> None:
    @trace(span_type="LLM")
    def call() -> str:
        span = genai_otel.get_current_span()
        assert span is not None
        span.set_usage(3, 4)
        return "x"

    @trace(span_type="AGENT")
    def agent() -> None:
        call()
        call()

    agent()
    assert usage(telemetry, "invoke_agent agent")[:2] == (6, 8)


# --- metrics --------------------------------------------------------------------------------------------------------------
LATENCY = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS = tuple(4**power for power in range(14))
AGENT = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6)
CALLS = (1, 2, 4, 8, 16, 32, 64, 128)
WORKFLOW = (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)
CLIENT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt",
    "gen_ai.response.model": "gpt-4o",
    "server.address": "api.openai.com",
    "server.port": 443,
}
IDS = {
    "gen_ai.conversation.id": "c1",
    "gen_ai.response.id": "r1",
    "session.id": "s1",
    "user.id": "u1",
    "gen_ai.agent.id": "a1",
    "gen_ai.tool.call.id": "t1",
}


@pytest.fixture
def dialect(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Telemetry]:
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", request.param)
    with Telemetry(capture_content=True) as telemetry:
        yield telemetry


def an_inference() -> None:
    with start_span(span_type="LLM", model="gpt", provider="openai", attributes=IDS) as span:
        span.set_model(response="gpt-4o").set_usage(
            100, 20, cache_read_tokens=40, cache_write_tokens=5, reasoning_tokens=7
        )
        span.set_attributes({"server.address": "api.openai.com", "server.port": 443})


COMPAT_METRICS = {"gen_ai.client.operation.duration", "gen_ai.client.token.usage"}
LATEST_METRICS = {
    "gen_ai.client.inference.duration",
    "gen_ai.client.inference.operation.input_tokens",
    "gen_ai.client.inference.operation.output_tokens",
    "gen_ai.client.inference.usage.input_tokens",
    "gen_ai.client.inference.usage.output_tokens",
    "gen_ai.client.inference.usage.cache_read.input_tokens",
    "gen_ai.client.inference.usage.cache_write.input_tokens",
    "gen_ai.client.inference.usage.reasoning.output_tokens",
}


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        ("", COMPAT_METRICS),
        ("http", COMPAT_METRICS),
        ("http,gen_ai_latest_experimental", LATEST_METRICS),
        ("gen_ai_latest_experimental/dup", COMPAT_METRICS | LATEST_METRICS),
    ],
    indirect=["dialect"],
)
def test_an_inference_records_the_metrics_of_the_dialect_without_ids(
    dialect: Telemetry, expected: set[str]
) -> None:
    an_inference()
    metrics = dialect.metrics()
    assert set(metrics) == expected
    for name, points in metrics.items():
        for point in points:
            extra = _extra_dimensions(name)
            assert {key: value for key, value in point.attributes.items() if key not in extra} == CLIENT
            assert set(extra) <= set(point.attributes)


def _extra_dimensions(name: str) -> tuple[str, ...]:
    if name == "gen_ai.client.token.usage":
        return ("gen_ai.token.type",)
    return ("gen_ai.token.modality",) if ".usage." in name else ()


@pytest.mark.parametrize("dialect", ["gen_ai_latest_experimental/dup"], indirect=True)
def test_token_metrics_have_the_counts_and_the_boundaries(dialect: Telemetry) -> None:
    an_inference()
    metrics = dialect.metrics()
    by_type = {point.attributes["gen_ai.token.type"]: point for point in metrics["gen_ai.client.token.usage"]}
    assert {kind: point.sum for kind, point in by_type.items()} == {"input": 100, "output": 20}
    assert {tuple(point.explicit_bounds) for point in by_type.values()} == {TOKENS}
    for kind, count in (("input", 100), ("output", 20)):
        (point,) = metrics[f"gen_ai.client.inference.operation.{kind}_tokens"]
        assert (point.sum, tuple(point.explicit_bounds)) == (count, TOKENS)
    for counter, count in (
        ("input_tokens", 100),
        ("output_tokens", 20),
        ("cache_read.input_tokens", 40),
        ("cache_write.input_tokens", 5),
        ("reasoning.output_tokens", 7),
    ):
        (point,) = metrics[f"gen_ai.client.inference.usage.{counter}"]
        assert (point.value, point.attributes["gen_ai.token.modality"]) == (count, "unknown")


@pytest.mark.parametrize("dialect", ["gen_ai_latest_experimental"], indirect=True)
def test_counters_are_divided_by_modality_where_it_is_known(dialect: Telemetry) -> None:
    with start_span(span_type="LLM", provider="openai") as span:
        span.set_usage(300, 10).set_attributes(
            {"gen_ai.usage.text.input_tokens": 100, "gen_ai.usage.image.input_tokens": 150}
        )
    points = dialect.metrics()["gen_ai.client.inference.usage.input_tokens"]
    assert {point.attributes["gen_ai.token.modality"]: point.value for point in points} == {
        "text": 100,
        "image": 150,
        "unknown": 50,
    }


@pytest.mark.parametrize(
    ("span_type", "name", "boundaries", "dimensions"),
    [
        ("TOOL", "gen_ai.execute_tool.duration", LATENCY, {"gen_ai.tool.name": "f"}),
        ("AGENT", "gen_ai.invoke_agent.duration", AGENT, {"gen_ai.agent.name": "f"}),
        ("WORKFLOW", "gen_ai.invoke_workflow.duration", WORKFLOW, {"gen_ai.workflow.name": "f"}),
    ],
)
def test_tools_agents_and_workflows_record_their_duration(
    telemetry: Telemetry, span_type: str, name: str, boundaries: tuple[float, ...], dimensions: dict[str, str]
) -> None:
    @trace(span_type=span_type, attributes=IDS)
    def f(fail: bool) -> None:
        if fail:
            raise KeyError

    f(False)
    with pytest.raises(KeyError):
        f(True)
    points = telemetry.metrics()[name]
    assert sorted((dict(point.attributes) for point in points), key=len) == [
        dimensions,
        {**dimensions, "error.type": "KeyError"},
    ]
    for point in points:
        assert tuple(point.explicit_bounds) == boundaries
        assert point.count == 1
        assert 0 <= point.sum < 5


def test_a_duration_is_that_of_the_span(telemetry: Telemetry) -> None:
    second = 1_000_000_000
    span = genai_otel.start_span_no_context("s", "LLM", start_time_ns=second)
    span.end(end_time_ns=3 * second)
    (point,) = telemetry.metrics()["gen_ai.client.operation.duration"]
    assert (point.sum, tuple(point.explicit_bounds)) == (2.0, LATENCY)


def test_an_agent_counts_its_own_model_and_tool_calls(telemetry: Telemetry) -> None:
    with start_span("main", "AGENT"):
        llm(1, 1)
        for _ in range(2):
            with start_span("t", "TOOL"):
                pass
        with start_span("sub", "AGENT"):
            llm(1, 1)
            with start_span("chain", "CHAIN"):
                llm(1, 1)
    metrics = telemetry.metrics()
    for name, expected in (("inference_calls", {"main": 1, "sub": 2}), ("tool_calls", {"main": 2, "sub": 0})):
        points = metrics[f"gen_ai.invoke_agent.{name}"]
        assert {point.attributes["gen_ai.agent.name"]: point.sum for point in points} == expected
        assert {tuple(point.explicit_bounds) for point in points} == {CALLS}


@pytest.mark.parametrize("dialect", ["gen_ai_latest_experimental"], indirect=True)
def test_embeddings_keep_the_operation_metric_in_the_newest_dialect(dialect: Telemetry) -> None:
    with start_span(span_type="EMBEDDING", provider="openai", model="ada") as span:
        span.set_usage(5)
    metrics = dialect.metrics()
    assert set(metrics) == {"gen_ai.client.operation.duration"}


def test_embeddings_record_duration_and_input_tokens(telemetry: Telemetry) -> None:
    with start_span(span_type="EMBEDDING", provider="openai", model="ada") as span:
        span.set_usage(5)
    metrics = telemetry.metrics()
    assert [point.sum for point in metrics["gen_ai.client.token.usage"]] == [5]
    assert [point.count for point in metrics["gen_ai.client.operation.duration"]] == [1]


@pytest.mark.parametrize("span_type", sorted(PLAIN))
def test_types_without_operation_record_no_metrics(telemetry: Telemetry, span_type: str) -> None:
    with start_span("s", span_type):
        pass
    assert telemetry.metrics() == {}


def test_spans_that_are_sampled_out_still_record_metrics() -> None:
    with Telemetry(sampler=ALWAYS_OFF, capture_content=True) as telemetry:
        an_inference()
        with start_span("agent", "AGENT"):
            llm(1, 2)
        metrics = telemetry.metrics()
        assert telemetry.spans == []
    assert sum(point.count for point in metrics["gen_ai.client.operation.duration"]) == 2
    assert [point.sum for point in metrics["gen_ai.invoke_agent.inference_calls"]] == [1]


def test_suppressed_spans_record_no_metrics(telemetry: Telemetry) -> None:
    with genai_otel.suppress():
        an_inference()
    assert telemetry.metrics() == {}


# --- the details event ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("mode", "on_span", "on_event"),
    [
        ("no_content", False, None),
        ("span_only", True, None),
        ("event_only", False, True),
        ("span_and_event", True, True),
    ],
)
def test_the_details_event_has_structured_content_in_the_event_modes(
    mode: str, on_span: bool, on_event: bool | None
) -> None:
    @trace(span_type="LLM", model="gpt", provider="openai")
    def ask(messages: list[dict[str, str]]) -> str:
        return "answer"

    with Telemetry(capture_content=mode) as telemetry:
        ask([{"role": "user", "content": "question"}])
        events, span = telemetry.events, telemetry.one("chat gpt")
    attributes = span.attributes or {}
    assert set(MESSAGES) <= set(attributes) if on_span else not set(MESSAGES) & set(attributes)
    if on_event is None:
        assert events == []
        return
    (event,) = events
    assert event.event_name == "gen_ai.client.inference.operation.details"
    assert (event.trace_id, event.span_id) == (span.context.trace_id, span.context.span_id)
    assert event.attributes["gen_ai.operation.name"] == "chat"
    assert event.attributes["gen_ai.request.model"] == "gpt"
    inputs, outputs = (_unfrozen(event.attributes[key]) for key in MESSAGES)
    assert [part["content"] for part in inputs[0]["parts"]] == ["question"]
    assert [part["content"] for part in outputs[0]["parts"]] == ["answer"]
    assert_messages(inputs, "input")
    assert_messages(outputs, "output")
    if on_span:
        assert json.loads(attributes[MESSAGES[0]]) == inputs  # type: ignore[arg-type]


def _unfrozen(value: Any) -> Any:
    """Plain lists and dicts of what the SDK froze."""
    if isinstance(value, (list, tuple)):
        return [_unfrozen(item) for item in value]
    return {key: _unfrozen(item) for key, item in value.items()} if hasattr(value, "items") else value


@pytest.mark.parametrize("span_type", sorted({*OPERATIONS, *PLAIN} - {"LLM", "CHAT_MODEL", "COMPLETION"}))
def test_only_inferences_emit_the_details_event(span_type: str) -> None:
    with Telemetry(capture_content="span_and_event") as telemetry, start_span("s", span_type, inputs="x"):
        pass
    assert telemetry.events == []


def test_an_event_only_mode_keeps_captured_content_of_other_types_off_the_span() -> None:
    with Telemetry(capture_content="event_only") as telemetry:
        trace(span_type="TOOL")(lambda secret: secret)("the secret")
    assert "the secret" not in str(telemetry.attributes())


# --- conformance -----------------------------------------------------------------------------------------------------------
def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"conformance_{name}", require(CONFORMANCE / f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _describe_everything() -> None:
    server = {"server.address": "api.openai.com", "server.port": 443}

    def inference(span_type: str) -> None:
        with start_span(
            span_type=span_type, model="gpt", provider="openai", attributes=server, inputs="hi"
        ) as span:
            span.set_model(response="gpt-4o").set_usage(5, 6).set_finish_reasons(["stop"]).set_outputs(
                "hello"
            )
            span.set_attribute("gen_ai.response.id", "r1")

    with start_span(span_type="WORKFLOW", inputs="go") as workflow, start_span(span_type="AGENT") as agent:
        workflow.set_attribute("gen_ai.workflow.name", "flow").set_outputs("done")
        agent.set_agent("planner").set_inputs("q").set_outputs("a")
        with start_span(span_type="PLAN") as plan:
            plan.set_agent("planner")
        for span_type in ("LLM", "CHAT_MODEL", "COMPLETION"):
            inference(span_type)
        with start_span(
            span_type="EMBEDDING", model="ada", provider="openai", attributes=server
        ) as embedding:
            embedding.set_usage(3).set_model(response="ada").set_outputs([[0.1, 0.2]])
            embedding.set_attribute("gen_ai.request.encoding_formats", ["float"])
        with start_span(
            span_type="RETRIEVER",
            attributes={**server, "gen_ai.retrieval.top_k": 3, "gen_ai.data_source.id": "docs"},
        ) as retrieval:
            retrieval.set_inputs("q").set_documents([{"id": "1", "score": 0.5, "content": "text"}])
        with start_span(span_type="TOOL", inputs={"q": 1}) as tool:
            tool.set_tool_call("search", "call_1", "function", "Searches.").set_outputs({"found": 1})
        with pytest.raises(ValueError), start_span(span_type="TOOL") as failing:
            failing.set_tool_call("broken")
            raise ValueError("broken")


@pytest.mark.parametrize("registry", ["pin", "main"])
@pytest.mark.parametrize("mode", ["no_content", "span_only", "event_only", "span_and_event"])
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_a_fully_described_pipeline_has_no_violation_of_the_conventions(mode: str, registry: str) -> None:
    pytest.importorskip("yaml")
    livecheck, capturing = _module("livecheck"), _module("capture")
    from genai_otel import _settings
    from tests.telemetry_capture import reset_globals

    reset_globals()
    try:
        _settings.use(_settings.with_content(_settings.reload(), mode))
        capture = capturing.Capture()
        _describe_everything()
        dump = capture.dump()
    finally:
        reset_globals()
        _settings.reload()
    assert len(dump["spans"]) == 10
    found = livecheck.Checker(livecheck.load_registry(registry)).check(dump)
    assert [f"{each.name}: {each.message}" for each in found if each.level == "violation"] == []


def test_every_thread_of_a_trace_records_its_own_attributes(telemetry: Telemetry) -> None:
    def work(call: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=genai_otel.propagate(call))
        thread.start()
        return thread

    with start_span("outer", "WORKFLOW"), ExitStack() as stack:
        threads = [work(lambda n=n: llm(n, n, name=f"llm {n}")) for n in range(4)]  # type: ignore[misc]
        for thread in threads:
            stack.callback(thread.join)
    assert [usage(telemetry, f"llm {n}")[0] for n in range(4)] == list(range(4))
    assert usage(telemetry, "outer")[:2] == (6, 6)
