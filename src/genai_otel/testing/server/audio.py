"""Speech, transcriptions and translations."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from genai_otel.testing.server import media, text
from genai_otel.testing.server.exchange import JSON, Answer, Call, Event, EventStream, Reply, json_reply
from genai_otel.testing.server.files import uploaded
from genai_otel.testing.server.resources import Route

_AUDIO_TOKENS_PER_SECOND = 10
_SPEECH: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "wav": ("audio/wav", media.wav),
    "pcm": ("audio/pcm", media.samples),
    "mp3": ("audio/mpeg", lambda said: b"ID3" + media.samples(said)),
    "opus": ("audio/ogg", lambda said: b"OggS" + media.samples(said)),
    "flac": ("audio/flac", lambda said: b"fLaC" + media.samples(said)),
    "aac": ("audio/aac", lambda said: b"\xff\xf1" + media.samples(said)),
}


def speak(call: Call) -> Answer:
    """POST /audio/speech: bytes, or events with ``stream_format="sse"``."""
    call.model()
    said = str(call.require("input"))
    kind, render = _SPEECH.get(call.body.get("response_format") or "mp3", _SPEECH["mp3"])
    if call.body.get("stream_format") == "sse":
        return EventStream(_speech_events(said, render(said)), end=None)
    return Reply(render(said), content_type=kind)


def _speech_events(said: str, data: bytes) -> Iterator[Event]:
    half = len(data) // 2
    for part in (data[:half], data[half:]):
        yield _event({"type": "speech.audio.delta", "audio": media.base64_text(part)})
    yield _event({"type": "speech.audio.done", "usage": _token_usage(text.count(said), 0, len(data) // 100)})


def _event(data: JSON) -> Event:
    return Event(data, data["type"])


def _token_usage(words: int, audio: int, written: int) -> JSON:
    return {
        "input_tokens": words + audio,
        "input_token_details": {"text_tokens": words, "audio_tokens": audio},
        "output_tokens": written,
        "total_tokens": words + audio + written,
    }


def transcribe(call: Call) -> Answer:
    """POST /audio/transcriptions."""
    return _hear(call, "transcribe", "Transcript")


def translate(call: Call) -> Answer:
    """POST /audio/translations."""
    return _hear(call, "translate", "Translation")


def _hear(call: Call, task: str, noun: str) -> Answer:
    model = call.model()
    name, data = uploaded(call.require("file"))
    said = text.say(call.behaviour, "", "") if call.behaviour.text else f"{noun} of {name}."
    length = media.seconds(data)
    spent = _usage(call, model, length, said)
    if call.body.get("stream") in (True, "true"):
        return EventStream(_events(call, said, spent), end=None)
    return _FORMATS.get(call.body.get("response_format") or "json", _as_json)(said, length, spent, task)


def _usage(call: Call, model: str, length: float, said: str) -> JSON | None:
    if call.behaviour.nousage:
        return None
    if model.startswith("whisper"):
        return {"type": "duration", "seconds": length}
    heard = int(length * _AUDIO_TOKENS_PER_SECOND)
    return {"type": "tokens", **_token_usage(text.count(call.body.get("prompt")), heard, text.count(said))}


def _events(call: Call, said: str, spent: JSON | None) -> Iterator[Event]:
    for piece in text.pieces(said, call.behaviour):
        yield _event({"type": "transcript.text.delta", "delta": piece})
    yield _event({"type": "transcript.text.done", "text": said, **_present(spent)})


def _present(spent: JSON | None) -> JSON:
    return {"usage": spent} if spent else {}


def _as_json(said: str, length: float, spent: JSON | None, task: str) -> Answer:
    return json_reply({"text": said, **_present(spent)})


def _as_text(said: str, length: float, spent: JSON | None, task: str) -> Answer:
    return Reply(f"{said}\n".encode(), content_type="text/plain; charset=utf-8")


def _as_verbose(said: str, length: float, spent: JSON | None, task: str) -> Answer:
    segment = {"id": 0, "seek": 0, "start": 0.0, "end": length, "text": said, "tokens": [1, 2, 3]}
    segment |= {"temperature": 0.0, "avg_logprob": -0.25, "compression_ratio": 1.0, "no_speech_prob": 0.0}
    whole = {"task": task, "language": "english", "duration": length, "text": said, "segments": [segment]}
    return json_reply({**whole, "usage": {"type": "duration", "seconds": length}})


def _as_diarized(said: str, length: float, spent: JSON | None, task: str) -> Answer:
    segment = {"type": "transcript.text.segment", "id": "seg_1", "start": 0.0, "end": length, "speaker": "A"}
    whole = {"task": task, "duration": length, "text": said, "segments": [{**segment, "text": said}]}
    return json_reply({**whole, **_present(spent)})


def _as_subtitles(said: str, length: float, spent: JSON | None, task: str) -> Answer:
    return Reply(
        f"1\n00:00:00,000 --> 00:00:01,000\n{said}\n".encode(), content_type="text/plain; charset=utf-8"
    )


_FORMATS: dict[str, Callable[[str, float, JSON | None, str], Answer]] = {
    "json": _as_json,
    "text": _as_text,
    "verbose_json": _as_verbose,
    "diarized_json": _as_diarized,
    "srt": _as_subtitles,
    "vtt": _as_subtitles,
}

ROUTES: tuple[Route, ...] = (
    ("POST", "/audio/speech", speak),
    ("POST", "/audio/transcriptions", transcribe),
    ("POST", "/audio/translations", translate),
)
