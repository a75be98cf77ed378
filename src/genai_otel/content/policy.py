"""The content policy: what is captured, then redacted, then shortened, then encoded - in that order, only here."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from .. import _runtime
from .._guard import warn_once
from ..conventions import attributes as attr
from . import describe
from .encode import to_json
from .media import has_data_url, inline_text
from .plain import plain
from .shorten import shorten, shorten_text

DROPPED: Final = object()
# what the log may name; the keys of users' attributes and tags are their data
_NAMEABLE: Final = attr.CONTENT | {attr.EXCEPTION_TYPE, attr.EXCEPTION_MESSAGE, attr.EXCEPTION_STACKTRACE}


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
        # a redactor that asks a model, or calls what is traced, would be asked to redact that as well
        token = _runtime.attach(_runtime.suppress(_runtime.current()))
        try:
            result = self.redact(where, _whole(value))
        except KeyboardInterrupt:
            raise
        except BaseException as exc:
            what = where if where in _NAMEABLE else "an attribute"
            warn_once(f"redact:{what}", "redact() raised %s for %s: it is dropped", type(exc).__name__, what)
            return DROPPED
        finally:
            try:
                _runtime.detach(token)
            except BaseException:  # an interrupt before that was done
                _runtime.detach(token)
                raise
        return DROPPED if result is None else result

    def json(self, value: Any) -> str:
        """Return cleared ``value`` as JSON text of at most ``max_length`` characters, still valid JSON."""
        text = to_json(value)
        if has_data_url(text):
            text = inline_text(text)
            value = json.loads(text)
        if self.max_length is None or len(text) <= self.max_length:
            return text
        return to_json(shorten(plain(value), self.max_length))

    def text(self, value: Any) -> str:
        """Return cleared ``value`` as text: strings as they are, everything else as JSON, within ``max_length``."""
        if not isinstance(value, str):
            return self.json(value)
        text = inline_text(_encodable(value))
        if self.max_length is None or len(text) <= self.max_length:
            return text
        return shorten_text(text, self.max_length)

    def structured(self, value: Any) -> Any:
        """Return cleared ``value`` as plain data whose JSON text is within ``max_length``."""
        data = plain(value)
        return data if self.max_length is None else shorten(data, self.max_length)


def _whole(value: Any) -> Any:
    """Return ``value`` as plain data in which nothing was shortened: half a secret is not recognised."""
    token = describe.whole.set(True)
    try:
        return plain(value)
    finally:
        describe.whole.reset(token)


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
