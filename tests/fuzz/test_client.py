"""The client against a model of it: what is open, what has ended, and what was said of the unknown."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

import genai_otel
from genai_otel import _client
from tests.fuzz.budget import budget
from tests.telemetry_capture import Telemetry

NAMES = st.sampled_from(["a", "b", ""])
CHOSEN = st.sampled_from([None, "1" * 32, "2" * 32, "2" * 8 + "-2222-2222-2222-" + "2" * 12])
MALFORMED = ["", "x", "0" * 32, "1" * 31, 17, b"1" * 32, None]


class ClientMachine(RuleBasedStateMachine):
    """Any calls in any order; ``open`` is what the client should hold: trace id -> span ids, the root first."""

    traces = Bundle("traces")
    spans = Bundle("spans")

    def __init__(self) -> None:
        super().__init__()
        self.telemetry = Telemetry(capture_content=True)
        self.telemetry.__enter__()
        self.client = genai_otel.TracingClient()
        self.open: dict[str, list[str]] = {}
        self.roots: dict[str, str] = {}
        self.ended: list[str] = []
        self.parents: dict[str, str | None] = {}

    def teardown(self) -> None:
        self.telemetry.__exit__()

    @rule(target=traces, name=NAMES, chosen=CHOSEN)
    def start_trace(self, name: str, chosen: str | None) -> Any:
        key = None if chosen is None else chosen.replace("-", "")
        if key in self.open:
            with pytest.raises(ValueError, match="open already"):
                self.client.start_trace(name, trace_id=chosen)
            return multiple()
        root = self.client.start_trace(name, trace_id=chosen, inputs={"n": 1}, tags={"t": 1})
        assert key is None or root.trace_id == key
        assert root.parent_id is None
        self._opened(root, None)
        self.roots[root.trace_id] = root.span_id
        return root.trace_id, root.span_id

    @rule(target=spans, trace=traces, name=NAMES)
    def start_child_of_a_root(self, trace: tuple[str, str], name: str) -> Any:
        return self._child(name, *trace)

    @rule(target=spans, parent=spans, name=NAMES)
    def start_child_of_a_child(self, parent: tuple[str, str], name: str) -> Any:
        return self._child(name, *parent)

    @rule(target=spans, trace=traces)
    def start_child_of_a_stranger(self, trace: tuple[str, str]) -> Any:
        return self._child("stranger's", trace[0], "ab" * 8)

    def _child(self, name: str, trace_id: str, parent_id: str) -> tuple[str, str]:
        made = self.client.start_span(name, trace_id, parent_id, span_type="TOOL")
        assert (made.trace_id, made.parent_id) == (trace_id, parent_id)
        self._opened(made, parent_id)
        return made.trace_id, made.span_id

    def _opened(self, made: genai_otel.Span, parent_id: str | None) -> None:
        self.open.setdefault(made.trace_id, []).append(made.span_id)
        self.parents[made.span_id] = parent_id

    @rule(which=st.one_of(spans, traces), status=st.sampled_from([None, "OK", "ERROR", "nonsense"]))
    def end_span(self, which: tuple[str, str], status: str | None) -> None:
        self.client.end_span(*which, outputs="o", status=status)
        self._closed(*which)

    @rule(which=st.one_of(spans, traces))
    def end_on_the_span_itself(self, which: tuple[str, str]) -> None:
        found = self.client.get_span(*which)
        if found is not None:
            found.end()
            found.end()
        self._closed(*which)

    @rule(trace=traces)
    def end_trace(self, trace: tuple[str, str]) -> None:
        self.client.end_trace(trace[0], outputs="o")
        for span_id in list(self.open.get(trace[0], ())):
            self._closed(trace[0], span_id)

    def _closed(self, trace_id: str, span_id: str) -> None:
        if span_id in self.open.get(trace_id, ()):
            self.open[trace_id].remove(span_id)
            self.ended.append(span_id)
            if not self.open[trace_id]:
                del self.open[trace_id]

    @rule(trace=st.sampled_from(MALFORMED), span=st.sampled_from(MALFORMED))
    def malformed_ids(self, trace: Any, span: Any) -> None:
        for call in (
            lambda: self.client.end_span(trace, span),
            lambda: self.client.get_span("1" * 32, span),
            lambda: self.client.start_span("s", trace, "ab" * 8),
            lambda: self.client.end_trace(trace),
        ):
            with pytest.raises(ValueError, match="malformed"):
                call()

    @rule()
    def end_what_never_was(self) -> None:
        self.client.end_span("9" * 32, "9" * 16)
        self.client.end_trace("9" * 32)

    @invariant()
    def the_client_holds_what_is_open(self) -> None:
        held = {key: list(found.spans) for key, found in self.client._traces.items()}
        assert held == self.open
        assert self.client._open_spans == sum(map(len, self.open.values()))

    @invariant()
    def each_span_ended_once(self) -> None:
        assert sorted(f"{span.context.span_id:016x}" for span in self.telemetry.spans) == sorted(self.ended)
        for span in self.telemetry.spans:
            parent = None if span.parent is None else f"{span.parent.span_id:016x}"
            assert parent == self.parents[f"{span.context.span_id:016x}"]


TestClient = ClientMachine.TestCase
TestClient.settings = budget(25, stateful_step_count=30)

OPS = ["trace", "child", "child", "end", "end", "end trace", "own end", "get"]


@budget(40)
@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from(OPS), st.integers(0, 5)), max_size=25), min_size=2, max_size=4
    )
)
def test_threads_that_share_a_client_end_every_span_once_and_leave_nothing(
    telemetry: Telemetry, scripts: list[list[tuple[str, int]]]
) -> None:
    telemetry.exporter.clear()
    client = genai_otel.TracingClient()
    shared: list[tuple[str, str]] = []
    errors: list[BaseException] = []
    begin = threading.Barrier(len(scripts))

    def play(script: list[tuple[str, int]]) -> None:
        begin.wait()
        for op, number in script:
            known = shared[number % len(shared)] if shared else None
            try:
                if op == "trace":
                    root = client.start_trace("root")
                    shared.append((root.trace_id, root.span_id))
                elif known is None:
                    continue
                elif op == "child":
                    shared.append((known[0], client.start_span("child", *known).span_id))
                elif op == "end":
                    client.end_span(*known)
                elif op == "end trace":
                    client.end_trace(known[0])
                elif op == "own end" and (found := client.get_span(*known)) is not None:
                    found.end()
            except BaseException as exc:
                errors.append(exc)

    threads = [threading.Thread(target=play, args=(script,)) for script in scripts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []
    for trace_id in {trace_id for trace_id, _ in shared}:
        client.end_trace(trace_id)
    ended = [(f"{one.context.trace_id:032x}", f"{one.context.span_id:016x}") for one in telemetry.spans]
    assert sorted(ended) == sorted(shared)
    assert (client._traces, client._open_spans) == ({}, 0)


@budget(20)
@given(st.lists(st.integers(0, 3), max_size=60), st.integers(1, 6), st.integers(2, 12))
def test_abandoned_traces_stay_within_the_limits(
    telemetry: Telemetry, children: list[int], traces: int, spans: int
) -> None:
    telemetry.exporter.clear()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_client, "MAX_OPEN_TRACES", traces)
        patched.setattr(_client, "MAX_OPEN_SPANS", spans)
        client = genai_otel.TracingClient()
        started = 0
        for number in children:
            root = client.start_trace("root")
            started += 1
            for _ in range(number):
                client.start_span("child", root.trace_id, root.span_id)
                started += 1
            held = [span for found in client._traces.values() for span in found.spans]
            assert len(client._traces) <= traces
            assert len(held) == client._open_spans <= spans
            assert len(telemetry.spans) + len(held) == started
