"""Vector store search: what was asked, in which store, and the documents it gave."""

from __future__ import annotations

from typing import Any, Final

from genai_otel.conventions import attributes as attr
from genai_otel.conventions.span_types import RULES
from genai_otel.telemetry import writers
from genai_otel.telemetry.operation import Operation

from .api import Api, Request


def start(request: Request) -> dict[str, Any]:
    """Return the attributes of the request; the limit only if the caller set one."""
    found: dict[str, Any] = {attr.DATA_SOURCE_ID: request.params["vector_store_id"]}
    if type(limit := request.body.get("max_num_results")) is int:
        found[attr.RETRIEVAL_TOP_K] = limit
    return found


def record_request(op: Operation, request: Request) -> None:
    """Record the query, or the queries as JSON."""
    writers.write_inputs(op, request.body.get("query"), captured=True)


def record_answer(op: Operation, answer: Any) -> None:
    """Record the documents of one page of results."""
    writers.write_documents(op, answer, captured=True)


SEARCH: Final = Api(RULES["RETRIEVER"], start, record_request, record_answer)
