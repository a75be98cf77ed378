"""Images: generate, edit and create_variation.

No operation of the conventions' registry describes them. ``generate_content`` is for inferences whose answer
has an id, a model and finish reasons, which an image answer has not; other names for an operation are
violations. So these spans say what is true and registered (provider, model, output type, tokens, messages),
are named after the SDK's method, have no ``gen_ai.operation.name``, and record none of the metrics that
require one.

Prompt and revised prompts are text; pictures, sent or received, are only ever referred to.
"""

from __future__ import annotations

from typing import Any, Final

from genai_otel.content.fields import Message, Part, field, sequence, string, with_present
from genai_otel.content.media import image_mime_type, located, reference
from genai_otel.content.parts import text_part
from genai_otel.conventions import attributes as attr
from genai_otel.conventions.span_types import AUTOMATIC
from genai_otel.telemetry import writers
from genai_otel.telemetry.operation import Operation

from . import requests, usage
from .api import Api, Request
from .chunks import ChunkTimer
from .uploads import upload_parts


def start(request: Request) -> dict[str, Any]:
    """Return the attributes of the request."""
    return requests.media(request.body, "image", stream=request.stream)


def record_request(op: Operation, request: Request) -> None:
    """Record the prompt and the pictures that go with it as one message."""
    writers.write_content(op, attr.INPUT_MESSAGES, lambda: _input(request), captured=True)


def _input(request: Request) -> list[Message]:
    prompt = request.body.get("prompt")
    parts = [text_part(prompt)] if prompt is not None else []
    parts += upload_parts(request.files, "image")
    return [{"role": "user", "parts": parts}] if parts else []


def record_answer(op: Operation, answer: Any) -> None:
    """Record an ``ImagesResponse``: an SDK object or plain JSON."""
    op.update(usage.attributes_of(field(answer, "usage")))
    writers.write_content(op, attr.OUTPUT_MESSAGES, lambda: _output(answer), captured=True)


def _output(answer: Any) -> list[Message]:
    """One message for each image."""
    output_format = field(answer, "output_format")
    return [_message(image, output_format) for image in sequence(field(answer, "data"))]


def _message(image: Any, output_format: Any) -> Message:
    part = _picture(image, output_format)
    revised = string(field(image, "revised_prompt"))
    return {
        "role": "assistant",
        "parts": [] if part is None else [with_present(part, revised_prompt=revised)],
    }


def _picture(image: Any, output_format: Any) -> Part | None:
    data, address = string(field(image, "b64_json")), string(field(image, "url"))
    mime_type = image_mime_type(output_format)
    if data:
        return reference(data, modality="image", mime_type=mime_type)
    return located(address, modality="image", mime_type=mime_type) if address else None


class ImageStream:
    """Follows the events of one image being made; keeps the last picture only, if it is to be recorded."""

    __slots__ = ("_done", "_image", "_op", "_timer", "_wanted")

    def __init__(self, op: Operation, started: float) -> None:
        self._op = op
        self._timer = ChunkTimer(op, started)
        self._wanted = writers.wants_captured(op)
        self._image: Any = None
        self._done = False

    def chunk(self, event: Any) -> None:
        """Take note of one event: a picture, partial or complete."""
        if self._done:
            return
        if field(event, "b64_json"):
            self._timer.tick()
            self._image = event if self._wanted else None
        if (string(field(event, "type")) or "").endswith(".completed"):
            self._done = True
            self._op.update(usage.attributes_of(field(event, "usage")))

    def finish(self) -> None:
        """Record the last picture seen, complete or not."""
        self._timer.finish()
        image, self._image = self._image, None
        if image is not None:
            writers.write_content(
                self._op,
                attr.OUTPUT_MESSAGES,
                lambda: [_message(image, field(image, "output_format"))],
                captured=True,
            )


GENERATE: Final = Api(AUTOMATIC["images.generate"], start, record_request, record_answer, ImageStream)
EDIT: Final = Api(AUTOMATIC["images.edit"], start, record_request, record_answer, ImageStream)
CREATE_VARIATION: Final = Api(AUTOMATIC["images.create_variation"], start, record_request, record_answer)
