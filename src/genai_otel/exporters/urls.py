"""OTLP endpoints: one URL, or host and port, that stands for all three signals."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

HTTP: Final = "http/protobuf"
GRPC: Final = "grpc"
PROTOCOLS: Final = (HTTP, GRPC)
# signal -> its path below the base URL (OTLP specification, "OTLP/HTTP Request")
PATHS: Final = {"traces": "/v1/traces", "metrics": "/v1/metrics", "logs": "/v1/logs"}
DEFAULTS: Final = {HTTP: "http://localhost:4318", GRPC: "http://localhost:4317"}
EXPECTED: Final = {
    HTTP: "an http:// or https:// URL such as 'http://localhost:4318'",
    GRPC: "'host:port', or an http:// or https:// URL without a path, such as 'http://localhost:4317'",
}
_BLANK: Final = re.compile(r"[\s\x00-\x1f]")
_AFTER_PATH: Final = re.compile(r"[?#].*", re.DOTALL)
_RESOLVERS: Final = ("unix:", "dns:")  # gRPC's own name syntax, passed on as it is


def problem(endpoint: str, protocol: str) -> str | None:
    """Return what is wrong with ``endpoint`` for ``protocol``, or None."""
    if not endpoint or _BLANK.search(endpoint):
        return "it is empty or contains blanks"
    if protocol == GRPC and endpoint.startswith(_RESOLVERS):
        return None
    has_scheme = "://" in endpoint
    if protocol == HTTP and not has_scheme:
        return "it has no http:// or https:// in front"
    return _problem_of_parts(endpoint if has_scheme else f"http://{endpoint}", protocol)


def _problem_of_parts(url: str, protocol: str) -> str | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        return str(exc)
    if parts.scheme not in ("http", "https"):
        return f"its scheme is {parts.scheme!r}"
    if not parts.hostname:
        return "it names no host"
    if port == 0:
        return "its port is 0"
    return "gRPC endpoints have no path" if protocol == GRPC and parts.path.strip("/") else None


def signal_url(endpoint: str, signal: str) -> str:
    """Return the OTLP/HTTP URL of ``signal``; a URL that has that signal's path already stays as it is."""
    parts = urlsplit(endpoint)
    base = parts.path.rstrip("/")
    if base.endswith(PATHS[signal]):
        return endpoint
    for path in PATHS.values():
        base = base.removesuffix(path)
    return urlunsplit(parts._replace(path=base + PATHS[signal]))


def grpc_target(endpoint: str) -> tuple[str, bool | None]:
    """Return (host:port, whether the connection is insecure); None where the endpoint doesn't say."""
    if "://" not in endpoint or endpoint.startswith(_RESOLVERS):
        return endpoint, None
    parts = urlsplit(endpoint)
    return parts.netloc.rpartition("@")[2], parts.scheme == "http"


def shown(endpoint: str) -> str:
    """Return ``endpoint`` without the credentials that its user or query part may hold."""
    try:
        parts = urlsplit(endpoint)
    except ValueError:
        return _AFTER_PATH.sub("", endpoint.rpartition("@")[2])
    if not parts.netloc:
        return _AFTER_PATH.sub("", endpoint.rpartition("@")[2])
    return urlunsplit(SplitResult(parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
