"""The table endpoint -> operation. What is not in it makes no GenAI span."""

from __future__ import annotations

from typing import Any, Final

from . import chat
from .api import Api

_STATIC: Final[dict[tuple[str, str], Api]] = {
    ("post", "/chat/completions"): chat.CHAT,
}


Match = tuple[Api, str, dict[str, str]]


def find(method: Any, url: Any) -> Match | None:
    """Return the operation of a request, its path and the path's parameters, or None."""
    if not isinstance(url, str) or not isinstance(method, str):
        return None
    path = url.partition("?")[0].rstrip("/")
    api = _STATIC.get((method.lower(), path))
    return None if api is None else (api, path, {})
