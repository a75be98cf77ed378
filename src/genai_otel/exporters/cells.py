"""Text measured in terminal cells: neutralised, cut and padded, so that columns stay straight."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_CONTROL_PICTURES = 0x2400
_LONGEST_READ = 4_000


@lru_cache(maxsize=4_096)
def _visible_char(char: str) -> str:
    category = unicodedata.category(char)
    if char in "\t\n\r\v\f" or category in ("Zl", "Zp", "Zs"):
        return " "
    if category == "Cc":
        return chr(_CONTROL_PICTURES + ord(char)) if char < " " else _REPLACEMENT
    if category == "Cs":
        return _REPLACEMENT
    # Bidirectional overrides reorder what is read; joiners and variation selectors make widths unpredictable.
    return "" if category == "Cf" or "\ufe00" <= char <= "\ufe0f" else char


def visible(text: str) -> str:
    """Return ``text`` as one harmless line: control characters as symbols, whitespace as one space."""
    text = text[:_LONGEST_READ]
    if not (text.isascii() and text.isprintable()):
        text = "".join(map(_visible_char, text))
    return " ".join(text.split())


@lru_cache(maxsize=4_096)
def _char_width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def width(text: str) -> int:
    """Return how many terminal cells ``text`` takes; wide characters (CJK, emoji) take two."""
    return len(text) if text.isascii() else sum(map(_char_width, text))


def cut(text: str, limit: int, ellipsis: str) -> str:
    """Return ``text`` in at most ``limit`` cells, ending in ``ellipsis`` where something was left out."""
    if width(text) <= limit:
        return text
    if limit <= width(ellipsis):
        return ellipsis[: max(limit, 0)]
    return _take(text, limit - width(ellipsis)).rstrip() + ellipsis


def _take(text: str, limit: int) -> str:
    used = 0
    for index, char in enumerate(text):
        used += _char_width(char)
        if used > limit:
            return text[:index]
    return text


def pad(text: str, size: int, *, right: bool = False) -> str:
    """Return ``text`` filled with spaces to ``size`` cells; ``right`` aligns it to the right."""
    blank = " " * (size - width(text))
    return blank + text if right else text + blank
