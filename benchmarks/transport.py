"""An HTTP transport inside the process: canned answers, so that only the SDK and the instrumentation are measured."""

from __future__ import annotations

import base64
import functools
import json
import struct
from typing import Any


def canned() -> Any:
    """Return an HTTP client for the OpenAI SDK that answers from memory."""
    try:
        import httpx2 as http
    except ImportError:
        import httpx as http  # type: ignore[no-redef]

    def answer(request: Any) -> Any:
        body = json.loads(request.content)
        if request.url.path.endswith("/embeddings"):
            return http.Response(200, content=_embeddings(), headers={"content-type": "application/json"})
        if body.get("stream"):
            chunks = int(body["model"].rpartition("-")[2])
            return http.Response(200, content=_stream(chunks), headers={"content-type": "text/event-stream"})
        return http.Response(200, content=_chat(), headers={"content-type": "application/json"})

    return http.Client(transport=http.MockTransport(answer))


@functools.cache
def _chat() -> bytes:
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-4o-2024-08-06",
            "service_tier": "default",
            "system_fingerprint": "fp_1",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": "The answer is 42, because somebody asked."},
                }
            ],
            "usage": {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30},
        }
    ).encode()


@functools.cache
def _stream(chunks: int) -> bytes:
    lines = []
    for index in range(chunks):
        delta = {"role": "assistant", "content": ""} if index == 0 else {"content": f" word{index % 100}"}
        last = index == chunks - 1
        lines.append(
            json.dumps(
                {
                    "id": "chatcmpl-1",
                    "object": "chat.completion.chunk",
                    "created": 1,
                    "model": "gpt-4o-2024-08-06",
                    "choices": [{"index": 0, "delta": delta, "finish_reason": "stop" if last else None}],
                    "usage": None,
                }
            )
        )
    return ("".join(f"data: {line}\n\n" for line in lines) + "data: [DONE]\n\n").encode()


@functools.cache
def _embeddings() -> bytes:
    vector = base64.b64encode(struct.pack("<1536f", *([0.25] * 1536))).decode()
    data = [{"object": "embedding", "index": index, "embedding": vector} for index in range(100)]
    usage = {"prompt_tokens": 100, "total_tokens": 100}
    return json.dumps(
        {"object": "list", "data": data, "model": "text-embedding-3-small", "usage": usage}
    ).encode()
