"""What passes between the test server's transport and its endpoints: calls in, replies out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from genai_otel.testing.server.behaviour import Behaviour

if TYPE_CHECKING:
    from genai_otel.testing.server.state import ServerState

JSON = dict[str, Any]

CREATED = 1_700_000_000  # the one moment at which everything in this server happens


@dataclass(frozen=True)
class RecordedRequest:
    """One request as it arrived.

    ``path`` is as sent, without the query; header names are in lower case; ``json`` is the parsed body or
    ``None``; ``form`` holds multipart fields (text, or ``(file name, bytes)``); ``messages`` are the
    WebSocket messages received, parsed.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""
    json: Any = None
    form: dict[str, Any] = field(default_factory=dict)
    messages: list[Any] = field(default_factory=list)


class Event(NamedTuple):
    """One server-sent event: ``data`` is encoded as JSON unless it is text already."""

    data: Any
    name: str | None = None


DONE = Event("[DONE]")


def plain_error_event(error: JSON, position: int) -> Event:
    """The in-band error of the endpoints whose events have no type."""
    return Event({"error": error})


@dataclass(frozen=True)
class Reply:
    """A whole answer."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EventStream:
    """An answer that is sent event by event, ended by ``end`` where the endpoint has such a thing."""

    events: Iterable[Event]
    end: Event | None = DONE
    error_event: Callable[[JSON, int], Event] = plain_error_event


Answer = Reply | EventStream


def encode(value: Any) -> bytes:
    # ASCII only, so that lone surrogates in what is echoed can't fail the encoding.
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def json_reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """``value`` as a JSON answer."""
    return Reply(encode(value), status, headers=headers or {})


_ERRORS: dict[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", None, "The request is not valid."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    403: ("invalid_request_error", "unsupported_country_region_territory", "Not allowed."),
    404: ("invalid_request_error", "not_found", "Not found."),
    409: ("invalid_request_error", "conflict", "The resource is in use."),
    413: ("invalid_request_error", "request_too_large", "The request is too large."),
    422: ("invalid_request_error", "unprocessable_entity", "The request can't be processed."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    503: ("server_error", "overloaded", "The engine is currently overloaded, please try again later."),
}
_SERVER_ERROR = ("server_error", None, "The server had an error while processing your request.")


def error_body(
    status: int,
    message: str | None = None,
    *,
    code: str | None = None,
    type: str | None = None,
    param: str | None = None,
) -> JSON:
    """The ``error`` object of the API, with the wording usual for ``status`` where none is given."""
    default_type, default_code, default_message = _ERRORS.get(status, _SERVER_ERROR)
    return {
        "message": message or default_message,
        "type": type or default_type,
        "param": param,
        "code": code or default_code,
    }


class APIError(Exception):
    """Ends the handling of a call with an error answer in the API's shape."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message)
        self.reply = json_reply({"error": error_body(status, message, code=code, param=param)}, status)


@dataclass(frozen=True)
class Call:
    """A request matched to an endpoint: what a handler is given. ``dispatch`` answers another request."""

    request: RecordedRequest
    behaviour: Behaviour
    state: ServerState
    dispatch: Callable[[RecordedRequest], Answer]
    params: tuple[str, ...] = ()
    deployment: str | None = None

    @property
    def body(self) -> JSON:
        """The JSON object or the form sent; empty if there was neither."""
        return self.request.json if isinstance(self.request.json, dict) else self.request.form

    @property
    def service_tier(self) -> str:
        """The tier that served the request: the one asked for, ``default`` for ``auto``."""
        asked = self.body.get("service_tier")
        return "default" if asked in (None, "auto") else str(asked)

    def require(self, name: str) -> Any:
        """The parameter ``name``; a call without it is refused with 400."""
        value = self.body.get(name)
        if value is None or value in ("", []):
            raise APIError(
                400, f"Missing required parameter: '{name}'.", code="missing_required_parameter", param=name
            )
        return value

    def model(self, default: str | None = None) -> str:
        """The model asked for, or the Azure deployment; 404 for one whose name says it doesn't exist."""
        model = str(self.body.get("model") or self.deployment or default or self.require("model"))
        if "does-not-exist" in model:
            raise APIError(
                404,
                f"The model `{model}` does not exist or you do not have access to it.",
                code="model_not_found",
            )
        return model
