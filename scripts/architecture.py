"""The rooms of the package and who imports whom, read from the source; prints the picture of docs/architecture.md."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "genai_otel"
# modules of the top level -> the room they make up together
_TOP = {
    "front door": ("__init__", "openai"),
    "manual spans": [
        "_decorators",
        "_traced",
        "_generators",
        "_proxies",
        "_binding",
        "_spans",
        "_span_scope",
        "_context",
        "_client",
        "_evaluation",
    ],
    "configure": ("_configure",),
    "settings": ("_settings", "_ambient_processor"),
    "ground": ["_guard", "_runtime", "_custom_runtime", "_forks", "_version"],
}
_ROOM_OF = {module: room for room, modules in _TOP.items() for module in modules}
_EVERYBODYS = "ground"


def room_of(module: str) -> str:
    """Return the room of a module, given by its dotted name below the package."""
    first = module.partition(".")[0]
    return _ROOM_OF.get(first, first)


def arrows() -> dict[str, set[str]]:
    """Return room -> the rooms that it imports from, wherever in its modules; those on the ground left out."""
    found: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        here = room_of(_dotted(path))
        reached = found.setdefault(here, set())
        reached |= {room_of(module) for module in _imports(path)} - {here, _EVERYBODYS}
    found.pop(_EVERYBODYS)
    return found


def _dotted(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts) if len(parts) == 1 or parts[-1] != "__init__" else ".".join(parts[:-1])


def _imports(path: Path) -> Iterator[str]:
    home = ("genai_otel", *path.relative_to(PACKAGE).parent.parts)
    tree = ast.parse(path.read_text())
    # what the front door re-exports lazily it imports for type checkers
    nodes = ast.walk(tree) if path.parent == PACKAGE and path.name == "__init__.py" else _executed(tree)
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            base = home[: len(home) - node.level + 1] if node.level else ()
            source = (*base, *(node.module.split(".") if node.module else ()))
            if source[0] == "genai_otel":
                yield from (".".join(_resolved((*source[1:], one.name))) for one in node.names)


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a tree without what is there for type checkers only."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _executed(child)


def _resolved(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the module that ``from ... import name`` reaches: the name itself, or where it is defined."""
    place = PACKAGE.joinpath(*parts)
    if place.is_dir() or place.with_suffix(".py").exists():
        return parts
    return parts[:-1] or ("__init__",)


def picture() -> str:
    """Return the rooms and their arrows as a Mermaid flowchart."""
    found = arrows()
    names = {room: room.replace(" ", "_") for room in found}
    lines = ["```mermaid", "flowchart TD"]
    lines += [f"    {name}[{room}]" for room, name in sorted(names.items())]
    lines += [f"    {names[room]} --> {names[to]}" for room in sorted(found) for to in sorted(found[room])]
    return "\n".join([*lines, "```"])


def cycles() -> list[tuple[str, str]]:
    """Return the pairs of rooms that reach each other."""
    direct = arrows()
    reach = {room: set(targets) for room, targets in direct.items()}
    for middle in reach:
        for room in reach:
            if middle in reach[room]:
                reach[room] |= reach[middle]
    return sorted((one, two) for one in reach for two in reach[one] if one < two and one in reach[two])


if __name__ == "__main__":
    import sys

    sys.stdout.write(picture() + "\n")
