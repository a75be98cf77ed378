"""What a text stream can show: colour, width, characters; and writing to it without ever failing."""

from __future__ import annotations

import os
from typing import Final, TextIO

DEFAULT_WIDTH: Final = 100
NARROWEST: Final = 20


def is_terminal(stream: TextIO) -> bool:
    """Return whether a person is looking at ``stream``."""
    try:
        return stream.isatty()
    except (AttributeError, ValueError, OSError):
        return False


def wants_color(stream: TextIO) -> bool:
    """Return whether to colour: ``NO_COLOR``, then ``FORCE_COLOR``, then a terminal that is not ``dumb``."""
    if os.environ.get("NO_COLOR"):
        return False
    force = os.environ.get("FORCE_COLOR", "")
    if force:
        return force.lower() not in ("0", "false")
    return is_terminal(stream) and os.environ.get("TERM", "").lower() != "dumb"


def columns(stream: TextIO | None) -> int:
    """Return the width to draw for: ``COLUMNS``, else the terminal's own, else 100."""
    try:
        wanted = int(os.environ.get("COLUMNS", ""))
    except ValueError:
        wanted = 0
    return max(wanted if wanted > 0 else _terminal_columns(stream), NARROWEST)


def _terminal_columns(stream: TextIO | None) -> int:
    try:
        if stream is not None and stream.isatty():
            return os.get_terminal_size(stream.fileno()).columns or DEFAULT_WIDTH
    except (AttributeError, ValueError, OSError):
        pass
    return DEFAULT_WIDTH


def can_show(stream: TextIO, text: str) -> bool:
    """Return whether the stream's encoding has every character of ``text``."""
    try:
        text.encode(_encoding(stream))
    except (UnicodeError, LookupError):
        return False
    return True


def needs_rich(stream: TextIO) -> bool:
    """Return whether colours need rich: on a Windows console, which may not know ANSI sequences."""
    return os.name == "nt" and is_terminal(stream) and not os.environ.get("WT_SESSION")


def write(stream: TextIO, text: str) -> None:
    """Write ``text`` in one call and flush; a closed, broken or missing stream swallows it silently."""
    encoding = _encoding(stream)
    try:
        stream.write(text.encode(encoding, "replace").decode(encoding, "replace"))
        stream.flush()
    except (OSError, ValueError, LookupError, AttributeError):
        return


def _encoding(stream: TextIO) -> str:
    return getattr(stream, "encoding", None) or "utf-8"
