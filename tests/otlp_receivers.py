"""OTLP receivers on the loopback interface: real HTTP and gRPC servers that keep what they are sent."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

_REQUESTS = {
    "/v1/traces": trace_service_pb2.ExportTraceServiceRequest,
    "/v1/metrics": metrics_service_pb2.ExportMetricsServiceRequest,
    "/v1/logs": logs_service_pb2.ExportLogsServiceRequest,
}


class Received:
    """What a receiver was sent, decoded."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], Any]] = []

    def of(self, end: str) -> list[Any]:
        """The decoded requests whose path ends so."""
        return [body for path, _, body in list(self.requests) if path.endswith(end)]

    @property
    def paths(self) -> set[str]:
        return {path for path, _, _ in list(self.requests)}

    def headers(self, end: str) -> dict[str, str]:
        return next(headers for path, headers, _ in list(self.requests) if path.endswith(end))

    @property
    def spans(self) -> list[Any]:
        return [
            span
            for body in self.of("/v1/traces")
            for resource in body.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def span_names(self) -> list[str]:
        return sorted(span.name for span in self.spans)

    @property
    def metric_names(self) -> set[str]:
        return {
            metric.name
            for body in self.of("/v1/metrics")
            for resource in body.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def points(self, name: str) -> list[Any]:
        """The data points of one metric, of all requests."""
        found = [
            metric
            for body in self.of("/v1/metrics")
            for resource in body.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
        ]
        return [point for one in found for point in getattr(one, one.WhichOneof("data")).data_points]

    def counts(self, name: str) -> list[int]:
        """How many measurements each data point of a histogram stands for."""
        return [point.count for point in self.points(name)]

    def sums(self, name: str) -> list[int]:
        """The values of a counter of integers."""
        return [point.as_int for point in self.points(name)]

    @property
    def log_records(self) -> list[Any]:
        return [
            record
            for body in self.of("/v1/logs")
            for resource in body.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    def resource(self, end: str = "/v1/traces") -> dict[str, str]:
        """The string attributes of the resource in the last request."""
        body = self.of(end)[-1]
        field = {
            "/v1/traces": "resource_spans",
            "/v1/metrics": "resource_metrics",
            "/v1/logs": "resource_logs",
        }
        resource = getattr(body, field[end])[0].resource
        return {item.key: item.value.string_value for item in resource.attributes}


class HttpReceiver(Received):
    """Serves OTLP/HTTP under any prefix."""

    def __init__(self, delay: float = 0.0, statuses: list[int] | None = None) -> None:
        super().__init__()
        self.delay = delay
        self.statuses = list(statuses or [])
        self.malformed = 0
        self._clients: list[tuple[Any, Any]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    data = gzip.decompress(data)
                time.sleep(receiver.delay)
                status = receiver.statuses.pop(0) if receiver.statuses else 200
                kind = next((kind for path, kind in _REQUESTS.items() if self.path.endswith(path)), None)
                if status == 200 and kind is not None:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    status = receiver.take(self.path, headers, kind, data, self.client_address)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def take(self, path: str, headers: dict[str, str], kind: Any, data: bytes, client: Any) -> int:
        """Keep a request; returns the status to answer with."""
        try:
            decoded = kind.FromString(data)
        except DecodeError:
            self.malformed += 1
            return 400
        self.requests.append((path, headers, decoded))
        self._clients.append((client, decoded))
        return 200

    def clients_of(self, name: str) -> list[Any]:
        """The addresses from which spans of that name came, one for each request."""
        return [client for client, body in list(self._clients) if name in _span_names(body)]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _span_names(body: Any) -> set[str]:
    resources = getattr(body, "resource_spans", ())
    return {span.name for resource in resources for scope in resource.scope_spans for span in scope.spans}


class GrpcReceiver(Received):
    """Serves the three OTLP/gRPC services; requests are kept under the paths of OTLP/HTTP."""

    def __init__(self, delay: float = 0.0) -> None:
        super().__init__()
        import grpc

        self.delay = delay
        self._server = grpc.server(ThreadPoolExecutor(4))
        self._serve("/v1/traces", trace_service_pb2_grpc, "TraceService", trace_service_pb2)
        self._serve("/v1/metrics", metrics_service_pb2_grpc, "MetricsService", metrics_service_pb2)
        self._serve("/v1/logs", logs_service_pb2_grpc, "LogsService", logs_service_pb2)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def _serve(self, path: str, services: Any, name: str, messages: Any) -> None:
        receiver = self
        answer = getattr(messages, f"Export{name}Response")

        class Servicer(getattr(services, f"{name}Servicer")):  # type: ignore[misc]
            def Export(self, request: Any, context: Any) -> Any:
                time.sleep(receiver.delay)
                receiver.requests.append((path, dict(context.invocation_metadata()), request))
                return answer()

        getattr(services, f"add_{name}Servicer_to_server")(Servicer(), self._server)

    def close(self) -> None:
        self._server.stop(0)


@contextmanager
def http_receiver(delay: float = 0.0, statuses: list[int] | None = None) -> Iterator[HttpReceiver]:
    receiver = HttpReceiver(delay, statuses)
    try:
        yield receiver
    finally:
        receiver.close()


@contextmanager
def grpc_receiver(delay: float = 0.0) -> Iterator[GrpcReceiver]:
    receiver = GrpcReceiver(delay)
    try:
        yield receiver
    finally:
        receiver.close()


@contextmanager
def refusing_address() -> Iterator[str]:
    """An address where connections are refused."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound but not listening: nobody else gets the port either
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@contextmanager
def silent_address() -> Iterator[str]:
    """An address that accepts connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield f"127.0.0.1:{listening.getsockname()[1]}"
