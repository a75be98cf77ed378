"""The content policy: what is captured, then redacted, then shortened, then encoded - in that order, only here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from .._guard import warn_once
from .encode import to_json
from .plain import plain
from .shorten import shorten, shorten_text

DROPPED: Final = object()


@dataclass(frozen=True, slots=True)
class ContentPolicy:
    """Where captured content goes, who redacts it and how long it may be.

    ``span`` and ``event`` say where content captured on the user's behalf is recorded; values that the user sets
    explicitly are recorded on the span whatever they say. ``redact(where, value)`` sees plain data (dict, list, str,
    numbers) and returns what may be recorded; if it raises or returns None, the content is dropped.
    """

    span: bool = False
    event: bool = False
    redact: Callable[[str, Any], Any] | None = None
    max_length: int | None = None

    @property
    def captures(self) -> bool:
        """Whether anything is captured on the user's behalf."""
        return self.span or self.event

    def cleared(self, where: str, value: Any) -> Any:
        """Return ``value`` after redaction (itself when there is no redactor), or ``DROPPED``."""
        if self.redact is None:
            return value
        try:
            result = self.redact(where, plain(value))
        except KeyboardInterrupt:
            raise
        except BaseException as exc:
            warn_once(
                f"redact:{where}",
                "redact() raised %s for %s: the content is dropped",
                type(exc).__name__,
                where,
            )
            return DROPPED
        return DROPPED if result is None else result

    def json(self, value: Any) -> str:
        """Return cleared ``value`` as JSON text of at most ``max_length`` characters, still valid JSON."""
        text = to_json(value)
        if self.max_length is None or len(text) <= self.max_length:
            return text
        return to_json(shorten(plain(value), self.max_length))

    def text(self, value: Any) -> str:
        """Return cleared ``value`` as text: strings as they are, everything else as JSON, within ``max_length``."""
        if not isinstance(value, str):
            return self.json(value)
        text = _encodable(value)
        if self.max_length is None or len(text) <= self.max_length:
            return text
        return shorten_text(text, self.max_length)

    def structured(self, value: Any) -> Any:
        """Return cleared ``value`` as plain data whose JSON text is within ``max_length``."""
        data = plain(value)
        return data if self.max_length is None else shorten(data, self.max_length)


def _encodable(text: str) -> str:
    """Return ``text`` without lone surrogates, which no exporter can encode."""
    text = str.__str__(text)  # a subclass may answer for itself
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text
