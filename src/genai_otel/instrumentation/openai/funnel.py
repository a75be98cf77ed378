"""The two patches: ``SyncAPIClient.request`` and ``AsyncAPIClient.request``.

Every HTTP operation passes one of them once: retries happen below, parsing helpers, raw wrappers, Azure and
module-level clients above. All that is here is the guard: whatever goes wrong in telemetry, the SDK's own
function is called once, and its result or exception is the caller's. The first call loads what records.
"""

from __future__ import annotations

from typing import Any

from genai_otel._guard import report
from genai_otel._runtime import attach, detach

from . import state

_opening: Any = None  # the module, once loaded: an import statement costs half a microsecond at every call


def _loaded() -> Any:
    global _opening
    from . import opening

    _opening = opening
    return opening


def request_sync(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Trace ``SyncAPIClient.request``."""
    if state.active() is None:
        return wrapped(*args, **kwargs)
    try:
        opened = (_opening or _loaded()).open_exchange(instance, args, kwargs)
    except Exception:
        opened = None
        report("openai.open")
    if opened is None:
        return wrapped(*args, **kwargs)
    exchange, context, args, kwargs = opened
    token = attach(context)
    try:
        result = wrapped(*args, **kwargs)
    except BaseException as exc:
        detach(token)
        try:
            exchange.failed(exc)
        except Exception:
            report("openai.failed")
        raise
    detach(token)
    try:
        exchange.returned(result)
    except Exception:
        report("openai.returned")
    return result


async def request_async(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Trace ``AsyncAPIClient.request``; starts when awaited."""
    if state.active() is None:
        return await wrapped(*args, **kwargs)
    try:
        opened = (_opening or _loaded()).open_exchange(instance, args, kwargs)
    except Exception:
        opened = None
        report("openai.open")
    if opened is None:
        return await wrapped(*args, **kwargs)
    exchange, context, args, kwargs = opened
    token = attach(context)
    try:
        result = await wrapped(*args, **kwargs)
    except BaseException as exc:
        detach(token)
        try:
            exchange.failed(exc)
        except Exception:
            report("openai.failed")
        raise
    detach(token)
    try:
        exchange.returned(result)
    except Exception:
        report("openai.returned")
    return result
