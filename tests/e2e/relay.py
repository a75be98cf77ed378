"""A TCP relay on loopback that counts what passes on its way to a server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Relay:
    """Listens on ``address``; ``sent`` is the number of bytes that clients sent through it."""

    def __init__(self, target: str) -> None:
        host, port = target.removeprefix("http://").split(":")
        self._target = (host, int(port))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self.sent = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(self._target)
                threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, source: socket.socket, drain: socket.socket, counted: bool) -> None:
        with suppress(OSError), source, drain:
            while data := source.recv(65_536):
                self.sent += len(data) if counted else 0
                drain.sendall(data)


@contextmanager
def relay(target: str) -> Iterator[Relay]:
    """Yield a relay to ``target``, ``host:port`` or an HTTP URL."""
    made = Relay(target)
    try:
        yield made
    finally:
        made.close()
