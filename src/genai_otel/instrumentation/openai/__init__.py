"""Autolog for the OpenAI SDK, versions 1.3 to 3.x."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from genai_otel import _forks
from genai_otel.content.modes import content_mode
from genai_otel.instrumentation.patching import Patches, forget, when_imported

from . import sockets, state

if TYPE_CHECKING:
    from .instrumentor import OpenAIInstrumentor

__all__ = ["OpenAIInstrumentor", "autolog"]

_PATCHED: Final = "openai._base_client"  # part of every ``import openai``
_patches = Patches()
_lock = _forks.Lock()


def autolog(
    *,
    disable: bool = False,
    capture_content: bool | str | None = None,
    request_stream_usage: bool = False,
    tracer_provider: Any = None,
    meter_provider: Any = None,
    logger_provider: Any = None,
) -> None:
    """Trace every call of the OpenAI SDK; before or after its import, any number of times.

    Args:
        disable: restore the SDK completely.
        capture_content: overrides the content mode for these spans (see ``configure``).
        request_stream_usage: ask for token usage on chat streams; the extra chunk is hidden from the caller.
        tracer_provider, meter_provider, logger_provider: instead of the configured ones.

    Raises:
        ValueError: for an unknown content mode.
    """
    if capture_content is not None:
        content_mode(capture_content)  # raises for what is none
    if disable:
        _disable()
        return
    given = (tracer_provider, meter_provider, logger_provider)
    providers = given if any(provider is not None for provider in given) else None
    state.use(state.Active(capture_content, request_stream_usage, providers))
    when_imported(_PATCHED, _patch)
    for name in sockets.MODULES:
        when_imported(name, _patch_sockets)


def patched() -> list[str]:
    """Return the names of the functions that are patched now."""
    return list(_patches)


def _patch(module: ModuleType) -> None:
    from . import duplicates, funnel

    with _lock:
        if state.active() is None:  # switched off meanwhile
            return
        _patches.wrap(module.SyncAPIClient, "request", funnel.request_sync)
        _patches.wrap(module.AsyncAPIClient, "request", funnel.request_async)
    duplicates.warn()


def _patch_sockets(module: ModuleType) -> None:
    with _lock:
        if state.active() is not None:
            sockets.patch(_patches, module)


def _disable() -> None:
    state.use(None)
    forget(_PATCHED, _patch)
    for name in sockets.MODULES:
        forget(name, _patch_sockets)
    with _lock:
        _patches.undo()
    sockets.release()


def __getattr__(name: str) -> Any:
    if name == "OpenAIInstrumentor":
        from .instrumentor import OpenAIInstrumentor

        return OpenAIInstrumentor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
