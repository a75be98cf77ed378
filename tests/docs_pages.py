"""The pages of the documentation as the tests see them: blocks of code with the marks before them, links, anchors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

ROOT: Final = Path(__file__).parent.parent
_FENCE: Final = re.compile(r"^(?P<margin> *)```(?P<info>[^\n`]*)\n(?P<code>.*?)^(?P=margin)```$", re.M | re.S)
_MARK: Final = re.compile(r"<!-- *(?P<name>[a-z ]+?)(?:: *(?P<reason>[^\n]+?))? *-->\s*\Z")
_INLINE_CODE: Final = re.compile(r"`[^`\n]+`")
_LINK: Final = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(<?(?P<target>[^)\s>]+)>?(?: \"[^\"]*\")?\)")
_HEADING: Final = re.compile(r"^#+ +(?P<text>.+?) *#*$", re.M)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its code without the margin, and the mark in the comment before it."""

    page: str
    line: int
    language: str
    code: str
    mark: str | None
    reason: str | None

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[str]:
    """Return the paths of all pages, relative to the repository."""
    found = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page.relative_to(ROOT).as_posix() for page in found]


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    return [_block(page, text_of(page), match) for match in _FENCE.finditer(text_of(page))]


def _block(page: str, text: str, match: re.Match[str]) -> Block:
    before = _MARK.search(text[: match.start()])
    margin = match["margin"]
    code = "".join(line.removeprefix(margin) for line in match["code"].splitlines(keepends=True))
    line = text.count("\n", 0, match.start("code")) + 1
    words = match["info"].split()
    mark, reason = (before["name"], before["reason"]) if before else (None, None)
    return Block(page, line, words[0] if words else "", code, mark, reason)


def without_code(text: str) -> str:
    """Return the text of a page without its blocks and code words."""
    return _INLINE_CODE.sub("", _FENCE.sub("", text))


def links(page: str) -> list[str]:
    """Return the targets of a page's links that lie in the repository."""
    targets = [match["target"] for match in _LINK.finditer(without_code(text_of(page)))]
    return [unquote(target) for target in targets if not re.match(r"[a-z]+:", target)]


def anchors(page: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = _HEADING.findall(_FENCE.sub("", text_of(page)))
    return {_slug(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)) for heading in headings}


def _slug(heading: str) -> str:
    kept = "".join(one for one in heading.lower().replace("`", "") if one.isalnum() or one in " -_")
    return kept.strip().replace(" ", "-")
