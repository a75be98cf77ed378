"""What the user sets by hand: recorded in every mode, and never past a redactor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import trace as otel

import genai_otel
from genai_otel import SpanType, start_span
from genai_otel.compat import mlflow

from .planted import SECRET, traces
from .redactors import DROPS, REMOVED, removes
from .signals import Everything

MESSAGES: Any = [{"role": "system", "content": SECRET}, {"role": "user", "content": SECRET}]


def on_span(fill: Callable[[Any], Any], span_type: Any = SpanType.UNKNOWN) -> Callable[[], None]:
    def run() -> None:
        with start_span("s", span_type=span_type) as span:
            fill(span)

    return run


def started(*arguments: Any, **more: Any) -> None:
    with start_span(*arguments, **more):
        pass


def with_ids(**ids: Any) -> Callable[[], None]:
    def run() -> None:
        with (
            genai_otel.context(**ids),
            start_span("s"),
            otel.get_tracer("foreign").start_as_current_span("f"),
        ):
            pass

    return run


def updated(**about: Any) -> Callable[[], None]:
    return on_span(lambda span: genai_otel.update_current_trace(**about))


def by_client() -> None:
    client = genai_otel.TracingClient()
    root = client.start_trace("r", inputs=SECRET, attributes={"a": SECRET}, tags={"t": SECRET})
    child = client.start_span("c", root.trace_id, root.span_id, span_type="TOOL", inputs={"x": SECRET})
    client.end_span(root.trace_id, child.span_id, outputs=SECRET, attributes={"b": [SECRET]})
    client.end_trace(root.trace_id, outputs={"y": SECRET}, status="OK")


def raised(error: BaseException) -> Callable[[], None]:
    def run() -> None:
        try:
            with start_span("s"):
                raise error
        except type(error):
            pass

    return run


def refused() -> None:
    with start_span("s") as span:
        span.set_status("ERROR", f"it said {SECRET}")


def ended() -> None:
    span = genai_otel.start_span_no_context("s", inputs=SECRET, attributes={"a": SECRET})
    span.end(outputs=SECRET, attributes={"b": SECRET})


def by_mlflows_names() -> None:
    with mlflow.start_span(name="s") as span:
        span.set_inputs({"q": SECRET})
        span.set_attribute("mlflow.chat.tools", [{"type": "function", "function": {"name": SECRET}}])
        mlflow.update_current_trace(tags={"t": SECRET}, metadata={"mlflow.trace.user": SECRET})


EXPLICIT: dict[str, Callable[[], None]] = {
    **{
        f"inputs of {kind.value}": on_span(lambda span: span.set_inputs({"query": SECRET}), kind)
        for kind in SpanType
    },
    **{
        f"outputs of {kind.value}": on_span(lambda span: span.set_outputs([SECRET]), kind)
        for kind in SpanType
        if kind is not SpanType.EMBEDDING
    },
    "messages": on_span(lambda span: span.set_inputs(MESSAGES), "LLM"),
    "request": on_span(
        lambda span: span.set_inputs({"messages": MESSAGES, "tools": [{"name": SECRET}]}), "LLM"
    ),
    "retyped": on_span(lambda span: span.set_inputs(MESSAGES).set_span_type("LLM")),
    "retyped from an inference": on_span(lambda span: span.set_inputs(MESSAGES).set_span_type("TOOL"), "LLM"),
    "documents": on_span(lambda span: span.set_documents([{"id": "1", "content": SECRET}]), "RETRIEVER"),
    "attribute": on_span(lambda span: span.set_attribute("a", SECRET)),
    "attribute of objects": on_span(lambda span: span.set_attribute("a", {"b": [SECRET]})),
    "attribute of texts": on_span(lambda span: span.set_attributes({"a": ["x", SECRET]})),
    "attributes at the start": lambda: started("s", attributes={"a": SECRET}),
    "model as an attribute": lambda: started(span_type="LLM", attributes={"gen_ai.request.model": SECRET}),
    "event": on_span(lambda span: span.add_event("e", {"a": SECRET})),
    "link": on_span(lambda span: span.add_link(span.get_span_context(), {"a": SECRET})),
    "exception": raised(ValueError(SECRET)),
    "exception of two": raised(ValueError("a", {"b": SECRET})),
    "exception recorded": on_span(lambda span: span.record_exception(KeyError(SECRET))),
    "exception with attributes": on_span(lambda span: span.record_exception(KeyError("k"), {"a": SECRET})),
    "status": refused,
    "tool description": on_span(lambda span: span.set_tool_call("t", description=SECRET), "TOOL"),
    "agent description": on_span(lambda span: span.set_agent("a", description=SECRET), "AGENT"),
    "tags": updated(tags={"t": SECRET}),
    "metadata": updated(metadata={"m": {"n": [SECRET]}}),
    "request preview": updated(request_preview=f"It is {SECRET}"),
    "response preview": updated(response_preview={"x": SECRET}),
    "session of the trace": updated(session_id=SECRET),
    "user of the trace": updated(user_id=SECRET),
    "client request id": updated(client_request_id=SECRET),
    "trace name": updated(name=SECRET),
    "session": with_ids(session_id=SECRET),
    "user": with_ids(user_id=SECRET),
    "conversation": with_ids(conversation_id=SECRET),
    "tags of a context": with_ids(tags={"t": SECRET}, metadata={"m": SECRET}),
    "client": by_client,
    "no context": ended,
    "mlflow's names": by_mlflows_names,
    "explanation": lambda: genai_otel.log_evaluation("relevance", value=1, explanation=SECRET),
    "label": lambda: genai_otel.log_feedback(label=SECRET),
    "evaluator's error": lambda: genai_otel.log_evaluation("relevance", error=SECRET),
}


@pytest.mark.parametrize("channel", EXPLICIT)
@pytest.mark.parametrize("mode", ["no_content", "event_only", "span_and_event"])
def test_it_is_recorded_in_every_mode_but_never_logged(channel: str, mode: str) -> None:
    with Everything(capture_content=mode) as seen:
        EXPLICIT[channel]()
        assert traces(seen.spans_sent() + seen.events_sent())
        assert not traces(seen.metrics_sent() if channel != "model as an attribute" else b"")
        assert not traces(seen.said())


@pytest.mark.parametrize("channel", EXPLICIT)
@pytest.mark.parametrize("mode", ["no_content", "span_and_event"])
def test_nothing_gets_past_a_redactor(channel: str, mode: str) -> None:
    with Everything(capture_content=mode, redact=removes) as seen:
        EXPLICIT[channel]()
        assert REMOVED.encode() in seen.spans_sent() + seen.events_sent()
        assert traces(seen.dump()) == []


@pytest.mark.parametrize("channel", EXPLICIT)
@pytest.mark.parametrize("redactor", DROPS)
def test_where_the_redactor_fails_it_is_dropped_and_the_rest_stays(channel: str, redactor: str) -> None:
    with Everything(capture_content="span_and_event", redact=DROPS[redactor]) as seen:
        EXPLICIT[channel]()
        assert seen.spans or seen.events
        assert traces(seen.dump()) == []


def test_ids_that_were_redacted_are_not_propagated_either() -> None:
    with Everything(redact=removes) as seen, genai_otel.context(user_id=SECRET, propagate=True):
        headers = genai_otel.inject_headers()
        assert "baggage" in headers
        assert traces(str(headers).encode()) == []
        assert traces(seen.dump()) == []


def test_images_in_plain_values_are_references() -> None:
    import base64

    picture = base64.b64encode(SECRET.encode() * 20).decode()
    url = f"data:image/png;base64,{picture}"
    with Everything(capture_content=True) as seen:
        with start_span("s") as span:
            span.set_inputs({"picture": url}).set_outputs(url).set_attribute("a", url)
        with start_span("t", span_type="TOOL") as span:
            span.set_inputs({"picture": url}).set_outputs(url)
        with start_span("l", span_type="LLM") as span:
            span.set_inputs(f"look: {url}")
        assert seen.spans_sent().count(b"urn:sha256:") >= 6
        assert traces(seen.dump()) == []
