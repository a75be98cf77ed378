"""Trace-level information, ambient values, suppression, and carrying the context across threads and services."""

from __future__ import annotations

import concurrent.futures
import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from opentelemetry import baggage, trace
from opentelemetry import propagate as otel_propagate
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter

from . import _ambient_processor, _runtime, _settings
from ._guard import guarded, report, warn_once
from ._spans import get_current_span
from .content.describe import well_formed
from .content.policy import DROPPED, ContentPolicy
from .content.shorten import shorten_text
from .conventions import attributes as attr
from .telemetry.ambient import carried_ids, with_ambient
from .telemetry.attributes import cleared_text, text_of
from .telemetry.operation import Operation

_P = ParamSpec("_P")
_R = TypeVar("_R")
PREVIEW_LENGTH = 1_000
_AMBIENT_KEYS = {
    "session_id": attr.SESSION_ID,
    "user_id": attr.USER_ID,
    "conversation_id": attr.CONVERSATION_ID,
}


@guarded()
def update_current_trace(
    tags: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    request_preview: Any = None,
    response_preview: Any = None,
    client_request_id: str | None = None,
    session_id: str | None = None,
    user_id: str | None = None,
    name: str | None = None,
) -> None:
    """Describe the current trace as a whole, from however deep inside it.

    Written to the outermost genai_otel span of the trace in this process. Calls merge, the last value of a key wins;
    values that are not strings are encoded. Outside any trace: one warning.

    Args:
        tags: ``genai_otel.tag.<key>``.
        metadata: ``genai_otel.metadata.<key>``.
        request_preview: what lists of traces show as request, cut at 1,000 characters; else derived from the inputs.
        response_preview: the same for the response.
        client_request_id: the id that the caller knows this request by.
        session_id: ``session.id``.
        user_id: ``user.id``.
        name: what lists call the trace, instead of its root span's name.
    """
    root = _current_root()
    if root is None:
        return
    policy = root.settings.content
    root.update(_trace_attributes(tags, metadata, policy))
    root.update(
        {
            attr.REQUEST_PREVIEW: _preview(attr.REQUEST_PREVIEW, request_preview, policy),
            attr.RESPONSE_PREVIEW: _preview(attr.RESPONSE_PREVIEW, response_preview, policy),
            attr.CLIENT_REQUEST_ID: cleared_text(attr.CLIENT_REQUEST_ID, client_request_id, policy),
            attr.SESSION_ID: cleared_text(attr.SESSION_ID, session_id, policy),
            attr.USER_ID: cleared_text(attr.USER_ID, user_id, policy),
            attr.TRACE_NAME: cleared_text(attr.TRACE_NAME, name, policy),
        }
    )


def _current_root() -> Operation | None:
    span = get_current_span()
    if span is not None:
        return None if span._operation is None else span._operation.root
    if not _runtime.suppressed(_runtime.current()):
        warn_once(
            "update_current_trace", "update_current_trace() called outside any trace: nothing is recorded"
        )
    return None


def _trace_attributes(
    tags: Mapping[str, Any] | None, metadata: Mapping[str, Any] | None, policy: ContentPolicy
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for prefix, values in ((attr.TAG_PREFIX, tags), (attr.METADATA_PREFIX, metadata)):
        for key, value in (values or {}).items():
            name = f"{prefix}{text_of(key)}"
            cleared = policy.cleared(name, value)
            if cleared is not DROPPED and cleared is not None:
                found[name] = text_of(cleared)
    return found


def _preview(where: str, value: Any, policy: ContentPolicy) -> str | None:
    if value is None:
        return None
    cleared = policy.cleared(where, value)
    text = None if cleared is DROPPED else text_of(cleared)
    return None if text is None else shorten_text(text, PREVIEW_LENGTH)


class _Block:
    """A block in which another OpenTelemetry context is current; for ``with``, ``async with`` and reuse."""

    def __init__(self, change: Callable[[Context], Context]) -> None:
        self._change = change
        self._entered: list[tuple[_runtime.Token, Context]] = []

    def __enter__(self) -> None:
        context = _runtime.current()
        try:
            context = self._change(context)
        except Exception:
            report("context")
        before = _runtime.current()
        try:
            self._entered.append((_runtime.attach(context), context))
        except Exception:
            report("context")
        except BaseException:  # an interrupt, perhaps between attaching and keeping the token
            if _runtime.current() is not before:
                _runtime.attach(before)
            raise

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        for entry in reversed(self._entered):  # the last one that this thread or task entered
            try:
                left = _runtime.leave(*entry)
            except Exception:
                report("context.exit")
                continue
            except BaseException:  # an interrupt before the context was given back
                _runtime.leave(*entry)
                raise
            if left:
                self._entered.remove(entry)
                return

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.__exit__(exc_type, exc, tb)


def context(
    *,
    session_id: str | None = None,
    user_id: str | None = None,
    conversation_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    propagate: bool = False,
) -> _Block:
    """Give every span that starts inside a session, user and conversation id: ``with context(session_id="s1"):``.

    Holds for spans of ours and of any other OpenTelemetry instrumentation in the process. Blocks nest, the inner value
    wins, leaving restores; ``async with`` works too.

    Args:
        session_id: ``session.id``.
        user_id: ``user.id``.
        conversation_id: ``gen_ai.conversation.id``.
        tags: for the outermost span of ours that starts inside, as by ``update_current_trace``.
        metadata: the same.
        propagate: also put the three ids into the baggage, and so send them to every service called from here by an
            instrumented client; spans of ours there have them.
    """
    given = {"session_id": session_id, "user_id": user_id, "conversation_id": conversation_id}
    named = {_AMBIENT_KEYS[name]: value for name, value in given.items()}

    def change(outer: Context) -> Context:
        settings = _settings.current()
        cleared = {key: cleared_text(key, value, settings.content) for key, value in named.items()}
        ids = {key: value for key, value in cleared.items() if value is not None}
        _ambient_processor.ensure(settings)
        inner = with_ambient(outer, ids, _trace_attributes(tags, metadata, settings.content))
        if propagate:
            for key, value in ids.items():
                inner = baggage.set_baggage(key, value, inner)
        return inner

    return _Block(change)


def suppress() -> _Block:
    """Turn tracing off inside: ``with suppress():``, by OpenTelemetry's own key, so that others honour it too."""
    return _Block(_runtime.suppress)


def propagate(fn: Callable[_P, _R]) -> Callable[_P, _R]:
    """Bind the caller's context to a callable, for another thread or a later time.

    Raises:
        TypeError: if ``fn`` is not callable.
    """
    if not callable(fn):
        raise TypeError(f"propagate binds callables, not {type(fn).__name__}")
    try:
        is_coroutine = bool(inspect.iscoroutinefunction(fn))
        bind = _bound_coroutine_function if is_coroutine else _bound_function
        call: Callable[_P, _R] = bind(fn, _runtime.current())
        return functools.update_wrapper(call, fn) if hasattr(fn, "__name__") else call
    except Exception:
        report("propagate")
        return fn


def _bound_function(fn: Callable[..., Any], bound: Context) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        with _Block(lambda _: bound):
            return fn(*args, **kwargs)

    return call


def _bound_coroutine_function(fn: Callable[..., Any], bound: Context) -> Any:
    async def call(*args: Any, **kwargs: Any) -> Any:
        with _Block(lambda _: bound):
            return await fn(*args, **kwargs)

    return call


class ThreadPoolExecutor(concurrent.futures.ThreadPoolExecutor):
    """The standard executor; every task runs in the OpenTelemetry context of whoever submitted it."""

    def submit(
        self, fn: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> concurrent.futures.Future[_R]:
        """Schedule a call as the standard executor does; ``map`` goes through here as well."""
        return super().submit(propagate(fn), *args, **kwargs)


def inject_headers(headers: MutableMapping[str, str] | None = None) -> dict[str, str]:
    """Return headers that carry the current trace to another service, added to a copy of ``headers``.

    Uses the globally configured propagators (by default ``traceparent``, ``tracestate`` and ``baggage``).
    """
    carrier: dict[str, str] = dict(headers or {})
    try:
        otel_propagate.inject(carrier)
    except Exception:
        report("inject_headers")
    return carrier


def extract_headers(headers: Mapping[Any, Any] | Iterable[tuple[Any, Any]] | None) -> _Block:
    """Continue the trace that a request's headers carry: ``with extract_headers(request.headers):``.

    Takes a mapping or (name, value) pairs, names in any case, bytes or text. Session, user and conversation ids that
    the caller put in the baggage are given to the spans that start inside. Where a span of that trace is current
    already, as in a web framework that is instrumented, it stays the parent.
    """
    carrier: dict[str, str] = {}
    try:
        carrier = dict(_header_items(headers))
    except Exception:
        report("extract_headers")

    def change(outer: Context) -> Context:
        inner = _continued(outer, otel_propagate.extract(carrier, outer, _ANY_CASE))
        ids = carried_ids(inner)
        if not ids:
            return inner
        _ambient_processor.ensure(_settings.current())
        return with_ambient(inner, ids, {})

    return _Block(change)


def _continued(outer: Context, inner: Context) -> Context:
    """Return ``inner``, with the span of ``outer`` where that is a local one of the same trace."""
    span = trace.get_current_span(outer)
    here, there = span.get_span_context(), trace.get_current_span(inner).get_span_context()
    if here.is_remote or here.trace_id != there.trace_id or not here.is_valid:
        return inner
    return trace.set_span_in_context(span, inner)


def carries_trace(headers: Any) -> bool:
    """Whether a request's headers say which trace it belongs to."""
    inner = otel_propagate.extract(dict(_header_items(headers)), Context(), _ANY_CASE)
    return trace.get_current_span(inner).get_span_context().is_valid


class _AnyCaseGetter(Getter[dict[str, str]]):
    """Reads a carrier with lower-case names for propagators that ask for ``X-Amzn-Trace-Id`` and the like."""

    def get(self, carrier: dict[str, str], key: str) -> list[str] | None:
        value = carrier.get(key.lower())
        return None if value is None else [value]

    def keys(self, carrier: dict[str, str]) -> list[str]:
        return list(carrier)


_ANY_CASE = _AnyCaseGetter()


def _header_items(headers: Any) -> Iterator[tuple[str, str]]:
    try:
        items = headers.items() if hasattr(headers, "items") else headers or ()
        for name, value in items:
            yield _decoded(name).lower(), _decoded(value)
    except Exception:
        report("extract_headers")


def _decoded(value: Any) -> str:
    if isinstance(value, (bytes, bytearray)):
        return value.decode("latin-1")
    return well_formed(",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value))
