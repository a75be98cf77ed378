"""Values as text to read: JSON laid out, everything else as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

Row: TypeAlias = dict[str, Any]
_ONE_LINE: Final = 60
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def plain_text(value: object) -> str:
    """Return the value as text that UTF-8 has."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value if isinstance(value, str) else str(value))


def row_of(value: object, label: str = "", *, closed: bool = False) -> Row:
    """Return a block of text, ``code`` where it is JSON; ``closed`` for what is shown only on request."""
    laid_out = _laid_out(value)
    text = plain_text(value) if laid_out is None else laid_out
    row: Row = {"text": text}
    marks = {"label": plain_text(label), "code": laid_out is not None, "closed": closed}
    row.update({key: mark for key, mark in marks.items() if mark})
    return row


def value_rows(values: Mapping[str, Any]) -> list[Row]:
    """Return attributes as labelled blocks, in order of their names."""
    return [row_of(values[key], str(key)) for key in sorted(values, key=str)]


def _laid_out(value: object) -> str | None:
    """JSON with line breaks; ``None`` for text that is none."""
    if isinstance(value, str):
        if value[:1] not in ("{", "["):
            return None
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    try:
        short = json.dumps(value, ensure_ascii=False, default=str)
        return plain_text(short if len(short) <= _ONE_LINE else _over_lines(value))
    except (ValueError, RecursionError):
        return None


def _over_lines(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)
