"""One request through the funnel: its operation, from the parameters to the end of the answer."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from time import perf_counter
from typing import Any, Final

from opentelemetry.context import Context

from ... import _runtime
from ..._guard import report
from ..._settings import Settings
from ..._spans import Span
from ...conventions import attributes as attr
from ...conventions import events
from ...telemetry.operation import begin, default_name, entered
from .api import Api, Request, StreamObserver
from .providers import facts_of
from .watching import hook_close, watch

RAW_HEADER: Final = "X-Stainless-Raw-Response"
_UNREAD: Final = "stream"  # with_streaming_response: the body is the caller's to read


class Exchange:
    """The telemetry of one request; ``done`` once its operation has ended or when there is nothing to record."""

    __slots__ = ("_started", "api", "context", "done", "hide", "operation", "raw", "request", "watched")

    def __init__(self, api: Api, request: Request, client: Any, settings: Settings, raw: str | None) -> None:
        self.api = api
        self.request = request
        self.raw = raw
        self.hide: Callable[[Any], bool] | None = None
        self.watched = False
        outer = _runtime.current()
        attributes = {**facts_of(client), **api.start(request)}
        if api.rules.operation is not None:
            attributes[attr.OPERATION_NAME] = api.rules.operation
        name = default_name(api.rules, attributes.get)
        span, self.operation = begin(api.rules, settings, name, attributes, outer, named=False)
        self.context: Context = entered(outer, Span(span, self.operation), self.operation)
        self._started = perf_counter()
        self.done = self.operation is None
        if self.operation is not None and self.operation.recording and settings.content.captures:
            self._guarded("request", api.content, self.operation, request)

    # --- what the funnel reports ---------------------------------------------------------------------------
    def parsed(self, answer: Any) -> None:
        """The SDK made ``answer`` of the body: a model, a stream, or whatever was asked for."""
        if self.done or self.watched:
            return
        if _is_stream(answer):
            self._watch(answer)
            return
        self._guarded("answer", self.api.answer, self.operation, answer)
        if self.raw == _UNREAD:
            self._finish()

    def returned(self, result: Any) -> None:
        """The SDK's request returned ``result`` to the caller."""
        if self.done or self.watched:
            return
        if self.raw is None:
            self._finish()
        elif self.raw == _UNREAD:
            hook_close(result, self._closed_unread, ("close",))
            weakref.finalize(result, self._dropped)
        elif self.request.stream:
            hook_close(getattr(result, "http_response", None), self._closed_unread, ("close", "aclose"))
            weakref.finalize(result, self._dropped)
        else:
            self._record_body(result)
            self._finish()

    def failed(self, exc: BaseException) -> None:
        """The SDK's request raised."""
        if self.operation is not None and not self.done:
            self.operation.fail(exc)
            self._finish()

    # --- streams -------------------------------------------------------------------------------------------
    def _watch(self, stream: Any) -> None:
        if self.api.observe is None or self.operation is None:
            return
        self.watched = True
        watch(stream, self.api.observe(self.operation, self._started), self, self.hide)

    def end_stream(self, observer: StreamObserver, exc: BaseException | None) -> None:
        """The stream was read to its end, closed, or failed with ``exc``."""
        if self.done or self.operation is None:
            return
        if exc is not None:
            self._guarded("stream.fail", self.operation.fail, exc)
        self._guarded("stream.finish", observer.finish)
        self._finish()

    def abandon_stream(self, observer: StreamObserver) -> None:
        """The stream was dropped before its end: no error, but marked."""
        if self.done or self.operation is None:
            return
        self._guarded("stream.finish", observer.finish)
        self._dropped()

    # --- raw responses -------------------------------------------------------------------------------------
    def _record_body(self, raw_response: Any) -> None:
        """Record from the body that is in memory already, whether the caller ever parses it or not."""
        content = getattr(getattr(raw_response, "http_response", None), "_content", None)
        if not isinstance(content, bytes):
            return
        self._guarded("body", self._record_content, content)

    def _record_content(self, content: bytes) -> None:
        body = self.api.read(content)
        if body is not None and self.operation is not None:
            self.api.answer(self.operation, body)

    def _closed_unread(self, raw_response: Any) -> None:
        if self.done or self.watched:
            return
        if not self.request.stream:
            self._record_body(raw_response)
        self._finish()

    def _dropped(self) -> None:
        if self.done or self.operation is None:
            return
        if not self.operation.ended:
            self.operation.span.add_event(events.STREAM_ABANDONED)
        self._finish()

    # --- end -----------------------------------------------------------------------------------------------
    def _finish(self) -> None:
        self.done = True
        if self.operation is not None:
            self.operation.finish()

    @staticmethod
    def _guarded(site: str, function: Callable[..., Any], *args: Any) -> None:
        try:
            function(*args)
        except Exception:
            report(f"openai.{site}")


def _is_stream(answer: Any) -> bool:
    return hasattr(answer, "_iterator") and hasattr(answer, "response")
