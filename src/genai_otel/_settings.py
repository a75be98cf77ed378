"""One frozen settings object: argument, else environment variable, else default.

Replaced as a whole by ``configure()``, never mutated; everything that records reads :func:`current`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ._guard import logger
from .content.modes import CONTENT_MODES, content_mode
from .content.policy import ContentPolicy
from .conventions.metrics import Dialect
from .telemetry.providers import Providers

CONTENT_VARIABLE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
OPT_IN_VARIABLE: Final = "OTEL_SEMCONV_STABILITY_OPT_IN"
LENGTH_VARIABLES: Final = ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT")
MIN_CONTENT_LENGTH: Final = 64


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that decides what is recorded and through which providers."""

    content: ContentPolicy = field(default_factory=ContentPolicy)
    dialect: Dialect = Dialect.COMPAT
    providers: Providers = field(default_factory=Providers)
    content_source: str = "default"


def _environment_mode() -> tuple[tuple[bool, bool], str]:
    raw = os.environ.get(CONTENT_VARIABLE, "").strip()
    if not raw:
        return (False, False), "default"
    try:
        return content_mode(raw), CONTENT_VARIABLE
    except ValueError:
        logger.warning(
            "%s=%r is not a content mode (%s): no content is captured",
            CONTENT_VARIABLE,
            raw,
            ", ".join(CONTENT_MODES),
        )
        return (False, False), "default"


def _environment_dialect() -> Dialect:
    opted = {part.strip().lower() for part in os.environ.get(OPT_IN_VARIABLE, "").split(",")}
    if "gen_ai_latest_experimental/dup" in opted:
        return Dialect.BOTH
    return Dialect.LATEST if "gen_ai_latest_experimental" in opted else Dialect.COMPAT


def _environment_length() -> int | None:
    for variable in LENGTH_VARIABLES:
        raw = os.environ.get(variable, "").strip()
        if raw.isdigit() and int(raw) >= MIN_CONTENT_LENGTH:
            return int(raw)  # the SDK would cut JSON in the middle: shorten it ourselves to stay below
    return None


def from_environment() -> Settings:
    """Return the settings that the environment variables alone give."""
    (span, event), source = _environment_mode()
    return Settings(
        content=ContentPolicy(span=span, event=event, max_length=_environment_length()),
        dialect=_environment_dialect(),
        content_source=source,
    )


def with_content(
    settings: Settings,
    capture: bool | str | None = None,
    redact: Callable[[str, Any], Any] | None = None,
    max_length: int | None = None,
) -> Settings:
    """Return ``settings`` with the given parts of the content policy replaced; None keeps a part.

    Raises:
        ValueError: for an unknown content mode or a length below 64.
        TypeError: for a ``redact`` that is not callable or a length that is not an int.
    """
    policy, source = settings.content, settings.content_source
    if capture is not None:
        span, event = content_mode(capture)
        policy, source = replace(policy, span=span, event=event), "argument capture_content"
    if redact is not None:
        if not callable(redact):
            raise TypeError(f"redact must be a callable (where, value) -> value, not {type(redact).__name__}")
        policy = replace(policy, redact=redact)
    if max_length is not None:
        policy = replace(policy, max_length=_checked_length(max_length))
    return replace(settings, content=policy, content_source=source)


def _checked_length(max_length: int) -> int:
    if isinstance(max_length, bool) or not isinstance(max_length, int):
        raise TypeError(f"max_content_length must be an int, not {type(max_length).__name__}")
    if max_length < MIN_CONTENT_LENGTH:
        raise ValueError(
            f"max_content_length={max_length} is too small: at least {MIN_CONTENT_LENGTH} characters"
        )
    return max_length


Override = Callable[[Settings], Settings]

_current: Settings | None = None
_base: Settings | None = None
_overrides: tuple[Override, ...] = ()


def current() -> Settings:
    """Return the settings in force, read from the environment on first use."""
    return _current if _current is not None else reload()


def reload() -> Settings:
    """Read the environment anew, forget every argument, and return the result."""
    return use(from_environment())


def use(settings: Settings) -> Settings:
    """Put ``settings``, with the overrides of tests applied, in force for everything that starts from now on."""
    global _current, _base
    _base = settings
    for override in _overrides:
        settings = override(settings)
    _current = settings
    return settings


def add_override(override: Override) -> None:
    """Have ``override`` change whatever settings are in force, those of a later ``configure()`` too; for tests."""
    global _overrides
    current()
    _overrides = (*_overrides, override)
    use(_base or from_environment())


def remove_override(override: Override) -> None:
    """Take ``override`` back; what was configured meanwhile comes into force."""
    global _overrides
    _overrides = tuple(known for known in _overrides if known != override)
    use(_base or from_environment())
