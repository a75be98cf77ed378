"""Secrets to plant, and the search for whatever is left of them."""

from __future__ import annotations

import base64
from collections.abc import Iterator

# Everything that encoders treat in their own way is in it: a quote, a slash, a letter beyond ASCII, a plus.
SECRET = 'Zq7Xv9Kd3mWp/é"+4Tn8RbYc'
_CORES = ("Zq7Xv9Kd3mWp", "4Tn8RbYc")
_WINDOW = 6  # characters in a row by which somebody would know it again


def _encodings(text: str) -> Iterator[tuple[str, bytes]]:
    """Yield a part of a secret as the encodings that go byte by byte would show it."""
    yield "plain", text.encode()
    yield "utf-16-le", text.encode("utf-16-le")
    yield "utf-16-be", text.encode("utf-16-be")
    yield "hex", text.encode().hex().encode()


def _in_base64(text: str) -> Iterator[bytes]:
    """Yield what base64 of anything that holds ``text`` is bound to hold, for each way the bytes may fall."""
    for before, lost in ((0, 0), (1, 2), (2, 3)):
        encoded = base64.b64encode(b"\0" * before + text.encode())
        yield encoded[lost : len(encoded) // 4 * 4 - 4]


def _needles() -> Iterator[tuple[str, bytes]]:
    for core in _CORES:
        for start in range(len(core) - _WINDOW + 1):
            yield from _encodings(core[start : start + _WINDOW])
        for needle in _in_base64(core):
            if len(needle) >= 8:
                yield "base64", needle


_NEEDLES = tuple(dict.fromkeys(_needles()))


def traces(haystack: bytes) -> list[str]:
    """Return in which forms the secret, or six characters of it in a row, are found."""
    return [f"{form}: {needle!r}" for form, needle in _NEEDLES if needle in haystack]
