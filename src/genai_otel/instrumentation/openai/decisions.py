"""Decisions: questions answered about an input. Without an operation, for the reasons ``images`` gives."""

from __future__ import annotations

from typing import Any, Final

from genai_otel.content import messages as shapes
from genai_otel.content.fields import sequence
from genai_otel.content.parts import text_part
from genai_otel.conventions import attributes as attr
from genai_otel.conventions.span_types import AUTOMATIC
from genai_otel.telemetry import writers
from genai_otel.telemetry.operation import Operation

from . import requests
from .api import Api, Request
from .moderations import record_judgements


def start(request: Request) -> dict[str, Any]:
    """Return the attributes of the request."""
    return requests.media(request.body, None)


def record_request(op: Operation, request: Request) -> None:
    """Record the input and, as instructions, the questions about it."""
    given, questions = request.body.get("input"), sequence(request.body.get("questions"))
    writers.write_content(op, attr.INPUT_MESSAGES, lambda: shapes.input_messages(given), captured=True)
    writers.write_content(
        op, attr.SYSTEM_INSTRUCTIONS, lambda: [text_part(question) for question in questions], captured=True
    )


def record_answer(op: Operation, answer: Any) -> None:
    """Record a ``Decision``: an SDK object or plain JSON."""
    record_judgements(op, answer, "answers")


DECISIONS: Final = Api(AUTOMATIC["decisions"], start, record_request, record_answer)
