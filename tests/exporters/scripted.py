"""Spans of the real SDK with chosen ids and times, so that pictures of them are the same on every run."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

_EPOCH = 1_700_000_000 * 10**9
_MILLISECOND = 1_000_000


class _Counting(IdGenerator):
    def __init__(self) -> None:
        self._ids = itertools.count(1)

    def generate_span_id(self) -> int:
        return next(self._ids)

    def generate_trace_id(self) -> int:
        return (0x4BF92F35 << 96) + next(self._ids)


class Script:
    """A tracer whose spans start and end at given milliseconds."""

    def __init__(self, *processors: SpanProcessor) -> None:
        self._memory = InMemorySpanExporter()
        self.provider = TracerProvider(id_generator=_Counting(), shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._memory))
        for processor in processors:
            self.provider.add_span_processor(processor)
        self._tracer = self.provider.get_tracer("scripted")
        self._open: list[tuple[Span, int]] = []

    def start(
        self,
        name: str,
        start: float = 0,
        end: float = 1,
        parent: Any = None,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        error: tuple[str, str] | None = None,
        **attributes: Any,
    ) -> Span:
        """Start a span that :meth:`finish` ends; ``gen_ai__x__y=...`` sets the attribute ``gen_ai.x.y``."""
        span = self._tracer.start_span(
            name,
            context=set_span_in_context(parent) if parent is not None else None,
            kind=kind,
            start_time=_EPOCH + int(start * _MILLISECOND),
            attributes={key.replace("__", "."): value for key, value in attributes.items()},
        )
        assert isinstance(span, Span)
        if error:
            span.set_status(Status(StatusCode.ERROR, error[1]))
            span.set_attribute("error.type", error[0])
        self._open.append((span, _EPOCH + int(end * _MILLISECOND)))
        return span

    def finish(self, *only: Span) -> None:
        """End the given spans, or all that are open, the last started first."""
        for span, end in reversed(list(self._open)):
            if not only or any(span is wanted for wanted in only):
                self._open.remove((span, end))
                span.end(end_time=end)

    def spans(self) -> Sequence[ReadableSpan]:
        """End what is open and return every span so far, in the order in which they ended."""
        self.finish()
        return self._memory.get_finished_spans()


def message(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


def support_agent(script: Script) -> Script:
    """A request served by an agent with a retriever, a tool that fails and a streamed answer."""
    client = SpanKind.CLIENT
    root = script.start("POST /ask", 0, 3412, kind=SpanKind.SERVER)
    agent = script.start(
        "invoke_agent support", 6, 3405, root,
        gen_ai__operation__name="invoke_agent",
        gen_ai__usage__input_tokens=2480, gen_ai__usage__output_tokens=291,
        gen_ai__input__messages=message("user", "Can I still return order 1234?\nIt arrived on Monday."),
        gen_ai__output__messages=message("assistant", "Yes: within 30 days of delivery."),
    )  # fmt: skip
    retriever = script.start(
        "retrieval policies", 12, 228, agent, kind=client, gen_ai__operation__name="retrieval"
    )
    script.start(
        "embeddings text-embedding-3-small", 14, 131, retriever, kind=client,
        gen_ai__operation__name="embeddings", gen_ai__request__model="text-embedding-3-small",
        gen_ai__usage__input_tokens=12,
    )  # fmt: skip
    script.start("rerank", 133, 226, retriever, openinference__span__kind="RERANKER")
    model = {"gen_ai__request__model": "gpt-5-mini", "gen_ai__response__model": "gpt-5-mini-2025-08-07"}
    script.start(
        "chat gpt-5-mini", 231, 1260, agent, kind=client, gen_ai__operation__name="chat",
        gen_ai__usage__input_tokens=1204, gen_ai__usage__output_tokens=58, **model,
    )  # fmt: skip
    script.start(
        "execute_tool lookup_order", 1263, 1304, agent, gen_ai__operation__name="execute_tool",
        error=("KeyError", "'order 1234 is not in the index'"),
    )  # fmt: skip
    script.start(
        "chat gpt-5-mini", 1310, 3398, agent, kind=client, gen_ai__operation__name="chat",
        gen_ai__usage__input_tokens=1276, gen_ai__usage__output_tokens=233,
        gen_ai__response__time_to_first_chunk=0.412, **model,
    )  # fmt: skip
    return script
