"""The Responses API: create, parse, stream and compact are inferences; retrieve and cancel are fetches.

A fetch is of what exists already: it carries the state of the response, never token usage nor what was asked.
"""

from __future__ import annotations

from typing import Any, Final

from genai_otel.content import messages as shapes
from genai_otel.content.fields import field
from genai_otel.content.media import without_binaries
from genai_otel.content.plain import plain
from genai_otel.content.policy import DROPPED
from genai_otel.conventions import attributes as attr
from genai_otel.conventions.span_types import AUTOMATIC, RULES
from genai_otel.telemetry import writers
from genai_otel.telemetry.operation import Operation

from . import requests
from .api import Api, Request
from .responses_answers import has_compaction, record_answer, record_context, record_fetched
from .responses_stream import FetchStream, ResponseStream

API_TYPE: Final = "responses"


def start(request: Request) -> dict[str, Any]:
    """Return the attributes of a request for an answer."""
    found = requests.inference(request.body, API_TYPE, stream=request.stream)
    if has_compaction(request.body.get("input")):
        found[attr.CONVERSATION_COMPACTED] = True
    return found


def start_fetch(request: Request) -> dict[str, Any]:
    """Return the attributes of a request for an answer that exists already."""
    found: dict[str, Any] = {attr.OPENAI_API_TYPE: API_TYPE, attr.RESPONSE_ID: request.params["response_id"]}
    if request.stream:
        found[attr.REQUEST_STREAM] = True
    cursor = request.query.get("starting_after")
    if isinstance(cursor, (int, str)):
        found[attr.REQUEST_STREAM_CURSOR] = str(cursor)
    return found


def record_request(op: Operation, request: Request) -> None:
    """Record the input, the instructions, the tools and the variables of the prompt."""
    body = request.body
    given = body.get("input")
    writers.write_content(op, attr.INPUT_MESSAGES, lambda: shapes.input_messages(given), captured=True)
    record_context(op, body)
    variables = field(body.get("prompt"), "variables")
    if isinstance(variables, dict):
        _record_variables(op, variables)


def _record_variables(op: Operation, variables: dict[str, Any]) -> None:
    """Record each variable as an attribute of its own; these are for spans only."""
    policy = op.settings.content
    if not policy.span:
        return
    for name, value in variables.items():
        key = f"{attr.PROMPT_VARIABLE_PREFIX}{name}"
        cleared = policy.cleared(key, without_binaries(plain(value)))
        if cleared is not DROPPED:
            op.set(key, policy.text(cleared))


def record_nothing(op: Operation, request: Request) -> None:
    """Record nothing: the request for a fetch says nothing that is content."""


RESPONSES: Final = Api(RULES["LLM"], start, record_request, record_answer, ResponseStream)
FETCH: Final = Api(AUTOMATIC["fetch_response"], start_fetch, record_nothing, record_fetched, FetchStream)
