"""OTLP exporters of the three signals, each built from a target in which everything has been resolved."""

from __future__ import annotations

import functools
import importlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.util.re import parse_env_headers

from genai_otel import _forks
from genai_otel._guard import warn_once
from genai_otel.exporters import urls, variables
from genai_otel.exporters.urls import GRPC, HTTP

from .portions import InPortions

if TYPE_CHECKING:
    from .registry import ExporterRequest

_DEFAULT_SECONDS: Final = 10.0
_PACKAGE: Final = "opentelemetry.exporter.otlp.proto"
_CLASSES: Final = {
    "traces": ("trace_exporter", "OTLPSpanExporter"),
    "metrics": ("metric_exporter", "OTLPMetricExporter"),
    "logs": ("_log_exporter", "OTLPLogExporter"),
}
# protocol -> (its package, where its Compression is, {name: member of it})
_COMPRESSIONS: Final = {
    HTTP: (f"{_PACKAGE}.http", {"none": "NoCompression", "gzip": "Gzip", "deflate": "Deflate"}),
    GRPC: ("grpc", {"none": "NoCompression", "gzip": "Gzip", "deflate": "Deflate"}),
}


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how one signal is sent."""

    signal: str
    protocol: str
    endpoint: str = field(repr=False)
    insecure: bool | None
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    seconds: float
    compression: str


def resolve(request: ExporterRequest, signal: str) -> Target:
    """Return the target of ``signal``: the arguments in ``request``, else the environment, else defaults."""
    by = protocol(request.protocol, signal)
    endpoint, insecure = _address(request.endpoint, signal, by)
    return Target(
        signal=signal,
        protocol=by,
        endpoint=endpoint,
        insecure=insecure,
        headers=_headers(request.headers, signal),
        seconds=variables.number(_variables(signal, "TIMEOUT"), _DEFAULT_SECONDS),
        compression=variables.choice(_variables(signal, "COMPRESSION"), tuple(_COMPRESSIONS[by][1]), "none"),
    )


def protocol(given: str | None, signal: str) -> str:
    """Return the protocol that was given, else that of the environment, else HTTP."""
    return given or variables.choice(_variables(signal, "PROTOCOL"), urls.PROTOCOLS, HTTP)


def exporter(target: Target, **more: Any) -> Any:
    """Return the SDK's exporter for ``target``; None, after one warning, when the environment prevents it.

    Only what ``target`` doesn't hold is left to the SDK, such as certificates and credential providers,
    unless it is among the further arguments of its constructor.
    """
    module, name = _CLASSES[target.signal]
    package = "http" if target.protocol == HTTP else "grpc"
    try:
        made = getattr(importlib.import_module(f"{_PACKAGE}.{package}.{module}"), name)
        return made(**_keywords(target), **more)
    except Exception as exc:
        warn_once(
            f"otlp:{target}",
            "the OTLP exporter of %s can't be made: %s: %s",
            target.signal,
            type(exc).__name__,
            exc,
        )
        return None


def build(request: ExporterRequest) -> Any:
    """Return the span exporter that ``exporter="otlp"`` stands for."""
    return in_portions(resolve(request, "traces"))


def in_portions(target: Target, **more: Callable[[], Any]) -> Any:
    """Return the exporter for ``target``; one of spans or log records sends requests that collectors take.

    ``more`` are functions that return further arguments of the SDK's constructor.
    """
    make = functools.partial(_made, target, more)
    made = make()
    if made is None:
        return None
    connected = (Connected if target.protocol == HTTP else ConnectedGrpc)(made, make)
    return connected if target.signal == "metrics" else InPortions(connected)


def _made(target: Target, more: Mapping[str, Callable[[], Any]]) -> Any:
    return exporter(target, **{name: value() for name, value in more.items()})


class Connected:
    """Passes everything on to an exporter, in a forked child to one of its own.

    A child that sent over the connections that it inherits would mix its requests with those of its parent.
    """

    def __init__(self, inner: Any, make: Callable[[], Any]) -> None:
        self._inner = inner
        self._make = make
        self._inherited: list[Any] = []
        _forks.in_children(self)

    def start_afresh(self) -> None:
        """Use no connection that the parent process uses; what it had is kept, to be closed by nobody."""
        self._inherited.append(self._inner)
        self._inner = None

    def __getattr__(self, name: str) -> Any:
        if self._inner is None:
            self._inner = self._make()
        return getattr(self._inner, name)


class ConnectedGrpc(Connected):
    """The same for gRPC, which is of no use any more to a child that was forked during one of its calls.

    So a fork waits for a call under way, half a second at most: one that is being tried again takes longer.
    """

    def __init__(self, inner: Any, make: Callable[[], Any]) -> None:
        self._calling = threading.Lock()
        self._paused = False
        super().__init__(inner, make)

    def export(self, batch: Any, **options: Any) -> Any:
        """Export ``batch``, while nobody forks."""
        with self._calling:
            return self.__getattr__("export")(batch, **options)

    def before_fork(self, deadline: float) -> None:
        """Let no call begin until the process has forked."""
        if self._calling.acquire(timeout=max(deadline - monotonic(), 0)):
            self._paused = True  # never back to False here: another thread may be forking as well

    def after_fork(self) -> None:
        """In the parent: go on."""
        if self._paused:
            self._paused = False
            self._calling.release()

    def start_afresh(self) -> None:
        self._calling, self._paused = threading.Lock(), False
        super().start_afresh()


def _keywords(target: Target) -> dict[str, Any]:
    module, members = _COMPRESSIONS[target.protocol]
    compression = getattr(importlib.import_module(module).Compression, members[target.compression])
    keywords = {"endpoint": target.endpoint, "timeout": target.seconds, "compression": compression}
    if target.protocol == GRPC:
        return {**keywords, "headers": target.headers, "insecure": target.insecure}
    return {**keywords, "headers": dict(target.headers)}


def _variables(signal: str, what: str) -> tuple[str, str]:
    return f"{variables.OTLP_PREFIX}{signal.upper()}_{what}", f"{variables.OTLP_PREFIX}{what}"


def _address(endpoint: str | None, signal: str, protocol: str) -> tuple[str, bool | None]:
    if endpoint is not None:
        where, is_own = endpoint, False
    else:
        where, is_own = _environment_endpoint(signal, protocol)
    if protocol == HTTP:
        return (where if is_own else urls.signal_url(where, signal)), None
    host, insecure = urls.grpc_target(where)
    if insecure is None and endpoint is not None and not variables.value(*_variables(signal, "INSECURE")):
        insecure = True  # "localhost:4317" in code means a collector near by
    return host, insecure


def _environment_endpoint(signal: str, protocol: str) -> tuple[str, bool]:
    """Return the endpoint of the environment and whether it is this signal's own, to be used as it is."""
    own, shared = _variables(signal, "ENDPOINT")
    for variable in (own, shared):
        endpoint = variables.value(variable)
        wrong = urls.problem(endpoint, protocol) if endpoint else None
        if endpoint and wrong in (None, "gRPC endpoints have no path"):
            return endpoint, variable == own
        if wrong:
            variables.ignored(variable, urls.shown(endpoint), "the default", urls.EXPECTED[protocol])
    return urls.DEFAULTS[protocol], False


def _headers(given: Mapping[str, str], signal: str) -> tuple[tuple[str, str], ...]:
    """Return the headers of the environment with those of the arguments over them, names in lower case."""
    from_environment = _parsed(variables.value(*_variables(signal, "HEADERS")))
    return tuple({**from_environment, **{name.lower(): text for name, text in given.items()}}.items())


@functools.lru_cache(maxsize=16)
def _parsed(text: str) -> Mapping[str, str]:
    return parse_env_headers(text, liberal=True)
