"""Runs one of the two example services until stdin ends, and says whether it left the application's own alone."""

from __future__ import annotations

import socket
import sys
import threading

import uvicorn
from examples.existing_setups import two_services

from tests.existing_setups.checks import Global


def main(name: str) -> None:
    """Print the port, serve, print the verdict."""
    before: list[Global] = []
    set_up = two_services.set_up_telemetry

    def watched(service: str) -> object:
        provider = set_up(service)
        before.append(Global())
        return provider

    two_services.set_up_telemetry = watched  # type: ignore[assignment]
    app = getattr(two_services, name)()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
        print(listening.getsockname()[1], flush=True)
        server.run(sockets=[listening])
    before[0].check()
    print("untouched", flush=True)


def _stop_at_end_of_input(server: uvicorn.Server) -> None:
    sys.stdin.read()
    server.should_exit = True


if __name__ == "__main__":
    main(sys.argv[1])
