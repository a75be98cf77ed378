"""HTTP/1.1 for the test server: one thread for each connection, kept alive, few and immediate sends."""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
from collections.abc import Callable
from io import BufferedIOBase
from itertools import chain
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from genai_otel.testing.server import multipart, routes, sockets, websocket
from genai_otel.testing.server.behaviour import Behaviour
from genai_otel.testing.server.exchange import (
    Answer,
    Event,
    EventStream,
    RecordedRequest,
    Reply,
    encode,
    error_body,
    json_reply,
)
from genai_otel.testing.server.state import ServerState

_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}
_BROKEN = b'{"id": "broken", '
_BAD_REQUEST = json_reply({"error": error_body(400, "This is not an HTTP request.")}, 400)


class LoopbackServer(socketserver.ThreadingTCPServer):
    """Listens on the loopback interface and keeps track of its connections, so that they can be ended."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, port: int, state: ServerState) -> None:
        self.state = state
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), Connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: what goes wrong on one connection is that client's to see."""

    def end_connections(self) -> None:
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Connection(socketserver.StreamRequestHandler):
    """Answers requests until one side has had enough."""

    disable_nagle_algorithm = True
    rbufsize = 1 << 16

    def setup(self) -> None:
        super().setup()
        assert isinstance(self.server, LoopbackServer)
        self.state = self.server.state

    def handle(self) -> None:
        try:
            while self._exchange():
                pass
        except OSError:
            pass  # the client went away, or a behaviour broke the connection off

    def _exchange(self) -> bool:
        """Answer one request; whether the connection stays open."""
        try:
            received = _read_request(self.rfile, self._write)
        except ValueError:
            self._send_reply(_BAD_REQUEST, Behaviour(), "close", "")
            return False
        if received is None:
            return False
        request, version = received
        self.state.record(request)
        if websocket.is_upgrade(request):
            return self._upgrade(request)
        answer, behaviour = routes.respond(request, self.state)
        persistent = version != "HTTP/1.0" and request.headers.get("connection", "").lower() != "close"
        return self._send(answer, behaviour, "keep-alive" if persistent else "close", version)

    def _send(self, answer: Answer, behaviour: Behaviour, connection: str, version: str) -> bool:
        self.state.sleep(behaviour.delay)
        if behaviour.drop:
            return False
        if isinstance(answer, Reply):
            return self._send_reply(answer, behaviour, connection, version)
        return self._send_events(answer, behaviour, connection, chunked=version != "HTTP/1.0")

    def _send_reply(self, reply: Reply, behaviour: Behaviour, connection: str, version: str) -> bool:
        body = _BROKEN if behaviour.badjson else reply.body
        head = self._head(reply.status, reply.content_type, connection, dict(reply.headers))
        head += f"content-length: {len(body)}\r\n\r\n".encode("ascii")
        if behaviour.abort_after is not None:
            self._write(head + body[: len(body) // 2])
            return False
        self._write(head + body)
        return connection == "keep-alive"

    def _send_events(
        self, answer: EventStream, behaviour: Behaviour, connection: str, *, chunked: bool
    ) -> bool:
        head = self._head(200, "text/event-stream; charset=utf-8", connection, {"cache-control": "no-cache"})
        self._write(head + (b"transfer-encoding: chunked\r\n\r\n" if chunked else b"\r\n"))
        frame = _chunk if chunked else _bare
        end = () if behaviour.nodone or answer.end is None else (answer.end,)
        for position, event in enumerate(chain(answer.events, end)):
            if position == behaviour.abort_after:
                return False
            if position == behaviour.error_after:
                error = error_body(500, behaviour.message, code=behaviour.code, type=behaviour.type)
                self._write(frame(_sse(answer.error_event(error, position))) + frame(b""))
                return connection == "keep-alive"
            if position:
                self.state.sleep(behaviour.chunk_delay)
            self._write(frame(_BROKEN_EVENT if behaviour.badjson else _sse(event)))
        self._write(frame(b""))
        return connection == "keep-alive" and chunked

    def _head(self, status: int, content_type: str, connection: str, headers: dict[str, str]) -> bytes:
        lines = {
            "content-type": content_type,
            "x-request-id": self.state.next_id("req_"),
            "openai-organization": "org-local",
            "openai-processing-ms": "5",
            "openai-version": "2020-10-01",
            "connection": connection,
            **headers,
        }
        rest = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}\r\n{rest}".encode("latin-1")

    def _upgrade(self, request: RecordedRequest) -> bool:
        serve = sockets.prepare(request, self.state)
        if isinstance(serve, Reply):
            return self._send_reply(serve, Behaviour(), "close", "")
        self._write(websocket.handshake(request))
        serve(websocket.WebSocket(self.rfile, self._write, self.state.sleep))
        return False

    def _write(self, data: bytes) -> None:
        self.request.sendall(data)


def _read_request(
    reader: BufferedIOBase, write: Callable[[bytes], None]
) -> tuple[RecordedRequest, str] | None:
    """The next request and its HTTP version; ``None`` at the end, ``ValueError`` for nonsense."""
    line = reader.readline(1 << 16)
    if not line.strip():
        return None
    method, target, version = line.decode("latin-1").split()
    headers = _read_headers(reader)
    if headers.get("expect", "").lower() == "100-continue":
        write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = _read_body(reader, headers)
    url = urlsplit(target)
    kind = headers.get("content-type", "")
    request = RecordedRequest(
        method=method,
        path=unquote(url.path),
        query=dict(parse_qsl(url.query, keep_blank_values=True)),
        headers=headers,
        body=body,
        json=_parsed(body),
        form=multipart.parse(kind, body),
    )
    return request, version


def _read_headers(reader: BufferedIOBase) -> dict[str, str]:
    headers: dict[str, str] = {}
    while (line := reader.readline(1 << 16)) not in (b"\r\n", b"\n", b""):
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise ValueError("a header without a colon")
        headers[name.strip().lower()] = value.strip()
    return headers


def _read_body(reader: BufferedIOBase, headers: dict[str, str]) -> bytes:
    if "chunked" not in headers.get("transfer-encoding", "").lower():
        return reader.read(int(headers.get("content-length", "0")))
    parts: list[bytes] = []
    while size := int(reader.readline(1 << 16).split(b";")[0], 16):
        parts.append(reader.read(size))
        reader.readline()
    _read_headers(reader)
    return b"".join(parts)


def _parsed(body: bytes) -> Any:
    if body.lstrip()[:1] not in (b"{", b"["):
        return None
    try:
        return json.loads(body)
    except ValueError:
        return None


def _sse(event: Event) -> bytes:
    data = event.data.encode("utf-8") if isinstance(event.data, str) else encode(event.data)
    name = f"event: {event.name}\n".encode("ascii") if event.name else b""
    return b"%sdata: %s\n\n" % (name, data)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _bare(data: bytes) -> bytes:
    return data


_BROKEN_EVENT = b"data: " + _BROKEN + b"\n\n"
