"""Whether the OpenAI instrumentation is on, and with which options; read at every call, so that off is off at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ... import _runtime, _settings
from ..._settings import Settings
from ...telemetry.providers import Providers
from .api import Api

# Where OpenTelemetry's own GenAI packages say that a layer above records this call already.
_INFERENCE: Final = "opentelemetry.genai.client.inference.context"
_OTHERS: Final = {
    "chat": _INFERENCE,
    "text_completion": _INFERENCE,
    "embeddings": "opentelemetry.genai.client.embedding.context",
    "retrieval": "opentelemetry.genai.client.retrieval.context",
    "fetch_response": "opentelemetry.genai.client.fetch_response.context",
}


@dataclass(frozen=True, slots=True)
class Active:
    """The options of ``autolog()``; what is None follows ``configure()``."""

    capture_content: bool | str | None = None
    request_stream_usage: bool = False
    providers: Providers | None = None

    def settings(self) -> Settings:
        """Return the settings in force with these options applied."""
        settings = _settings.current()
        if self.capture_content is None and self.providers is None:
            return settings
        return _merged(self, settings)

    def stands_back(self, api: Api) -> bool:
        """Whether this call is not to be recorded: suppressed, or recorded by a layer above already."""
        context = _runtime.current()
        if _runtime.suppressed(context):
            return True
        key = _OTHERS.get(api.rules.operation or "")
        return key is not None and any(str(name).startswith(key) for name in context)


_merged_for: tuple[Active | None, Settings | None, Settings | None] = (None, None, None)


def _merged(active: Active, settings: Settings) -> Settings:
    """Merge once per pair: providers keep what they resolved."""
    global _merged_for
    known_active, known_settings, merged = _merged_for
    if known_active is active and known_settings is settings and merged is not None:
        return merged
    merged = _settings.with_content(settings, active.capture_content)
    if active.providers is not None:
        merged = replace(merged, providers=active.providers)
    _merged_for = (active, settings, merged)
    return merged


_active: Active | None = None


def active() -> Active | None:
    """Return the options in force, or None while the instrumentation is off."""
    return _active


def use(options: Active | None) -> None:
    """Switch the instrumentation on with these options, or off."""
    global _active
    _active = options

