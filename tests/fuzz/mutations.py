"""JSON documents that are nearly right: those that a provider sends, with values missing, wrong, repeated and moved."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

WRONG: list[Any] = [
    None, True, False, 0, -1, 2**70, 1.5, "", "x", "\x00", "é" * 3, "\ud800", "{", '{"a":1}', "[]", "null",
    [], [[]], [None], {}, {"": None}, {"type": None}, {"content": {"content": []}}, "data:image/png;base64,QUJD",
]  # fmt: skip


def paths(document: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something is in a document, the document itself left out."""
    if not isinstance(document, (dict, list)):
        return []
    items = document.items() if isinstance(document, dict) else enumerate(document)
    found: list[tuple[Any, ...]] = []
    for key, value in items:
        found += [(*here, key), *paths(value, (*here, key))]
    return found


def _changed(document: Any, path: tuple[Any, ...], how: str, value: Any) -> None:
    for key in path[:-1]:
        document = document[key]
    key = path[-1]
    if how == "remove":
        del document[key]
    elif how == "replace":
        document[key] = value
    elif how == "wrap":
        document[key] = [document[key]]
    elif how == "repeat" and isinstance(document, list):
        document.insert(key, copy.deepcopy(document[key]))
    elif how == "reverse" and isinstance(document[key], list):
        document[key].reverse()


@st.composite
def mutated(draw: st.DrawFn, documents: list[Any], most: int = 6, ascii_only: bool = False) -> Any:
    """One of ``documents`` with up to ``most`` changes."""
    document = copy.deepcopy(draw(st.sampled_from(documents)))
    wrong = [value for value in WRONG if not (ascii_only and value == "\ud800")]
    for _ in range(draw(st.integers(0, most))):
        there = paths(document)
        if not there:
            break
        how = draw(st.sampled_from(["remove", "replace", "replace", "wrap", "repeat", "reverse"]))
        _changed(document, draw(st.sampled_from(there)), how, copy.deepcopy(draw(st.sampled_from(wrong))))
    return document


def sequences(documents: list[Any], most: int = 8, **how: Any) -> st.SearchStrategy[list[Any]]:
    """A stream: some of ``documents``, mutated or not, in any order."""
    return st.lists(mutated(documents, 3, **how), max_size=most)
