"""Headers from anywhere: whatever a request brings, a block is entered and left, and spans start inside."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry import context as context_api

import genai_otel
from genai_otel._context import carries_trace
from tests.context_checks import nothing_leaks  # noqa: F401
from tests.fuzz.budget import budget
from tests.telemetry_capture import Telemetry

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"
KNOWN = ["traceparent", "TraceParent", "tracestate", "baggage", "Baggage", "x-request-id", ""]
SAID = [
    PARENT, f"{PARENT}-extra", f"ff-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01",
    f"00-{TRACE.upper()}-{SPAN}-01", f" {PARENT} ", f"{PARENT},{PARENT}", "00-", "-", "", "session.id=s1,user.id=u%00",
    "session.id=" + "x" * 9_000, "session.id", "=,;=,", "gen_ai.conversation.id=%ff%fe", "a=1;p=2,a=2", "k@v=1,a=b" * 40,
    "session.id=é", "\r\nx: y", "\ud800",
]  # fmt: skip


class Sly:
    def __str__(self) -> str:
        return PARENT


names = st.one_of(
    st.sampled_from(KNOWN), st.text(max_size=6), st.sampled_from([b"traceparent", b"\xff", None, 7])
)
values = st.one_of(
    st.sampled_from(SAID),
    st.text(max_size=20),
    st.binary(max_size=20),
    st.sampled_from([PARENT.encode(), None, 7, [PARENT], (PARENT, PARENT), [], Sly(), bytearray(b"\xff")]),
)
headers = st.one_of(
    st.lists(st.tuples(names, values), max_size=6),
    st.dictionaries(st.text(max_size=6) | st.sampled_from(KNOWN), values, max_size=6),
    st.none(),
)


@budget(150)
@given(headers)
@example([("traceparent", PARENT), ("traceparent", PARENT)])
@example([("traceparent", PARENT), ("baggage", "\ud800")])
@example({"traceparent": PARENT, "baggage": "session.id=s1,user.id=u%00"})
@example([(b"traceparent", PARENT.encode()), ("tracestate", "=,=" * 400)])
def test_any_headers_give_a_block_in_which_spans_start(telemetry: Telemetry, given_headers: Any) -> None:
    telemetry.exporter.clear()
    before = context_api.get_current()
    with genai_otel.extract_headers(given_headers):
        with genai_otel.start_span(name="inside") as span:
            carried = genai_otel.inject_headers()
    assert context_api.get_current() is before
    one = telemetry.one("inside")
    assert one.context.is_valid
    assert (one.parent is not None) == carries_trace(given_headers)
    if one.parent is not None:
        assert one.parent.is_remote
        assert one.parent.trace_id == one.context.trace_id
    assert carried["traceparent"].split("-")[1:3] == [span.trace_id, span.span_id]
    for key in ("session.id", "user.id", "gen_ai.conversation.id"):
        assert isinstance(one.attributes.get(key, ""), str)


@budget(60)
@given(
    st.text(max_size=12),
    st.text(max_size=12),
    st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3),
)
def test_what_goes_out_in_headers_comes_in_again(
    telemetry: Telemetry, session: str, user: str, others: dict[str, str]
) -> None:
    telemetry.exporter.clear()
    with genai_otel.context(session_id=session, user_id=user, propagate=True):
        with genai_otel.start_span(name="caller") as caller:
            carried = genai_otel.inject_headers(others)
    assert {key: value for key, value in carried.items() if key not in ("traceparent", "baggage")} == {
        key: value for key, value in others.items() if key not in ("traceparent", "baggage")
    }
    with genai_otel.extract_headers({name.title(): value for name, value in carried.items()}):
        with genai_otel.start_span(name="callee"):
            pass
    callee = telemetry.one("callee")
    assert f"{callee.context.trace_id:032x}" == caller.trace_id
    assert callee.parent is not None and f"{callee.parent.span_id:016x}" == caller.span_id
    # OpenTelemetry's baggage loses blanks at both ends
    assert callee.attributes.get("session.id", "") == session.strip()
    assert callee.attributes.get("user.id", "") == user.strip()
