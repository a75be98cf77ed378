from __future__ import annotations

import importlib.metadata as metadata
import json
import logging
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import openai
import pytest
import wrapt
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import create_key
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import genai_otel
from genai_otel import _guard
from genai_otel.conventions import attributes as attr
from genai_otel.instrumentation.openai import OpenAIInstrumentor, patched
from genai_otel.testing.server import OpenAIServer
from tests.telemetry_capture import Telemetry

MESSAGES: list[Any] = [{"role": "user", "content": "What is the capital of France?"}]
MODEL = "gpt-4o-mini"
CHAT = f"chat {MODEL}"


def ask(client: Any, **more: Any) -> Any:
    return client.chat.completions.create(model=MODEL, messages=MESSAGES, **more)


@pytest.fixture
def plain_client(server: OpenAIServer) -> Iterator[openai.OpenAI]:
    """A client made while nothing is instrumented."""
    assert patched() == []
    with openai.OpenAI(api_key="test", base_url=server.base_url, max_retries=0) as made:
        yield made
    genai_otel.autolog(disable=True)


# --- when it is called ----------------------------------------------------------------------------------------
def test_a_client_made_before_is_traced(plain_client: openai.OpenAI, telemetry: Telemetry) -> None:
    ask(plain_client)
    assert telemetry.spans == []
    genai_otel.autolog()
    ask(plain_client)
    assert telemetry.one().name == CHAT


def test_calling_it_many_times_gives_one_span_per_call(
    plain_client: openai.OpenAI, telemetry: Telemetry
) -> None:
    for _ in range(3):
        genai_otel.autolog()
        genai_otel.autolog("openai")
        genai_otel.openai.autolog()
    ask(plain_client)
    telemetry.one(CHAT)


@pytest.mark.parametrize(
    "order", ["before the import", "after the import", "after a client and its resources"]
)
def test_autolog_works_whenever_it_is_called(order: str) -> None:
    names = run_app(
        """
        if order == "before the import": genai_otel.autolog()
        import openai
        if order == "after the import": genai_otel.autolog()
        client = openai.OpenAI(api_key="test", base_url=base_url)
        client.chat.completions.with_raw_response, client.chat.completions.with_streaming_response
        if order == "after a client and its resources": genai_otel.autolog()
        messages = [{"role": "user", "content": "hi"}]
        client.chat.completions.create(model="m", messages=messages)
        client.chat.completions.with_raw_response.create(model="m", messages=messages)
        openai.api_key, openai.base_url = "test", base_url + "/"
        openai.chat.completions.create(model="module", messages=messages)
        """,
        order,
    )
    assert names == ["chat m", "chat m", "chat module"]


def run_app(body: str, *arguments: str, command: tuple[str, ...] = (sys.executable,)) -> Any:
    """Run a program with a server and a provider of its own; return the names of its spans."""
    program = """
        import sys
        import genai_otel
        from genai_otel.testing.server import OpenAIServer
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        order = sys.argv[1]
        exporter = InMemorySpanExporter()
        if not isinstance(trace.get_tracer_provider(), TracerProvider):  # opentelemetry-instrument may set one
            trace.set_tracer_provider(TracerProvider())
        trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(exporter))
        assert "openai" not in sys.modules or order == "instrumented"
        server = OpenAIServer().start()
        base_url = server.base_url
    """
    ending = """
        server.stop()
        import json
        print(json.dumps([span.name for span in exporter.get_finished_spans()]))
    """
    text = "\n".join(textwrap.dedent(part) for part in (program, body, ending))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    environment |= {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
    done = subprocess.run(
        [*command, "-c", text, *arguments], capture_output=True, text=True, timeout=60, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


# --- switching off --------------------------------------------------------------------------------------------
def test_disable_silences_the_wrappers_that_a_user_cached(
    plain_client: openai.OpenAI, telemetry: Telemetry
) -> None:
    genai_otel.autolog()
    create, raw = plain_client.chat.completions.create, plain_client.chat.completions.with_raw_response
    request = plain_client.request  # the patched method itself, bound
    ask(plain_client)
    raw.create(model=MODEL, messages=MESSAGES)
    assert len(telemetry.spans) == 2
    genai_otel.autolog(disable=True)
    create(model=MODEL, messages=MESSAGES)
    raw.create(model=MODEL, messages=MESSAGES)
    options = openai._models.FinalRequestOptions.construct(
        method="post", url="/chat/completions", json_data={"model": MODEL, "messages": MESSAGES}
    )
    assert request(object, options)["object"] == "chat.completion"  # type: ignore[index]
    assert len(telemetry.spans) == 2
    genai_otel.autolog()
    create(model=MODEL, messages=MESSAGES)
    assert len(telemetry.spans) == 3


def test_disabling_while_a_stream_is_open_still_ends_its_span_once(
    plain_client: openai.OpenAI, telemetry: Telemetry
) -> None:
    genai_otel.autolog()
    stream = ask(plain_client, stream=True)
    next(iter(stream))
    genai_otel.autolog(disable=True)
    for _ in stream:
        pass
    assert telemetry.attributes(CHAT)[attr.RESPONSE_FINISH_REASONS] == ("stop",)


def test_disable_without_having_enabled_is_no_error() -> None:
    genai_otel.autolog(disable=True)
    genai_otel.autolog("openai", disable=True)
    assert patched() == []


# --- arguments ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("disable", [False, True])
def test_an_unknown_library_is_a_value_error_that_lists_what_is_supported(disable: bool) -> None:
    with pytest.raises(
        ValueError, match=r"unknown library 'opnai'; supported: 'openai'; did you mean 'openai'\?"
    ):
        genai_otel.autolog("openai", "opnai", disable=disable)
    assert patched() == []


def test_an_unknown_content_mode_is_a_value_error_and_changes_nothing() -> None:
    with pytest.raises(ValueError, match="capture_content='everything' is not a content mode"):
        genai_otel.autolog(capture_content="everything")
    assert patched() == []


@pytest.mark.parametrize(
    ("configured", "given", "recorded"),
    [
        (False, True, True),
        (True, False, False),
        (True, None, True),
        (False, None, False),
        (False, "span_only", True),
    ],
)
def test_capture_content_overrides_the_configured_mode(
    configured: bool, given: Any, recorded: bool, plain_client: openai.OpenAI
) -> None:
    with Telemetry(capture_content=configured) as telemetry:
        genai_otel.autolog(capture_content=given)
        ask(plain_client)
        found = telemetry.attributes(CHAT)
    assert (attr.INPUT_MESSAGES in found, attr.OUTPUT_MESSAGES in found) == (recorded, recorded)


def test_a_later_configure_counts_where_autolog_said_nothing(plain_client: openai.OpenAI) -> None:
    with Telemetry() as first:
        genai_otel.autolog()
        ask(plain_client)
        assert attr.INPUT_MESSAGES not in first.attributes(CHAT)
    with Telemetry(capture_content=True) as second:
        ask(plain_client)
        assert attr.INPUT_MESSAGES in second.attributes(CHAT)


def test_given_providers_are_used_instead_of_the_global_ones(
    plain_client: openai.OpenAI, telemetry: Telemetry
) -> None:
    own = Telemetry()
    genai_otel.autolog(
        tracer_provider=own.tracer_provider,
        meter_provider=own.meter_provider,
        logger_provider=own.logger_provider,
        capture_content="span_and_event",
    )
    ask(plain_client)
    assert telemetry.spans == [] and telemetry.metrics() == {} and telemetry.events == []
    assert own.one().name == CHAT
    assert "gen_ai.client.operation.duration" in own.metrics()
    assert [event.event_name for event in own.events] == ["gen_ai.client.inference.operation.details"]


def test_without_any_provider_nothing_is_recorded_and_everything_works(plain_client: openai.OpenAI) -> None:
    from tests.telemetry_capture import reset_globals

    reset_globals()
    genai_otel.autolog()
    assert ask(plain_client).choices[0].message.content
    assert "".join(chunk.choices[0].delta.content or "" for chunk in ask(plain_client, stream=True))


def test_metrics_alone_are_recorded_where_there_is_only_a_meter_provider(plain_client: openai.OpenAI) -> None:
    from tests.telemetry_capture import reset_globals

    reset_globals()
    own = Telemetry()
    genai_otel.autolog(meter_provider=own.meter_provider)
    ask(plain_client)
    assert set(own.metrics()) == {"gen_ai.client.operation.duration", "gen_ai.client.token.usage"}


# --- when it stands back --------------------------------------------------------------------------------------
@pytest.mark.parametrize("suppressing", [genai_otel.suppress, suppress_instrumentation])
def test_nothing_is_recorded_while_instrumentation_is_suppressed(
    suppressing: Any, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    with suppressing():
        ask(client)
        list(ask(client, stream=True))
    assert telemetry.spans == []
    assert telemetry.metrics() == {}
    ask(client)
    telemetry.one(CHAT)


INFERENCE = "opentelemetry.genai.client.inference.context"
EMBEDDING = "opentelemetry.genai.client.embedding.context"


class InferenceData:
    """Stands in for what OpenTelemetry's own GenAI packages put in the context, under a plain string."""


@pytest.fixture
def framework(telemetry: Telemetry) -> Any:
    """A framework that makes an inference span the way OpenTelemetry's packages do."""
    from contextlib import contextmanager

    @contextmanager
    def inference(key: str = INFERENCE, data: Any = None) -> Iterator[trace.Span]:
        with trace.get_tracer("framework").start_as_current_span("chat by the framework") as span:
            token = otel_context.attach(otel_context.set_value(key, data or InferenceData()))
            try:
                yield span
            finally:
                otel_context.detach(token)

    return inference


def test_a_framework_that_records_the_inference_itself_gives_one_span(
    framework: Any, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    with framework():
        ask(client)
        list(ask(client, stream=True))
        client.responses.create(model=MODEL, input="hi")
        client.completions.create(model=MODEL, prompt="hi")
    telemetry.one("chat by the framework")
    assert len(telemetry.spans) == 1


def test_another_kind_of_operation_inside_such_an_inference_is_recorded(
    framework: Any, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    with framework():
        client.embeddings.create(model=MODEL, input="hi")
    assert [span.name for span in telemetry.spans] == [f"embeddings {MODEL}", "chat by the framework"]
    telemetry.exporter.clear()
    with framework(EMBEDDING):
        client.embeddings.create(model=MODEL, input="hi")
        ask(client)
    assert [span.name for span in telemetry.spans] == [CHAT, "chat by the framework"]


def test_an_inference_that_such_a_framework_has_finished_does_not_count(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    token = otel_context.attach(otel_context.set_value(INFERENCE, None))
    ask(client)
    otel_context.detach(token)
    telemetry.one(CHAT)


def test_keys_of_others_in_the_context_do_not_count(client: openai.OpenAI, telemetry: Telemetry) -> None:
    token = otel_context.attach(otel_context.set_value(create_key("something else"), InferenceData()))
    ask(client)
    otel_context.detach(token)
    telemetry.one(CHAT)


def test_a_manual_llm_span_never_swallows_the_automatic_ones(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    with genai_otel.start_span(span_type="LLM", model="router") as manual:
        ask(client)
        list(ask(client, stream=True))
    spans = telemetry.spans
    assert [span.name for span in spans] == [CHAT, CHAT, "chat router"]
    assert {span.parent.span_id for span in spans[:2] if span.parent} == {int(manual.span_id, 16)}


def test_an_automatic_span_is_a_child_of_whatever_span_is_current(
    client: openai.OpenAI, telemetry: Telemetry
) -> None:
    with trace.get_tracer("somebody").start_as_current_span("theirs") as theirs:
        ask(client)
    assert telemetry.one(CHAT).parent.span_id == theirs.get_span_context().span_id  # type: ignore[union-attr]


def test_the_automatic_span_is_current_during_the_request(server: OpenAIServer, traced: None) -> None:
    import httpx2

    seen: list[trace.Span] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        with trace.get_tracer("http").start_as_current_span("POST"):
            seen.append(trace.get_current_span())
            return httpx2.Response(200, json={"id": "x", "object": "chat.completion", "choices": []})

    with (
        Telemetry() as telemetry,
        openai.OpenAI(
            api_key="x", http_client=httpx2.Client(transport=httpx2.MockTransport(handle))
        ) as client,
    ):
        ask(client)
        assert telemetry.one("POST").parent.span_id == telemetry.one(CHAT).context.span_id  # type: ignore[union-attr]
        assert not trace.get_current_span().get_span_context().is_valid


def test_an_unsampled_call_makes_an_unsampled_parent(plain_client: openai.OpenAI) -> None:
    with Telemetry(sampler=ALWAYS_OFF, capture_content=True) as telemetry:
        genai_otel.autolog()
        assert ask(plain_client).id
        assert telemetry.spans == []
        assert "gen_ai.client.operation.duration" in telemetry.metrics()


# --- the OpenTelemetry-native way -----------------------------------------------------------------------------
@pytest.fixture
def instrumentor() -> Iterator[OpenAIInstrumentor]:
    made = OpenAIInstrumentor()
    yield made
    if made.is_instrumented_by_opentelemetry:
        made.uninstrument()


def test_the_instrumentor_does_what_autolog_does(
    instrumentor: OpenAIInstrumentor, plain_client: openai.OpenAI, telemetry: Telemetry, caplog: Any
) -> None:
    own = Telemetry()
    instrumentor.instrument(tracer_provider=own.tracer_provider, capture_content=True)
    ask(plain_client)
    assert attr.INPUT_MESSAGES in own.attributes(CHAT)
    assert telemetry.spans == []
    instrumentor.uninstrument()
    assert patched() == []
    ask(plain_client)
    own.one(CHAT)
    assert caplog.records == []


def test_instrument_after_autolog_was_disabled_instruments_again(
    instrumentor: OpenAIInstrumentor, plain_client: openai.OpenAI, telemetry: Telemetry, caplog: Any
) -> None:
    instrumentor.instrument()
    genai_otel.autolog(disable=True)
    instrumentor.instrument()
    ask(plain_client)
    telemetry.one(CHAT)
    assert caplog.records == []


def test_autolog_and_the_instrumentor_together_give_one_span(
    instrumentor: OpenAIInstrumentor, plain_client: openai.OpenAI, telemetry: Telemetry
) -> None:
    genai_otel.autolog()
    instrumentor.instrument()
    genai_otel.autolog(capture_content=True)
    ask(plain_client)
    assert attr.INPUT_MESSAGES in telemetry.attributes(CHAT)


@pytest.fixture
def installed() -> None:
    try:
        metadata.distribution("genai-otel")
    except metadata.PackageNotFoundError:
        pytest.skip("genai-otel is not installed, only importable: it has no entry points")


def test_the_instrumentor_is_registered_as_an_entry_point(installed: None) -> None:
    found = [
        point.load()
        for point in metadata.entry_points(group="opentelemetry_instrumentor")
        if point.dist is not None and point.dist.name == "genai-otel"
    ]
    assert found == [OpenAIInstrumentor]


def test_opentelemetry_instrument_needs_no_code_change(installed: None) -> None:
    command = shutil.which("opentelemetry-instrument", path=os.path.dirname(sys.executable))
    if command is None:
        pytest.skip("the opentelemetry-instrument command is not installed")
    names = run_app(
        """
        import openai
        client = openai.OpenAI(api_key="test", base_url=base_url)
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
        """,
        "instrumented",
        command=(command, sys.executable),
    )
    assert names[-1:] == ["chat m"] and names.count("chat m") == 1  # an HTTP instrumentation may add its own


# --- another instrumentation ----------------------------------------------------------------------------------
@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Iterator[Any]:
    _guard.reset()
    with caplog.at_level(logging.WARNING, "genai_otel"):
        yield lambda: [record.getMessage() for record in caplog.records if record.name == "genai_otel"]
    genai_otel.autolog(disable=True)
    _guard.reset()


class Rival(BaseInstrumentor):  # type: ignore[misc]
    needs = ("openai >= 1.26.0, < 4",)

    def instrumentation_dependencies(self) -> Any:
        return self.needs

    def _instrument(self, **kwargs: Any) -> None: ...

    def _uninstrument(self, **kwargs: Any) -> None: ...


def test_no_warning_without_another_instrumentation(warnings: Any) -> None:
    genai_otel.autolog()
    OpenAIInstrumentor().instrument()
    genai_otel.autolog()
    OpenAIInstrumentor().uninstrument()
    assert warnings() == []


def test_an_active_instrumentor_of_the_sdk_gives_one_warning(warnings: Any) -> None:
    Rival().instrument()
    try:
        genai_otel.autolog()
        genai_otel.autolog()
    finally:
        Rival().uninstrument()
    assert warnings() == [
        f"another instrumentation of the OpenAI SDK is active ({__name__}): a call may make two spans"
    ]


def test_an_instrumentation_that_came_later_is_warned_of_at_the_next_call(
    warnings: Any, server: OpenAIServer, telemetry: Telemetry
) -> None:
    genai_otel.autolog()
    Rival().instrument()
    try:
        with openai.OpenAI(api_key="test", base_url=server.base_url) as client:
            ask(client)
            ask(client)
    finally:
        Rival().uninstrument()
    assert len(warnings()) == 1


def test_an_instrumentor_that_is_not_active_gives_none(warnings: Any) -> None:
    Rival()
    genai_otel.autolog()
    assert warnings() == []


def test_an_active_instrumentor_of_another_library_gives_none(warnings: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(Rival, "needs", ("openai-agents >= 0.1", "openai_guardrails"))
    Rival().instrument()
    try:
        genai_otel.autolog()
    finally:
        Rival().uninstrument()
    assert warnings() == []


def test_a_wrapper_on_a_method_of_the_sdk_gives_one_warning(warnings: Any, monkeypatch: Any) -> None:
    from openai.resources.chat.completions import Completions

    def wrapper(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return wrapped(*args, **kwargs)

    monkeypatch.setattr(Completions, "create", wrapt.FunctionWrapper(vars(Completions)["create"], wrapper))
    genai_otel.autolog()
    genai_otel.autolog()
    assert len(warnings()) == 1 and f"({__name__})" in warnings()[0]


@pytest.mark.parametrize("where", ["on top", "beneath"])
def test_a_wrapper_on_the_request_method_gives_one_warning(
    where: str, warnings: Any, monkeypatch: Any
) -> None:
    base = openai._base_client.SyncAPIClient

    def wrapper(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return wrapped(*args, **kwargs)

    if where == "on top":
        genai_otel.autolog()
    monkeypatch.setattr(base, "request", wrapt.FunctionWrapper(vars(base)["request"], wrapper))
    genai_otel.autolog()
    monkeypatch.undo()
    assert len(warnings()) == 1
    genai_otel.autolog(disable=True)
    if where == "on top":
        base.request = vars(base)["request"]


def test_a_decorator_of_the_applications_own_is_no_instrumentation(warnings: Any, monkeypatch: Any) -> None:
    import functools

    from openai.resources.chat.completions import Completions

    original = vars(Completions)["create"]

    @functools.wraps(original)
    def retrying(*args: Any, **kwargs: Any) -> Any:
        return original(*args, **kwargs)

    monkeypatch.setattr(Completions, "create", retrying)
    genai_otel.autolog()
    assert warnings() == []


# --- request_stream_usage -------------------------------------------------------------------------------------
@pytest.fixture
def usage_client(plain_client: openai.OpenAI) -> openai.OpenAI:
    genai_otel.autolog(request_stream_usage=True)
    return plain_client


def sent(server: OpenAIServer) -> Any:
    return server.requests[-1].json.get("stream_options")


def test_stream_usage_is_asked_for_and_its_chunk_is_hidden(
    usage_client: openai.OpenAI, server: OpenAIServer, telemetry: Telemetry
) -> None:
    chunks = list(ask(usage_client, stream=True))
    assert sent(server) == {"include_usage": True}
    assert all(chunk.choices for chunk in chunks)
    found = telemetry.attributes(CHAT)
    assert found[attr.USAGE_INPUT_TOKENS] > 0 and found[attr.USAGE_OUTPUT_TOKENS] > 0


async def test_stream_usage_is_asked_for_and_hidden_on_async_streams(
    server: OpenAIServer, telemetry: Telemetry
) -> None:
    genai_otel.autolog(request_stream_usage=True)
    async with openai.AsyncOpenAI(api_key="test", base_url=server.base_url) as client:
        chunks = [chunk async for chunk in await ask(client, stream=True)]
    genai_otel.autolog(disable=True)
    assert sent(server) == {"include_usage": True}
    assert all(chunk.choices for chunk in chunks)
    assert telemetry.attributes(CHAT)[attr.USAGE_INPUT_TOKENS] > 0


def test_stream_usage_is_asked_for_on_text_completions_and_helpers(
    usage_client: openai.OpenAI, server: OpenAIServer, telemetry: Telemetry
) -> None:
    assert all(
        chunk.choices for chunk in usage_client.completions.create(model="m", prompt="hi", stream=True)
    )
    assert sent(server) == {"include_usage": True}
    with usage_client.chat.completions.stream(model=MODEL, messages=MESSAGES) as stream:
        assert stream.get_final_completion().usage is None  # as without us
    assert sent(server) == {"include_usage": True}
    assert all(attr.USAGE_INPUT_TOKENS in (span.attributes or {}) for span in telemetry.spans)


@pytest.mark.parametrize("options", [{"include_usage": True}, {"include_usage": False}])
def test_a_caller_who_decided_about_usage_is_left_alone(
    options: Any, usage_client: openai.OpenAI, server: OpenAIServer, telemetry: Telemetry
) -> None:
    chunks = list(ask(usage_client, stream=True, stream_options=options))
    assert sent(server) == options
    assert any(not chunk.choices for chunk in chunks) is options["include_usage"]


def test_a_caller_who_decided_in_the_extra_body_is_left_alone(
    usage_client: openai.OpenAI, server: OpenAIServer, telemetry: Telemetry
) -> None:
    chunks = list(ask(usage_client, stream=True, extra_body={"stream_options": {"include_usage": True}}))
    assert sent(server) == {"include_usage": True}
    assert not chunks[-1].choices and chunks[-1].usage


def test_other_stream_options_of_the_caller_are_kept(
    usage_client: openai.OpenAI, server: OpenAIServer, telemetry: Telemetry
) -> None:
    options = {"include_obfuscation": False}
    list(ask(usage_client, stream=True, stream_options=options))
    assert sent(server) == {"include_obfuscation": False, "include_usage": True}
    assert options == {"include_obfuscation": False}


def test_requests_whose_bytes_the_caller_reads_are_left_alone(
    usage_client: openai.OpenAI, server: OpenAIServer, telemetry: Telemetry
) -> None:
    completions = usage_client.chat.completions
    list(completions.with_raw_response.create(model=MODEL, messages=MESSAGES, stream=True).parse())
    assert sent(server) is None
    with completions.with_streaming_response.create(model=MODEL, messages=MESSAGES, stream=True) as response:
        list(response.iter_lines())
    assert sent(server) is None


def test_requests_without_such_an_option_are_left_alone(
    usage_client: openai.OpenAI, server: OpenAIServer, telemetry: Telemetry
) -> None:
    ask(usage_client)
    assert sent(server) is None
    list(usage_client.responses.create(model=MODEL, input="hi", stream=True))
    assert sent(server) is None


def test_stream_usage_is_not_asked_for_by_default(
    client: openai.OpenAI, server: OpenAIServer, telemetry: Telemetry
) -> None:
    list(ask(client, stream=True))
    assert sent(server) is None
    assert attr.USAGE_INPUT_TOKENS not in telemetry.attributes(CHAT)
