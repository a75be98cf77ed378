"""``TracingClient``: explicit ids and lifecycles, never the current context, bounded memory."""

from __future__ import annotations

import gc
import json
import logging
import threading
import uuid
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import context as context_api
from opentelemetry import trace as otel_trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import SpanKind, StatusCode

import genai_otel
from genai_otel import SpanType, TracingClient, _client, start_span
from tests.context_checks import context_given_back, nothing_leaks  # noqa: F401
from tests.hostile import VALUES
from tests.telemetry_capture import Telemetry

CHOSEN = "0123456789abcdef0123456789abcdef"
SPAN_ID = "0123456789abcdef"


@pytest.fixture
def client(telemetry: Telemetry) -> TracingClient:
    return TracingClient()


def is_empty(client: TracingClient) -> bool:
    return not client._traces and client._open_spans == 0


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# --- a trace ------------------------------------------------------------------------------------------------------------
def test_a_trace_of_explicit_spans(telemetry: Telemetry, client: TracingClient) -> None:
    with context_given_back():
        root = client.start_trace(
            "root", span_type=SpanType.AGENT, inputs="q", attributes={"k": 1}, tags={"env": "test", "n": 2}
        )
        child = client.start_span(
            "child", root.trace_id, root.span_id, span_type="TOOL", inputs={"x": 1}, attributes={"c": 2}
        )
        client.end_span(child.trace_id, child.span_id, outputs={"y": 2}, attributes={"d": 3}, status="OK")
        client.end_trace(root.trace_id, outputs="a", attributes={"e": 4}, status="ERROR")
    ended_child, ended_root = telemetry.spans
    assert (ended_child.name, ended_root.name) == ("child", "root")
    assert ended_root.parent is None
    assert ended_child.parent == ended_root.context
    attributes = telemetry.attributes("root")
    assert (attributes["k"], attributes["e"]) == (1, 4)
    assert (attributes["genai_otel.tag.env"], attributes["genai_otel.tag.n"]) == ("test", "2")
    assert json.loads(attributes["gen_ai.input.messages"])[0]["parts"][0]["content"] == "q"
    assert json.loads(attributes["gen_ai.output.messages"])[0]["parts"][0]["content"] == "a"
    assert ended_root.status.status_code is StatusCode.ERROR
    attributes = telemetry.attributes("child")
    assert (attributes["c"], attributes["d"]) == (2, 3)
    assert attributes["gen_ai.tool.call.result"] == '{"y":2}'
    assert ended_child.status.status_code is StatusCode.OK
    assert is_empty(client)


def test_times_can_be_given(telemetry: Telemetry, client: TracingClient) -> None:
    root = client.start_trace("root", start_time_ns=100)
    child = client.start_span("child", root.trace_id, root.span_id, start_time_ns=200)
    client.end_span(root.trace_id, child.span_id, end_time_ns=300)
    client.end_trace(root.trace_id, end_time_ns=400)
    assert [(span.start_time, span.end_time) for span in telemetry.spans] == [(200, 300), (100, 400)]


def test_request_id_is_accepted_wherever_trace_id_is(telemetry: Telemetry, client: TracingClient) -> None:
    root = client.start_trace("root", request_id=CHOSEN)
    assert root.request_id == root.trace_id == CHOSEN
    child = client.start_span("child", request_id=CHOSEN, parent_id=root.span_id)
    assert client.get_span(request_id=CHOSEN, span_id=child.span_id) is child
    client.end_span(request_id=CHOSEN, span_id=child.span_id)
    client.end_trace(request_id=CHOSEN)
    assert len(telemetry.spans) == 2


def test_many_traces_are_open_at_once(telemetry: Telemetry, client: TracingClient) -> None:
    roots = [client.start_trace(f"root {n}") for n in range(50)]
    children = [client.start_span("child", root.trace_id, root.span_id) for root in roots]
    assert len({root.trace_id for root in roots}) == 50
    for child in children:
        client.end_span(child.trace_id, child.span_id)
    for root in roots:
        client.end_trace(root.trace_id)
    by_id = {span.context.span_id: span for span in telemetry.spans}
    for span in telemetry.spans:
        if span.parent is not None:
            assert by_id[span.parent.span_id].context.trace_id == span.context.trace_id
    assert len(telemetry.spans) == 100
    assert is_empty(client)


def test_usage_is_summed_on_an_agent_started_by_the_client(
    telemetry: Telemetry, client: TracingClient
) -> None:
    root = client.start_trace("agent", span_type="AGENT")
    for _ in range(2):
        call = client.start_span("llm", root.trace_id, root.span_id, span_type="LLM")
        call.set_usage(5, 6)
        client.end_span(call.trace_id, call.span_id)
    client.end_trace(root.trace_id)
    attributes = telemetry.attributes("agent")
    assert (attributes["gen_ai.usage.input_tokens"], attributes["gen_ai.usage.output_tokens"]) == (10, 12)


# --- the current context --------------------------------------------------------------------------------------------------
def test_the_root_has_no_parent_even_inside_a_current_span(
    telemetry: Telemetry, client: TracingClient
) -> None:
    with start_span("current") as current, context_given_back():
        root = client.start_trace("root")
        assert otel_trace.get_current_span() is current
        client.end_trace(root.trace_id)
        assert otel_trace.get_current_span() is current
    assert telemetry.one("root").parent is None
    assert telemetry.one("root").context.trace_id != telemetry.one("current").context.trace_id


def test_a_span_of_the_client_can_be_made_current_by_the_caller(
    telemetry: Telemetry, client: TracingClient
) -> None:
    root = client.start_trace("root")
    with otel_trace.use_span(root), start_span("child"):
        genai_otel.update_current_trace(name="t")
    client.end_trace(root.trace_id)
    assert telemetry.one("child").parent == telemetry.one("root").context
    assert telemetry.attributes("root")["genai_otel.trace_name"] == "t"


def test_a_span_around_the_call_can_be_the_parent(telemetry: Telemetry, client: TracingClient) -> None:
    with start_span("agent", "AGENT") as agent, start_span("inner"):
        call = client.start_span("llm", agent.trace_id, agent.span_id, span_type="LLM")
        call.set_usage(1, 2)
        client.end_span(call.trace_id, call.span_id)
    assert telemetry.one("llm").parent == telemetry.one("agent").context
    assert telemetry.attributes("agent")["gen_ai.usage.input_tokens"] == 1


def test_ambient_ids_reach_the_clients_spans(telemetry: Telemetry, client: TracingClient) -> None:
    with genai_otel.context(session_id="s", tags={"t": 1}):
        root = client.start_trace("root")
        client.start_span("child", root.trace_id, root.span_id)
    client.end_trace(root.trace_id)
    assert telemetry.attributes("root")["session.id"] == telemetry.attributes("child")["session.id"] == "s"
    assert telemetry.attributes("root")["genai_otel.tag.t"] == "1"
    assert "genai_otel.tag.t" not in telemetry.attributes("child")


# --- chosen ids -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "given",
    [
        CHOSEN,
        CHOSEN.upper(),
        uuid.UUID(CHOSEN),
        str(uuid.UUID(CHOSEN)),
        str(uuid.UUID(CHOSEN)).upper(),
        f"urn:uuid:{uuid.UUID(CHOSEN)}",
        f"{{{uuid.UUID(CHOSEN)}}}",
        f" {CHOSEN} ",
    ],
    ids=str,
)
def test_a_trace_id_can_be_chosen_in_any_notation(
    telemetry: Telemetry, client: TracingClient, given: Any
) -> None:
    with start_span("current"):
        root = client.start_trace("root", trace_id=given)
        client.start_span("child", given, root.span_id)
    assert client.get_span(given, root.span_id) is root
    client.end_trace(given)
    for name in ("root", "child"):
        assert telemetry.one(name).context.trace_id == int(CHOSEN, 16)
    assert telemetry.one("root").parent is None
    assert telemetry.one("child").parent == telemetry.one("root").context


def test_a_chosen_trace_id_is_for_one_trace_only(telemetry: Telemetry, client: TracingClient) -> None:
    client.start_trace("chosen", trace_id=CHOSEN)
    other = client.start_trace("other")
    assert other.trace_id != CHOSEN
    with start_span("unrelated") as span:
        assert span.trace_id != CHOSEN
    client.end_trace(CHOSEN)
    client.end_trace(other.trace_id)


def test_a_chosen_id_of_an_open_trace_is_refused(telemetry: Telemetry, client: TracingClient) -> None:
    client.start_trace("root", trace_id=CHOSEN)
    with pytest.raises(ValueError, match=f"{CHOSEN} is the id of a trace that is open already"):
        client.start_trace("again", trace_id=CHOSEN)
    client.end_trace(CHOSEN)
    client.start_trace("later", trace_id=CHOSEN).end()


@pytest.mark.parametrize("trace_id", ["", "abc", "0" * 32, "g" * 32, CHOSEN + "0", 5, b"x", None, ["a"]])
@pytest.mark.parametrize(
    "call",
    [
        lambda client, trace_id: client.start_span("s", trace_id, SPAN_ID),
        lambda client, trace_id: client.end_span(trace_id, SPAN_ID),
        lambda client, trace_id: client.end_trace(trace_id),
        lambda client, trace_id: client.get_span(trace_id, SPAN_ID),
        lambda client, trace_id: client.start_trace("t", trace_id="" if trace_id is None else trace_id),
    ],
    ids=["start_span", "end_span", "end_trace", "get_span", "start_trace"],
)
def test_a_malformed_trace_id_raises_and_says_what_is_expected(
    telemetry: Telemetry, client: TracingClient, call: Callable[..., Any], trace_id: Any
) -> None:
    with pytest.raises(
        ValueError, match="trace_id=.* is malformed: expected 32 hexadecimal digits .* or a UUID"
    ):
        call(client, trace_id)


@pytest.mark.parametrize("span_id", ["", "abc", "0" * 16, "g" * 16, SPAN_ID + "0", 5, None])
@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda client, span_id: client.start_span("s", CHOSEN, span_id), "parent_id"),
        (lambda client, span_id: client.end_span(CHOSEN, span_id), "span_id"),
        (lambda client, span_id: client.get_span(CHOSEN, span_id), "span_id"),
    ],
    ids=["start_span", "end_span", "get_span"],
)
def test_a_malformed_span_id_raises_and_says_what_is_expected(
    telemetry: Telemetry, client: TracingClient, call: Callable[..., Any], argument: str, span_id: Any
) -> None:
    with pytest.raises(ValueError, match=f"{argument}=.* is malformed: expected 16 hexadecimal digits"):
        call(client, span_id)


def test_a_well_formed_parent_that_is_not_here_is_a_remote_one(
    telemetry: Telemetry, client: TracingClient
) -> None:
    child = client.start_span("child", CHOSEN, SPAN_ID)
    grandchild = client.start_span("grandchild", CHOSEN, child.span_id)
    client.end_span(CHOSEN, grandchild.span_id)
    client.end_span(CHOSEN, child.span_id)
    ended = telemetry.one("child")
    assert ended.parent is not None
    assert ended.parent.is_remote
    assert (ended.parent.trace_id, ended.parent.span_id) == (int(CHOSEN, 16), int(SPAN_ID, 16))
    assert telemetry.one("grandchild").parent == ended.context
    assert is_empty(client)


def test_a_parent_that_has_ended_still_is_the_parent(telemetry: Telemetry, client: TracingClient) -> None:
    root = client.start_trace("root")
    parent = client.start_span("parent", root.trace_id, root.span_id)
    client.end_span(root.trace_id, parent.span_id)
    client.start_span("late", root.trace_id, parent.span_id)
    client.end_trace(root.trace_id)
    late = telemetry.one("late").parent
    assert late is not None
    assert late.span_id == telemetry.one("parent").context.span_id


# --- ending -----------------------------------------------------------------------------------------------------------------
def test_ending_a_trace_ends_the_children_still_open_before_the_root(
    telemetry: Telemetry, client: TracingClient
) -> None:
    root = client.start_trace("root")
    first = client.start_span("first", root.trace_id, root.span_id)
    client.start_span("second", root.trace_id, first.span_id)
    client.end_trace(root.trace_id, outputs="out")
    assert [span.name for span in telemetry.spans] == ["second", "first", "root"]
    assert {span.status.status_code for span in telemetry.spans} == {StatusCode.UNSET}
    assert is_empty(client)


def test_ending_a_trace_begun_elsewhere_ends_the_spans_opened_here(
    telemetry: Telemetry, client: TracingClient
) -> None:
    child = client.start_span("child", CHOSEN, SPAN_ID)
    client.start_span("grandchild", CHOSEN, child.span_id)
    client.end_trace(CHOSEN)
    assert [span.name for span in telemetry.spans] == ["grandchild", "child"]


@pytest.mark.parametrize(
    "end",
    [
        lambda client, root, child: client.end_span(root.trace_id, child.span_id),
        lambda client, root, child: child.end(),
        lambda client, root, child: client.end_trace(root.trace_id),
    ],
    ids=["end_span", "span.end", "end_trace"],
)
def test_ending_what_has_ended_is_a_warning_and_nothing_else(
    telemetry: Telemetry, client: TracingClient, caplog: pytest.LogCaptureFixture, end: Callable[..., Any]
) -> None:
    root = client.start_trace("root")
    child = client.start_span("child", root.trace_id, root.span_id)
    end(client, root, child)
    assert warnings_in(caplog) == []
    before = len(telemetry.spans)
    client.end_span(root.trace_id, child.span_id, outputs="late")
    (warned,) = warnings_in(caplog)
    assert child.span_id in warned
    assert len(telemetry.spans) == before
    assert client.get_span(root.trace_id, child.span_id) is None


def test_ending_an_unknown_trace_or_span_is_a_warning_each_time(
    telemetry: Telemetry, client: TracingClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.end_trace(CHOSEN)
    client.end_trace(CHOSEN)
    client.end_span(CHOSEN, SPAN_ID)
    assert [CHOSEN in warned for warned in warnings_in(caplog)] == [True] * 3
    assert telemetry.spans == []


def test_ending_twice_warns(
    telemetry: Telemetry, client: TracingClient, caplog: pytest.LogCaptureFixture
) -> None:
    root = client.start_trace("root")
    client.end_trace(root.trace_id)
    client.end_trace(root.trace_id)
    assert len(warnings_in(caplog)) == 1
    assert len(telemetry.spans) == 1


def test_spans_ended_by_themselves_leave_the_registry(telemetry: Telemetry, client: TracingClient) -> None:
    root = client.start_trace("root")
    client.start_span("child", root.trace_id, root.span_id).end(outputs=1)
    with otel_trace.use_span(root, end_on_exit=True):
        pass
    assert is_empty(client)
    assert len(telemetry.spans) == 2


def test_an_ended_span_is_not_kept_alive(telemetry: Telemetry, client: TracingClient) -> None:
    class Payload:
        pass

    payload = Payload()
    watched = weakref.ref(payload)
    root = client.start_trace("root", inputs=payload)
    client.end_trace(root.trace_id)
    del root, payload
    gc.collect()
    assert watched() is None


def test_an_open_span_is_found_by_its_ids_and_an_ended_one_is_not(
    telemetry: Telemetry, client: TracingClient
) -> None:
    root = client.start_trace("root")
    assert client.get_span(root.trace_id, root.span_id) is root
    assert client.get_span(root.trace_id, SPAN_ID) is None
    assert client.get_span(CHOSEN, root.span_id) is None
    assert TracingClient().get_span(root.trace_id, root.span_id) is None
    client.end_trace(root.trace_id)
    assert client.get_span(root.trace_id, root.span_id) is None


# --- bounds -----------------------------------------------------------------------------------------------------------------
def test_abandoned_traces_are_ended_past_the_limit(
    telemetry: Telemetry,
    client: TracingClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(_client, "MAX_OPEN_TRACES", 5)
    roots = [client.start_trace(f"root {n}") for n in range(8)]
    assert [span.name for span in telemetry.spans] == ["root 0", "root 1", "root 2"]
    assert len(client._traces) == client._open_spans == 5
    assert client.get_span(roots[0].trace_id, roots[0].span_id) is None
    assert len(warnings_in(caplog)) == 1
    for root in roots[3:]:
        client.end_trace(root.trace_id)
    assert len(telemetry.spans) == 8
    assert is_empty(client)


def test_abandoned_spans_are_ended_past_the_limit(
    telemetry: Telemetry, client: TracingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_client, "MAX_OPEN_SPANS", 5)
    old = client.start_trace("old")
    for _ in range(3):
        client.start_span("child", old.trace_id, old.span_id)
    new = client.start_trace("new")
    assert telemetry.spans == []
    client.start_span("child", new.trace_id, new.span_id)
    assert [span.name for span in telemetry.spans] == ["child"] * 3 + ["old"]
    assert client._open_spans == 2


def test_one_trace_larger_than_the_limit_is_ended_as_a_whole(
    telemetry: Telemetry, client: TracingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_client, "MAX_OPEN_SPANS", 3)
    root = client.start_trace("root")
    for _ in range(3):
        client.start_span("child", root.trace_id, root.span_id)
    assert len(telemetry.spans) == 4
    assert is_empty(client)


# --- providers and sampling ---------------------------------------------------------------------------------------------------
def test_a_client_may_have_a_provider_of_its_own(telemetry: Telemetry) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    client = TracingClient(tracer_provider=provider)
    root = client.start_trace("root", trace_id=CHOSEN)
    client.start_span("child", CHOSEN, root.span_id)
    client.end_trace(CHOSEN)
    assert [span.name for span in exporter.get_finished_spans()] == ["child", "root"]
    assert telemetry.spans == []


def test_what_is_no_provider_is_refused() -> None:
    with pytest.raises(TypeError, match="tracer_provider must be a TracerProvider, not str"):
        TracingClient(tracer_provider="provider")  # type: ignore[arg-type]


class Seeing(Sampler):
    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []

    def should_sample(
        self, parent_context: Any, trace_id: int, name: str, *args: Any, **kwargs: Any
    ) -> SamplingResult:
        kind = kwargs.get("kind", args[0] if args else None)
        attributes = kwargs.get("attributes", args[1] if len(args) > 1 else None)
        parent = otel_trace.get_current_span(parent_context).get_span_context()
        self.seen.append((trace_id, name, kind, dict(attributes or {}), parent.span_id))
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)

    def get_description(self) -> str:
        return "Seeing"


def test_a_sampler_sees_the_chosen_id_the_attributes_and_the_parent() -> None:
    sampler = Seeing()
    with Telemetry(sampler=sampler):
        client = TracingClient()
        root = client.start_trace("root", trace_id=CHOSEN, attributes={"k": 1}, span_type="CHAIN")
        client.start_span(
            "child", CHOSEN, root.span_id, span_type="LLM", attributes={"gen_ai.request.model": "m"}
        )
        client.end_trace(CHOSEN)
    trace_id = int(CHOSEN, 16)
    assert sampler.seen == [
        (trace_id, "root", SpanKind.INTERNAL, {"openinference.span.kind": "CHAIN", "k": 1}, 0),
        (
            trace_id,
            "child",
            SpanKind.CLIENT,
            {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"},
            int(root.span_id, 16),
        ),
    ]


@pytest.fixture(params=["no provider", "sampled out", "suppressed"])
def recording_nothing(request: pytest.FixtureRequest) -> Any:
    if request.param == "no provider":
        yield
        return
    sampler = ParentBased(ALWAYS_OFF) if request.param == "sampled out" else None
    with Telemetry(sampler=sampler) as telemetry:
        if request.param == "suppressed":
            with genai_otel.suppress():
                yield
        else:
            yield
        assert telemetry.spans == []


def test_where_nothing_is_recorded_everything_works_the_same_and_silently(
    recording_nothing: None, caplog: pytest.LogCaptureFixture
) -> None:
    client = TracingClient()
    before = context_api.get_current()
    root = client.start_trace("root", trace_id=CHOSEN, inputs="q", tags={"a": 1})
    other = client.start_trace("other")
    child = client.start_span("child", CHOSEN, root.span_id)
    assert root.trace_id == child.trace_id == CHOSEN
    assert len({root.span_id, child.span_id, other.span_id}) == 3
    assert other.trace_id not in (CHOSEN, "0" * 32)
    assert client.get_span(CHOSEN, child.span_id) is child
    assert client.get_span(CHOSEN, root.span_id) is root
    client.end_span(CHOSEN, child.span_id, outputs="x")
    client.end_trace(CHOSEN, outputs="y", status="OK")
    client.end_trace(other.trace_id)
    assert warnings_in(caplog) == []
    assert is_empty(client)
    assert context_api.get_current() is before


def test_without_a_provider_memory_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_client, "MAX_OPEN_TRACES", 10)
    monkeypatch.setattr(_client, "MAX_OPEN_SPANS", 10)
    client = TracingClient()
    for _ in range(50):
        client.start_trace("root").end()
    assert client._open_spans <= 10
    assert len(client._traces) <= 10


def test_a_trace_started_before_suppression_can_be_ended_inside(
    telemetry: Telemetry, client: TracingClient
) -> None:
    root = client.start_trace("root")
    with genai_otel.suppress():
        hidden = client.start_span("hidden", root.trace_id, root.span_id)
        assert hidden.span_id != root.span_id
        client.end_span(root.trace_id, hidden.span_id)
        client.end_trace(root.trace_id)
    assert [span.name for span in telemetry.spans] == ["root"]
    assert is_empty(client)


def test_children_of_a_trace_that_is_sampled_out_are_too() -> None:
    with Telemetry(sampler=ParentBased(ALWAYS_OFF)) as telemetry:
        client = TracingClient()
        root = client.start_trace("root")
        child = client.start_span("child", root.trace_id, root.span_id)
        assert child.trace_id == root.trace_id
        client.end_trace(root.trace_id)
        assert telemetry.spans == []


class ForeignProvider:
    """A tracer provider whose tracers have no id generator."""

    def __init__(self, inner: TracerProvider) -> None:
        self._inner = inner

    def get_tracer(self, *args: Any, **kwargs: Any) -> Any:
        tracer = self._inner.get_tracer(*args, **kwargs)

        class Tracer:
            start_span = staticmethod(tracer.start_span)

        return Tracer()


def test_a_provider_that_cannot_choose_ids_still_traces(
    telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    client = TracingClient(tracer_provider=ForeignProvider(telemetry.tracer_provider))  # type: ignore[arg-type]
    root = client.start_trace("root", trace_id=CHOSEN)
    client.end_trace(root.trace_id)
    assert len(telemetry.spans) == 1
    assert "cannot choose trace ids" in caplog.text


# --- any value, any argument ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", sorted(VALUES))
def test_any_value_is_taken(telemetry: Telemetry, client: TracingClient, name: str) -> None:
    value = VALUES[name]
    root = client.start_trace("root", inputs=value, attributes={"k": value}, tags={"k": value})
    child = client.start_span("child", root.trace_id, root.span_id, inputs=value, attributes={"k": value})
    client.end_span(root.trace_id, child.span_id, outputs=value, attributes={"k": value})
    client.end_trace(root.trace_id, outputs=value, attributes={"k": value})
    assert len(telemetry.spans) == 2


@pytest.mark.parametrize("arguments", [{"span_type": None}, {"span_type": 5}, {"attributes": 5}], ids=repr)
def test_wrong_arguments_never_raise(
    telemetry: Telemetry, client: TracingClient, arguments: dict[str, Any]
) -> None:
    root = client.start_trace("root", **arguments)
    client.start_span("child", root.trace_id, root.span_id, **arguments)
    client.end_trace(root.trace_id)
    assert len(telemetry.spans) == 2


# --- threads ------------------------------------------------------------------------------------------------------------------
def test_racing_to_end_a_trace_ends_every_span_once(telemetry: Telemetry, client: TracingClient) -> None:
    for _ in range(20):
        root = client.start_trace("root")
        children = [client.start_span("child", root.trace_id, root.span_id) for _ in range(10)]
        barrier = threading.Barrier(4)

        def race(ids: list[str], trace_id: str = root.trace_id, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            for span_id in ids:
                client.end_span(trace_id, span_id)
            client.end_trace(trace_id)

        ids = [child.span_id for child in children]
        threads = [threading.Thread(target=race, args=(ids,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(telemetry.spans) == 220
    assert len({span.context.span_id for span in telemetry.spans}) == 220
    assert is_empty(client)
