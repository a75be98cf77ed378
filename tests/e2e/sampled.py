"""A program that makes traces of every kind that the gateway's sampler tells apart, all with private words.

python -m tests.e2e.sampled ENDPOINT PROTOCOL
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any, Final

import genai_otel
from genai_otel import Span, SpanType
from genai_otel.conventions import attributes as attr

PRIVATE: Final = "plum-tree-7"  # stands for what a person said
SECRETS: Final = {
    "key": "sk-proj-Zx81Qmv0Tn4kB7wLr2",
    "bearer": "Bearer abcdefghijklmnop1234567890",
    "address": "jane.doe@example.org",
    "card": "4111 1111 1111 1111",
}
SECOND: Final = 1_000_000_000
ORDINARY: Final = 300
OF_EACH: Final = 15
# kind -> (attributes of the model call, duration of the trace in seconds, whether it fails)
KINDS: Final[dict[str, tuple[Mapping[str, Any], float, bool]]] = {
    "ordinary": ({attr.USAGE_INPUT_TOKENS: 100, attr.USAGE_OUTPUT_TOKENS: 50}, 1, False),
    "failed": ({}, 1, True),
    "slow": ({}, 20, False),
    "long-answer": ({attr.USAGE_OUTPUT_TOKENS: 2_500}, 1, False),
    "long-prompt": ({attr.USAGE_INPUT_TOKENS: 60_000}, 1, False),
    "cut-off": ({attr.RESPONSE_FINISH_REASONS: ["length"]}, 1, False),
}


def main() -> None:
    """Send the traces to the endpoint in the first argument."""
    endpoint, protocol = sys.argv[1:]
    genai_otel.configure(
        "e2e-sampled", endpoint=endpoint, protocol=protocol, capture_content="span_and_event"
    )
    client = genai_otel.TracingClient()
    for kind in KINDS:
        for _ in range(ORDINARY if kind == "ordinary" else OF_EACH):
            make(client, kind)
    report_the_model_call()
    print(genai_otel.flush(30_000))


def make(client: genai_otel.TracingClient, kind: str) -> None:
    """Make one trace: a root and a model call with every attribute that can hold content."""
    found, seconds, fails = KINDS[kind]
    start = time.time_ns()
    end = start + int(seconds * SECOND)
    root = client.start_trace(kind, span_type=SpanType.CHAIN, start_time_ns=start, inputs={"said": PRIVATE})
    call = client.start_span("call", root.trace_id, root.span_id, start_time_ns=start + SECOND // 10)
    call.set_attributes({key: f'["{PRIVATE}", "{" ".join(SECRETS.values())}"]' for key in attr.CONTENT})
    call.set_attributes({f"{attr.PROMPT_VARIABLE_PREFIX}name": PRIVATE, "api_key": "open sesame", **found})
    if fails:
        _fail(call)
    client.end_span(root.trace_id, call.span_id, end_time_ns=end - SECOND // 10)
    client.end_trace(root.trace_id, outputs=PRIVATE, end_time_ns=end)


def _fail(call: Span) -> None:
    try:
        raise ValueError(f"the model did not like {PRIVATE}, {', '.join(SECRETS.values())}")
    except ValueError as error:
        call.record_exception(error)
        call.set_status("ERROR", str(error))


def report_the_model_call() -> None:
    """Make a model call that is also a log event and in the metrics."""
    with genai_otel.start_span(span_type=SpanType.LLM, model="gpt-4o-mini", provider="openai") as span:
        span.set_inputs(f"{PRIVATE} {SECRETS['address']}").set_outputs(PRIVATE).set_usage(10, 5)
        genai_otel.log_evaluation("politeness", value=0.5, explanation=PRIVATE)


if __name__ == "__main__":
    main()
