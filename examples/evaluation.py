"""Judging answers: an evaluator inside the trace, and the user's feedback when the trace has long ended.

Both become `gen_ai.evaluation.result` events on the span that is judged, which MLflow and Langfuse show as scores.
Events travel as OTLP log records, so they are seen with `OTEL_EXPORTER_OTLP_ENDPOINT` set; here a log exporter of the
application prints them.
"""

from __future__ import annotations

from opentelemetry._logs import set_logger_provider
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import ConsoleLogRecordExporter, SimpleLogRecordProcessor

import genai_otel
from genai_otel import SpanType


def one_line(event: ReadableLogRecord) -> str:
    record = event.log_record
    facts = {
        key.removeprefix("gen_ai.evaluation."): value for key, value in (record.attributes or {}).items()
    }
    return f"{record.event_name} on span {record.span_id:016x}: {facts}\n"


logs = LoggerProvider()
logs.add_log_record_processor(SimpleLogRecordProcessor(ConsoleLogRecordExporter(formatter=one_line)))
set_logger_provider(logs)
genai_otel.configure("evaluation", capture_content=True)


@genai_otel.trace(span_type=SpanType.CHAIN)
def answer(question: str) -> str:
    return "The shop opens at nine." if "open" in question else "I don't know."


@genai_otel.trace(span_type=SpanType.EVALUATOR)
def judge(text: str) -> float:
    return 0.0 if "don't know" in text else 1.0


def serve(question: str) -> tuple[str, str]:
    """Answer, judge the answer, and return the ids that the web page sends back with the feedback."""
    with genai_otel.start_span("request") as span:
        text = answer(question)
        score = judge(text)
        genai_otel.log_evaluation(
            "helpfulness",
            value=score,
            label="pass" if score > 0.5 else "fail",
            explanation=f"answered: {text}",
        )
        return span.trace_id, span.span_id


if __name__ == "__main__":
    for question, liked in (("When do you open?", True), ("Why?", False)):
        ids = serve(question)
        genai_otel.log_feedback(value=liked, span=ids)  # minutes later, in another request
