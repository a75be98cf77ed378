"""A server on loopback that answers as MLflow does, as told by the test, and keeps what it was asked."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

Decide = Callable[["Asked"], "tuple[int, Any] | None"]


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any = None
    names: list[str] = field(default_factory=list)  # of the spans in it


class StandIn:
    """``decide`` may answer a request in its own way; what it leaves is answered with success."""

    def __init__(self, decide: Decide | None = None) -> None:
        self.asked: list[Asked] = []
        self.experiments: dict[str, str] = {"Default": "0"}
        self._decide = decide or (lambda asked: None)
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self._answer()

            def _answer(self) -> None:
                data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, body = stand_in._take(self.command, self.path, dict(self.headers.items()), data)
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.uri = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    # --- what was asked -------------------------------------------------------------------------------------
    def of(self, end: str) -> list[Asked]:
        return [asked for asked in list(self.asked) if asked.path.partition("?")[0].endswith(end)]

    @property
    def span_requests(self) -> list[Asked]:
        return self.of("/v1/traces")

    @property
    def span_names(self) -> list[str]:
        return sorted(name for asked in self.span_requests for name in asked.names)

    @property
    def traces(self) -> list[dict[str, Any]]:
        """What was said of traces by REST."""
        return [
            asked.body["trace"]["trace_info"] for asked in self.of("/mlflow/traces") if asked.method == "POST"
        ]

    @property
    def assessments(self) -> list[dict[str, Any]]:
        return [asked.body["assessment"] for asked in self.of("/assessments")]

    # --- answering --------------------------------------------------------------------------------------------
    def _take(self, method: str, path: str, headers: dict[str, str], data: bytes) -> tuple[int, Any]:
        asked = Asked(method, path, {name.lower(): value for name, value in headers.items()})
        if path.endswith("/v1/traces"):
            data = gzip.decompress(data) if asked.headers.get("content-encoding") == "gzip" else data
            asked.body = trace_service_pb2.ExportTraceServiceRequest.FromString(data)
            asked.names = [
                span.name
                for resource in asked.body.resource_spans
                for scope in resource.scope_spans
                for span in scope.spans
            ]
        elif data:
            asked.body = json.loads(data)
        self.asked.append(asked)
        return self._decide(asked) or self._usual(asked)

    def _usual(self, asked: Asked) -> tuple[int, Any]:
        path, _, query = asked.path.partition("?")
        given = query.partition("=")[2]
        if path.endswith("get-by-name"):
            found = self.experiments.get(given)
            return (
                (200, {"experiment": {"experiment_id": found}}) if found else (404, {"error_code": "ABSENT"})
            )
        if path.endswith("experiments/get"):
            return (200, {}) if given in self.experiments.values() else (404, {"error_code": "ABSENT"})
        if path.endswith("create"):
            made = str(len(self.experiments))
            self.experiments[asked.body["name"]] = made
            return 200, {"experiment_id": made}
        return 200, {}


@contextmanager
def stand_in(decide: Decide | None = None) -> Iterator[StandIn]:
    server = StandIn(decide)
    try:
        yield server
    finally:
        server.close()
