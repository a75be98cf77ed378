"""Span processors: functions that see every span of genai_otel just before it ends."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from genai_otel._guard import warn_once
from genai_otel.conventions import attributes as attr
from genai_otel.telemetry import listeners
from genai_otel.telemetry.operation import Operation

from ._ending_span import EndingSpan

if TYPE_CHECKING:
    from ._live_span import LiveSpan

    SpanProcessor = Callable[[LiveSpan], Any]

_CONTENT: Final = (*attr.CONTENT, attr.INPUT_MIME_TYPE, attr.OUTPUT_MIME_TYPE)

_installed: tuple[SpanProcessor, ...] = ()


def installed() -> tuple[SpanProcessor, ...]:
    """The processors in force."""
    return _installed


def install(processors: Iterable[SpanProcessor]) -> None:
    """Put ``processors`` in force instead of those before.

    Raises:
        TypeError: if one is not a callable of one argument.
    """
    _use(tuple(_checked(processor) for processor in processors))


def _use(processors: tuple[SpanProcessor, ...]) -> None:
    global _installed
    _installed = processors
    listeners.forget(on_finished=_run)
    if processors:
        listeners.finished = (_run, *listeners.finished)  # first: the others must see what is left


def _checked(processor: Any) -> SpanProcessor:
    if not callable(processor):
        raise TypeError(f"span_processors must hold callables (span) -> None, not {type(processor).__name__}")
    try:
        inspect.signature(processor).bind(None)
    except TypeError:
        raise TypeError(
            f"a span processor takes one argument, the span: {processor!r:.80} does not"
        ) from None
    except ValueError:  # a built-in without a signature
        pass
    return processor  # type: ignore[no-any-return]


class Configuration:
    """What ``configure()`` returns: leaving it as a context manager restores the processors of before."""

    def __init__(self, before: tuple[SpanProcessor, ...]) -> None:
        self._before = before

    def __enter__(self) -> None:
        return

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        _use(self._before)


def _run(operation: Operation) -> None:
    """Give the span to every processor; when one raises, its content is dropped, not exported unprocessed."""
    span = EndingSpan(operation.span, operation)
    try:
        for processor in _installed:
            processor(span)
    except BaseException as exc:
        _drop_content(operation)
        warn_once(
            "span_processor",
            "a span processor raised %s: inputs and outputs of the span are dropped",
            type(exc).__name__,
        )
        if isinstance(exc, KeyboardInterrupt):
            raise


def _drop_content(operation: Operation) -> None:
    for key in _CONTENT:
        operation.pending.pop(key, None)
    operation.previews = operation.event_content = None
