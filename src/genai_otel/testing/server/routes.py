"""Which handler answers which request: the table of endpoints, and what happens around a handler."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import Any

from genai_otel.testing.server import (
    assistants,
    audio,
    chat,
    classification,
    completions,
    conversations,
    embeddings,
    files,
    images,
    realtime,
    responses,
    runs,
    vector_stores,
)
from genai_otel.testing.server.behaviour import Behaviour
from genai_otel.testing.server.exchange import (
    Answer,
    APIError,
    Call,
    Event,
    EventStream,
    RecordedRequest,
    Reply,
    error_body,
    json_reply,
)
from genai_otel.testing.server.resources import Handler, Route
from genai_otel.testing.server.state import ServerState

ROUTES: tuple[Route, ...] = (
    *chat.ROUTES,
    ("POST", "/completions", completions.create),
    ("POST", "/embeddings", embeddings.create),
    *responses.ROUTES,
    *conversations.ROUTES,
    *images.ROUTES,
    *audio.ROUTES,
    *classification.ROUTES,
    *vector_stores.ROUTES,
    *files.ROUTES,
    *assistants.ROUTES,
    *runs.ROUTES,
    *realtime.ROUTES,
)

# OpenAI's own prefix, Azure's two, or none at all.
_PREFIX = re.compile(r"^(?:/openai/deployments/([^/]+)|/openai/v1|/openai|/v1)(?=/)")

_Methods = dict[str, Handler]
_EXACT: defaultdict[str, _Methods] = defaultdict(dict)
_PATTERNS: defaultdict[int, list[tuple[tuple[str, ...], _Methods]]] = defaultdict(list)


def _index() -> None:
    patterns: defaultdict[str, _Methods] = defaultdict(dict)
    for method, template, handler in ROUTES:
        (patterns if "{}" in template else _EXACT)[template][method] = handler
    for template, methods in patterns.items():
        segments = tuple(template.split("/"))
        _PATTERNS[len(segments)].append((segments, methods))


_index()


def canonical(path: str) -> tuple[str, str | None]:
    """The path as the table knows it, and the Azure deployment if it names one."""
    found = _PREFIX.match(path)
    deployment = found.group(1) if found else None
    bare = path[found.end() :] if found else path
    return f"/{bare.strip('/')}", deployment


def _match(method: str, path: str) -> tuple[Handler, tuple[str, ...]]:
    params: tuple[str, ...] = ()
    methods = _EXACT.get(path)
    if methods is None or method not in methods:
        methods, params = _match_pattern(method, path) or (methods, ())
    if methods is None:
        raise APIError(404, f"Invalid URL ({method} {path})", code="unknown_url")
    if method not in methods:
        raise APIError(405, f"Not allowed to {method} on {path}.", code="method_not_supported")
    return methods[method], params


def _match_pattern(method: str, path: str) -> tuple[_Methods, tuple[str, ...]] | None:
    segments = path.split("/")
    best: tuple[_Methods, tuple[str, ...]] | None = None
    for template, methods in _PATTERNS[len(segments)]:
        if all(want in ("{}", have) for want, have in zip(template, segments, strict=True)):
            params = tuple(have for want, have in zip(template, segments, strict=True) if want == "{}")
            if method in methods:
                return methods, params
            best = best or (methods, params)
    return best


def respond(request: RecordedRequest, state: ServerState) -> tuple[Answer, Behaviour]:
    """The answer to a request, and how it is to be sent."""
    path, deployment = canonical(request.path)
    try:
        behaviour = state.behaviour(request, path)
    except APIError as error:
        return error.reply, Behaviour()
    return _prescribed(request, behaviour) or _handled(request, state, behaviour, path, deployment), behaviour


def _handled(
    request: RecordedRequest, state: ServerState, behaviour: Behaviour, path: str, deployment: str | None
) -> Answer:
    try:
        if request.body and request.json is None and not request.form:
            raise APIError(400, "We could not parse the JSON body of your request.")
        handler, params = _match(request.method, path)
        return handler(
            Call(request, behaviour, state, lambda other: respond(other, state)[0], params, deployment)
        )
    except APIError as error:
        return error.reply
    except Exception as error:  # a handler that can't cope answers as a server would
        return json_reply({"error": error_body(500, f"{type(error).__name__}: {error}")}, 500)


def _prescribed(request: RecordedRequest, behaviour: Behaviour) -> Answer | None:
    """The answer that the behaviour itself is: an error, a broken body, a given body."""
    status = behaviour.status or 200
    if behaviour.body is not None:
        return _given(request, behaviour.body, status)
    return refusal(behaviour) if status >= 400 else None


def refusal(behaviour: Behaviour) -> Reply:
    """The error answer that a behaviour asks for."""
    status = behaviour.status or 500
    error = error_body(status, behaviour.message, code=behaviour.code, type=behaviour.type)
    return json_reply({"error": error}, status, _retry_headers(behaviour))


def _given(request: RecordedRequest, body: str, status: int) -> Answer:
    try:
        value: Any = json.loads(body)
    except ValueError:
        return Reply(body.encode("utf-8", "replace"), status)
    if isinstance(value, list) and isinstance(request.json, dict) and request.json.get("stream"):
        return EventStream(
            [Event(each, each.get("type") if isinstance(each, dict) else None) for each in value]
        )
    return json_reply(value, status)


def _retry_headers(behaviour: Behaviour) -> dict[str, str]:
    """When to try again, in seconds and in milliseconds."""
    if behaviour.retry_after is None:
        return {}
    return {
        "retry-after": f"{behaviour.retry_after:g}",
        "retry-after-ms": f"{behaviour.retry_after * 1000:g}",
    }
