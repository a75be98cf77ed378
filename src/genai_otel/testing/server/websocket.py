"""The server's side of a WebSocket (RFC 6455, without extensions)."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Callable, Iterable, Iterator
from io import BufferedIOBase
from typing import Any

from genai_otel.testing.server.behaviour import Behaviour
from genai_otel.testing.server.exchange import JSON, Event, RecordedRequest, encode, error_body

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CONTINUATION, _TEXT, _CLOSE, _PING, _PONG = 0, 1, 8, 9, 10


def is_upgrade(request: RecordedRequest) -> bool:
    """Whether the request asks for a WebSocket."""
    return (
        request.headers.get("upgrade", "").lower() == "websocket" and "sec-websocket-key" in request.headers
    )


def handshake(request: RecordedRequest) -> bytes:
    """The 101 answer. Of the subprotocols offered, ``realtime`` is taken."""
    key = request.headers["sec-websocket-key"] + _GUID
    accept = base64.b64encode(hashlib.sha1(key.encode("ascii"), usedforsecurity=False).digest()).decode(
        "ascii"
    )
    offered = [name.strip() for name in request.headers.get("sec-websocket-protocol", "").split(",")]
    chosen = "sec-websocket-protocol: realtime\r\n" if "realtime" in offered else ""
    return (
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        f"sec-websocket-accept: {accept}\r\n{chosen}\r\n"
    ).encode("ascii")


class WebSocket:
    """A connection that carries JSON messages.

    Iterating yields the messages received, parsed, until the client closes; pings are answered on the way.
    """

    def __init__(
        self, reader: BufferedIOBase, write: Callable[[bytes], None], sleep: Callable[[float], None]
    ) -> None:
        self._reader = reader
        self._write = write
        self._sleep = sleep
        self._closing = False

    def send(self, message: JSON) -> None:
        self._send_frame(_TEXT, encode(message))

    def close(self, code: int = 1000) -> None:
        """Begin the closing handshake; the iteration ends when the client answers."""
        self._closing = True
        self._send_frame(_CLOSE, struct.pack(">H", code))

    def play(self, events: Iterable[Event], behaviour: Behaviour, error: Callable[[JSON], JSON]) -> None:
        """Send the events of one answer, late, cut short or broken off as the behaviour says."""
        self._sleep(behaviour.delay)
        for position, event in enumerate(events):
            if position == behaviour.abort_after:
                raise ConnectionAbortedError
            if position == behaviour.error_after:
                self.send(error(error_body(500, behaviour.message, code=behaviour.code, type=behaviour.type)))
                return
            if position:
                self._sleep(behaviour.chunk_delay)
            self.send(event.data)

    def __iter__(self) -> Iterator[Any]:
        parts: list[bytes] = []
        while (frame := self._receive_frame()) is not None:
            opcode, final, payload = frame
            if opcode == _CLOSE:
                if not self._closing:
                    self._send_frame(_CLOSE, payload[:2])
                return
            if opcode == _PING:
                self._send_frame(_PONG, payload)
            elif opcode != _PONG:
                parts = [*parts, payload] if opcode == _CONTINUATION else [payload]
                if final:
                    yield _parsed(b"".join(parts))

    def _receive_frame(self) -> tuple[int, bool, bytes] | None:
        head = self._reader.read(2)
        if len(head) < 2:
            return None
        length = head[1] & 0x7F
        if length >= 126:
            form = ">H" if length == 126 else ">Q"
            length = struct.unpack(form, self._reader.read(struct.calcsize(form)))[0]
        mask = self._reader.read(4) if head[1] & 0x80 else b""
        payload = self._reader.read(length)
        return head[0] & 0x0F, bool(head[0] & 0x80), _unmasked(payload, mask) if mask else payload

    def _send_frame(self, opcode: int, payload: bytes) -> None:
        length = len(payload)
        if length < 126:
            head = struct.pack(">BB", 0x80 | opcode, length)
        elif length < 1 << 16:
            head = struct.pack(">BBH", 0x80 | opcode, 126, length)
        else:
            head = struct.pack(">BBQ", 0x80 | opcode, 127, length)
        self._write(head + payload)


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    """The payload without its mask: one big XOR instead of a loop over bytes."""
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


def _parsed(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return None
