"""A pipeline without any model: tracing is as useful for ordinary steps.

Extract, transform and load are tasks of one workflow. A row that can't be parsed fails its own span, which is seen in
the trace although the pipeline goes on; counts are plain attributes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import genai_otel
from genai_otel import SpanType

ROWS = ["2025-01-03;lock;49.90", "2025-01-04;light;abc", "2025-01-05;tyre;29.00"]
Sale = dict[str, object]

genai_otel.configure("etl", capture_content=True)


@genai_otel.trace(
    span_type=SpanType.TASK, output_reducer=len
)  # the span covers the iteration; recorded is a count
def extract(source: list[str]) -> Iterator[str]:
    yield from source


@genai_otel.trace(span_type=SpanType.PARSER)
def parse(row: str) -> Sale:
    day, item, price = row.split(";")
    return {"day": day, "item": item, "price": float(price)}


@genai_otel.trace(span_type=SpanType.TASK)
def transform(rows: list[str]) -> list[Sale]:
    sales: list[Sale] = []
    for row in rows:
        with suppress(ValueError):  # the failure is on the span of `parse`
            sales.append(parse(row))
    return sales


def load(sales: list[Sale]) -> None:
    with genai_otel.start_span("load", span_type=SpanType.TASK, inputs=sales) as span:
        span.set_attribute("rows.loaded", len(sales)).set_outputs({"table": "sales"})


@genai_otel.trace(span_type=SpanType.WORKFLOW, name="nightly_sales")
def pipeline(source: list[str]) -> int:
    sales = transform(list(extract(source)))
    load(sales)
    rejected = len(source) - len(sales)
    genai_otel.update_current_trace(
        metadata={"rejected": rejected}, response_preview=f"{len(sales)} sales loaded"
    )
    return rejected


if __name__ == "__main__":
    print(f"{pipeline(ROWS)} row rejected")
