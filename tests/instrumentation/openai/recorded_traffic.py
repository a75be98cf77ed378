"""Recorded exchanges, answered again by a server on the loopback interface and asked for through the SDK."""

from __future__ import annotations

import gzip
import inspect
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import openai


@dataclass(frozen=True)
class Recorded:
    """One request and its answer; ``path`` is the endpoint, without the base of the address."""

    cassette: str
    method: str
    path: str
    query: dict[str, str]
    body: dict[str, Any]
    status: int
    content_type: str
    answer: bytes

    @property
    def span_name(self) -> str:
        """What the conventions call the span of this request."""
        operation = _OPERATIONS.get(self.path, "fetch_response")
        return operation if operation == "fetch_response" else f"{operation} {self.body['model']}"


_OPERATIONS = {
    "/chat/completions": "chat",
    "/responses": "chat",
    "/completions": "text_completion",
    "/embeddings": "embeddings",
    "/images/generations": "images.generate",
}


def load(folder: Path) -> Iterator[Recorded]:
    """Read every cassette in ``folder`` and below."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for file in sorted(folder.glob("*/*.yaml")):
        with file.open() as stream:
            cassette = yaml.load(stream, loader)
        for number, exchange in enumerate(cassette["interactions"]):
            yield _recorded(f"{file.parent.name}/{file.stem}#{number}", exchange)


def _recorded(name: str, exchange: dict[str, Any]) -> Recorded:
    request, response = exchange["request"], exchange["response"]
    address = urlsplit(request["uri"])
    headers = {key.lower(): values for key, values in response["headers"].items()}
    return Recorded(
        name,
        request["method"],
        address.path.partition("/v1")[2],
        dict(parse_qsl(address.query)),
        json.loads(request["body"]) if request["body"] else {},
        response["status"]["code"],
        headers["content-type"][0],
        _bytes(response["body"]["string"]),
    )


def _bytes(body: str | bytes) -> bytes:
    raw = body.encode() if isinstance(body, str) else body
    return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw


class _Handler(BaseHTTPRequestHandler):
    recorded: Recorded

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.send_response(self.recorded.status)
        self.send_header("content-type", self.recorded.content_type)
        self.send_header("content-length", str(len(self.recorded.answer)))
        self.end_headers()
        self.wfile.write(self.recorded.answer)

    do_GET = do_POST = _answer

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


class Player:
    """Serves one recorded answer at a time, on the loopback interface."""

    def __init__(self) -> None:
        self._handler = type("Handler", (_Handler,), {})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler)
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __call__(self, recorded: Recorded) -> None:
        """Choose what is served from now on."""
        self._handler.recorded = recorded  # type: ignore[attr-defined]

    def __enter__(self) -> Player:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def ask(client: openai.OpenAI, recorded: Recorded) -> None:
    """Make the recorded request through the SDK's own method, and read the whole answer."""
    answer = _call(client, recorded)
    if isinstance(answer, openai.Stream):
        for _ in answer:
            pass


def _call(client: openai.OpenAI, recorded: Recorded) -> Any:
    if recorded.method == "GET":
        query = {"stream": recorded.query.get("stream") == "true"}
        cursor = recorded.query.get("starting_after")
        more = {} if cursor is None else {"starting_after": int(cursor)}
        return client.responses.retrieve(recorded.path.rpartition("/")[2], **query, **more)  # type: ignore[call-overload]
    create: Any = {
        "/chat/completions": client.chat.completions.create,
        "/responses": client.responses.create,
        "/completions": client.completions.create,
        "/embeddings": client.embeddings.create,
        "/images/generations": client.images.generate,
    }[recorded.path]
    known = inspect.signature(create).parameters
    named = {name: value for name, value in recorded.body.items() if name in known}
    return create(**named, extra_body={k: v for k, v in recorded.body.items() if k not in known} or None)
