"""Lines of styled text, and how they reach a terminal: plain, with ANSI colours, or through rich."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TextIO


class Segment(NamedTuple):
    """A piece of a line; ``style`` is a name of :data:`STYLES`, or empty."""

    text: str
    style: str = ""


Line = Sequence[Segment]


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters a tree is drawn with."""

    trace: str
    late: str
    failed: str
    request: str
    response: str
    branch: str
    last: str
    pipe: str
    deep: str
    ellipsis: str
    arrow: str
    times: str
    dot: str
    micro: str
    bar: str
    bar_left: str
    bar_right: str

    @property
    def all(self) -> str:
        return "".join(getattr(self, name) for name in self.__slots__)


UNICODE: Final = Glyphs(
    trace="●", late="↳", failed="✗", request="▸", response="◂",
    branch="├─ ", last="└─ ", pipe="│  ", deep="⋯", ellipsis="…",
    arrow="→", times="×", dot="·", micro="µ", bar="━", bar_left="╸", bar_right="╺",
)  # fmt: skip
ASCII: Final = Glyphs(
    trace="*", late="*", failed="x", request=">", response="<",
    branch="|- ", last="`- ", pipe="|  ", deep="~", ellipsis="...",
    arrow="->", times="x", dot="-", micro="u", bar="=", bar_left="=", bar_right="=",
)  # fmt: skip

# Only the sixteen colours that terminal themes define, so that the tree fits light and dark backgrounds.
STYLES: Final[Mapping[str, str]] = {
    "title": "bold",
    "name": "bold",
    "ok": "bold green",
    "error": "bold red",
    "failure": "red",
    "note": "yellow",
    "guide": "dim",
    "dim": "dim",
    "AGENT": "magenta",
    "WORKFLOW": "magenta",
    "PLAN": "magenta",
    "CHAIN": "magenta",
    "LLM": "cyan",
    "EMBEDDING": "blue",
    "RETRIEVER": "green",
    "RERANKER": "green",
    "MEMORY": "green",
    "TOOL": "yellow",
}
_CODES: Final[Mapping[str, str]] = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}


def plain(lines: Iterable[Line]) -> str:
    """Return the lines as text without colour."""
    return "".join("".join(segment.text for segment in line) + "\n" for line in lines)


def ansi(lines: Iterable[Line]) -> str:
    """Return the lines as text with ANSI colour sequences."""
    return "".join("".join(map(_coloured, line)) + "\n" for line in lines)


def _coloured(segment: Segment) -> str:
    style = STYLES.get(segment.style)
    if style is None or not segment.text.strip():
        return segment.text
    codes = ";".join(_CODES[word] for word in style.split())
    return f"\x1b[{codes}m{segment.text}\x1b[0m"


def print_with_rich(lines: Iterable[Line], stream: TextIO) -> bool:
    """Write through rich, for consoles that know no ANSI sequences; ``False`` if it is not installed."""
    try:
        from rich.console import Console
        from rich.text import Text
    except ImportError:
        return False
    text = Text()
    for line in lines:
        for segment in (*line, Segment("\n")):
            text.append(segment.text, STYLES.get(segment.style, ""))
    try:
        Console(file=stream, force_terminal=True, highlight=False).print(text, end="", soft_wrap=True)
    except (OSError, ValueError):
        pass
    return True
