"""Audio: speech, transcriptions and translations.

The spans have no operation, for the reasons that ``images`` gives. Sound is only ever referred to: a file to
transcribe is never read here, and speech that the caller reads lazily isn't either.
"""

from __future__ import annotations

from typing import Any, Final

from genai_otel.content.fields import Message, Part, field, string
from genai_otel.content.media import reference
from genai_otel.content.parts import text_part
from genai_otel.conventions import attributes as attr
from genai_otel.conventions.span_types import AUTOMATIC
from genai_otel.telemetry import writers
from genai_otel.telemetry.operation import Operation

from . import requests, usage
from .api import Api, Request, read_json
from .chunks import ChunkTimer
from .uploads import upload_parts

_EVENT_STREAM: Final = (b"event:", b"data:")


# --- speech -------------------------------------------------------------------------------------------------
def start_speech(request: Request) -> dict[str, Any]:
    """Return the attributes of a request for speech."""
    return requests.media(request.body, "speech")


def record_text(op: Operation, request: Request) -> None:
    """Record what is to be said, and how."""
    text, instructions = request.body.get("input"), request.body.get("instructions")
    if text is not None:
        writers.write_content(
            op, attr.INPUT_MESSAGES, lambda: _said("user", [text_part(text)]), captured=True
        )
    if instructions:
        writers.write_content(op, attr.SYSTEM_INSTRUCTIONS, lambda: [text_part(instructions)], captured=True)


def record_speech(op: Operation, answer: Any) -> None:
    """Record speech: the SDK's binary content or the bytes themselves, if they are in memory."""
    response = field(answer, "response")
    data = answer if isinstance(answer, bytes) else getattr(response, "_content", None)
    if not isinstance(data, bytes):
        return
    if data.startswith(_EVENT_STREAM):
        op.update(usage.attributes_of(field(_last_event(data), "usage")))
        return
    mime_type = _content_type(response)
    writers.write_content(
        op,
        attr.OUTPUT_MESSAGES,
        lambda: _said("assistant", [reference(data, modality="audio", mime_type=mime_type)]),
        captured=True,
    )


def _last_event(body: bytes) -> Any:
    """Return the last event of a body of server-sent events: the one that has the usage."""
    begin = body.rfind(b"data:")
    return read_json(body[begin + len(b"data:") :].partition(b"\n")[0])


def _content_type(response: Any) -> str | None:
    headers = getattr(response, "headers", None)
    found = headers.get("content-type") if headers is not None else None
    return found.partition(";")[0] if isinstance(found, str) else None


def _as_they_are(body: bytes) -> bytes:
    return body


# --- transcriptions and translations ------------------------------------------------------------------------
def start_text(request: Request) -> dict[str, Any]:
    """Return the attributes of a request for a transcription or a translation."""
    return requests.media(request.body, "text", stream=request.stream)


def record_file(op: Operation, request: Request) -> None:
    """Record which file is to be heard, and the hints given with it."""
    writers.write_content(op, attr.INPUT_MESSAGES, lambda: _heard(request), captured=True)


def _heard(request: Request) -> list[Message]:
    prompt = request.body.get("prompt")
    hints = [text_part(prompt)] if prompt else []
    return _said("user", [*upload_parts(request.files, "audio"), *hints])


def record_transcript(op: Operation, answer: Any) -> None:
    """Record a transcription in any of its formats: text, an SDK object or plain JSON."""
    op.update(usage.attributes_of(field(answer, "usage")))
    text = string(answer) or string(field(answer, "text"))
    if text:
        writers.write_content(
            op, attr.OUTPUT_MESSAGES, lambda: _said("assistant", [text_part(text)]), captured=True
        )


def _said(role: str, parts: list[Part]) -> list[Message]:
    return [{"role": role, "parts": parts}] if parts else []


def read_transcript(body: bytes) -> Any:
    """Return what a raw body says: JSON, or the text that it is."""
    found = read_json(body) if body.lstrip()[:1] == b"{" else None
    return body.decode("utf-8", "replace") if found is None else found


class TranscriptStream:
    """Follows the events of one transcription; keeps text only when it is going to be recorded."""

    __slots__ = ("_done", "_op", "_pieces", "_timer", "_wanted")

    def __init__(self, op: Operation, started: float) -> None:
        self._op = op
        self._timer = ChunkTimer(op, started)
        self._wanted = writers.wants_captured(op)
        self._pieces: list[str] = []
        self._done = False

    def chunk(self, event: Any) -> None:
        """Take note of one event: a piece of text, or all of it and the usage."""
        if self._done:
            return
        delta = string(field(event, "delta"))
        if delta:
            self._timer.tick()
            if self._wanted:
                self._pieces.append(delta)
        elif (string(field(event, "type")) or "").endswith(".done"):
            self._done = True
            self._pieces = []
            record_transcript(self._op, event)

    def finish(self) -> None:
        """Record the text so far, if the stream was cut off."""
        self._timer.finish()
        text, self._pieces = "".join(self._pieces), []
        if text:
            record_transcript(self._op, text)


SPEECH: Final = Api(AUTOMATIC["audio.speech"], start_speech, record_text, record_speech, read=_as_they_are)
TRANSCRIPTIONS: Final = Api(
    AUTOMATIC["audio.transcriptions"],
    start_text,
    record_file,
    record_transcript,
    TranscriptStream,
    read_transcript,
)
TRANSLATIONS: Final = Api(
    AUTOMATIC["audio.translations"], start_text, record_file, record_transcript, read=read_transcript
)
