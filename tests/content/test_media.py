"""Inline binaries become references, addresses and file ids stay, in every provider's shape."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from genai_otel.content.media import inline_text, media_part, reference, without_binaries
from genai_otel.content.messages import input_messages, output_messages
from tests.content.message_schema import assert_messages

RAW = b"\x89PNG some bytes \xff\xfe" * 20
BASE64 = base64.b64encode(RAW).decode()
URL = f"data:image/png;base64,{BASE64}"
DIGEST = hashlib.sha256(RAW).hexdigest()


def referenced(modality: str, mime_type: str | None = None, **extra: Any) -> dict[str, Any]:
    mime = {} if mime_type is None else {"mime_type": mime_type}
    part = {
        "type": "uri",
        "modality": modality,
        "uri": f"urn:sha256:{DIGEST}",
        "size": len(RAW),
        "sha256": DIGEST,
    }
    return {**part, **mime, **extra}


def content(entry: Any) -> dict[str, Any]:
    messages = input_messages([{"role": "user", "content": [entry]}])
    assert_messages(messages)
    assert BASE64[:40] not in json.dumps(messages)
    ((part,),) = [message["parts"] for message in messages]
    return part


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"type": "image_url", "image_url": {"url": URL, "detail": "low"}}, {"detail": "low"}),
        ({"type": "image_url", "image_url": URL}, {}),
        ({"type": "input_image", "image_url": URL, "detail": "auto"}, {"detail": "auto"}),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": BASE64}}, {}),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": RAW}}, {}),
        ({"type": "image", "base64": BASE64, "mime_type": "image/png"}, {}),
        ({"type": "image", "source_type": "base64", "data": BASE64, "mime_type": "image/png"}, {}),
        ({"type": "image", "image": URL}, {}),
        ({"type": "image_url", "image_url": {"url": BASE64}, "mime_type": "image/png"}, {}),
        ({"type": "blob", "modality": "image", "mime_type": "image/png", "content": BASE64}, {}),
        ({"type": "media", "mime_type": "image/png", "data": RAW}, {}),
        ({"type": "input_image", "image_url": RAW, "mime_type": "image/png"}, {}),
        ({"type": "image", "image": bytearray(RAW), "mime_type": "image/png"}, {}),
        ({"inline_data": {"mime_type": "image/png", "data": RAW}}, {}),
        ({"inlineData": {"mimeType": "image/png", "data": BASE64}}, {}),
        ({"image": {"format": "png", "source": {"bytes": RAW}}}, {}),
    ],
)
def test_inline_images_become_references(entry: Any, expected: dict[str, Any]) -> None:
    assert content(entry) == referenced("image", "image/png", **expected)


@pytest.mark.parametrize(("name", "mime_type"), [("wav", "audio/wav"), ("mp3", "audio/mpeg"), (None, None)])
def test_inline_audio_becomes_a_reference(name: str | None, mime_type: str | None) -> None:
    entry = {"type": "input_audio", "input_audio": {"data": BASE64, "format": name}}
    assert content(entry) == referenced("audio", mime_type)


@pytest.mark.parametrize(
    ("entry", "mime_type", "extra"),
    [
        ({"type": "file", "file": {"file_data": BASE64, "filename": "a.pdf"}}, None, {"filename": "a.pdf"}),
        (
            {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{BASE64}"}},
            "application/pdf",
            {},
        ),
        ({"type": "input_file", "file_data": BASE64, "filename": "a"}, None, {"filename": "a"}),
        (
            {
                "type": "document",
                "title": "t",
                "source": {"type": "base64", "media_type": "application/pdf", "data": BASE64},
            },
            "application/pdf",
            {"title": "t"},
        ),
    ],
)
def test_inline_files_become_references(entry: Any, mime_type: str | None, extra: dict[str, Any]) -> None:
    assert content(entry) == referenced("document", mime_type, **extra)


@pytest.mark.parametrize(
    ("entry", "modality", "address"),
    [
        ({"type": "image_url", "image_url": {"url": "https://x/y.png"}}, "image", "https://x/y.png"),
        ({"type": "input_image", "image_url": "https://x/y.png"}, "image", "https://x/y.png"),
        ({"type": "image", "source": {"type": "url", "url": "https://x"}}, "image", "https://x"),
        ({"type": "image", "url": "https://x"}, "image", "https://x"),
        (
            {"type": "image", "url": "images/of/a/cat/on/a/mat/0001.png"},
            "image",
            "images/of/a/cat/on/a/mat/0001.png",
        ),
        (
            {"type": "image", "url": "file_id_that_is_no_base64_at_all"},
            "image",
            "file_id_that_is_no_base64_at_all",
        ),
        ({"type": "video_url", "video_url": {"url": "https://x"}}, "video", "https://x"),
        ({"type": "input_file", "file_url": "https://x/a.pdf"}, "document", "https://x/a.pdf"),
        ({"type": "document", "source": {"type": "url", "url": "https://x"}}, "document", "https://x"),
        ({"file_data": {"mime_type": "image/png", "file_uri": "gs://b/o"}}, "image", "gs://b/o"),
        ({"type": "uri", "modality": "audio", "uri": "gs://b/o"}, "audio", "gs://b/o"),
    ],
)
def test_addresses_stay(entry: Any, modality: str, address: str) -> None:
    part = content(entry)
    assert (part["type"], part["modality"], part["uri"]) == ("uri", modality, address)


@pytest.mark.parametrize(
    ("entry", "modality"),
    [
        ({"type": "file", "file": {"file_id": "file_1"}}, "document"),
        ({"type": "input_file", "file_id": "file_1"}, "document"),
        ({"type": "input_image", "file_id": "file_1", "detail": "auto"}, "image"),
        ({"type": "image", "source": {"type": "file", "file_id": "file_1"}}, "image"),
        ({"type": "image_file", "image_file": {"file_id": "file_1"}}, "image"),
        ({"type": "file", "modality": "video", "file_id": "file_1"}, "video"),
    ],
)
def test_file_ids_stay(entry: Any, modality: str) -> None:
    part = content(entry)
    assert (part["type"], part["modality"], part["file_id"]) == ("file", modality, "file_1")


def test_spoken_items_give_transcript_and_sound() -> None:
    entry = {"type": "input_audio", "audio": BASE64, "transcript": "hello"}
    ((transcript, sound),) = [
        message["parts"] for message in input_messages([{"role": "user", "content": [entry]}])
    ]
    assert transcript == {"type": "text", "content": "hello"}
    assert sound == referenced("audio")
    assert content({"type": "output_audio", "transcript": "hello"}) == transcript


@pytest.mark.parametrize("entry", [{"type": "image_url", "image_url": None}, {"type": "input_audio"}])
def test_media_that_locate_nothing_are_text(entry: Any) -> None:
    assert content(entry) == {"type": "text", "content": json.dumps(entry, separators=(",", ":"))}


@pytest.mark.parametrize(
    ("mime_type", "modality"),
    [
        ("image/png", "image"),
        ("VIDEO/mp4", "video"),
        ("audio/wav", "audio"),
        ("application/pdf", "document"),
        ("text/plain", "document"),
        ("application/octet-stream", "image"),
        (None, "image"),
    ],
)
def test_the_modality_follows_the_mime_type(mime_type: str | None, modality: str) -> None:
    assert reference(RAW, modality="image", mime_type=mime_type)["modality"] == modality


@pytest.mark.parametrize(
    "written",
    [
        BASE64,
        BASE64.rstrip("="),
        base64.urlsafe_b64encode(RAW).decode(),
        base64.encodebytes(RAW).decode(),
        URL,
        f"DATA:;charset=utf-8;base64,{BASE64}",
        f"data:application/pdf;name=a.pdf;base64,{BASE64}",
    ],
)
def test_the_digest_is_that_of_the_decoded_bytes(written: str) -> None:
    assert reference(written)["sha256"] == DIGEST
    assert reference(written)["size"] == len(RAW)


def test_what_is_no_base64_is_digested_as_it_is() -> None:
    text = "not base64 at all: ü \ud800"
    assert reference(text)["sha256"] == hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    assert reference("data:,hello%20you")["sha256"] == hashlib.sha256(b"hello you").hexdigest()


def test_data_urls_inside_text_become_digests() -> None:
    text = f"see ![x]({URL}) and that"
    cleaned = f"see ![x](urn:sha256:{DIGEST}?size={len(RAW)}&mime_type=image/png) and that"
    assert inline_text(text) == cleaned
    assert inline_text("data:image/png;base64,abc in prose") == "data:image/png;base64,abc in prose"
    assert input_messages(text)[0]["parts"][0]["content"] == cleaned
    assert output_messages({"picture": [URL]})[0]["parts"][0]["content"].startswith(
        '{"picture":["urn:sha256:'
    )


@pytest.mark.parametrize(
    "value",
    [
        {"b64_json": BASE64},
        {"deep": [{"file_data": BASE64}]},
        {"media_type": "image/png", "data": BASE64},
        {"image": URL},
        [URL],
        {"text": f"look: {URL}"},
    ],
)
def test_no_plain_data_keeps_a_binary(value: Any) -> None:
    cleaned = without_binaries(json.loads(json.dumps(value)))
    assert BASE64[:40] not in json.dumps(cleaned)
    assert DIGEST in json.dumps(cleaned)


def test_plain_data_without_binaries_stays_as_it_is() -> None:
    value = {"data": "x" * 2000, "text": "data: a, b", "n": [1, None, True, 0.5], "b64_json": None}
    assert without_binaries(json.loads(json.dumps(value))) == value


@pytest.mark.parametrize(
    "message",
    [
        {
            "role": "assistant",
            "tool_calls": [{"function": {"name": "f", "arguments": json.dumps({"i": URL})}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": URL},
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "image_url", "image_url": {"url": URL}}]},
        {"role": "assistant", "content": None, "audio": {"id": "a", "data": BASE64}},
        {"role": "assistant", "content": "x", "images": [{"type": "image_url", "image_url": {"url": URL}}]},
        {"role": "user", "content": "x", "images": [BASE64]},
        {"role": "user", "content": [{"type": "novelty", "payload": {"url": URL}}]},
        {"role": "user", "content": URL},
        {"role": "user", "content": [{"type": "text", "text": URL}]},
        {"role": "user", "parts": [{"type": "text", "content": URL, "more": URL}]},
        {"type": "image_generation_call", "id": "i", "result": BASE64},
        {
            "type": "function_call_output",
            "call_id": "c",
            "output": [{"type": "input_image", "image_url": URL}],
        },
        {"type": "code_interpreter_call", "id": "c", "outputs": [{"type": "image", "url": URL}]},
        {"type": "mcp_call", "id": "m", "name": "n", "output": f"![]({URL})"},
    ],
)
def test_no_message_keeps_a_binary(message: dict[str, Any]) -> None:
    messages = input_messages([message])
    assert_messages(messages)
    assert BASE64[:40] not in json.dumps(messages)
    assert DIGEST in json.dumps(messages)


def test_objects_locate_media_like_dicts() -> None:
    class Source:
        type, media_type, data = "base64", "image/png", BASE64

    class Block:
        type, source = "image", Source()

    assert media_part(Block(), "image") == referenced("image", "image/png")
