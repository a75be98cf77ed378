"""Spans by id: for queues, callbacks and jobs where no `with` block can stand around the work.

`TracingClient` never touches the current context. Each step names its trace and its parent, so it may run in another
thread or minutes later; the trace id may be one that the business already has (32 hex digits, or any UUID).
"""

from __future__ import annotations

import queue
import threading
import uuid

import genai_otel
from genai_otel import SpanType

genai_otel.configure("client-ids", capture_content=True)
client = genai_otel.TracingClient()
jobs: queue.Queue[tuple[str, str, str] | None] = queue.Queue()


def worker() -> None:
    """Do what arrives, each job in the trace that it came with."""
    while (job := jobs.get()) is not None:
        trace_id, parent_id, page = job
        span = client.start_span(
            "translate", trace_id, parent_id, span_type=SpanType.TASK, inputs={"page": page}
        )
        client.end_span(trace_id, span.span_id, outputs=page.upper(), attributes={"page.length": len(page)})


def translate(order: uuid.UUID, pages: list[str]) -> str:
    root = client.start_trace(
        "order", trace_id=order, inputs={"pages": len(pages)}, tags={"customer": "acme"}
    )
    for page in pages:
        jobs.put((root.trace_id, root.span_id, page))
    jobs.put(None)
    thread = threading.Thread(target=worker)
    thread.start()
    thread.join()
    client.end_trace(root.trace_id, outputs="translated", status="OK")
    return root.trace_id


if __name__ == "__main__":
    number = uuid.UUID("0af76519-16cd-43dd-8448-eb211c80319c")
    print("trace", translate(number, ["guten morgen", "gute nacht"]))
