"""The painters: plain, ANSI and rich say the same; only the colours differ."""

from __future__ import annotations

import builtins
import io
import re
from typing import Any

import pytest

from genai_otel.exporters.console import render
from genai_otel.exporters.paint import ASCII, STYLES, UNICODE, Segment, ansi, plain, print_with_rich

from .scripted import Script, support_agent

LINES = [(Segment("x", "error"), Segment("  ", "name"), Segment("[bold]", "dim")), (), (Segment("plain"),)]
_SGR = re.compile(r"\x1b\[[\d;]+m")


def test_colours_are_all_that_is_added() -> None:
    spans = support_agent(Script()).spans()
    coloured = render(spans, width=120, color=True)
    assert _SGR.sub("", coloured) == render(spans, width=120)
    assert len(_SGR.findall(coloured)) > 40


def test_an_error_is_red() -> None:
    coloured = render(support_agent(Script()).spans(), width=120, color=True)
    assert "\x1b[1;31mexecute_tool lookup_order" in coloured
    assert "\x1b[31mKeyError: \x1b[0m" in coloured


def test_blank_text_is_not_coloured_and_every_colour_is_ended() -> None:
    assert ansi(LINES) == "\x1b[1;31mx\x1b[0m  \x1b[2m[bold]\x1b[0m\n\nplain\n"


def test_rich_says_the_same_and_reads_no_markup() -> None:
    pytest.importorskip("rich")
    stream = io.StringIO()
    assert print_with_rich(LINES, stream)
    assert _SGR.sub("", stream.getvalue()) == plain(LINES)
    assert "\x1b[" in stream.getvalue()


def test_rich_does_not_wrap() -> None:
    pytest.importorskip("rich")
    stream = io.StringIO()
    print_with_rich([(Segment("x" * 300),)], stream)
    assert _SGR.sub("", stream.getvalue()) == "x" * 300 + "\n"


def test_without_rich_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("rich"):
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    stream = io.StringIO()
    assert not print_with_rich(LINES, stream)
    assert stream.getvalue() == ""


def test_every_style_has_its_colours() -> None:
    for style in STYLES:
        assert ansi([(Segment("x", style),)]).startswith("\x1b[")


def test_the_ascii_glyphs_are_ascii_and_as_wide() -> None:
    assert ASCII.all.isascii()
    for name in ("branch", "last", "pipe", "bar", "bar_left", "bar_right", "trace", "failed"):
        assert len(getattr(ASCII, name)) == len(getattr(UNICODE, name))
