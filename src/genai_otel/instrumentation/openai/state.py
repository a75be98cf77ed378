"""Whether the OpenAI instrumentation is on, and with which options; read at every call: off is off at once.

Light: ``autolog()`` loads it, everything that records is loaded by the first call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genai_otel._settings import Settings


class Active:
    """The options of ``autolog()``; what is None follows ``configure()``.

    ``providers`` are those for traces, metrics and logs; ``used`` says that a request came since.
    """

    __slots__ = ("_merged", "capture_content", "providers", "request_stream_usage", "used")

    def __init__(
        self,
        capture_content: bool | str | None = None,
        request_stream_usage: bool = False,
        providers: tuple[Any, Any, Any] | None = None,
    ) -> None:
        self.capture_content = capture_content
        self.request_stream_usage = request_stream_usage
        self.providers = providers
        self.used = False
        self._merged: tuple[Settings, Settings] | None = None

    def settings(self) -> Settings:
        """Return the settings in force with these options applied."""
        settings: Settings = (_settings or _loaded()).current()
        if self.capture_content is None and self.providers is None:
            return settings
        known = self._merged
        if known is None or known[0] is not settings:
            known = self._merged = (settings, self._applied_to(settings))
        return known[1]

    def _applied_to(self, settings: Settings) -> Settings:
        from dataclasses import replace

        from genai_otel._settings import with_content
        from genai_otel.telemetry.providers import Providers

        merged = with_content(settings, self.capture_content)
        return merged if self.providers is None else replace(merged, providers=Providers(*self.providers))


_settings: Any = None  # the module, once loaded


def _loaded() -> Any:
    global _settings
    from genai_otel import _settings

    return _settings


_active: Active | None = None


def active() -> Active | None:
    """Return the options in force, or None while the instrumentation is off."""
    return _active


def use(options: Active | None) -> None:
    """Switch the instrumentation on with these options, or off."""
    global _active
    _active = options
