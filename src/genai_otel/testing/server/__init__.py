"""A local OpenAI-compatible server: a test and demo tool, not for production.

It speaks the API's shapes over HTTP/1.1, server-sent events and WebSockets, needs nothing but the standard
library, listens on the loopback interface only, and is deterministic: identifiers count up from 1, every
timestamp is the same, and texts, vectors and token counts are functions of the request.

    with OpenAIServer() as server:
        client = openai.OpenAI(api_key="test", base_url=server.base_url)

How a request is answered can be steered with the header ``x-mock`` or with `OpenAIServer.script`: failures
(``status=429;times=2;retry_after=0.01``, ``drop``, ``badjson``), timing (``delay=0.1``,
``chunk_delay=0.01``), streams that end badly (``abort_after=3``, ``error_after=2``, ``nodone``), and what is
said (``text=…``, ``echo``, ``chunks=100``, ``finish=length``, ``refusal``, ``reasoning=…``, ``items=all``,
``status_text=failed``, ``body={…}``); `Behaviour` has them all. Unless told otherwise the first function
tool offered is called once in a conversation.

``python -m genai_otel.testing.server --port 8000`` serves in the foreground.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from genai_otel.testing.server.exchange import RecordedRequest
from genai_otel.testing.server.http import LoopbackServer
from genai_otel.testing.server.routes import canonical
from genai_otel.testing.server.state import ServerState

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["OpenAIServer", "RecordedRequest"]


class OpenAIServer:
    """Serves an OpenAI-compatible API on 127.0.0.1 from a background thread.

    ``port`` 0 takes a free one. Use it as a context manager, or call `start` and `stop`; both are harmless
    when there is nothing to do.
    """

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._state = ServerState()
        self._listener: LoopbackServer | None = None

    @property
    def base_url(self) -> str:
        """``http://127.0.0.1:PORT/v1``; known from the first `start` on, ``RuntimeError`` before."""
        if not self._port:
            raise RuntimeError("the server has no port yet: call start() or use it as a context manager")
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request received since the start or the last `reset`, in order of arrival."""
        return self._state.requests

    def script(self, path: str, behaviours: Sequence[str]) -> None:
        """Queue behaviours for the next requests to ``path``, with or without ``/v1``.

        Each is used for one request, or for as many as its ``times`` says; a request's own ``x-mock`` header
        comes first and leaves the queue alone. ``ValueError`` says what isn't understood.
        """
        self._state.script(canonical(f"/{path.lstrip('/')}")[0], behaviours)

    def reset(self) -> None:
        """Forget requests, scripts and stored objects, and count identifiers from 1 again."""
        self._state.reset()

    def start(self) -> Self:
        """Listen; ``OSError`` if the port is taken."""
        if self._listener is None:
            self._state.stopping.clear()
            self._listener = listener = LoopbackServer(self._port, self._state)
            self._port = listener.server_address[1]
            thread = threading.Thread(
                target=listener.serve_forever, args=(0.05,), name="OpenAIServer", daemon=True
            )
            thread.start()
        return self

    def stop(self) -> None:
        """Stop listening and end the open connections, also those in the middle of an answer."""
        listener, self._listener = self._listener, None
        if listener is not None:
            self._state.stopping.set()
            listener.shutdown()
            listener.server_close()
            listener.end_connections()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve in the foreground until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m genai_otel.testing.server", description="A local OpenAI-compatible test server."
    )
    parser.add_argument(
        "--port", type=int, default=8000, help="port on 127.0.0.1; 0 takes a free one (default 8000)"
    )
    with OpenAIServer(parser.parse_args(arguments).port) as server:
        sys.stdout.write(f"OpenAI-compatible test server on {server.base_url} (Ctrl-C stops it)\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            pass
    return 0
