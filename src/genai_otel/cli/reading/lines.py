"""The lines of a file or of standard input, whatever they are packed or encoded in."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final, cast

from .problems import CutShortError, UnreadableError

STDIN: Final = "-"
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_PEEKED: Final = 512
# what a redirection of PowerShell puts first, and what editors on Windows do
_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


class _Gzip(gzip.GzipFile):
    """Gives out what it has before it says that the file ends too early; from Python 3.14 on, the original doesn't."""

    def readinto(self, buffer: Any) -> int:
        return self.readinto1(buffer)


def lines_of(path: str) -> Iterator[str]:
    """Yield the lines of the file ``path``, or of standard input for ``-``, one at a time.

    Raises:
        CutShortError: after the last line, if a gzip file ends too early.
        UnreadableError: if there is no such file, or it is binary.
    """
    try:
        with ExitStack() as stack:
            yield from _text(_unpacked(_opened(path, stack), path), path)
    except (gzip.BadGzipFile, zlib.error) as exc:
        raise UnreadableError(f"{named(path)} is no gzip file, or a damaged one") from exc
    except OSError as exc:
        raise UnreadableError(f"{named(path)}: {exc.strerror or exc}") from exc


def named(path: str) -> str:
    """Return what to call the input in a message."""
    return "standard input" if path == STDIN else path


def _opened(path: str, stack: ExitStack) -> io.BufferedReader:
    if path == STDIN:
        return cast("io.BufferedReader", sys.stdin.buffer)
    return stack.enter_context(open(path, "rb"))


def _unpacked(raw: io.BufferedReader, path: str) -> io.BufferedReader:
    first = raw.peek(len(_ZSTD))
    if first.startswith(_ZSTD):
        raise UnreadableError(f"{named(path)} is compressed with zstd; unpack it first: zstd -d {path}")
    if path.endswith(".gz") or first.startswith(_GZIP):
        return io.BufferedReader(cast("io.RawIOBase", _Gzip(fileobj=raw)))
    return raw


def _text(data: io.BufferedReader, path: str) -> Iterator[str]:
    first = data.peek(_PEEKED)[:_PEEKED]
    encoding = next((codec for mark, codec in _MARKS if first.startswith(mark)), "utf-8")
    if encoding != "utf-16" and b"\0" in first:
        raise UnreadableError(
            f"{named(path)} is binary. The collector's file exporter writes JSON with `format: json`, its default"
        )
    text = io.TextIOWrapper(data, encoding=encoding, errors="replace", newline="\n")
    try:
        yield from text
    except EOFError as exc:
        raise CutShortError from exc
    finally:
        text.detach()
