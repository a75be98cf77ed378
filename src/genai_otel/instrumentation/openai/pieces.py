"""The text of a stream, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

_MANY: Final = 256


class Pieces:
    """Pieces of one text, joined now and then: a short string takes many times the memory of its characters."""

    __slots__ = ("_joined", "_recent")

    def __init__(self) -> None:
        self._joined: list[Any] = []
        self._recent: list[Any] = []

    def append(self, piece: Any) -> None:
        """Add a piece; what is no string stays as it is."""
        recent = self._recent
        recent.append(piece)
        if len(recent) == _MANY:
            self._join()

    def _join(self) -> None:
        try:
            self._joined.append("".join(self._recent))
        except TypeError:
            self._joined += self._recent
        self._recent = []

    def __iter__(self) -> Iterator[Any]:
        yield from self._joined
        yield from self._recent

    def __bool__(self) -> bool:
        return bool(self._joined or self._recent)
