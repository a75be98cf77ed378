"""Images and videos: generated, edited, varied, streamed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from genai_otel.testing.server import text
from genai_otel.testing.server.exchange import (
    CREATED,
    JSON,
    Answer,
    Call,
    Event,
    EventStream,
    Reply,
    json_reply,
)
from genai_otel.testing.server.files import uploaded
from genai_otel.testing.server.media import base64_text, png
from genai_otel.testing.server.resources import Collection, Route

_IMAGE_TOKENS = 272
_LOOK = {"background": "opaque", "output_format": "png", "quality": "medium", "size": "1024x1024"}

VIDEOS = Collection(
    "/videos",
    "video",
    "video_",
    {
        "model": "sora-2",
        "prompt": None,
        "seconds": "4",
        "size": "720x1280",
        "status": "queued",
        "progress": 0,
    },
)


def generate(call: Call) -> Answer:
    """POST /images/generations."""
    return _images(call, str(call.require("prompt")), "image_generation", 0)


def edit(call: Call) -> Answer:
    """POST /images/edits."""
    images = call.require("image")
    given = images if isinstance(images, list) else [images]
    size = sum(len(uploaded(each)[1]) for each in given)
    return _images(call, f"{call.require('prompt')} ({size} bytes)", "image_edit", len(given))


def vary(call: Call) -> Answer:
    """POST /images/variations."""
    name, data = uploaded(call.require("image"))
    return _images(call, f"{name} ({len(data)} bytes)", "image_variation", 1)


def _images(call: Call, prompt: str, kind: str, given: int) -> Answer:
    if call.body.get("stream") in (True, "true"):
        return EventStream(_stream(call, prompt, kind, given), end=None)
    number = int(call.body.get("n") or 1)
    reply: JSON = {"created": CREATED, "data": [_image(call, prompt, index) for index in range(number)]}
    if _modern(call):
        reply |= _look(call) | ({} if call.behaviour.nousage else {"usage": _usage(prompt, number, given)})
    return json_reply(reply)


def _modern(call: Call) -> bool:
    """GPT image models answer with base64 and usage; the others with addresses and neither."""
    return str(call.body.get("model") or "dall-e-2").startswith(("gpt", "chatgpt"))


def _look(call: Call) -> JSON:
    asked = {key: call.body.get(key) for key in _LOOK}
    return {key: value if value not in (None, "auto") else _LOOK[key] for key, value in asked.items()}


def _image(call: Call, prompt: str, index: int) -> JSON:
    data = base64_text(png(f"{prompt} {index}"))
    if _modern(call):
        return {"b64_json": data}
    if call.body.get("response_format") == "b64_json":
        return {"b64_json": data, "revised_prompt": prompt}
    return {"url": f"https://example.com/images/{index + 1}.png", "revised_prompt": prompt}


def _usage(prompt: str, number: int, given: int) -> JSON:
    words, images = text.count(prompt), _IMAGE_TOKENS * given
    written = _IMAGE_TOKENS * number
    return {
        "input_tokens": words + images,
        "input_tokens_details": {"text_tokens": words, "image_tokens": images},
        "output_tokens": written,
        "output_tokens_details": {"text_tokens": 0, "image_tokens": written},
        "total_tokens": words + images + written,
    }


def _stream(call: Call, prompt: str, kind: str, given: int) -> Iterator[Event]:
    shared = {"created_at": CREATED, **_look(call)}
    partial = call.behaviour.chunks or int(call.body.get("partial_images") or 0)
    for index in range(partial):
        yield _event(
            f"{kind}.partial_image", shared, png(f"{prompt} part {index}"), {"partial_image_index": index}
        )
    spent = {} if call.behaviour.nousage else {"usage": _usage(prompt, 1, given)}
    yield _event(f"{kind}.completed", shared, png(f"{prompt} 0"), spent)


def _event(name: str, shared: JSON, image: bytes, more: dict[str, Any]) -> Event:
    return Event({"type": name, "b64_json": base64_text(image), **shared, **more}, name)


def _create_video(call: Call) -> Answer:
    call.require("prompt")
    return json_reply(VIDEOS.make(call))


def _retrieve_video(call: Call) -> Answer:
    status = call.behaviour.status_text or "completed"
    done = {"progress": 100, "completed_at": CREATED} if status == "completed" else {}
    return json_reply(VIDEOS.change(call, call.params[0], status=status, **done))


def _video_content(call: Call) -> Answer:
    video = call.state.find(VIDEOS.kind, call.params[0])
    return Reply(b"\0\0\0\x18ftypmp42" + str(video["prompt"]).encode(), content_type="video/mp4")


def _remix_video(call: Call) -> Answer:
    return json_reply(
        VIDEOS.make(call, remixed_from_video_id=call.state.find(VIDEOS.kind, call.params[0])["id"])
    )


ROUTES: tuple[Route, ...] = (
    ("POST", "/images/generations", generate),
    ("POST", "/images/edits", edit),
    ("POST", "/images/variations", vary),
    ("POST", "/videos", _create_video),
    ("GET", "/videos", VIDEOS.list),
    ("GET", "/videos/{}", _retrieve_video),
    ("DELETE", "/videos/{}", VIDEOS.delete),
    ("GET", "/videos/{}/content", _video_content),
    ("POST", "/videos/{}/remix", _remix_video),
)
