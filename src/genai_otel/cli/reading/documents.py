"""JSON documents out of lines: one a line, one over many lines, or several, with foreign lines in between."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_BRACKET: Final = re.compile(r"[\[\]{}]")
_OPENING: Final = {"}": "{", "]": "["}
# what JSON has outside strings: numbers, true, false, null, NaN, Infinity, brackets and what separates them
_FOREIGN: Final = re.compile(r"[^\s\d\[\]{},:.+\-truefalsnEINity]")
# only the outermost object of a document begins so
_BEGINNING: Final = re.compile(r'\{\s*"resource(?:Spans|Metrics|Logs)"')
_DECODER: Final = json.JSONDecoder()


class Documents:
    """Iterates over the JSON objects and arrays in ``lines``; holds one document at a time.

    Counted are the lines ``read``, the documents ``found`` and the lines ``skipped`` because they belong to none; the
    first of those is ``first_foreign``. ``cut_short`` says that the last ones began a document that does not end.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = lines
        self._begun: list[str] = []
        self._open: list[str] = []
        self.read = self.found = self.skipped = 0
        self.first_foreign: str | None = None
        self.cut_short = False

    def __iter__(self) -> Iterator[Any]:
        for line in self._lines:
            text = line.strip()
            if text:
                self.read += 1
                self.cut_short = False
                for document in self._continued(text) if self._begun else self._fresh(text):
                    self.found += 1
                    yield document
        self.cut_short = self.cut_short or bool(self._begun)
        self._give_up()

    def _fresh(self, text: str) -> Iterator[Any]:
        found, rest = _decoded(text)
        yield from found
        if not rest:
            return
        self._open = []
        if rest[0] in "{[" and self._follow(rest) and self._open:
            self._begun.append(rest)
        else:
            self.cut_short = rest[0] == "{"
            self._skip(rest)

    def _continued(self, text: str) -> Iterator[Any]:
        if self._starts_over(text):
            self._give_up()
            yield from self._fresh(text)
            return
        self._begun.append(text)
        if not self._follow(text):
            self._give_up()
        elif not self._open:
            found, rest = _decoded("\n".join(self._begun))
            if found and not rest:
                self._begun.clear()
            self._give_up()
            yield from found

    def _starts_over(self, text: str) -> bool:
        """Whether what was begun broke off before this line, which begins a document of its own."""
        if text[0] != "{":
            return False
        fits = self._begun[-1][-1] in ("[:," if self._open[-1] == "[" else ":")
        return not fits or (self._begun[0][0] == "{" and _BEGINNING.match(text) is not None)

    def _follow(self, text: str) -> bool:
        """Note which brackets stay open after the line; whether it can be part of a document at all."""
        bare = _STRING.sub("", text)
        if '"' in bare or _FOREIGN.search(bare):
            return False
        for bracket in _BRACKET.findall(bare):
            opening = _OPENING.get(bracket)
            if opening is None:
                self._open.append(bracket)
            elif not self._open or self._open.pop() != opening:
                return False
        return True

    def _give_up(self) -> None:
        for text in self._begun:
            self._skip(text)
        self._begun.clear()

    def _skip(self, text: str) -> None:
        self.skipped += 1
        if self.first_foreign is None:
            self.first_foreign = text


def _decoded(text: str) -> tuple[list[Any], str]:
    """The documents that the text begins with, mostly one, and what is left of it."""
    found: list[Any] = []
    while text and text[0] in "{[":
        try:
            document, end = _DECODER.raw_decode(text)
        except (ValueError, RecursionError):
            break
        found.append(document)
        text = text[end:].lstrip(" \t\r\n,")
    return found, text
