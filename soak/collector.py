"""An OTLP/HTTP collector in a process of its own that is up, busy, slow and gone in turn, and counts what it took.

Line in, line out: ``steady`` ends the misbehaviour, ``count`` answers with what was received, as JSON.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

# (what it is, for how many seconds), over and over
MOODS = (("up", 4.0), ("503", 1.5), ("up", 3.0), ("gone", 3.0), ("up", 3.0), ("429", 1.0), ("stalls", 3.0))


class Collector:
    """What is received, and how the collector is disposed at the moment."""

    def __init__(self) -> None:
        self.mood = "up"
        self.steady = threading.Event()
        self.spans: set[bytes] = set()
        self.repeated = 0
        self.refused: dict[str, int] = {}
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0
        self.listen()

    def listen(self) -> None:
        self._server = _Server(("127.0.0.1", self.port), _handler(self))
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def leave(self) -> None:
        """Refuse connections, and cut those that are open."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    def flap(self, pace: float) -> None:
        """Go through the moods, ``pace`` times as fast, until told to be steady."""
        while not self.steady.is_set():
            for mood, seconds in MOODS:
                self._be(mood)
                if self.steady.wait(seconds / pace):
                    break
        self._be("up")

    def _be(self, mood: str) -> None:
        if mood == "gone":
            self.leave()
        elif self._server is None:
            self.listen()
        self.mood = mood

    def take(self, path: str, data: bytes) -> None:
        """Keep the ids of the spans in an accepted request."""
        if not path.endswith("/v1/traces"):
            return
        ids = [
            span.span_id
            for resource in ExportTraceServiceRequest.FromString(data).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        with self._lock:
            before = len(self.spans)
            self.spans.update(ids)
            self.repeated += before + len(ids) - len(self.spans)

    def refuse(self) -> None:
        with self._lock:
            self.refused[self.mood] = self.refused.get(self.mood, 0) + 1

    def counts(self) -> dict[str, Any]:
        return {"spans": len(self.spans), "repeated": self.repeated, "refused_requests": self.refused}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *arguments: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        return


def _handler(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            mood = collector.mood
            if mood == "stalls":
                collector.refuse()
                time.sleep(4.0)  # longer than the exporters wait
                self.close_connection = True
                return
            if mood in ("503", "429"):
                collector.refuse()
                self._answer(int(mood))
                return
            collector.take(self.path, data)
            self._answer(200)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            if status == 429:
                self.send_header("Retry-After", "1")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *about: object) -> None:
            return

    return Handler


def main() -> None:
    collector = Collector()
    say(str(collector.port))
    flapping = threading.Thread(target=collector.flap, args=(float(sys.argv[1]),), daemon=True)
    flapping.start()
    for line in sys.stdin:
        if line.strip() == "steady":
            collector.steady.set()
            flapping.join()
        say(json.dumps(collector.counts()))


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
