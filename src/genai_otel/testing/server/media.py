"""Small but real binaries: a PNG and a WAV whose bytes are a function of their text."""

from __future__ import annotations

import base64
import struct
import zlib
from hashlib import blake2b

_RATE = 8000


def digest(text: str, size: int = 8) -> bytes:
    return blake2b(text.encode("utf-8", "replace"), digest_size=size).digest()


def png(text: str) -> bytes:
    """A one-pixel PNG whose colour depends on the text."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" + digest(text, 3))
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_png_chunk, chunks))


def _png_chunk(chunk: tuple[bytes, bytes]) -> bytes:
    kind, data = chunk
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def samples(text: str) -> bytes:
    """16-bit mono samples, 10 ms for every 16 characters of text."""
    return digest(text, 16) * (_RATE // 100 * 2 // 16) * (1 + len(text) // 16)


def wav(text: str) -> bytes:
    """A WAV file around the samples."""
    data = samples(text)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, _RATE, _RATE * 2, 2, 16)
    return (
        struct.pack("<4sI4s", b"RIFF", 36 + len(data), b"WAVE")
        + form
        + struct.pack("<4sI", b"data", len(data))
        + data
    )


def seconds(data: bytes) -> float:
    """The duration claimed for audio of this size."""
    return round(len(data) / (_RATE * 2), 2)


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
