"""One request through the funnel: its operation, from the parameters to the end of the answer."""

from __future__ import annotations

import functools
from collections.abc import Callable
from time import perf_counter
from typing import Any, Final

from opentelemetry.context import Context

from genai_otel._guard import report
from genai_otel._settings import Settings
from genai_otel.conventions import attributes as attr
from genai_otel.conventions import events
from genai_otel.telemetry.operation import begin, default_name, entered

from .api import Api, Request, StreamObserver
from .holding import Hold
from .providers import facts_of
from .requests import redacted
from .watching import is_being_read, watched

_UNREAD: Final = "stream"  # with_streaming_response: the body is the caller's to read
_NO_FAILURES: Final = (StopAsyncIteration, GeneratorExit)  # an async stream's end; a closed coroutine


class Exchange:
    """The telemetry of one request; ``ended`` once its operation has, or when there is nothing to record.

    ``raw`` is the SDK's mark of a request whose answer the caller parses, or reads, if at all; ``hide`` says
    which chunks of a stream the caller must not see.
    """

    __slots__ = (
        "_answered",
        "_hold",
        "_observer",
        "_started",
        "api",
        "context",
        "ended",
        "hide",
        "operation",
        "raw",
        "request",
    )

    def __init__(
        self, api: Api, request: Request, client: Any, settings: Settings, outer: Context, raw: str | None
    ) -> None:
        self.api = api
        self.request = request
        self.raw = raw
        self.hide: Callable[[Any], bool] | None = None
        self._answered = False
        self._observer: StreamObserver | None = None
        self._hold: Hold | None = None
        attributes = {**_guarded("provider", facts_of, client), **_guarded("start", api.start, request)}
        if settings.content.redact is not None:
            attributes = _guarded("redact", redacted, attributes, settings.content)
        if api.rules.operation is not None:
            attributes[attr.OPERATION_NAME] = api.rules.operation
        name = default_name(api.rules, attributes.get)
        span, self.operation = begin(api.rules, settings, name, attributes, outer, named=False)
        self.context: Context = _guarded("enter", entered, outer, span, self.operation) or outer
        self.ended = self.operation is None
        if self.operation is not None and self.operation.recording and settings.content.captures:
            _guarded("request", api.content, self.operation, request)
        self._started = perf_counter()

    def parsed(self, answer: Any) -> None:
        """The SDK made ``answer`` of the body: a model, a stream, or whatever was asked for."""
        if self.ended or self._observer is not None:
            return
        if _is_stream(type(answer)):  # type: ignore[arg-type]
            self._observe(answer)
            return
        self._record(answer)
        if self.raw == _UNREAD:
            self.end()

    def returned(self, result: Any) -> None:
        """The SDK's request returned ``result`` to the caller."""
        if self.ended or self._observer is not None:
            return
        if self.raw is None and self._answered:  # the usual way, before any look at the result
            self.end()
            return
        http = getattr(result, "http_response", result)
        if self.raw == _UNREAD:
            self._hold = Hold(result, result, ("close",), self._closed, self.dropped)
        elif not self._answered and self.request.stream and not _in_memory(http):
            self._hold = Hold(result, http, ("close", "aclose"), self._closed, self.dropped)
        else:
            if not self._answered:
                self._record_body(http)
            self.end()

    def failed(self, exc: BaseException) -> None:
        """The request, or reading its stream, ended with an exception, which may be no failure."""
        self.end(None if isinstance(exc, _NO_FAILURES) else exc)

    def end(self, exc: BaseException | None = None, *, dropped: bool = False) -> None:
        """End the operation, as failed if there is an exception; only the first call does anything."""
        operation = self.operation
        if self.ended or operation is None:
            return
        self.ended = True
        if self._hold is not None:
            _guarded("release", self._hold.release)
        if exc is not None:
            _guarded("fail", operation.fail, exc)
        if self._observer is not None:
            _guarded("stream.finish", self._observer.finish)
        if dropped and not operation.ended:
            _guarded("abandoned", operation.span.add_event, events.STREAM_ABANDONED)
        _guarded("finish", operation.finish)
        self.operation = self._observer = self._hold = (
            None  # the caller's stream keeps this object, not those
        )

    def dropped(self) -> None:
        """The caller let go of the answer before its end: no error, but marked."""
        self.end(dropped=True)

    def _observe(self, stream: Any) -> None:
        if self.api.observe is None or self.operation is None:
            return
        observer = self.api.observe(self.operation, self._started)
        iterator = watched(stream._iterator, observer.chunk, self)
        if self._hold is not None:  # until now it was the raw response that had to be held
            self._hold.release()
        self._hold = Hold(stream, stream.response, ("close", "aclose"), self._stream_closed, self.dropped)
        self._observer = observer
        stream._iterator = iterator

    def _stream_closed(self, response: Any) -> None:
        if not is_being_read(self):
            self.end()

    def _record(self, answer: Any) -> None:
        self._answered = True
        _guarded("answer", self.api.answer, self.operation, answer)

    def _record_body(self, http_response: Any) -> None:
        """Record from the body that is in memory already, whether the caller ever parses it or not."""
        if _in_memory(http_response):
            body = _guarded("body", self.api.read, http_response._content)
            if body is not None:
                self._record(body)

    def _closed(self, response: Any) -> None:
        if self.ended or self._observer is not None:
            return
        if not self._answered and not self.request.stream:
            self._record_body(getattr(response, "http_response", response))
        self.end()


@functools.lru_cache(maxsize=256)
def _is_stream(kind: type) -> bool:
    """Whether answers of this class are streams; asking an answer itself is slow where it is a pydantic model."""
    return hasattr(kind, "__stream__")


def _in_memory(http_response: Any) -> bool:
    return isinstance(getattr(http_response, "_content", None), bytes)


def _guarded(site: str, function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of ours; its failure is reported, and is an empty result."""
    try:
        return function(*args)
    except Exception:
        report(f"openai.{site}")
        return {}
