"""What can be known about an installation without changing it: packages, settings, endpoints, collisions."""

from __future__ import annotations

import importlib.metadata as metadata
import os
import platform
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import genai_otel

from .. import _configure, _settings
from ..content.modes import CONTENT_MODES
from ..instrumentation import openai as openai_instrumentation

_PACKAGES: Final = (
    "genai-otel",
    "opentelemetry-api",
    "opentelemetry-sdk",
    "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-exporter-otlp-proto-grpc",
    "opentelemetry-instrumentation",
    "wrapt",
    "orjson",
    "openai",
    "rich",
)
_REQUIRED: Final = _PACKAGES[:3]
# distributions that instrument the OpenAI SDK themselves: together with autolog() they would make a second span
_OTHERS: Final = (
    "opentelemetry-instrumentation-genai-openai",
    "opentelemetry-instrumentation-openai-v2",
    "opentelemetry-instrumentation-openai",
    "openinference-instrumentation-openai",
    "traceloop-sdk",
    "logfire",
    "langfuse",
    "openlit",
)
_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; ``level`` is ``ok``, ``note`` or ``problem``."""

    section: str
    level: str
    text: str
    advice: str | None = None

    def as_data(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        return asdict(self)


def examine(endpoint: str | None = None, protocol: str | None = None) -> list[Finding]:
    """Look at everything and return the findings, in the order to read them."""
    steps: tuple[Callable[[], Iterator[Finding]], ...] = (
        _packages,
        _collisions,
        lambda: _pipeline(endpoint, protocol),
        _content,
        _autolog,
    )
    return [finding for step in steps for finding in step()]


def _packages() -> Iterator[Finding]:
    yield Finding("installed", "ok", f"Python {platform.python_version()}")
    for name in _PACKAGES:
        version = _version(name)
        if version is not None:
            yield Finding("installed", "ok", f"{name} {version}")
        elif name in _REQUIRED:
            yield Finding("installed", "problem", f"{name} is missing", "pip install genai-otel")
        else:
            yield Finding("installed", "note", f"{name} is not installed")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _collisions() -> Iterator[Finding]:
    owners = set(metadata.packages_distributions().get("genai_otel", ())) - {"genai-otel"}
    for owner in sorted(owners):
        yield Finding(
            "collisions",
            "problem",
            f"{owner} also installs a package named genai_otel: whichever was installed last wins",
            f"pip uninstall {owner}, then pip install --force-reinstall genai-otel",
        )
    present = [name for name in _OTHERS if _version(name) is not None]
    for name in present:
        yield Finding(
            "collisions",
            "note",
            f"{name} can instrument the OpenAI SDK too; with both active every call makes two spans",
            "use one instrumentation, or OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=openai for opentelemetry-instrument",
        )


def _pipeline(endpoint: str | None, protocol: str | None) -> Iterator[Finding]:
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        yield Finding(
            "pipeline", "note", "OTEL_SDK_DISABLED=true: nothing is traced", "unset OTEL_SDK_DISABLED"
        )
        return
    try:
        genai_otel.configure(endpoint=endpoint, protocol=protocol)
    except (ValueError, TypeError) as exc:
        yield Finding("pipeline", "problem", str(exc), "correct the argument named")
        return
    found = _configure.describe()
    yield Finding(
        "pipeline",
        "ok",
        f"provider: {found['provider']} ({found['provider_type']}), sampler {found['sampler']}",
    )
    yield from _service_name(found)
    exporters = [*found["exporters"], *found["other_exporters"]]
    if not exporters:
        yield Finding(
            "pipeline", "note", "no exporter: spans go nowhere", "genai_otel.configure(exporter=...)"
        )
    for exporter in exporters:
        yield Finding(
            "pipeline",
            "ok",
            "exporter: " + ", ".join(f"{key}={value}" for key, value in exporter.items() if value),
        )
        if exporter.get("endpoint"):
            yield _reachable(str(exporter["endpoint"]))
    genai_otel.shutdown()


def _service_name(found: dict[str, Any]) -> Iterator[Finding]:
    name = str(found["service_name"] or "")
    if not name or name.startswith("unknown_service"):
        yield Finding(
            "pipeline",
            "note",
            "service.name is not set: backends will say unknown_service",
            "set OTEL_SERVICE_NAME or configure(service_name=...)",
        )
    else:
        yield Finding("pipeline", "ok", f"service.name: {name}")


def _reachable(endpoint: str) -> Finding:
    """Ask the endpoint, in its own protocol where that is HTTP."""
    parts = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
    host, port = parts.hostname or "localhost", parts.port or (443 if parts.scheme == "https" else 4317)
    started = time.monotonic()
    try:
        with socket.create_connection((host, port), timeout=_SECONDS):
            pass
        answer = _post_nothing(endpoint) if "/v1/" in parts.path else "accepts connections"
    except urllib.error.HTTPError as exc:
        said = exc.read(200).decode("utf-8", "replace").strip()
        text = f"{endpoint} answers {exc.code} {exc.reason}{f': {said}' if said else ''}"
        return Finding(
            "pipeline", "problem", text, "check the URL, and headers= or OTEL_EXPORTER_OTLP_HEADERS"
        )
    except OSError as exc:
        reason = getattr(exc, "reason", None) or exc
        return Finding("pipeline", "problem", f"{endpoint} does not answer: {reason}", _advice(host, port))
    return Finding("pipeline", "ok", f"{endpoint} {answer} ({(time.monotonic() - started) * 1_000:.0f} ms)")


def _post_nothing(endpoint: str) -> str:
    """Send an empty OTLP request, which every collector accepts."""
    headers = {"Content-Type": "application/x-protobuf", "User-Agent": "genai-otel-doctor"}
    request = urllib.request.Request(endpoint, data=b"", headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
        return f"answers {answer.status}"


def _advice(host: str, port: int) -> str:
    if port == 4317:
        return f"start a collector on {host}:{port}, or use port 4318 for OTLP over HTTP"
    return f"start a collector on {host}:{port}, or correct endpoint= / OTEL_EXPORTER_OTLP_ENDPOINT"


def _content() -> Iterator[Finding]:
    settings = _settings.current()
    policy = settings.content
    mode = next(name for name, value in CONTENT_MODES.items() if value == (policy.span, policy.event))
    advice = None if policy.captures else "configure(capture_content=True) records prompts and answers"
    yield Finding(
        "content", "ok" if policy.captures else "note", f"{mode} (from {settings.content_source})", advice
    )
    if policy.max_length is not None:
        yield Finding("content", "ok", f"at most {policy.max_length} characters per attribute")


def _autolog() -> Iterator[Finding]:
    if _version("openai") is None:
        yield Finding("autolog", "note", "openai is not installed: nothing to patch")
        return
    import openai  # noqa: F401 - patched once imported

    genai_otel.autolog()
    for name in openai_instrumentation.patched():
        yield Finding("autolog", "ok", f"can patch {name}")
    if not openai_instrumentation.patched():
        yield Finding(
            "autolog", "problem", "the OpenAI SDK could not be patched", "check that openai >= 1.3 imports"
        )
    genai_otel.autolog(disable=True)
