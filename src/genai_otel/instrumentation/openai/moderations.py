"""Moderations: judgements on texts and pictures. Without an operation, for the reasons ``images`` gives."""

from __future__ import annotations

from typing import Any, Final

from genai_otel.content import messages as shapes
from genai_otel.content.fields import Message, field, sequence, string
from genai_otel.content.parts import text_part
from genai_otel.content.plain import plain
from genai_otel.conventions import attributes as attr
from genai_otel.conventions.span_types import AUTOMATIC
from genai_otel.telemetry import writers
from genai_otel.telemetry.operation import Operation

from . import requests, usage
from .api import Api, Request


def start(request: Request) -> dict[str, Any]:
    """Return the attributes of the request."""
    return requests.media(request.body, None)


def record_request(op: Operation, request: Request) -> None:
    """Record what is to be judged: one text or several, or the parts of a message."""
    given = request.body.get("input")
    writers.write_content(op, attr.INPUT_MESSAGES, lambda: shapes.input_messages(given), captured=True)


def record_answer(op: Operation, answer: Any) -> None:
    """Record a ``ModerationCreateResponse``: an SDK object or plain JSON."""
    op.set(attr.RESPONSE_ID, string(field(answer, "id")))
    record_judgements(op, answer, "results")


def record_judgements(op: Operation, answer: Any, name: str) -> None:
    """Record the model, the tokens and, as one message each, the judgements under ``name``."""
    op.set(attr.RESPONSE_MODEL, string(field(answer, "model")))
    op.update(usage.attributes_of(field(answer, "usage")))
    found = sequence(field(answer, name))
    writers.write_content(op, attr.OUTPUT_MESSAGES, lambda: [_message(each) for each in found], captured=True)


def _message(judgement: Any) -> Message:
    return {"role": "assistant", "parts": [text_part(plain(judgement))]}


MODERATIONS: Final = Api(AUTOMATIC["moderations"], start, record_request, record_answer)
