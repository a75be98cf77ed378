"""Autolog for the OpenAI SDK, versions 1.3 to 3.x."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..._settings import content_mode
from ...telemetry.providers import Providers
from ..patching import Patches, when_imported
from . import state

if TYPE_CHECKING:
    from .instrumentor import OpenAIInstrumentor

__all__ = ["OpenAIInstrumentor", "autolog"]

_patches = Patches()
_cancel_hook: Any = None


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
        content_mode(capture_content)
    if disable:
        _disable()
        return
    given = (tracer_provider, meter_provider, logger_provider)
    providers = Providers(*given) if any(provider is not None for provider in given) else None
    state.use(state.Active(capture_content, request_stream_usage, providers))
    _enable()


def patched() -> list[str]:
    """Return the names of the functions that are patched now."""
    return list(_patches)


def _enable() -> None:
    global _cancel_hook
    if _cancel_hook is None:
        _cancel_hook = when_imported("openai._base_client", _patch)


def _patch(module: ModuleType) -> None:
    from . import funnel

    if len(_patches) == 0:
        _patches.wrap(module.SyncAPIClient, "request", funnel.request_sync)
        _patches.wrap(module.AsyncAPIClient, "request", funnel.request_async)


def _disable() -> None:
    global _cancel_hook
    state.use(None)
    if _cancel_hook is not None:
        _cancel_hook()
        _cancel_hook = None
    _patches.undo()


def __getattr__(name: str) -> Any:
    if name == "OpenAIInstrumentor":
        from .instrumentor import OpenAIInstrumentor

        return OpenAIInstrumentor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
