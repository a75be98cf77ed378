"""``exporter="phoenix"``: spans over OTLP to a Phoenix server, copied and with OpenInference attributes."""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from genai_otel._guard import report
from genai_otel.exporters import urls, variables
from genai_otel.exporters.urls import GRPC, HTTP
from genai_otel.telemetry import listeners

from . import otlp
from .guarded import GuardedExporter
from .known_operations import KnownOperations
from .openinference import openinference_attributes
from .registry import ExporterRequest
from .span_copies import with_attributes

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

PROJECT: Final = "openinference.project.name"
_ENDPOINT_VARIABLE: Final = "PHOENIX_COLLECTOR_ENDPOINT"
_PROJECT_VARIABLES: Final = ("PHOENIX_PROJECT", "PHOENIX_PROJECT_NAME")
_HEADERS_VARIABLE: Final = "PHOENIX_CLIENT_HEADERS"
_KEY_VARIABLE: Final = "PHOENIX_API_KEY"
_PORT_VARIABLE: Final = "PHOENIX_GRPC_PORT"
_DEFAULT: Final = "http://localhost:6006"
# Over gRPC the SDK takes the headers of the environment, which are another backend's, unless there are others.
_HARMLESS: Final = {"accept": "application/x-protobuf"}


def build(request: ExporterRequest) -> PhoenixSpanExporter | None:
    """Return the span exporter that ``exporter="phoenix"`` stands for; None when it can't be made."""
    target = _target(request)
    only_ours = {"session": partial(_session, target)} if target.protocol == HTTP else {}
    made = otlp.in_portions(target, **only_ours)
    if made is None:
        return None
    return PhoenixSpanExporter(made, request.experiment or variables.value(*_PROJECT_VARIABLES) or None)


class PhoenixSpanExporter(SpanExporter):
    """Hands copies of the spans, with OpenInference attributes, to an OTLP exporter.

    Listens to the operations of this process from its construction to its shutdown.

    Args:
        inner: The OTLP exporter.
        project: Name of the Phoenix project; None leaves it to the resource, else Phoenix's default one.
    """

    def __init__(self, inner: Any, project: str | None = None) -> None:
        self._inner = GuardedExporter(inner, SpanExportResult.FAILURE)
        self._project = None if project is None else Resource({PROJECT: project})
        self._resources: tuple[Resource, Resource] | None = None
        self._known = KnownOperations()
        self.endpoint = str(getattr(inner, "_endpoint", ""))
        listeners.listen(self._known.hear)
        if hasattr(os, "register_at_fork"):
            known = weakref.ref(self._known)
            os.register_at_fork(after_in_child=lambda: _forget(known))

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Deliver ``spans``."""
        result: SpanExportResult = self._inner.export([self._copy(span) for span in spans])
        return result

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Let the OTLP exporter deliver what it holds."""
        return self._inner.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000) -> None:
        """Shut the OTLP exporter down."""
        listeners.forget(self._known.hear)
        self._known.forget()
        self._inner.shutdown(timeout_millis)

    def _copy(self, span: ReadableSpan) -> ReadableSpan:
        known = self._known.take(span)
        attributes = span.attributes or {}
        try:
            attributes = openinference_attributes(attributes, None if known is None else known.span_type)
        except Exception:
            report("exporters.phoenix")
        return with_attributes(span, attributes, resource=self._resource(span.resource))

    def _resource(self, resource: Resource) -> Resource:
        """Return ``resource`` with the project's name; the last one is remembered, as there is mostly one."""
        if self._project is None:
            return resource
        last = self._resources
        if last is None or last[0] is not resource:
            last = self._resources = (resource, resource.merge(self._project))
        return last[1]


def _forget(reference: weakref.ref[KnownOperations]) -> None:
    known = reference()
    if known is not None:
        known.forget()


def _target(request: ExporterRequest) -> otlp.Target:
    """Return where to send: never the environment's OTLP endpoint or headers, which are another backend's."""
    given = _given(request)
    endpoint = given.endpoint or _DEFAULT
    resolved = otlp.resolve(given, "traces")
    address = urls.signal_url(endpoint, "traces") if given.protocol == HTTP else resolved.endpoint
    return replace(resolved, endpoint=address, headers=tuple(_headers(request).items()))


def _session(target: otlp.Target) -> Any:
    """Return a session that takes the headers away which the SDK adds from the environment."""
    import requests

    foreign = {name for name, _ in otlp.resolve(ExporterRequest(protocol=HTTP), "traces").headers}
    foreign -= {name for name, _ in target.headers}

    def without_foreign(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        for name in foreign & {name.lower() for name in prepared.headers}:
            del prepared.headers[name]
        return prepared

    session = requests.Session()
    session.auth = without_foreign
    return session


def _given(request: ExporterRequest) -> ExporterRequest:
    protocol = request.protocol or HTTP
    return replace(request, protocol=protocol, endpoint=request.endpoint or _default(protocol))


def _default(protocol: str) -> str:
    endpoint = variables.value(_ENDPOINT_VARIABLE)
    wrong = urls.problem(endpoint, HTTP) if endpoint else None
    if wrong:
        variables.ignored(_ENDPOINT_VARIABLE, urls.shown(endpoint), _DEFAULT, urls.EXPECTED[HTTP])
    base = _DEFAULT if wrong or not endpoint else endpoint
    return _grpc_address(base) if protocol == GRPC else base


def _grpc_address(base: str) -> str:
    """Return where the server at ``base`` listens for gRPC."""
    port = variables.value(_PORT_VARIABLE) or "4317"
    parts = base.partition("://")
    host = parts[2].partition("/")[0].rpartition("@")[2].partition(":")[0]
    return f"{parts[0]}://{host}:{port}"


def _headers(request: ExporterRequest) -> dict[str, str]:
    pairs = (part.partition("=") for part in variables.value(_HEADERS_VARIABLE).split(",") if "=" in part)
    found = {unquote(name).strip().lower(): unquote(value).strip() for name, _, value in pairs}
    key = variables.value(_KEY_VARIABLE)
    if key:
        found.setdefault("authorization", f"Bearer {key}")
    return {**_HARMLESS, **found, **{name.lower(): value for name, value in request.headers.items()}}
