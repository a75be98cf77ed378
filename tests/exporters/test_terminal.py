"""Colour, width and characters of a stream; writing that never fails."""

from __future__ import annotations

import io
import os
import sys

import pytest

from genai_otel.exporters import terminal
from genai_otel.exporters.paint import UNICODE


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


class NoDescriptor:
    """A stream that has nothing but ``write``."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, text: str) -> int:
        self.written.append(text)
        return len(text)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.mark.parametrize(
    ("environment", "stream", "wanted"),
    [
        ({}, Tty(), True),
        ({}, io.StringIO(), False),
        ({"TERM": "dumb"}, Tty(), False),
        ({"NO_COLOR": "1"}, Tty(), False),
        ({"NO_COLOR": ""}, Tty(), True),
        ({"FORCE_COLOR": "1"}, io.StringIO(), True),
        ({"FORCE_COLOR": "0"}, Tty(), False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, Tty(), False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, Tty(), True),
    ],
)
def test_colour(
    environment: dict[str, str], stream: io.StringIO, wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert terminal.wants_color(stream) is wanted


def test_a_closed_stream_is_no_terminal() -> None:
    stream = open(os.devnull, "w")
    stream.close()
    assert not terminal.is_terminal(stream)


@pytest.mark.parametrize(("columns", "width"), [("120", 120), ("7", 20), ("0", 100), ("wide", 100)])
def test_columns_of_the_environment(columns: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert terminal.columns(io.StringIO()) == width


def test_a_pipe_is_a_hundred_columns_wide() -> None:
    assert terminal.columns(io.StringIO()) == terminal.columns(Tty()) == terminal.columns(None) == 100


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
def test_a_terminal_is_as_wide_as_it_says() -> None:
    import fcntl
    import pty
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 133, 0, 0))
    with open(follower, "w") as stream:
        assert terminal.columns(stream) == 133
    os.close(leader)


@pytest.mark.parametrize(
    ("encoding", "shows"), [("utf-8", True), ("ascii", False), ("cp1252", False), ("no-such-encoding", False)]
)
def test_which_characters_an_encoding_has(encoding: str, shows: bool) -> None:
    class Stream:
        pass

    Stream.encoding = encoding  # type: ignore[attr-defined]
    assert terminal.can_show(Stream(), UNICODE.all) is shows  # type: ignore[arg-type]


def test_what_an_encoding_lacks_is_replaced() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", errors="strict")
    terminal.write(stream, "a日b\n")
    assert raw.getvalue() == b"a?b\n"


def test_a_stream_without_flush_is_written_to() -> None:
    stream = NoDescriptor()
    terminal.write(stream, "text")  # type: ignore[arg-type]
    assert stream.written == ["text"]


def test_a_broken_pipe_is_passed_over() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb", buffering=0) as raw, pytest.raises(BrokenPipeError):
        stream = io.TextIOWrapper(raw, write_through=True)
        terminal.write(stream, "text")
        stream.write("text")
