"""Automatic instrumentation of third-party SDKs: ``autolog()`` and its table of libraries."""

from __future__ import annotations

import importlib
from typing import Any, Final

# library -> module with an ``autolog`` function
LIBRARIES: Final = {"openai": "genai_otel.instrumentation.openai"}


def autolog(
    *libraries: str,
    disable: bool = False,
    capture_content: bool | str | None = None,
    request_stream_usage: bool = False,
    tracer_provider: Any = None,
    meter_provider: Any = None,
    logger_provider: Any = None,
) -> None:
    """Trace the calls of LLM SDKs automatically; without names, of every supported one.

    May be called before or after the SDK's import and before or after clients exist, any number of times;
    ``disable=True`` restores the SDK completely. A library that is not installed is no error.

    Args:
        *libraries: ``"openai"``.
        disable: take the instrumentation back.
        capture_content: overrides the content mode for these spans (see ``configure``).
        request_stream_usage: ask for token usage on streams; the extra chunk is hidden from the caller.
        tracer_provider: for these spans, instead of the configured one.
        meter_provider: the same for their metrics.
        logger_provider: the same for their events.

    Raises:
        ValueError: for an unknown library, listing what is supported, or an unknown content mode.
    """
    for name in libraries:
        _check(name)
    for name in libraries or tuple(LIBRARIES):
        importlib.import_module(LIBRARIES[name]).autolog(
            disable=disable,
            capture_content=capture_content,
            request_stream_usage=request_stream_usage,
            tracer_provider=tracer_provider,
            meter_provider=meter_provider,
            logger_provider=logger_provider,
        )


def _check(name: object) -> None:
    if name in LIBRARIES:
        return
    import difflib

    close = difflib.get_close_matches(str(name).lower(), LIBRARIES, 1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"autolog: unknown library {name!r}; supported: {', '.join(map(repr, LIBRARIES))}{hint}")
