"""Watching the SDK's own stream objects in place: nothing that reaches the caller is a proxy.

The stream's iterator is replaced by one that shows each chunk to an observer. How a stream ends:

- exhausted, or failed while reading: seen by the iterator;
- ``close()``, ``with``-exit, a helper's exit, ``response.close()``: seen by a hook on the stream's response, which is
  removed again afterwards. The SDK also closes the response from inside the iteration; that is no early end;
- dropped: a finalizer ends it, marked with a span event.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

from ..._guard import report
from .api import StreamObserver

if TYPE_CHECKING:
    from .exchange import Exchange


def watch(stream: Any, observer: StreamObserver, exchange: Exchange, hide: Callable[[Any], bool] | None = None) -> None:
    """Watch a ``Stream`` or ``AsyncStream``; ``hide`` says which chunks the caller must not see."""
    inner = stream._iterator
    watcher = _Watcher(observer, exchange, hide)
    stream._iterator = _AsyncWatch(inner, watcher) if hasattr(inner, "__anext__") else _watched(inner, watcher)
    watcher.unhook = hook_close(getattr(stream, "response", None), watcher.closed, ("close", "aclose"))
    weakref.finalize(stream, watcher.abandoned)


def hook_close(target: Any, closed: Callable[[Any], None], names: tuple[str, ...]) -> Callable[[], None]:
    """Call ``closed(target)`` before any of the named methods of this very object; return what takes it back."""
    hooked: list[str] = []
    for name in names:
        original = getattr(target, name, None)
        if not callable(original):
            continue
        try:
            setattr(target, name, _closing(original, closed))
        except (AttributeError, TypeError):
            continue  # no attributes on this object: the finalizer ends it
        hooked.append(name)
    reference = weakref.ref(target) if hooked else None

    def unhook() -> None:
        live = reference() if reference is not None else None
        while hooked and live is not None:
            vars(live).pop(hooked.pop(), None)

    return unhook


def _closing(original: Callable[..., Any], closed: Callable[[Any], None]) -> Callable[..., Any]:
    @functools.wraps(original)
    def close(*args: Any, **kwargs: Any) -> Any:
        try:
            closed(getattr(original, "__self__", None))
        except Exception:
            report("stream.close")
        return original(*args, **kwargs)

    return close


class _Watcher:
    """The end of one watched stream, whichever way it comes, exactly once."""

    __slots__ = ("exchange", "hide", "observer", "reading", "unhook")

    def __init__(self, observer: StreamObserver, exchange: Exchange, hide: Callable[[Any], bool] | None) -> None:
        self.observer = observer
        self.exchange = exchange
        self.hide = hide
        self.reading = False
        self.unhook: Callable[[], None] = _nothing

    def seen(self, chunk: Any) -> None:
        """Show one chunk to the observer."""
        try:
            self.observer.chunk(chunk)
        except Exception:
            report("stream.chunk")

    def end(self, exc: BaseException | None = None) -> None:
        """End the operation: read to the end, closed, or failed."""
        self.unhook()
        self.exchange.end_stream(self.observer, exc)

    def closed(self, response: Any) -> None:
        """The response is being closed; by the caller unless the stream is being read right now."""
        if not self.reading:
            self.end()

    def abandoned(self) -> None:
        """The stream was dropped, unread or half read."""
        self.unhook()
        self.exchange.abandon_stream(self.observer)


def _nothing() -> None:
    return


def _watched(inner: Iterator[Any], watcher: _Watcher) -> Iterator[Any]:
    """Yield what ``inner`` yields; a generator, the cheapest iterator that can be wrapped around another."""
    observe, hide = watcher.observer.chunk, watcher.hide
    try:
        while True:
            watcher.reading = True
            try:
                chunk = next(inner)
            finally:
                watcher.reading = False
            try:
                observe(chunk)
            except Exception:
                report("stream.chunk")
            if hide is None or not hide(chunk):
                yield chunk
    except StopIteration:
        watcher.end()
    except GeneratorExit:
        raise  # dropped: the finalizer marks it
    except BaseException as exc:
        watcher.end(exc)
        raise


class _AsyncWatch:
    """The same for an async iterator; a class, since async generators bring the event loop's hooks with them."""

    __slots__ = ("__weakref__", "_inner", "_watcher")

    def __init__(self, inner: AsyncIterator[Any], watcher: _Watcher) -> None:
        self._inner = inner
        self._watcher = watcher

    def __aiter__(self) -> _AsyncWatch:
        return self

    async def __anext__(self) -> Any:
        watcher = self._watcher
        while True:
            watcher.reading = True
            try:
                chunk = await self._inner.__anext__()
            except StopAsyncIteration:
                watcher.end()
                raise
            except BaseException as exc:
                watcher.end(exc)
                raise
            finally:
                watcher.reading = False
            watcher.seen(chunk)
            if watcher.hide is None or not watcher.hide(chunk):
                return chunk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
