"""mkdocs hooks: files outside docs/ that pages link to become pages of the site, and the links follow.

On GitHub pages link to ``../examples/rag.py`` or ``../CHANGELOG.md``, where these files are; the site has them as
``examples/rag.md`` and ``changelog.md``.
"""

from __future__ import annotations

import ast
import posixpath
import re
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel

ROOT: Final = Path(__file__).parent.parent
# file in the repository -> page of the site
PAGES: Final = {
    **{file.name: file.name.lower() for file in ROOT.glob("*.md")},
    "README.md": "index.md",
    "README.zh-CN.md": "zh-CN.md",
    "SECURITY.md": "security-policy.md",
    "examples/README.md": "examples/index.md",
    "examples/existing_setups": "existing-setups.md",
}
_LINK: Final = re.compile(r"(?<=\]\()(?P<path>[^)\s#:]+)(?P<anchor>#[^)\s]*)?(?=\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    sources = {name: page for name, page in PAGES.items() if name.endswith(".md") and page != "index.md"}
    examples = sorted((ROOT / "examples").rglob("*.py"))
    sources.update((name := file.relative_to(ROOT).as_posix(), _page_of(name)) for file in examples)
    listed = set(re.findall(r"[\w/.-]+\.md", str(config.nav)))
    for name, page in sources.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        content = text if name.endswith(".md") else _program(name, text)
        added = File.generated(config, page, content=_linked(content, name, page))
        if page not in listed:
            added.inclusion = InclusionLevel.NOT_IN_NAV
        files.append(added)
    return files


def on_page_markdown(markdown: str, page: Any, **more: Any) -> str:
    """Let links out of docs/ lead to the pages made of what they lead to, and code compared have the whole width."""
    path = page.file.src_uri
    if 'class="compare"' in markdown:
        page.meta["hide"] = ["toc"]
    return markdown if page.file.generated_by else _linked(markdown, f"docs/{path}", path)


def _page_of(name: str) -> str:
    if name in PAGES:
        return PAGES[name]
    return name.removesuffix(".py") + ".md" if name.startswith("examples/") else name.removeprefix("docs/")


def _linked(text: str, name: str, page: str) -> str:
    """Return text of the file ``name`` with its links as they have to be on ``page``."""

    def new(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), match["path"]))
        if target.startswith("docs/") and name.startswith("docs/"):
            return match[0]
        return posixpath.relpath(_page_of(target), posixpath.dirname(page) or ".") + (match["anchor"] or "")

    return _LINK.sub(new, text)


def _program(name: str, code: str) -> str:
    """Return a page with an example: what it says about itself, then the code."""
    parsed = ast.parse(code)
    rest = "".join(code.splitlines(keepends=True)[parsed.body[0].end_lineno :]).lstrip("\n")
    return f"# {Path(name).name}\n\n{ast.get_docstring(parsed)}\n\n```python\n{rest}```\n"
