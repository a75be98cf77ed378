"""The table endpoint -> operation. What is not in it makes no GenAI span."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import unquote

from . import (
    agents,
    assistants,
    audio,
    chat,
    completions,
    decisions,
    embeddings,
    images,
    moderations,
    responses,
    retrieval,
)
from .api import Api

_TABLE: Final[dict[tuple[str, str], Api]] = {
    ("post", "/chat/completions"): chat.CHAT,
    ("post", "/completions"): completions.COMPLETION,
    ("post", "/embeddings"): embeddings.EMBEDDINGS,
    ("post", "/responses"): responses.RESPONSES,
    ("post", "/responses/compact"): responses.RESPONSES,
    ("get", "/responses/{response_id}"): responses.FETCH,
    ("post", "/responses/{response_id}/cancel"): responses.FETCH,
    ("post", "/vector_stores/{vector_store_id}/search"): retrieval.SEARCH,
    ("post", "/images/generations"): images.GENERATE,
    ("post", "/images/edits"): images.EDIT,
    ("post", "/images/variations"): images.CREATE_VARIATION,
    ("post", "/audio/speech"): audio.SPEECH,
    ("post", "/audio/transcriptions"): audio.TRANSCRIPTIONS,
    ("post", "/audio/translations"): audio.TRANSLATIONS,
    ("post", "/moderations"): moderations.MODERATIONS,
    ("post", "/decisions"): decisions.DECISIONS,
    ("post", "/threads/runs"): assistants.RUN,
    ("post", "/threads/{thread_id}/runs"): assistants.RUN,
    ("post", "/threads/{thread_id}/runs/{run_id}/submit_tool_outputs"): assistants.RUN,
    ("post", "/agents/sessions"): agents.SESSION,
    ("post", "/agents/sessions/{session_id}/events"): agents.TURN,
    ("get", "/agents/sessions/{session_id}/events"): agents.EVENTS,
}
_STATIC: Final = {key: api for key, api in _TABLE.items() if "{" not in key[1]}

Match = tuple[Api, str, dict[str, str]]
_Pattern = tuple[tuple[str, ...], Api]


def _patterns() -> dict[tuple[str, int], list[_Pattern]]:
    found: dict[tuple[str, int], list[_Pattern]] = {}
    for (method, path), api in _TABLE.items():
        if "{" in path:
            segments = tuple(path.split("/"))
            found.setdefault((method, len(segments)), []).append((segments, api))
    return found


_PATTERNS: Final = _patterns()
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.\-]*://[^/]*", re.IGNORECASE)
# what a base URL ends in: callers may give the whole address, and Azure's name the deployment
_BASE: Final = re.compile(r"(?:/[^/]+)*?/(?:v\d\w*|openai|deployments/[^/]+)(?=/)")


def find(method: Any, url: Any) -> Match | None:
    """Return the operation of a request, its path and the path's parameters, or None.

    ``url`` is what the SDK's ``request`` was given: a path, with a query maybe, or a whole address.
    """
    if not isinstance(url, str) or not isinstance(method, str):
        return None
    api = _STATIC.get((method, url))
    return (api, url, {}) if api is not None else _search(method.lower(), url)


def _search(method: str, url: str) -> Match | None:
    path = url.partition("?")[0].partition("#")[0].rstrip("/")
    origin = _ORIGIN.match(path)
    path = path[origin.end() :] if origin is not None else f"/{path.lstrip('/')}"
    while True:
        found = _match(method, path)
        if found is not None:
            return found
        base = _BASE.match(path)
        if base is None:
            return None
        path = path[base.end() :]


def _match(method: str, path: str) -> Match | None:
    api = _STATIC.get((method, path))
    if api is not None:
        return api, path, {}
    segments = path.split("/")
    for pattern, candidate in _PATTERNS.get((method, len(segments)), ()):
        params = _params(pattern, segments)
        if params is not None:
            return candidate, path, params
    return None


def _params(pattern: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    found: dict[str, str] = {}
    for wanted, given in zip(pattern, segments, strict=True):
        if wanted[:1] == "{" and given:
            found[wanted[1:-1]] = unquote(given)
        elif wanted != given:
            return None
    return found
