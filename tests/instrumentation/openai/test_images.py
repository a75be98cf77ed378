from __future__ import annotations

import base64
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

MODEL = "gpt-image-1"
PICTURE = b"\x89PNG and the rest of a picture"


class Unreadable(io.BytesIO):
    """A file that knows who reads it first."""

    name = "/home/me/cat.png"
    reads = 0

    def read(self, *args: Any) -> bytes:
        type(self).reads += 1
        return super().read(*args)


def sent(telemetry: Telemetry, name: str) -> list[dict[str, Any]]:
    (message,) = json.loads(telemetry.attributes(name)[attr.INPUT_MESSAGES])
    assert message["role"] == "user"
    return message["parts"]  # type: ignore[no-any-return]


def received(telemetry: Telemetry, name: str) -> list[dict[str, Any]]:
    messages = json.loads(telemetry.attributes(name)[attr.OUTPUT_MESSAGES])
    return [part for message in messages for part in message["parts"]]


def digest(encoded: str | None) -> str:
    return hashlib.sha256(base64.b64decode(encoded or "")).hexdigest()


@since(1, 76)
def test_a_generated_image_is_a_client_span_with_registered_attributes_only(
    client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    answer = client.images.generate(model=MODEL, prompt="a SECRET cat", n=2)

    assert answer.usage is not None
    span = telemetry_without_content.one(f"images.generate {MODEL}")
    assert span.kind.name == "CLIENT"
    assert span.status.status_code.name == "UNSET"
    assert dict(span.attributes or {}) == {
        attr.PROVIDER_NAME: "openai",
        attr.SERVER_ADDRESS: "127.0.0.1",
        attr.SERVER_PORT: client.base_url.port,
        attr.REQUEST_MODEL: MODEL,
        attr.REQUEST_CHOICE_COUNT: 2,
        attr.OUTPUT_TYPE: "image",
        attr.USAGE_INPUT_TOKENS: answer.usage.input_tokens,
        attr.USAGE_OUTPUT_TOKENS: answer.usage.output_tokens,
        attr.USAGE_TEXT_INPUT_TOKENS: answer.usage.input_tokens_details.text_tokens,
        attr.USAGE_IMAGE_OUTPUT_TOKENS: answer.usage.output_tokens,
    }
    assert not telemetry_without_content.metrics()


def test_images_are_referred_to_by_their_digests(client: openai.OpenAI, telemetry: Telemetry) -> None:
    answer = client.images.generate(model=MODEL, prompt="a cat", n=2)

    name = f"images.generate {MODEL}"
    assert sent(telemetry, name) == [{"type": "text", "content": "a cat"}]
    parts = received(telemetry, name)
    assert [part["sha256"] for part in parts] == [digest(image.b64_json) for image in answer.data or []]
    assert {part["mime_type"] for part in parts} == {"image/png"}
    assert (answer.data or [])[0].b64_json not in telemetry.one(name).to_json()


def test_addresses_and_revised_prompts_are_kept(client: openai.OpenAI, telemetry: Telemetry) -> None:
    client.images.generate(prompt="a cat")

    (part,) = received(telemetry, "images.generate")
    assert part["uri"] == "https://example.com/images/1.png"
    assert part["revised_prompt"] == "a cat"
    assert attr.USAGE_INPUT_TOKENS not in telemetry.attributes("images.generate")


def test_a_raw_answer_is_read_from_memory(client: openai.OpenAI, telemetry: Telemetry) -> None:
    raw = client.images.with_raw_response.generate(model=MODEL, prompt="a cat")

    (part,) = received(telemetry, f"images.generate {MODEL}")
    assert part["sha256"] == digest((raw.parse().data or [])[0].b64_json)


@since(1, 97)
def test_a_stream_records_its_last_picture_and_its_usage(client: openai.OpenAI, telemetry: Telemetry) -> None:
    stream = client.images.generate(model=MODEL, prompt="a cat", stream=True, partial_images=2)
    pictures = [event.b64_json for event in stream]

    found = telemetry.attributes(f"images.generate {MODEL}")
    assert found[attr.REQUEST_STREAM] is True
    assert found[attr.TIME_TO_FIRST_CHUNK] > 0
    assert found[attr.USAGE_OUTPUT_TOKENS] > 0
    (part,) = received(telemetry, f"images.generate {MODEL}")
    assert part["sha256"] == digest(pictures[-1])


@since(1, 97)
def test_a_stream_left_early_records_the_picture_so_far(client: openai.OpenAI, telemetry: Telemetry) -> None:
    with client.images.generate(model=MODEL, prompt="a cat", stream=True, partial_images=2) as stream:
        first = next(iter(stream)).b64_json

    (part,) = received(telemetry, f"images.generate {MODEL}")
    assert part["sha256"] == digest(first)
    assert attr.USAGE_OUTPUT_TOKENS not in telemetry.attributes(f"images.generate {MODEL}")


@since(1, 97)
async def test_async_streams(async_client: openai.AsyncOpenAI, telemetry_without_content: Telemetry) -> None:
    async for _ in await async_client.images.edit(model=MODEL, image=PICTURE, prompt="a dog", stream=True):
        pass

    found = telemetry_without_content.attributes(f"images.edit {MODEL}")
    assert found[attr.USAGE_IMAGE_INPUT_TOKENS] > 0
    assert attr.OUTPUT_MESSAGES not in found


@since(1, 76)
def test_uploads_given_as_bytes_are_referred_to_by_their_digest(
    client: openai.OpenAI, telemetry: Telemetry, tmp_path: Path
) -> None:
    path = tmp_path / "dog.webp"
    path.write_bytes(PICTURE)
    client.images.edit(
        model=MODEL, image=[("cat.png", PICTURE), path], mask=("mask", PICTURE, "image/png"), prompt="both"
    )

    text, cat, dog, mask = sent(telemetry, f"images.edit {MODEL}")
    assert text["content"] == "both"
    assert [part["filename"] for part in (cat, dog, mask)] == ["cat.png", "dog.webp", "mask"]
    assert {part["sha256"] for part in (cat, dog, mask)} == {hashlib.sha256(PICTURE).hexdigest()}
    assert {part["size"] for part in (cat, dog, mask)} == {len(PICTURE)}
    assert cat["mime_type"] == mask["mime_type"] == "image/png"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_open_files_are_not_read(client: openai.OpenAI, telemetry: Telemetry) -> None:
    Unreadable.reads = 0
    file = Unreadable(PICTURE)
    client.images.create_variation(image=file)
    reads = Unreadable.reads

    (part,) = sent(telemetry, "images.create_variation")
    assert part == {"type": "upload", "modality": "image", "mime_type": "image/png", "filename": "cat.png"}

    Unreadable.reads = 0
    import genai_otel

    genai_otel.openai.autolog(disable=True)
    client.images.create_variation(image=Unreadable(PICTURE))
    assert Unreadable.reads == reads


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_without_content_no_file_name_is_recorded(
    client: openai.OpenAI, telemetry_without_content: Telemetry
) -> None:
    client.images.create_variation(image=("SECRET.png", PICTURE))
    client.images.edit(model=MODEL, image=("SECRET.png", PICTURE), prompt="SECRET")

    assert len(telemetry_without_content.spans) == 2
    assert not [span for span in telemetry_without_content.spans if "SECRET" in span.to_json()]


def test_an_error_is_an_error(client: openai.OpenAI, telemetry: Telemetry) -> None:
    with pytest.raises(openai.RateLimitError):
        client.images.generate(model=MODEL, prompt="a cat", extra_headers={"x-mock": "status=429"})

    span = telemetry.one(f"images.generate {MODEL}")
    assert span.status.status_code.name == "ERROR"
    assert dict(span.attributes or {})[attr.ERROR_TYPE] == "openai.RateLimitError"
