"""Real servers as child processes on free loopback ports, each in a process group of its own."""

from __future__ import annotations

import copy
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from tests.e2e.plain import Plain

ROOT: Final = Path(__file__).parents[2]
SIGNALS: Final = ("traces", "metrics", "logs")
_START_SECONDS: Final = 30.0


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**variables: str) -> dict[str, str]:
    """Return the environment for a child: ours without what steers telemetry, and ``variables``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PYTEST"))}
    return {**kept, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]), **variables}


def wait_for(found: Callable[[], Any], seconds: float, what: str) -> Any:
    """Return the first true value of ``found()``; ``TimeoutError`` if there is none in time."""
    end = time.monotonic() + seconds
    while True:
        if value := found():
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"no {what} within {seconds} s")
        time.sleep(0.05)


def get(url: str, seconds: float = 10) -> bytes:
    """Return what a URL answers, or nothing when it doesn't."""
    try:
        with urllib.request.urlopen(url, timeout=seconds) as answer:
            return bytes(answer.read())
    except (urllib.error.URLError, OSError):
        return b""


class Server:
    """A program with a URL that answers once it is up."""

    def __init__(self, command: list[str], health: str, log: Path, **variables: str) -> None:
        self.command = command
        self.health = health
        self.log = log
        self._environment = environment(**variables)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it is healthy."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        wait_for(self._healthy, _START_SECONDS, f"answer at {self.health}")

    def _healthy(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"{self.command[0]} ended: {self.log.read_text()[-2000:]}")
        return bool(get(self.health, 1))

    def kill(self) -> None:
        """End it as a crash would: no handler runs."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        os.killpg(self._process.pid, how)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(15)


class Collector(Server):
    """A collector with a shipped configuration, or any other, on ports of its own.

    Args:
        binary: The program.
        config: A file of the repository, or a configuration.
        folder: Where its files go.
        changes: Merged over the configuration; None takes a key away. Listening addresses are changed anyway.
        writes: Pipelines to which a file exporter is added.
    """

    def __init__(
        self,
        binary: Path,
        config: str | Plain,
        folder: Path,
        changes: Plain | None = None,
        writes: tuple[str, ...] = SIGNALS,
        **variables: str,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.grpc = f"127.0.0.1:{free_port()}"
        self.http = f"http://127.0.0.1:{free_port()}"
        self.prometheus = f"http://127.0.0.1:{free_port()}/metrics"
        health = f"127.0.0.1:{free_port()}"
        loaded = (
            yaml.safe_load((ROOT / config).read_text()) if isinstance(config, str) else copy.deepcopy(config)
        )
        merge(loaded, self._addresses(health, loaded))
        merge(loaded, changes or {})
        for pipeline in writes:
            self._write(loaded, pipeline)
        file = folder / "config.yaml"
        file.write_text(yaml.safe_dump(loaded, sort_keys=False))
        super().__init__(
            [str(binary), "--config", str(file)], f"http://{health}/", folder / "log.txt", **variables
        )

    def _addresses(self, health: str, loaded: Plain) -> Plain:
        addresses: Plain = {
            "extensions": {"health_check": {"endpoint": health}},
            "receivers": {
                "otlp": {
                    "protocols": {
                        "grpc": {"endpoint": self.grpc},
                        "http": {"endpoint": self.http.removeprefix("http://")},
                    }
                }
            },
            "service": {"telemetry": {"metrics": {"level": "none", "readers": None}}},
        }
        if "prometheus" in loaded.get("exporters", {}):
            endpoint = self.prometheus.removeprefix("http://").removesuffix("/metrics")
            addresses["exporters"] = {"prometheus": {"endpoint": endpoint}}
        return addresses

    def _write(self, loaded: Plain, pipeline: str) -> None:
        if pipeline not in loaded["service"]["pipelines"]:
            return
        name = f"file/{pipeline.replace('/', '_')}"
        loaded.setdefault("exporters", {})[name] = {
            "path": str(self._file(pipeline)),
            "append": True,
            "flush_interval": "100ms",
        }
        loaded["service"]["pipelines"][pipeline]["exporters"].append(name)

    def _file(self, pipeline: str) -> Path:
        return self.folder / f"{pipeline.replace('/', '_')}.jsonl"

    def endpoint(self, protocol: str) -> str:
        """Return where applications send to."""
        return self.grpc if protocol == "grpc" else self.http

    def written(self, pipeline: str) -> list[Plain]:
        """Return the OTLP JSON requests that went through ``pipeline`` so far."""
        file = self._file(pipeline)
        lines = file.read_bytes().split(b"\n") if file.exists() else [b""]
        return [json.loads(line) for line in lines[:-1] if line]


def merge(base: Plain, changes: Mapping[str, Any]) -> None:
    """Merge ``changes`` into ``base``; None takes a key away."""
    for key, value in changes.items():
        if value is None:
            base.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = copy.deepcopy(value)


def sink() -> Plain:
    """Return the configuration of a backend that takes everything and writes it down."""
    pipelines = {signal: {"receivers": ["otlp"], "exporters": []} for signal in SIGNALS}
    return {
        "extensions": {"health_check": {}},
        "receivers": {"otlp": {"protocols": {"grpc": {"max_recv_msg_size_mib": 64}, "http": {}}}},
        "service": {"extensions": ["health_check"], "pipelines": pipelines},
    }


# A burst doesn't overflow the queues, whose default is 2,048.
_EXPORT: Final = {
    "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
    "OTEL_BSP_MAX_QUEUE_SIZE": "50000",
    "OTEL_BLRP_MAX_QUEUE_SIZE": "50000",
}


class Workload:
    """A run of ``tests.e2e.workload``."""

    def __init__(
        self, endpoint: str, protocol: str, seen: Path, *, traces: int = 1000, **options: Any
    ) -> None:
        variables = options.pop("variables", {})
        flags = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        command = [sys.executable, "-m", "tests.e2e.workload", "--endpoint", endpoint, "--protocol", protocol]
        command += ["--seen", str(seen), "--traces", str(traces), *flags]
        self._seen = seen
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(**{**_EXPORT, **variables}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finish(self, seconds: float = 180) -> Plain:
        """Wait for its end and return its own account, with the time it took to exit."""
        try:
            out, self.stderr = self._process.communicate(timeout=seconds)
        finally:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
        ended = time.time()
        assert self._process.returncode == 0, self.stderr
        report: Plain = json.loads(out.splitlines()[-1])
        return {**report, "exit": ended - report["end"]}

    def seen(self, what: str = "spans") -> list[Plain]:
        """Return the spans or events as the process itself saw them."""
        return [json.loads(line) for line in (self._seen / f"{what}.jsonl").read_text().splitlines()]
