"""Watching the SDK's own stream objects in place: their iterator shows each chunk to an observer.

How a stream ends: read to its end, or failed while being read, which is seen here; closed by the caller, by a
``with``-exit, by a helper, or dropped, which is seen by the ``Hold`` on it.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from genai_otel._guard import report

if TYPE_CHECKING:
    from .exchange import Exchange

Observe = Callable[[Any], None]


def watched(inner: Any, observe: Observe, exchange: Exchange) -> Any:
    """Return an iterator, of the same kind, over what ``inner`` yields."""
    if hasattr(inner, "__anext__"):
        return _AsyncWatch(inner, observe, exchange)
    return _watch(inner, observe, exchange)


def is_being_read(exchange: Exchange) -> bool:
    """Whether the stream of an exchange is being read right here, further up the stack.

    The SDK closes the response from inside the iteration; that is no early end.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code in _READERS and frame.f_locals.get("exchange") is exchange:
            return True
        frame = frame.f_back
    return False


def _watch(inner: Iterator[Any], observe: Observe, exchange: Exchange) -> Iterator[Any]:
    """Yield what ``inner`` yields; a generator, the cheapest iterator that can be put around another."""
    hide = exchange.hide
    try:
        for chunk in inner:
            try:
                observe(chunk)
            except Exception:
                report("openai.chunk")
            if hide is not None:
                try:
                    if hide(chunk):
                        continue
                except Exception:
                    report("openai.hide")
            yield chunk
    except GeneratorExit:
        raise  # dropped: the hold marks it
    except BaseException as exc:
        try:
            exchange.failed(exc)
        except Exception:
            report("openai.failed")
        raise
    try:
        exchange.end()
    except Exception:
        report("openai.end")


class _AsyncWatch:
    """The same for an async iterator; a class: async generators bring the event loop's hooks with them."""

    __slots__ = ("__weakref__", "_exchange", "_inner", "_observe")

    def __init__(self, inner: AsyncIterator[Any], observe: Observe, exchange: Exchange) -> None:
        self._inner = inner
        self._observe = observe
        self._exchange = exchange

    def __aiter__(self) -> _AsyncWatch:
        return self

    async def __anext__(self) -> Any:
        exchange = self._exchange
        while True:
            try:
                chunk = await self._inner.__anext__()
            except BaseException as exc:
                try:
                    exchange.failed(exc)
                except Exception:
                    report("openai.failed")
                raise
            try:
                self._observe(chunk)
            except Exception:
                report("openai.chunk")
            if exchange.hide is not None:
                try:
                    if exchange.hide(chunk):
                        continue
                except Exception:
                    report("openai.hide")
            return chunk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


_READERS: Final = (_watch.__code__, _AsyncWatch.__anext__.__code__)
