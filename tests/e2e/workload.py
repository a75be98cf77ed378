"""A program that makes traces with the library, exports them over OTLP, and writes down what it saw itself.

python -m tests.e2e.workload --traces 1000 --seen FOLDER --endpoint URL --protocol grpc

``FOLDER/spans.jsonl`` and ``FOLDER/events.jsonl`` then hold every span and log event as an exporter inside
the process got them; the last line of the output is JSON with counts and times.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
from opentelemetry import _logs
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

import genai_otel
from genai_otel import SpanType
from genai_otel.testing.server import OpenAIServer
from tests.e2e.plain import event_from_sdk, from_sdk

MODEL = "gpt-4o-mini"
DOCUMENTS = [
    {"id": "locks", "score": 0.91, "content": "The Harbour lock fits every rack."},
    {"id": "lights", "score": 0.42, "content": "Dynamo lights, 6 V – “steady” after dark 🚲"},
]


class Recorder(SpanExporter):
    """Appends every span to a file."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("w")
        self.count = 0

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        self.count += len(spans)
        self._file.writelines(json.dumps(from_sdk(span)) + "\n" for span in spans)
        self._file.flush()
        return SpanExportResult.SUCCESS


class Shop:
    """Traces of every shape: nested, threaded, failing, automatic, and with ids and times of the caller's."""

    def __init__(self, client: openai.OpenAI) -> None:
        self._client = client
        self._explicit = genai_otel.TracingClient()

    @genai_otel.trace(span_type=SpanType.AGENT)
    def shop_assistant(self, number: int, question: str) -> str:
        documents = self.handbook(question)
        with genai_otel.start_span(
            name="rank", span_type=SpanType.CHAIN, inputs={"question": question}
        ) as span:
            span.set_attributes({"flag": True, "count": number, "ratio": number / 7, "labels": ["a", "ü"]})
            span.set_attributes({"counts": [1, 2, number], "ratios": [0.5, 1.0], "flags": [True, False]})
            span.add_event("ranked", {"best": documents[0]["id"], "scores": [0.91, 0.42], "n": 2})
            span.set_outputs(documents)
        with genai_otel.ThreadPoolExecutor(max_workers=1) as pool:
            stock = pool.submit(self._stock_or_error, number).result()
        genai_otel.update_current_trace(tags={"batch": "e2e"}, request_preview=question)
        return self.automatic(question) if number % 5 == 0 else self.manual(question, stock)

    @genai_otel.trace(span_type=SpanType.RETRIEVER)
    def handbook(self, query: str) -> list[dict[str, Any]]:
        return DOCUMENTS

    @genai_otel.trace(span_type=SpanType.TOOL)
    def stock(self, number: int) -> int:
        if number % 10 == 3:
            raise LookupError(f"shelf {number} isn't in the plan")
        return number

    def _stock_or_error(self, number: int) -> int:
        try:
            return self.stock(number)
        except LookupError:
            return 0

    def manual(self, question: str, stock: int) -> str:
        with genai_otel.start_span(span_type=SpanType.LLM, model=MODEL, provider="openai") as span:
            span.set_inputs([{"role": "user", "content": question}])
            span.set_usage(20 + stock, 7).set_finish_reasons(["stop"])
            answer = f"There are {stock} in the shop."
            span.set_outputs(answer)
        return answer

    def automatic(self, question: str) -> str:
        messages: Any = [{"role": "user", "content": question}]
        reply = self._client.chat.completions.create(model=MODEL, messages=messages)
        return reply.choices[0].message.content or ""

    def explicit(self, number: int) -> None:
        trace_id, now = f"e2e{number:029x}", time.time_ns()
        root = self._explicit.start_trace("job", trace_id=trace_id, start_time_ns=now, inputs={"n": number})
        step = self._explicit.start_span("step", trace_id, root.span_id, start_time_ns=now + 1_000)
        self._explicit.end_span(
            trace_id, step.span_id, status="ERROR" if number % 40 == 39 else "OK", end_time_ns=now + 9_000
        )
        self._explicit.end_trace(trace_id, outputs="done", end_time_ns=now + 10_000)

    def trace(self, number: int) -> None:
        if number % 20 == 19:
            self.explicit(number)
            return
        with genai_otel.context(session_id=f"session-{number // 10}", user_id=f"user-{number % 3}"):
            self.shop_assistant(number, f"Which lock for bike {number}?")


@contextmanager
def shop() -> Iterator[Shop]:
    """Yield a shop whose model is the bundled server."""
    with OpenAIServer() as server, openai.OpenAI(api_key="e2e", base_url=server.base_url) as client:
        yield Shop(client)


def main() -> None:
    """Run as the arguments say."""
    arguments = _arguments()
    arguments.seen.mkdir(parents=True, exist_ok=True)
    recorder = Recorder(arguments.seen / "spans.jsonl")
    genai_otel.configure(
        "e2e-shop",
        exporter=[recorder, "otlp"],
        endpoint=arguments.endpoint,
        protocol=arguments.protocol,
        capture_content="span_and_event",
    )
    genai_otel.autolog()
    events = InMemoryLogRecordExporter()
    provider = _logs.get_logger_provider()
    if isinstance(provider, LoggerProvider):  # not with OTEL_LOGS_EXPORTER=none
        provider.add_log_record_processor(SimpleLogRecordProcessor(events))
    with shop() as made:
        seconds = _run(made, arguments)
    delivered = genai_otel.flush(60_000)
    with (arguments.seen / "events.jsonl").open("w") as file:
        file.writelines(json.dumps(event_from_sdk(one)) + "\n" for one in events.get_finished_logs())
    print(
        json.dumps({"spans": recorder.count, "seconds": seconds, "delivered": delivered, "end": time.time()})
    )


def _run(made: Shop, arguments: argparse.Namespace) -> float:
    start = time.perf_counter()
    for number in range(arguments.first, arguments.first + arguments.traces):
        made.trace(number)
        if arguments.rate:
            due = start + (number + 1 - arguments.first) / arguments.rate
            time.sleep(max(0.0, due - time.perf_counter()))
    return time.perf_counter() - start


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--traces", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="number of the first trace")
    parser.add_argument("--rate", type=float, help="traces per second; as fast as it goes without")
    parser.add_argument("--seen", type=Path, required=True)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--protocol", default="http/protobuf")
    return parser.parse_args()


if __name__ == "__main__":
    main()
