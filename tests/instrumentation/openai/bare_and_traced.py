"""Running a way to call the SDK and describing all there is to see of it: requests, results, exceptions, noise."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import types
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import Any

import httpx2
import openai
import pydantic
from opentelemetry import context as otel_context
from opentelemetry.sdk.trace import SpanProcessor

from genai_otel.testing.server import OpenAIServer
from tests.telemetry_capture import Telemetry

from .battery import ASYNC_STYLES, STYLES

_VOLATILE = {"idempotency-key", "sec-websocket-key"}
_BOUNDARY = re.compile(r"boundary=[\w-]+")
_ADDRESS = re.compile(r" at 0x[0-9a-f]+|0x[0-9a-f]{6,}")
_REQUEST_ID = re.compile(r"req_\d{8}")  # counted up by late answers to requests that were given up, too
_DEEPEST = 40


class OpenSpans(SpanProcessor):
    """Knows which spans were started and have not ended."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._open: dict[int, str] = {}
        telemetry.tracer_provider.add_span_processor(self)

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        self._open[span.context.span_id] = span.name

    def on_end(self, span: Any) -> None:
        del self._open[span.context.span_id]  # a second end would raise

    def open(self) -> list[str]:
        """The names of the spans that are open after all garbage is collected."""
        for _ in range(3):
            if self._open:
                gc.collect()
        return list(self._open.values())


def observe(server: OpenAIServer, call: Callable[[], Any]) -> dict[str, Any]:
    """Make a call and return what its caller and the server could see."""
    server.reset()
    before = otel_context.get_current()
    records: list[str] = []
    with _logged(records), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            outcome: Any = ("returned", describe(call()))
        except BaseException as exc:
            outcome = ("raised", describe(exc))
    return {
        "outcome": outcome,
        "requests": sorted(_request(request) for request in server.requests),  # some are made concurrently
        "warnings": [
            (one.category.__name__, _ADDRESS.sub("", str(one.message)))
            for one in warned
            if not issubclass(one.category, ResourceWarning)  # whenever the garbage collector likes
        ],
        "log": records,
        "context given back": otel_context.get_current() is before,
    }


def difference(one: Any, other: Any, where: str = "") -> str | None:
    """Say where two observations differ first, None if they don't."""
    if type(one) is type(other) and isinstance(one, dict) and one.keys() == other.keys():
        parts = [(f"{where}.{key}", one[key], other[key]) for key in one]
    elif type(one) is type(other) and isinstance(one, (list, tuple)) and len(one) == len(other):
        parts = [(f"{where}[{index}]", *pair) for index, pair in enumerate(zip(one, other, strict=True))]
    else:
        return None if one == other and type(one) is type(other) else f"{where}: {one!r} != {other!r}"
    return next((found for at, a, b in parts if (found := difference(a, b, at)) is not None), None)


def observe_style(server: OpenAIServer, name: str) -> dict[str, Any]:
    """Make a call of the battery with a client of its own."""
    if name in STYLES:
        return observe(server, lambda: _run(server, STYLES[name]))
    return observe(server, lambda: asyncio.run(_arun(server, ASYNC_STYLES[name])))


def _run(server: OpenAIServer, style: Callable[[openai.OpenAI], Any]) -> Any:
    with openai.OpenAI(api_key="test", base_url=server.base_url, max_retries=0) as client:
        return describe(style(client))


async def _arun(server: OpenAIServer, style: Callable[[openai.AsyncOpenAI], Any]) -> Any:
    async with openai.AsyncOpenAI(api_key="test", base_url=server.base_url, max_retries=0) as client:
        return describe(await style(client))


@contextmanager
def _logged(records: list[str]) -> Iterator[None]:
    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(f"{record.name} {record.levelname} {record.getMessage()}")

    handler = Keeping(logging.INFO)
    logging.getLogger("genai_otel").addHandler(handler)
    logging.getLogger("opentelemetry").addHandler(handler)
    logging.getLogger("asyncio").addHandler(handler)
    try:
        yield
    finally:
        for name in ("genai_otel", "opentelemetry", "asyncio"):
            logging.getLogger(name).removeHandler(handler)


def _request(request: Any) -> Any:
    headers = {name: value for name, value in request.headers.items() if name not in _VOLATILE}
    kind = headers.get("content-type", "")
    boundary = _BOUNDARY.search(kind)
    body = request.body
    if boundary is not None:
        mark = boundary.group(0).partition("=")[2]
        body = body.replace(mark.encode(), b"boundary")
        headers["content-type"] = kind.replace(mark, "boundary")
    return (
        request.method,
        request.path,
        sorted(request.query.items()),
        sorted(headers.items()),
        body,
        describe(request.messages),
    )


def describe(value: Any, depth: int = 0) -> Any:
    """Return a value as plain data: its type, and everything in it."""
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return _REQUEST_ID.sub("req", value) if type(value) is str else _scalar(value)
    if depth > _DEEPEST:
        return "too deep"
    if isinstance(value, type):
        return ("class", f"{value.__module__}.{value.__qualname__}")
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    return (kind, _inside(value, depth + 1))


def _scalar(value: Any) -> Any:
    if isinstance(value, float) and value != value:
        return ("nan",)
    if isinstance(value, Enum) or type(value) not in (bool, int, float, str, bytes, type(None)):
        return (f"{type(value).__qualname__}", str(value))
    return value


def _inside(value: Any, depth: int) -> Any:
    for kinds, look in _LOOKS:
        if isinstance(value, kinds):
            return look(value, depth)
    return _ADDRESS.sub("", repr(value)) if not isinstance(value, uuid.UUID) else "a uuid"


def _model(value: Any, depth: int) -> Any:
    extra = getattr(value, "__pydantic_extra__", None) or {}
    private = getattr(value, "__pydantic_private__", None) or {}
    fields = {**vars(value), **extra, **private}
    return describe(fields, depth), sorted(map(str, value.__pydantic_fields_set__))


def _exception(value: BaseException, depth: int) -> Any:
    shown = {
        name: describe(getattr(value, name, None), depth)
        for name in ("code", "type", "param", "status_code", "request_id", "body", "message")
    }
    chained = [value.__cause__, None if value.__suppress_context__ else value.__context__]
    causes = [type(found).__name__ for found in chained]
    return _ADDRESS.sub("", str(value)), describe(value.args, depth), shown, causes


def _mapping(value: Mapping[Any, Any], depth: int) -> Any:
    return [(describe(key, depth), describe(found, depth)) for key, found in list(value.items())]


def _sequence(value: Any, depth: int) -> Any:
    return [describe(found, depth) for found in value]


def _stream(value: Any, depth: int) -> Any:
    """Read what can be read, and say how it ended."""
    found: list[Any] = []
    try:
        for each in value:
            found.append(describe(each, depth))
    except Exception as exc:
        found.append(describe(exc, depth))
    return found


def _http_response(value: httpx2.Response, depth: int) -> Any:
    content = (
        value.content
        if value.is_stream_consumed or (value.is_closed and hasattr(value, "_content"))
        else "unread"
    )
    return value.status_code, describe(sorted(value.headers.items()), depth), content


def _raw(value: Any, depth: int) -> Any:
    return describe(value.http_response, depth), value.status_code, getattr(value, "retries_taken", None)


_LOOKS: tuple[tuple[Any, Callable[[Any, int], Any]], ...] = (
    (pydantic.BaseModel, _model),
    (BaseException, _exception),
    (Mapping, _mapping),
    ((list, tuple, set, frozenset), _sequence),
    ((openai.Stream, types.GeneratorType), _stream),
    (type(iter([])), _stream),
    (httpx2.Response, _http_response),
    ((openai._legacy_response.LegacyAPIResponse, openai._response.BaseAPIResponse), _raw),
)
