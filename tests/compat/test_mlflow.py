"""MLflow's tracing interface: what its users rely on, beyond the guide's examples."""

from __future__ import annotations

import copy
import importlib.util
import inspect
import json
import logging
import subprocess
import sys
import textwrap
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace as otel_trace
from opentelemetry.trace import Link as OTelLink
from opentelemetry.trace import SpanKind, StatusCode

import genai_otel
from genai_otel import _settings
from genai_otel.compat import mlflow
from genai_otel.compat.mlflow import _destination, _processors
from genai_otel.compat.mlflow.entities import (
    Document,
    Link,
    LiveSpan,
    SpanEvent,
    SpanStatus,
    SpanStatusCode,
    SpanType,
)
from genai_otel.telemetry import listeners
from tests.telemetry_capture import Telemetry, reset_globals

openai_installed = pytest.mark.skipif(
    importlib.util.find_spec("openai") is None, reason="needs the OpenAI SDK"
)


@pytest.fixture
def traced(telemetry_without_content: Telemetry) -> Telemetry:
    """Telemetry as a user has it who configured nothing about content."""
    return telemetry_without_content


@pytest.fixture(autouse=True)
def pristine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(name, raising=False)
    yield
    mlflow.tracing.reset()
    _destination.forget()


@pytest.fixture
def chat(traced: Telemetry) -> Iterator[Any]:
    """A function that asks the bundled server, autolog on; it takes the question and a system message."""
    import openai

    from genai_otel.testing.server import OpenAIServer

    with OpenAIServer() as server, openai.OpenAI(api_key="test", base_url=server.base_url) as client:

        def ask(question: str, system: str = "be kind") -> Any:
            messages: Any = [{"role": "system", "content": system}, {"role": "user", "content": question}]
            return client.chat.completions.create(model="gpt-4o-mini", messages=messages)

        mlflow.openai.autolog()
        yield ask
    mlflow.openai.autolog(disable=True)


def explicitly(capture: bool | str) -> None:
    _settings.use(_settings.with_content(_settings.current(), capture))


# --- ways in ----------------------------------------------------------------------------------------------
def test_every_documented_way_of_importing_gives_the_same_objects() -> None:
    import genai_otel.compat.mlflow as by_path
    import genai_otel.compat.mlflow.entities as entities
    from genai_otel.compat.mlflow import MlflowClient, trace
    from genai_otel.compat.mlflow.tracing import configure

    assert by_path is mlflow is genai_otel.compat.mlflow
    assert mlflow.entities is entities
    assert (mlflow.trace, mlflow.MlflowClient, mlflow.tracing.configure) == (trace, MlflowClient, configure)
    assert mlflow.entities.SpanType is genai_otel.SpanType
    assert mlflow.client.MlflowClient is MlflowClient


def test_importing_loads_neither_sdk_nor_patching_nor_openai() -> None:
    code = """
        import sys
        from genai_otel.compat import mlflow
        heavy = ("openai", "wrapt", "rich", "opentelemetry.sdk", "opentelemetry.exporter", "mlflow")
        found = [name for name in sys.modules if name.startswith(heavy)]
        assert not found, found
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_all_names_everything_that_exists() -> None:
    for module in (mlflow, mlflow.entities, mlflow.tracing, mlflow.openai, mlflow.client):
        assert module.__all__ == sorted(module.__all__)
        assert all(getattr(module, name) is not None for name in module.__all__)


@pytest.mark.parametrize(
    ("fn", "names"),
    [
        (mlflow.trace, "func name span_type attributes output_reducer"),
        (mlflow.start_span, "name span_type attributes trace_destination log_level run_id links description"),
        (
            mlflow.start_span_no_context,
            "name span_type parent_span inputs attributes tags metadata experiment_id start_time_ns",
        ),
        (
            mlflow.update_current_trace,
            "tags metadata client_request_id request_preview response_preview state model_id session_id user",
        ),
        (
            mlflow.MlflowClient.start_trace,
            "self name span_type inputs attributes tags experiment_id start_time_ns",
        ),
        (
            mlflow.MlflowClient.start_span,
            "self name trace_id parent_id span_type inputs attributes start_time_ns",
        ),
        (mlflow.MlflowClient.end_span, "self trace_id span_id outputs attributes status end_time_ns"),
        (mlflow.MlflowClient.end_trace, "self trace_id outputs attributes status end_time_ns"),
        (mlflow.tracing.context, "metadata tags enabled session_id user"),
        (mlflow.openai.autolog, "disable exclusive disable_for_unsupported_versions silent log_traces"),
    ],
)
def test_parameters_come_in_mlflows_order(fn: Any, names: str) -> None:
    parameters = list(inspect.signature(fn).parameters)
    assert parameters[: len(names.split())] == names.split()


# --- content ----------------------------------------------------------------------------------------------
@mlflow.trace
def echo(text: str) -> str:
    """Echo."""
    return text * 2


def test_inputs_and_outputs_are_recorded_when_nothing_was_configured(traced: Telemetry) -> None:
    echo("a")
    assert traced.attributes("echo")["input.value"] == '{"text":"a"}'
    assert traced.attributes("echo")["output.value"] == "aa"


@pytest.mark.parametrize("mode", [False, "no_content", "event_only"])
def test_an_explicit_content_mode_holds(traced: Telemetry, mode: Any) -> None:
    explicitly(mode)
    echo("secret")
    with mlflow.start_span(name="by hand") as span:
        span.set_inputs("given")
    assert "secret" not in str(traced.attributes("echo"))
    assert traced.attributes("by hand")["input.value"] == "given"


def test_the_environments_content_mode_holds(traced: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(_settings.CONTENT_VARIABLE, "no_content")
    _settings.reload()
    echo("secret")
    assert "secret" not in str(traced.attributes("echo"))


def test_spans_of_genai_otel_itself_keep_its_default(traced: Telemetry) -> None:
    @genai_otel.trace
    def native(text: str) -> str:
        return echo(text)

    native("secret")
    assert "input.value" in traced.attributes("echo")
    assert "secret" not in str(traced.attributes("native"))


def test_redaction_alone_leaves_content_on(traced: Telemetry) -> None:
    def redact(where: str, value: Any) -> Any:
        return json.loads(json.dumps(value).replace("secret", "***"))

    _settings.use(_settings.with_content(_settings.current(), redact=redact))
    echo("secret")
    assert traced.attributes("echo")["input.value"] == '{"text":"***"}'


# --- decorator --------------------------------------------------------------------------------------------
def test_a_decorated_function_stays_what_it_was() -> None:
    def plain(a: int, b: str = "x") -> str:
        """Say."""
        return b * a

    traced_function = mlflow.trace(plain)
    assert inspect.signature(traced_function) == inspect.signature(plain)
    assert (traced_function.__name__, traced_function.__doc__) == ("plain", "Say.")
    assert traced_function.__wrapped__ is plain  # type: ignore[attr-defined]


def test_the_decorator_with_the_function_as_keyword_and_arguments_beside_it(traced: Telemetry) -> None:
    wrapped = mlflow.trace(func=len, name="length", attributes={"k": 1})
    assert wrapped("four") == 4
    assert traced.attributes("length")["k"] == 1


def test_methods_class_methods_and_static_methods(traced: Telemetry) -> None:
    class Service:
        @mlflow.trace
        def method(self, x: int) -> int:
            return x

        @classmethod
        @mlflow.trace
        def of_class(cls, x: int) -> int:
            return x

        @mlflow.trace
        @staticmethod
        def static(x: int) -> int:
            return x

    service = Service()
    assert (service.method(1), service.of_class(2), service.static(3)) == (1, 2, 3)
    assert [span.attributes["input.value"] for span in traced.spans] == ['{"x":1}', '{"x":2}', '{"x":3}']


def test_an_output_reducer_on_a_function_is_refused_at_decoration() -> None:
    with pytest.raises(ValueError, match="output_reducer"):
        mlflow.trace(output_reducer=list)(lambda: 1)


def test_a_name_is_never_replaced_by_the_types_default(traced: Telemetry) -> None:
    with mlflow.start_span(span_type=SpanType.TOOL):
        pass
    with mlflow.start_span(name="ask", span_type=SpanType.LLM) as span:
        span.set_model("m-1")
    assert [span.name for span in traced.spans] == ["span", "ask"]
    assert "gen_ai.tool.name" not in traced.attributes("span")


def test_links_of_a_decorator_and_a_block(traced: Telemetry) -> None:
    trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

    @mlflow.trace(links=[Link(f"tr-{trace_id}", span_id, {"why": "batch"})])
    def linked() -> None: ...

    linked()
    with mlflow.start_span(name="block", links=[Link(trace_id, span_id), Link("nonsense", "x")]):
        pass
    for name, expected in (("linked", {"why": "batch"}), ("block", {})):
        (link,) = traced.one(name).links
        assert (f"{link.context.trace_id:032x}", f"{link.context.span_id:016x}") == (trace_id, span_id)
        assert dict(link.attributes or {}) == expected


# --- spans ------------------------------------------------------------------------------------------------
def test_every_span_handed_out_has_mlflows_surface(traced: Telemetry) -> None:
    with mlflow.start_span(name="block") as block:
        assert mlflow.get_current_active_span() is block
        detached = mlflow.start_span_no_context("detached")
    root = mlflow.MlflowClient().start_trace("root")
    with genai_otel.start_span("native"):
        assert isinstance(mlflow.get_current_active_span(), LiveSpan)
    assert all(isinstance(span, LiveSpan) for span in (block, detached, root))
    assert block.request_id == block.trace_id == f"{traced.one('block').context.trace_id:032x}"
    assert detached.parent_id == block.span_id


async def test_a_block_works_in_async_with(traced: Telemetry) -> None:
    async with mlflow.start_span(name="block") as span:
        assert mlflow.get_current_active_span() is span
    assert traced.one("block").attributes["openinference.span.kind"] == "UNKNOWN"


def test_the_status_is_mlflows(traced: Telemetry) -> None:
    with mlflow.start_span(name="s") as span:
        assert span.status == SpanStatus(SpanStatusCode.UNSET)
        span.set_status("OK")
        assert span.status.status_code == SpanStatusCode.OK == "OK"
    with mlflow.start_span(name="failed") as span:
        span.set_status(SpanStatus(SpanStatusCode.ERROR, "why"))
        assert span.status == SpanStatus("ERROR", "why")  # type: ignore[arg-type]
    assert traced.one("s").status.status_code is StatusCode.OK
    assert (traced.one("failed").status.status_code, traced.one("failed").status.description) == (
        StatusCode.ERROR,
        "why",
    )


@pytest.mark.parametrize("status", ["ERROR", SpanStatusCode.ERROR, StatusCode.ERROR, SpanStatus("ERROR")])  # type: ignore[arg-type]
def test_any_form_of_a_status_ends_a_span(traced: Telemetry, status: Any) -> None:
    mlflow.start_span_no_context("s").end(status=status)
    assert traced.one("s").status.status_code is StatusCode.ERROR


def test_record_exception_makes_the_span_an_error(traced: Telemetry) -> None:
    with mlflow.start_span(name="exception") as span:
        span.record_exception(ValueError("bad"))
    with mlflow.start_span(name="text") as span:
        span.record_exception("went wrong")
    for name, message in (("exception", "bad"), ("text", "went wrong")):
        span = traced.one(name)
        assert span.status.status_code is StatusCode.ERROR
        (event,) = span.events
        assert event.attributes["exception.message"] == message
    assert traced.attributes("exception")["error.type"] == "ValueError"


def test_events_by_object_and_by_name_in_nano_and_microseconds(traced: Telemetry) -> None:
    moment = 1_700_000_000_000_000_000
    with mlflow.start_span(name="s") as span:
        span.add_event(SpanEvent("nano", moment, {"k": 1}))
        span.add_event(SpanEvent("micro", moment // 1_000))
        span.add_event("named", {"k": 2})
        span.add_event(SpanEvent.from_exception(ValueError("bad")))
    nano, micro, named, exception = traced.one("s").events
    assert (nano.name, nano.timestamp, dict(nano.attributes)) == ("nano", moment, {"k": 1})
    assert micro.timestamp == moment
    assert dict(named.attributes) == {"k": 2}
    assert (exception.name, exception.attributes["exception.message"]) == ("exception", "bad")


def test_links_can_be_added_in_every_form(traced: Telemetry) -> None:
    with mlflow.start_span(name="target") as target:
        context = target.get_span_context()
    with mlflow.start_span(name="s") as span:
        span.add_link(Link(target.trace_id, target.span_id)).add_link(target).add_link(context)
        span.add_link(OTelLink(context, {"k": 1}))
    assert [link.context.span_id for link in traced.one("s").links] == [context.span_id] * 4
    assert dict(traced.one("s").links[3].attributes) == {"k": 1}


def test_mlflows_own_attribute_keys_become_the_conventions(traced: Telemetry) -> None:
    tool = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
    with mlflow.start_span(name="llm", span_type=SpanType.LLM) as span:
        span.set_attributes(
            {
                "mlflow.chat.tokenUsage": {
                    "input_tokens": 3,
                    "output_tokens": 4,
                    "total_tokens": 7,
                    "cache_read_input_tokens": 1,
                },
                "mlflow.llm.model": "m-1",
                "mlflow.llm.provider": "acme",
                "mlflow.chat.tools": [tool],
            }
        )
    attributes = traced.attributes("llm")
    assert attributes["gen_ai.usage.input_tokens"] == 3
    assert attributes["gen_ai.usage.output_tokens"] == 4
    assert attributes["gen_ai.usage.cache_read.input_tokens"] == 1
    assert (attributes["gen_ai.request.model"], attributes["gen_ai.provider.name"]) == ("m-1", "acme")
    assert json.loads(attributes["gen_ai.tool.definitions"])[0]["name"] == "add"
    assert not [key for key in attributes if key.startswith("mlflow.")]


def test_tools_given_through_tracing(traced: Telemetry) -> None:
    with mlflow.start_span(name="llm", span_type="LLM") as span:
        mlflow.tracing.set_span_chat_tools(span, [{"type": "function", "function": {"name": "add"}}])
    assert json.loads(traced.attributes("llm")["gen_ai.tool.definitions"])[0]["name"] == "add"


def test_what_a_span_returns_can_be_edited_without_touching_the_callers_data(traced: Telemetry) -> None:
    given = {"messages": [{"role": "user", "content": "hi"}]}
    with mlflow.start_span(name="s") as span:
        span.set_inputs(given)
        span.inputs["messages"][0]["content"] = "***"
    assert given == {"messages": [{"role": "user", "content": "hi"}]}


def test_attributes_that_are_no_mapping_are_a_warning(
    traced: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    with mlflow.start_span(name="s", attributes="no") as span:  # type: ignore[arg-type]
        span.set_attributes([("k", 1)])  # type: ignore[arg-type]
    assert "k" not in traced.attributes("s")
    assert len(caplog.records) == 2


def test_an_attribute_is_read_back(traced: Telemetry) -> None:
    with mlflow.start_span(name="s", attributes={"k": 1}) as span:
        assert (span.get_attribute("k"), span.get_attribute("absent")) == (1, None)


# --- spans without context --------------------------------------------------------------------------------
def test_a_detached_span_is_not_current_and_takes_everything(traced: Telemetry) -> None:
    span = mlflow.start_span_no_context(
        name="root",
        span_type=SpanType.CHAIN,
        inputs={"q": 1},
        attributes={"k": "v"},
        tags={"env": "dev"},
        metadata={"mlflow.trace.session": "s-1", "m": "1"},
        start_time_ns=1_700_000_000_000_000_000,
    )
    assert mlflow.get_current_active_span() is None
    child = mlflow.start_span_no_context(name="child", parent_span=span)
    thread = threading.Thread(target=child.end, args=({"done": True},))
    thread.start()
    thread.join()
    span.end(outputs="out", attributes={"late": 1}, status="OK", end_time_ns=1_700_000_001_000_000_000)

    root = traced.one("root")
    assert (root.start_time, root.end_time) == (1_700_000_000_000_000_000, 1_700_000_001_000_000_000)
    expected = {
        "input.value": '{"q":1}',
        "output.value": "out",
        "k": "v",
        "late": 1,
        "genai_otel.tag.env": "dev",
        "genai_otel.metadata.m": "1",
        "session.id": "s-1",
    }
    assert expected.items() <= traced.attributes("root").items()
    assert traced.one("child").parent.span_id == root.context.span_id
    assert traced.attributes("child")["output.value"] == '{"done":true}'


def test_a_detached_span_nests_under_the_active_one(traced: Telemetry) -> None:
    with mlflow.start_span(name="active"):
        mlflow.start_span_no_context("detached").end()
    assert traced.one("detached").parent.span_id == traced.one("active").context.span_id


def test_the_child_of_a_span_that_is_not_recorded_is_not_either(traced: Telemetry) -> None:
    mlflow.tracing.disable()
    nothing = mlflow.start_span_no_context("nothing")
    mlflow.tracing.enable()
    mlflow.start_span_no_context("child", parent_span=nothing).end()
    nothing.end()
    assert traced.spans == []


# --- client -----------------------------------------------------------------------------------------------
def test_any_client_ends_what_another_started_by_either_name_of_the_id(traced: Telemetry) -> None:
    root = mlflow.MlflowClient().start_trace("root", tags={"env": "dev"})
    child = mlflow.MlflowClient().start_span("child", trace_id=f"tr-{root.trace_id}", parent_id=root.span_id)
    mlflow.MlflowClient().end_span(child.trace_id, child.span_id, status=SpanStatus("ERROR", "bad"))  # type: ignore[arg-type]
    mlflow.MlflowClient().end_trace(root.request_id, status="OK")
    assert traced.one("child").parent.span_id == traced.one("root").context.span_id
    assert (traced.one("child").status.status_code, traced.one("child").status.description) == (
        StatusCode.ERROR,
        "bad",
    )
    assert traced.one("root").status.status_code is StatusCode.OK
    assert traced.attributes("root")["genai_otel.tag.env"] == "dev"


def test_a_trace_id_may_be_chosen(traced: Telemetry) -> None:
    chosen = uuid.uuid4()
    client = mlflow.MlflowClient()
    root = client.start_trace("root", trace_id=chosen)
    assert root.trace_id == chosen.hex
    client.end_trace(chosen)
    assert traced.one("root").context.trace_id == chosen.int
    assert traced.one("root").parent is None


def test_ending_a_trace_ends_the_children_left_open(traced: Telemetry) -> None:
    client = mlflow.MlflowClient()
    root = client.start_trace("root")
    client.start_span("child", root.request_id, root.span_id)
    client.end_trace(root.request_id)
    assert [span.name for span in traced.spans] == ["child", "root"]


def test_a_client_span_under_a_fluent_one(traced: Telemetry) -> None:
    client = mlflow.MlflowClient()
    with mlflow.start_span(name="fluent") as fluent:
        child = client.start_span("child", fluent.trace_id, fluent.span_id)
        client.end_span(child.trace_id, child.span_id)
    assert traced.one("child").parent.span_id == traced.one("fluent").context.span_id


@pytest.mark.parametrize("off", ["disabled", "suppressed", "no provider"])
def test_client_code_runs_on_when_nothing_is_recorded(traced: Telemetry, off: str) -> None:
    if off == "no provider":
        reset_globals()
    client = mlflow.MlflowClient()
    outer = None if off == "no provider" else client.start_trace("outer")
    if off == "disabled":
        mlflow.tracing.disable()
    with mlflow.tracing.context(enabled=False if off == "suppressed" else None):
        root = client.start_trace("root", inputs=1, tags={"k": "v"})
        child = client.start_span("child", root.request_id, root.span_id)
        if outer is not None:
            inner = client.start_span("inner", outer.request_id, outer.span_id)
            client.end_span(outer.request_id, inner.span_id)
        client.end_span(root.request_id, child.span_id, outputs=1)
        client.end_trace(root.request_id, outputs=1)
    if outer is not None:
        client.end_trace(outer.request_id, outputs="kept")
        assert traced.attributes("outer")["output.value"] == "kept"
        assert len(traced.spans) == 1


def test_a_malformed_id_is_an_error() -> None:
    with pytest.raises(ValueError, match="trace_id"):
        mlflow.MlflowClient().start_span("s", "nonsense", "b7ad6b7169203331")


# --- switches and ambient values --------------------------------------------------------------------------
def test_disable_and_enable_switch_every_kind_of_span_and_no_provider(traced: Telemetry) -> None:
    mlflow.tracing.disable()
    assert echo("a") == "aa"
    with mlflow.start_span(name="s") as span:
        span.set_inputs(1).set_outputs(2)
        mlflow.update_current_trace(tags={"k": "v"})
    mlflow.start_span_no_context("d").end()
    assert list(mlflow.trace(lambda: iter("ab"))()) == ["a", "b"]
    assert traced.spans == []
    assert otel_trace.get_tracer_provider() is traced.tracer_provider
    mlflow.tracing.enable()
    echo("a")
    assert [span.name for span in traced.spans] == ["echo"]


def test_disable_leaves_the_spans_of_others_alone(traced: Telemetry) -> None:
    mlflow.tracing.disable()
    with mlflow.start_span(name="s"), genai_otel.start_span("native"):
        pass
    assert [span.name for span in traced.spans] == ["native"]


def test_context_turns_tracing_off_and_on_again_inside(traced: Telemetry) -> None:
    with mlflow.tracing.context(enabled=False):
        echo("off")
        with mlflow.tracing.context(enabled=True):
            echo("on")
        echo("off")
    with mlflow.tracing.context(enabled=True):
        echo("on")
    assert [span.attributes["output.value"] for span in traced.spans] == ["onon", "onon"]


def test_enabling_inside_does_not_lift_a_suppression_of_the_applications(traced: Telemetry) -> None:
    with genai_otel.suppress(), mlflow.tracing.context(enabled=True):
        echo("off")
    with genai_otel.suppress(), mlflow.tracing.context(enabled=False), mlflow.tracing.context(enabled=True):
        echo("off")
    assert traced.spans == []


def test_ambient_values_reach_every_trace_started_inside(traced: Telemetry) -> None:
    with mlflow.tracing.context(
        tags={"env": "dev"}, metadata={"mlflow.trace.user": "u-1", "m": 1}, session_id="s-1"
    ):
        with mlflow.tracing.context(tags={"env": "prod"}):
            with mlflow.start_span(name="root"), mlflow.start_span(name="inner"):
                pass
    echo("outside")
    root, inner = traced.attributes("root"), traced.attributes("inner")
    assert (root["genai_otel.tag.env"], root["genai_otel.metadata.m"]) == ("prod", "1")
    assert (root["session.id"], inner["session.id"], root["user.id"]) == ("s-1", "s-1", "u-1")
    assert "genai_otel.tag.env" not in inner
    assert "session.id" not in traced.attributes("echo")


# --- trace information ------------------------------------------------------------------------------------
def test_the_state_of_a_trace_becomes_its_roots_status(traced: Telemetry) -> None:
    with mlflow.start_span(name="root"), mlflow.start_span(name="inner"):
        mlflow.update_current_trace(
            state="ERROR", model_id="m-1", session_id=["a", "b"], user="u", request_preview=""
        )
    assert traced.one("root").status.status_code is StatusCode.ERROR
    assert traced.one("inner").status.status_code is StatusCode.UNSET
    attributes = traced.attributes("root")
    assert attributes["genai_otel.metadata.mlflow.modelId"] == "m-1"
    assert (attributes["session.id"], attributes["user.id"]) == ('["a","b"]', "u")
    assert "genai_otel.request_preview" not in attributes


def test_outside_any_trace_there_is_one_warning(traced: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    mlflow.update_current_trace(tags={"k": "v"}, state="OK")
    mlflow.update_current_trace(tags={"k": "v"})
    assert len(caplog.records) == 1


def test_wrong_arguments_never_reach_the_caller(traced: Telemetry) -> None:
    wrong: Any = object()
    with mlflow.tracing.context(tags=wrong, metadata=wrong):
        with mlflow.start_span(name="s", span_type=wrong, attributes=wrong, links=wrong) as span:
            mlflow.update_current_trace(tags=wrong, metadata=wrong, request_preview=wrong, state=wrong)
            span.set_attribute(wrong, wrong).add_event(wrong).add_link(wrong).set_status(wrong)
            for key in ("tokenUsage", "tools"):
                span.set_attribute(f"mlflow.chat.{key}", wrong)
            span.record_exception(wrong)
    mlflow.start_span_no_context(wrong, parent_span=wrong, tags=wrong, start_time_ns=None).end()
    assert len(traced.spans) == 2


def test_an_unknown_state_is_a_warning(traced: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    with mlflow.start_span(name="root"):
        mlflow.update_current_trace(state="FINE")
    assert traced.one("root").status.status_code is StatusCode.UNSET
    assert "state= ignored" in caplog.text and "FINE" not in caplog.text


def test_a_trace_is_tagged_by_id_while_it_is_open(traced: Telemetry) -> None:
    client = mlflow.MlflowClient()
    root = client.start_trace("by client")
    client.set_trace_tag(root.trace_id, "k", "1")
    client.end_trace(root.trace_id)
    with mlflow.start_span(name="current"), mlflow.start_span(name="inner") as inner:
        mlflow.set_trace_tag(f"tr-{inner.trace_id}", "k", "2")
    assert traced.attributes("by client")["genai_otel.tag.k"] == "1"
    assert traced.attributes("current")["genai_otel.tag.k"] == "2"
    with pytest.raises(NotImplementedError, match="before its outermost span ends"):
        mlflow.set_trace_tag(root.trace_id, "k", "3")


def test_the_last_trace_of_this_thread(traced: Telemetry) -> None:
    echo("here")
    here = mlflow.get_last_active_trace_id()
    thread = threading.Thread(target=echo, args=("there",))
    thread.start()
    thread.join()
    assert mlflow.get_last_active_trace_id(thread_local=True) == here
    assert mlflow.get_last_active_trace_id() != here


# --- feedback ---------------------------------------------------------------------------------------------
def test_feedback_on_an_ended_trace_goes_to_its_root(traced: Telemetry) -> None:
    with mlflow.start_span(name="root"), mlflow.start_span(name="inner"):
        pass
    mlflow.log_feedback(
        trace_id=f"tr-{mlflow.get_last_active_trace_id()}", name="helpful", value=0.5, rationale="so-so"
    )
    (event,) = traced.events
    assert event.event_name == "gen_ai.evaluation.result"
    assert event.span_id == traced.one("root").context.span_id
    assert event.trace_id == traced.one("root").context.trace_id
    assert {
        "gen_ai.evaluation.name": "helpful",
        "gen_ai.evaluation.score.value": 0.5,
        "gen_ai.evaluation.explanation": "so-so",
    }.items() <= dict(event.attributes).items()


def test_feedback_on_an_open_trace_a_given_span_and_the_current_one(traced: Telemetry) -> None:
    with mlflow.start_span(name="root") as root, mlflow.start_span(name="inner") as inner:
        mlflow.log_feedback(trace_id=root.trace_id, value="good")
        mlflow.log_feedback(trace_id=root.trace_id, span_id=inner.span_id, value=True)
        mlflow.log_feedback(error=ValueError("judge failed"))
    first, second, third = traced.events
    with genai_otel.start_span("native"), mlflow.start_span(name="inside") as inside:
        mlflow.log_feedback(trace_id=inside.trace_id, value=1)
    assert traced.events[3].span_id == traced.one("native").context.span_id
    assert [f"{event.span_id:016x}" for event in (first, second, third)] == [
        root.span_id,
        inner.span_id,
        inner.span_id,
    ]
    assert first.attributes["gen_ai.evaluation.score.label"] == "good"
    assert second.attributes["gen_ai.evaluation.score.value"] == 1.0
    assert (third.attributes["gen_ai.evaluation.name"], third.attributes["error.type"]) == (
        "feedback",
        "ValueError",
    )


def test_feedback_on_a_trace_of_elsewhere_needs_the_span(traced: Telemetry) -> None:
    with pytest.raises(NotImplementedError, match="span_id="):
        mlflow.log_feedback(trace_id=uuid.uuid4().hex, value=1)
    mlflow.log_feedback(trace_id=uuid.uuid4().hex, span_id="b7ad6b7169203331", value=1)
    assert len(traced.events) == 1


# --- span processors --------------------------------------------------------------------------------------
def test_processors_see_every_span_before_it_ends_and_change_it(traced: Telemetry) -> None:
    seen: list[tuple[str, Any, Any]] = []

    def mask(span: LiveSpan) -> None:
        seen.append((span.name, span.inputs, span.outputs))
        span.set_inputs("***").set_outputs("***").set_attribute("masked", True)

    mlflow.tracing.configure(span_processors=[mask])
    echo("secret")
    mlflow.start_span_no_context("d", inputs={"p": "secret"}).end({"r": "secret"})
    client = mlflow.MlflowClient()
    client.end_trace(client.start_trace("c", inputs="secret").trace_id)
    genai_otel.start_span_no_context("native", inputs="secret").end()

    assert seen == [
        ("echo", {"text": "secret"}, "secretsecret"),
        ("d", {"p": "secret"}, {"r": "secret"}),
        ("c", "secret", None),
        ("native", "secret", None),
    ]
    for span in traced.spans:
        assert "secret" not in str(dict(span.attributes))
        assert span.attributes["masked"] is True


def test_replacing_inputs_replaces_all_that_was_recorded_of_them(traced: Telemetry) -> None:
    mlflow.tracing.configure(span_processors=[lambda span: span.set_inputs("***")])
    with mlflow.start_span(name="llm", span_type=SpanType.LLM) as span:
        span.set_inputs(
            {
                "messages": [{"role": "user", "content": "secret"}],
                "system": "secret",
                "tools": [{"type": "function", "function": {"name": "secret"}}],
            }
        )
    assert "secret" not in str(traced.attributes("llm"))
    assert json.loads(traced.attributes("llm")["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "***"}]}
    ]


def test_taking_inputs_and_outputs_away_takes_the_previews_away(traced: Telemetry) -> None:
    mlflow.tracing.configure(span_processors=[lambda span: span.set_inputs(None).set_outputs(None)])
    echo("secret")
    assert "secret" not in str(traced.attributes("echo"))
    assert "genai_otel.request_preview" not in traced.attributes("echo")
    assert "genai_otel.response_preview" not in traced.attributes("echo")


def test_a_processor_that_edits_in_place_leaves_the_callers_objects_alone(traced: Telemetry) -> None:
    def mask(span: LiveSpan) -> None:
        inputs = span.inputs
        inputs["message"]["content"] = "***"
        span.set_inputs(inputs)

    @mlflow.trace
    def ask(message: dict[str, str]) -> dict[str, str]:
        return message

    mlflow.tracing.configure(span_processors=[mask])
    message = {"content": "secret"}
    assert ask(message) is message
    assert message == {"content": "secret"}
    assert traced.attributes("ask")["input.value"] == '{"message":{"content":"***"}}'


def test_a_failing_processor_costs_the_content_not_the_span(
    traced: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(span: LiveSpan) -> None:
        raise RuntimeError("secret")

    caplog.set_level(logging.WARNING)
    mlflow.tracing.configure(span_processors=[broken])
    assert echo("secret") == "secretsecret"
    echo("secret")
    with mlflow.start_span(name="llm", span_type="LLM", attributes={"k": 1}) as span:
        span.set_inputs("secret")
    assert [span.name for span in traced.spans] == ["echo", "echo", "llm"]
    assert "secret" not in str([dict(span.attributes) for span in traced.spans])
    assert traced.attributes("llm")["k"] == 1
    assert len(caplog.records) == 1
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text


def test_processors_as_a_context_manager_and_taken_back(traced: Telemetry) -> None:
    def first(span: LiveSpan) -> None:
        span.set_attribute("by", "first")

    def second(span: LiveSpan) -> None:
        span.set_attribute("by", "second")

    mlflow.tracing.set_span_processors([first])
    with mlflow.tracing.configure(span_processors=[second]):
        echo("a")
    echo("b")
    mlflow.tracing.configure()
    echo("c")
    mlflow.tracing.configure(span_processors=[])
    echo("d")
    assert [span.attributes.get("by") for span in traced.spans] == ["second", "first", "first", None]
    assert _processors._run not in listeners.finished


def test_processors_come_before_everyone_else_who_listens(traced: Telemetry) -> None:
    seen: list[Any] = []

    def listener(operation: Any) -> None:
        seen.append(operation.pending.get("input.value"))

    listeners.listen(on_finished=listener)
    try:
        mlflow.tracing.configure(span_processors=[lambda span: span.set_inputs("***")])
        echo("secret")
    finally:
        listeners.forget(on_finished=listener)
    assert seen == ["***"]


@pytest.mark.parametrize("processor", [lambda: None, lambda a, b: None, "no"])
def test_a_processor_of_the_wrong_shape_is_refused(processor: Any) -> None:
    with pytest.raises(TypeError, match="process"):
        mlflow.tracing.configure(span_processors=[processor])


@openai_installed
def test_processors_see_automatic_spans_as_chat_requests(traced: Telemetry, chat: Any) -> None:
    seen: list[Any] = []

    def mask(span: LiveSpan) -> None:
        request, answer = span.inputs, span.outputs
        seen.append((copy.deepcopy(request), copy.deepcopy(answer)))
        for message in request["messages"]:
            message["content"] = message["content"].replace("secret", "***")
        answer["choices"][0]["message"]["content"] = "***"
        span.set_inputs(request).set_outputs(answer)

    mlflow.tracing.configure(span_processors=[mask])
    chat("my secret", system="a secret too")
    ((request, answer),) = seen
    assert request["messages"] == [
        {"role": "system", "content": "a secret too"},
        {"role": "user", "content": "my secret"},
    ]
    assert answer["choices"][0]["finish_reason"] == "stop"
    attributes = traced.attributes()
    assert "secret" not in str(attributes)
    assert json.loads(attributes["gen_ai.input.messages"])[1] == {
        "role": "user",
        "parts": [{"type": "text", "content": "my ***"}],
    }
    (said,) = json.loads(attributes["gen_ai.output.messages"])
    assert (said["parts"], said["finish_reason"]) == ([{"type": "text", "content": "***"}], "stop")
    assert attributes["gen_ai.response.finish_reasons"] == ("stop",)


# --- autolog ----------------------------------------------------------------------------------------------
@openai_installed
def test_autolog_records_content_until_a_mode_is_chosen_at_any_time(traced: Telemetry, chat: Any) -> None:
    chat("visible")
    explicitly(False)
    chat("secret")
    first, second = traced.spans
    assert first.kind is SpanKind.CLIENT
    assert "visible" in first.attributes["gen_ai.input.messages"]
    assert "secret" not in str(dict(second.attributes))


@openai_installed
def test_autolog_follows_the_switch(traced: Telemetry, chat: Any) -> None:
    mlflow.tracing.disable()
    chat("a")
    mlflow.tracing.enable()
    chat("b")
    assert len(traced.spans) == 1
    mlflow.tracing.disable()
    mlflow.openai.autolog(disable=True)
    mlflow.tracing.enable()
    chat("c")
    assert len(traced.spans) == 1


@openai_installed
@pytest.mark.parametrize("how", [{"disable": True}, {"log_traces": False}])
def test_autolog_is_taken_back(traced: Telemetry, chat: Any, how: dict[str, bool]) -> None:
    mlflow.autolog(silent=True, exclusive=True, disable_for_unsupported_versions=True)
    chat("a")
    mlflow.openai.autolog(**how)
    chat("b")
    assert len(traced.spans) == 1


# --- between services -------------------------------------------------------------------------------------
def test_headers_outside_any_span_are_a_warning_and_none(
    traced: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    assert mlflow.tracing.get_tracing_context_headers_for_http_request() == {}
    assert "no active span" in caplog.text


def test_headers_without_a_trace_start_a_new_one(traced: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    with mlflow.tracing.set_tracing_context_from_http_request_headers({"accept": "*/*"}):
        echo("a")
    assert traced.one("echo").parent is None
    assert "no trace" in caplog.text


# --- where spans go ---------------------------------------------------------------------------------------
@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The calls of ``genai_otel.configure``, whose own tests say what it does with them."""
    calls: list[dict[str, Any]] = []
    signature = inspect.signature(genai_otel.configure)

    def configure(**arguments: Any) -> None:
        calls.append(signature.bind(**arguments).arguments)

    monkeypatch.setattr(genai_otel, "configure", configure)
    return calls


SERVER = "http://127.0.0.1:5000"


def to(experiment: str | None) -> dict[str, Any]:
    return {"exporter": "mlflow", "tracking_uri": SERVER, "experiment": experiment}


def test_server_and_experiment_in_either_order_configure_once(
    traced: Telemetry, configured: list[Any]
) -> None:
    mlflow.set_tracking_uri(SERVER)
    assert configured == []
    experiment = mlflow.set_experiment("demo")
    echo("a")
    assert configured == [to("demo")]
    assert (experiment.name, mlflow.get_tracking_uri()) == ("demo", SERVER)

    _destination.forget()
    configured.clear()
    mlflow.set_experiment(experiment_id="7")
    assert configured == []
    mlflow.set_tracking_uri(SERVER)
    assert configured == [to("7")]
    mlflow.MlflowClient().start_trace("t", experiment_id="7").end()
    with pytest.raises(NotImplementedError, match="set_experiment"):
        mlflow.MlflowClient().start_trace("t", experiment_id="8")


def test_a_server_alone_is_taken_when_the_first_span_starts(traced: Telemetry, configured: list[Any]) -> None:
    mlflow.set_tracking_uri(SERVER)
    echo("a")
    echo("b")
    assert configured == [to(None)]


def test_the_environment_names_the_other_half(
    traced: Telemetry, configured: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", SERVER)
    assert mlflow.get_tracking_uri() == SERVER
    echo("a")
    assert configured == []
    mlflow.set_experiment("demo")
    assert configured == [to("demo")]

    _destination.forget()
    configured.clear()
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "from env")
    mlflow.set_tracking_uri(SERVER)
    assert configured == [to("from env")]


@pytest.mark.parametrize("uri", ["sqlite:///mlflow.db", "./mlruns", "databricks"])
def test_a_store_that_is_no_server_is_refused(uri: str) -> None:
    with pytest.raises(NotImplementedError, match="mlflow server --backend-store-uri"):
        mlflow.set_tracking_uri(uri)


def test_an_experiment_needs_a_name_or_an_id() -> None:
    with pytest.raises(ValueError, match="experiment_name or experiment_id"):
        mlflow.set_experiment()


def test_flushing_flushes(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(genai_otel, "flush", lambda *_: calls.append("flush"))
    mlflow.flush_trace_async_logging()
    mlflow.flush_trace_async_logging(terminate=True)
    assert calls == ["flush", "flush"]


# --- what is not there ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "call",
    [
        lambda: mlflow.get_trace("tr-1"),
        lambda: mlflow.search_traces(experiment_ids=["1"]),
        lambda: mlflow.log_trace(name="t"),
        lambda: mlflow.add_trace({}),
        lambda: mlflow.log_expectation(trace_id="1", name="e", value=1),
        lambda: mlflow.delete_trace_tag("1", "k"),
        lambda: mlflow.start_run(),
        lambda: mlflow.genai.evaluate(data=[]),
        lambda: mlflow.langchain.autolog(),
        lambda: mlflow.otel.autolog(),
        lambda: mlflow.tracing.set_destination(None),
        lambda: mlflow.tracing.enable_notebook_display(),
        lambda: mlflow.entities.Trace(),
        lambda: mlflow.entities.AssessmentSource("HUMAN", "me"),
        lambda: mlflow.MlflowClient().search_traces(),
        lambda: mlflow.MlflowClient().delete_traces("1"),
        lambda: mlflow.MlflowClient(tracking_uri="http://x"),
        lambda: mlflow.MlflowClient().start_trace("t", run_id="1"),
        lambda: mlflow.trace(trace_destination=object()),
        lambda: mlflow.trace(sampling_ratio_override=0.5),
        lambda: mlflow.start_span(run_id="1"),
        lambda: mlflow.start_span(log_level="DEBUG"),
        lambda: mlflow.start_span_no_context("s", experiment_id="1"),
        lambda: mlflow.log_feedback(value=1, source=object()),
        lambda: mlflow.set_experiment("e", trace_location=object()),
        lambda: LiveSpan(otel_trace.INVALID_SPAN, None).set_description("d"),
    ],
)
def test_what_cannot_be_honoured_names_the_alternative(call: Any) -> None:
    with pytest.raises(NotImplementedError, match=r"not available in genai_otel\.compat\.mlflow: .{15,}"):
        call()


@pytest.mark.parametrize(
    ("owner", "name", "near"),
    [
        (mlflow, "start_spam", "start_span"),
        (mlflow.tracing, "enabled", "enable"),
        (mlflow.entities, "SpanTypes", "SpanType"),
        (mlflow.openai, "autologg", "autolog"),
    ],
)
def test_an_unknown_name_lists_near_ones(owner: Any, name: str, near: str) -> None:
    with pytest.raises(AttributeError, match=f"did you mean .*'{near}'"):
        getattr(owner, name)
    assert not hasattr(owner, "__nothing__")


def test_an_unknown_name_of_the_client_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="frobnicate"):
        mlflow.MlflowClient().frobnicate


def test_documents_convert_to_dictionaries() -> None:
    document = Document("text", {"doc_uri": "a.md"}, "1")
    assert document.to_dict() == {"page_content": "text", "metadata": {"doc_uri": "a.md"}, "id": "1"}
