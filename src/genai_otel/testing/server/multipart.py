"""Forms: ``multipart/form-data`` bodies as a dictionary of fields."""

from __future__ import annotations

import re
from typing import Any

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?')
_NAME = re.compile(r'[; ]name="([^"]*)"', re.IGNORECASE)
_FILENAME = re.compile(r'filename="([^"]*)"')


def parse(content_type: str, body: bytes) -> dict[str, Any]:
    """The fields of a form: text, or ``(file name, bytes)``.

    A name sent twice, or ending in ``[]``, has a list.
    """
    found = _BOUNDARY.search(content_type)
    if not content_type.startswith("multipart/form-data") or not found:
        return {}
    form: dict[str, Any] = {}
    for part in body.split(b"--" + found.group(1).encode("latin-1"))[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        _add(form, head.decode("utf-8", "replace"), value.removesuffix(b"\r\n"))
    return form


def _add(form: dict[str, Any], head: str, value: bytes) -> None:
    name = _NAME.search(head)
    if name is None:
        return
    filename = _FILENAME.search(head)
    parsed: Any = (filename.group(1), value) if filename else value.decode("utf-8", "replace")
    key = name.group(1).removesuffix("[]")
    if key in form:
        form[key] = [*(form[key] if isinstance(form[key], list) else [form[key]]), parsed]
    else:
        form[key] = [parsed] if name.group(1).endswith("[]") else parsed
