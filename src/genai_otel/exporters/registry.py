"""What the names in ``configure(exporter=...)`` stand for; each is loaded when it is first used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.sdk.trace.export import SpanExporter

NONE: Final = "none"
# name -> (module of this package, function in it that takes an ExporterRequest)
BUILDERS: Final = {
    "otlp": ("otlp", "build"),
    "console": ("registry", "_console"),
    "mlflow": ("mlflow", "build"),
    "phoenix": ("phoenix", "build"),
}
NAMES: Final = (*BUILDERS, NONE)
# argument of configure() -> the exporters that read it
READERS: Final = {
    "endpoint": ("otlp", "phoenix"),
    "protocol": ("otlp", "phoenix"),
    "headers": ("otlp", "mlflow", "phoenix"),
    "tracking_uri": ("mlflow",),
    "experiment": ("mlflow", "phoenix"),
}


@dataclass(frozen=True, slots=True)
class ExporterRequest:
    """The arguments of ``configure()`` that say where to send; None (no headers) where nothing was given."""

    endpoint: str | None = field(default=None, repr=False)
    protocol: str | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    tracking_uri: str | None = None
    experiment: str | None = None


def build(name: str, request: ExporterRequest) -> SpanProcessor | SpanExporter | None:
    """Return what the exporter ``name`` stands for; None when the environment keeps it from being made.

    Raises:
        ValueError: if this installation lacks it or something that it needs.
    """
    module, function = BUILDERS[name]
    try:
        builder = getattr(importlib.import_module(f".{module}", __package__), function)
    except ModuleNotFoundError as exc:
        raise ValueError(_missing(name, f"{__package__}.{module}", exc)) from exc
    built: SpanProcessor | SpanExporter | None = builder(request)
    return built


def _missing(name: str, module: str, exc: ModuleNotFoundError) -> str:
    if exc.name == module:
        return f"exporter={name!r} is not part of this installation of genai-otel"
    return f"exporter={name!r} needs the module {exc.name!r}: pip install 'genai-otel[{name}]'"


def _console(request: ExporterRequest) -> Any:
    from . import notebook

    shell = notebook.running_shell()
    if shell is not None:
        return notebook.NotebookTree(shell)
    from .console import ConsoleTree

    return ConsoleTree()
