from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import openai
import pytest

from genai_otel.conventions import attributes as attr
from tests.telemetry_capture import Telemetry

from .sdk import since

SOUND = b"RIFF" + b"\0\1" * 5_000
SPEECH = "audio.speech gpt-4o-mini-tts"
TRANSCRIPTION = "audio.transcriptions gpt-4o-transcribe"


def parts(found: dict[str, Any], key: str) -> list[dict[str, Any]]:
    (message,) = json.loads(found[key])
    return message["parts"]  # type: ignore[no-any-return]


def text(found: dict[str, Any]) -> str:
    (part,) = parts(found, attr.OUTPUT_MESSAGES)
    return part["content"]  # type: ignore[no-any-return]


# --- speech -----------------------------------------------------------------------------------------------
def speak(client: openai.OpenAI, **more: Any) -> Any:
    return client.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="Hello SECRET", **more)


@since(1, 68)
def test_speech_is_a_client_span_of_output_type_speech(
    client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    speak(client, instructions="SECRET voice")

    span = telemetry_without_content.one(SPEECH)
    assert span.kind.name == "CLIENT"
    assert dict(span.attributes or {}) == {
        attr.PROVIDER_NAME: "openai",
        attr.SERVER_ADDRESS: "127.0.0.1",
        attr.SERVER_PORT: client.base_url.port,
        attr.REQUEST_MODEL: "gpt-4o-mini-tts",
        attr.OUTPUT_TYPE: "speech",
    }


@since(1, 68)
@pytest.mark.parametrize("raw", [False, True])
def test_text_and_instructions_are_content_and_sound_is_referred_to(
    raw: bool, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    speech = client.audio.speech.with_raw_response if raw else client.audio.speech
    answer = speech.create(
        model="gpt-4o-mini-tts", voice="alloy", input="Hello", instructions="whisper", response_format="wav"
    )

    found = telemetry.attributes(SPEECH)
    assert parts(found, attr.INPUT_MESSAGES) == [{"type": "text", "content": "Hello"}]
    assert json.loads(found[attr.SYSTEM_INSTRUCTIONS]) == [{"type": "text", "content": "whisper"}]
    (part,) = parts(found, attr.OUTPUT_MESSAGES)
    data = answer.content
    assert part["sha256"] == hashlib.sha256(data).hexdigest()
    assert (part["modality"], part["size"]) == ("audio", len(data))


@since(1, 91)
def test_speech_as_events_brings_usage(client: openai.OpenAI, telemetry: Telemetry) -> None:
    speak(client, stream_format="sse")

    found = telemetry.attributes(SPEECH)
    assert found[attr.USAGE_INPUT_TOKENS] > 0
    assert found[attr.USAGE_TEXT_INPUT_TOKENS] > 0
    assert attr.OUTPUT_MESSAGES not in found


@since(1, 8)
def test_speech_that_is_streamed_to_a_file_is_not_read_here(
    client: openai.OpenAI, telemetry: Telemetry, tmp_path: Path
) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="alloy", input="Hello"
    ) as response:
        assert not response.is_closed
        assert not telemetry.spans
        response.stream_to_file(tmp_path / "hello.mp3")

    assert (tmp_path / "hello.mp3").stat().st_size > 0
    assert attr.OUTPUT_MESSAGES not in telemetry.attributes(SPEECH)


async def test_async_speech(async_client: openai.AsyncOpenAI, telemetry: Telemetry) -> None:
    answer = await async_client.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="Hello")

    (part,) = parts(telemetry.attributes(SPEECH), attr.OUTPUT_MESSAGES)
    assert part["sha256"] == hashlib.sha256(answer.content).hexdigest()


# --- transcriptions and translations ----------------------------------------------------------------------
def hear(client: openai.OpenAI, **more: Any) -> Any:
    return client.audio.transcriptions.create(
        **{"model": "gpt-4o-transcribe", "file": ("call.wav", SOUND), **more}
    )


@since(1, 91)
def test_a_transcription_is_a_client_span_of_output_type_text(
    client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    answer = hear(client, prompt="SECRET names")

    span = telemetry_without_content.one(TRANSCRIPTION)
    assert span.kind.name == "CLIENT"
    assert dict(span.attributes or {}) == {
        attr.PROVIDER_NAME: "openai",
        attr.SERVER_ADDRESS: "127.0.0.1",
        attr.SERVER_PORT: client.base_url.port,
        attr.REQUEST_MODEL: "gpt-4o-transcribe",
        attr.OUTPUT_TYPE: "text",
        attr.USAGE_INPUT_TOKENS: answer.usage.input_tokens,
        attr.USAGE_OUTPUT_TOKENS: answer.usage.output_tokens,
        attr.USAGE_TEXT_INPUT_TOKENS: answer.usage.input_token_details.text_tokens,
        attr.USAGE_AUDIO_INPUT_TOKENS: answer.usage.input_token_details.audio_tokens,
    }


@pytest.mark.parametrize("response_format", ["json", "text", "srt", "vtt", "verbose_json", "diarized_json"])
@pytest.mark.parametrize("raw", [False, True])
def test_every_format_is_recorded_as_text(
    response_format: str, raw: bool, client: openai.OpenAI, telemetry: Telemetry
) -> None:
    plain = client.audio.transcriptions
    transcriptions: Any = plain.with_raw_response if raw else plain
    answer = transcriptions.create(
        model="gpt-4o-transcribe", file=("call.wav", SOUND), response_format=response_format
    )
    answer = answer.parse() if raw else answer

    assert text(telemetry.attributes(TRANSCRIPTION)) == (answer if isinstance(answer, str) else answer.text)


def test_file_and_hints_are_content(client: openai.OpenAI, telemetry: Telemetry) -> None:
    hear(client, prompt="names: Ada")

    file, hints = parts(telemetry.attributes(TRANSCRIPTION), attr.INPUT_MESSAGES)
    assert file["sha256"] == hashlib.sha256(SOUND).hexdigest()
    assert (file["modality"], file["filename"], file["size"]) == ("audio", "call.wav", len(SOUND))
    assert hints == {"type": "text", "content": "names: Ada"}


def test_an_open_file_is_known_by_its_name_only(
    client: openai.OpenAI, telemetry: Telemetry, tmp_path: Path
) -> None:
    path = tmp_path / "call.mp3"
    path.write_bytes(SOUND)
    with path.open("rb") as file:
        hear(client, file=file)

    (part,) = parts(telemetry.attributes(TRANSCRIPTION), attr.INPUT_MESSAGES)
    assert part == {"type": "upload", "modality": "audio", "mime_type": "audio/mpeg", "filename": "call.mp3"}
    assert str(tmp_path) not in telemetry.one(TRANSCRIPTION).to_json()


def test_a_duration_is_no_token_count(client: openai.OpenAI, telemetry: Telemetry) -> None:
    hear(client, model="whisper-1")

    assert attr.USAGE_INPUT_TOKENS not in telemetry.attributes("audio.transcriptions whisper-1")


@since(1, 68)
def test_a_stream_is_put_together(client: openai.OpenAI, telemetry: Telemetry) -> None:
    events = list(hear(client, stream=True))
    said = "".join(event.delta for event in events if event.type == "transcript.text.delta")

    found = telemetry.attributes(TRANSCRIPTION)
    assert text(found) == said
    assert found[attr.REQUEST_STREAM] is True
    assert found[attr.TIME_TO_FIRST_CHUNK] > 0
    assert found[attr.USAGE_OUTPUT_TOKENS] > 0


@since(1, 68)
async def test_an_async_stream_closed_early_keeps_its_text(
    async_client: openai.AsyncOpenAI, telemetry: Telemetry
) -> None:
    stream = await async_client.audio.transcriptions.create(
        model="gpt-4o-transcribe", file=io.BytesIO(SOUND), stream=True
    )
    said = (await stream.__anext__()).delta  # type: ignore[union-attr]
    await stream.close()

    span = telemetry.one(TRANSCRIPTION)
    assert text(dict(span.attributes or {})) == said
    assert span.status.status_code.name == "UNSET"


@since(1, 68)
def test_a_stream_with_content_off_keeps_nothing(
    client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    for _ in hear(client, stream=True, extra_headers={"x-mock": "text=SECRET words"}):
        pass

    assert "SECRET" not in telemetry_without_content.one(TRANSCRIPTION).to_json()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_translation_is_a_span_of_its_own(client: openai.OpenAI, telemetry: Telemetry) -> None:
    answer = client.audio.translations.create(model="whisper-1", file=("call.wav", SOUND))

    found = telemetry.attributes("audio.translations whisper-1")
    assert text(found) == answer.text
    assert found[attr.OUTPUT_TYPE] == "text"


def test_an_error_is_an_error(client: openai.OpenAI, telemetry: Telemetry) -> None:
    with pytest.raises(openai.NotFoundError):
        hear(client, model="does-not-exist")

    assert telemetry.one("audio.transcriptions does-not-exist").status.status_code.name == "ERROR"
