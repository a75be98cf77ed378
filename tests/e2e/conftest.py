"""The real servers of ``make collector`` and ``make jaeger``, on loopback, each ended with its process group."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.servers import ROOT, Collector, Server, free_port, sink

_absent: set[str] = set()


def _binary(script: str) -> Path:
    path = subprocess.run(
        [ROOT / "scripts" / script, "path"], capture_output=True, text=True, check=True
    ).stdout
    binary = Path(path.strip())
    if not binary.exists():
        name = script.removesuffix(".sh")
        _absent.add(name)
        pytest.skip(f"NOT TESTED against a real {name}: there is none; `make {name}` builds it and needs Go")
    return binary


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for name in sorted(_absent):
        terminalreporter.write_line(
            f"NOT TESTED against a real {name}: run `make {name}` first", red=True, bold=True
        )


@pytest.fixture(scope="session")
def collector_binary() -> Path:
    """The collector of ``make collector``."""
    return _binary("collector.sh")


@pytest.fixture(scope="session")
def jaeger_binary() -> Path:
    """The Jaeger of ``make jaeger``."""
    return _binary("jaeger.sh")


@pytest.fixture(scope="module")
def collectors(
    collector_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Collector]]:
    """Starts collectors; their names are those of their folders. They end with the module."""
    folder = tmp_path_factory.mktemp("collectors")
    made: list[Collector] = []

    def start(name: str, config: Any = None, /, *, started: bool = True, **options: Any) -> Collector:
        one = Collector(collector_binary, config or sink(), folder / name, **options)
        made.append(one)
        if started:
            one.start()
        return one

    yield start
    for one in made:
        one.stop()


class Jaeger(Server):
    """Jaeger with the shipped configuration, on ports of its own."""

    def __init__(self, binary: Path, folder: Path) -> None:
        ports = {
            name: f"127.0.0.1:{free_port()}" for name in ("grpc", "http", "query", "query_grpc", "health")
        }
        self.grpc, self.http = ports["grpc"], f"http://{ports['http']}"
        self.api = f"http://{ports['query']}"
        settings = {
            "receivers::otlp::protocols::grpc::endpoint": ports["grpc"],
            "receivers::otlp::protocols::http::endpoint": ports["http"],
            "extensions::jaeger_query::http::endpoint": ports["query"],
            "extensions::jaeger_query::grpc::endpoint": ports["query_grpc"],
            "extensions::healthcheckv2::http::endpoint": ports["health"],
        }
        command = [str(binary), "--config", str(ROOT / "deploy/jaeger/config.yaml")]
        for name, value in settings.items():
            command += ["--config", f"yaml:{name}: {value}"]
        super().__init__(command, f"http://{ports['health']}/status", folder / "log.txt")

    def endpoint(self, protocol: str) -> str:
        """Return where applications send to."""
        return self.grpc if protocol == "grpc" else self.http


@pytest.fixture(scope="module")
def jaeger(jaeger_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jaeger]:
    """A running Jaeger with nothing in it."""
    server = Jaeger(jaeger_binary, tmp_path_factory.mktemp("jaeger"))
    try:
        server.start()
        yield server
    finally:
        server.kill()  # in order it takes a quarter of a minute, and nothing is kept anyway
