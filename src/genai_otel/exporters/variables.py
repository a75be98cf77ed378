"""The standard ``OTEL_*`` variables that decide what is exported: a bad value costs one warning, no error."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Collection
from typing import Any, Final

from .._guard import warn_once

OTLP_PREFIX: Final = "OTEL_EXPORTER_OTLP_"
DISABLED_VARIABLE: Final = "OTEL_SDK_DISABLED"
# signal -> the variable that names its exporters
EXPORTER_VARIABLES: Final = {
    "traces": "OTEL_TRACES_EXPORTER",
    "metrics": "OTEL_METRICS_EXPORTER",
    "logs": "OTEL_LOGS_EXPORTER",
}
# the console tree stands for the SDK's console exporter, which prints JSON
_BUILT_IN: Final = {"traces": ("otlp", "console"), "metrics": ("otlp",), "logs": ("otlp",)}


def sdk_disabled() -> bool:
    """Return whether ``OTEL_SDK_DISABLED`` turns everything off."""
    return value(DISABLED_VARIABLE).lower() == "true"


def otlp_configured() -> bool:
    """Return whether any ``OTEL_EXPORTER_OTLP_*`` variable has a value."""
    return any(text.strip() for name, text in os.environ.items() if name.startswith(OTLP_PREFIX))


def value(*names: str) -> str:
    """Return the first of the variables that has a value, without blanks around it, else an empty string."""
    return next((text for name in names if (text := os.environ.get(name, "").strip())), "")


def source(*names: str) -> str:
    """Return the name of the variable that :func:`value` reads, else the last one."""
    return next((name for name in names if value(name)), names[-1])


def ignored(variable: str, text: str, instead: object, allowed: str) -> None:
    """Log once that ``variable`` is not used."""
    warn_once(
        f"{variable}={text}",
        "%s=%r is ignored (expected %s): using %s instead",
        variable,
        text,
        allowed,
        instead,
    )


def number(names: tuple[str, ...], default: float) -> float:
    """Return a positive number from the first variable that is set, else ``default``."""
    raw = value(*names)
    if not raw:
        return default
    try:
        result = float(raw)
    except ValueError:
        result = 0.0
    if 0 < result < float("inf"):
        return result
    ignored(source(*names), raw, default, "a positive number")
    return default


def choice(names: tuple[str, ...], allowed: Collection[str], default: str) -> str:
    """Return one of ``allowed`` from the first variable that is set, else ``default``."""
    raw = value(*names)
    if not raw or raw.lower() in allowed:
        return raw.lower() or default
    ignored(source(*names), raw, default, " or ".join(allowed))
    return default


def exporter_names(signal: str) -> tuple[str, ...] | None:
    """Return the exporters that the environment names for ``signal``; None when it names none that is known.

    An empty tuple means that exporting this signal is switched off.
    """
    variable = EXPORTER_VARIABLES[signal]
    names = [name for part in value(variable).lower().split(",") if (name := part.strip())]
    if names == ["none"]:
        return ()
    known = tuple(dict.fromkeys(name for name in names if _is_known(variable, signal, name)))
    return known or None


def _is_known(variable: str, signal: str, name: str) -> bool:
    if name in _BUILT_IN[signal] or registered(signal, name) is not None:
        return True
    ignored(
        variable, name, "the default", f"{', '.join(('otlp', 'console', 'none'))} or an installed exporter"
    )
    return False


def registered(signal: str, name: str) -> Any:
    """Return the entry point under which a package registers the exporter ``name``, or None."""
    found = importlib.metadata.entry_points(group=f"opentelemetry_{signal}_exporter", name=name)
    return next(iter(found), None)
