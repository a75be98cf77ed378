"""Real MLflow and Phoenix servers, each from an environment of its own, and what their APIs answer."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
import venv
import warnings
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.servers import ROOT, Server, free_port, wait_for

CACHE: Final = ROOT / ".cache" / "e2e"
_START_SECONDS: Final = 120.0
# name -> (variable that points at the program, what is installed, the program)
_PROGRAMS: Final = {
    "mlflow": ("GENAI_OTEL_MLFLOW", "mlflow==3.17.2", "mlflow"),
    "phoenix": ("GENAI_OTEL_PHOENIX", "arize-phoenix", "phoenix"),
}


def program(name: str) -> Path:
    """Return the program of ``name``, installed on first use; skips, loudly, where it can't be had."""
    variable, requirement, executable = _PROGRAMS[name]
    given = os.environ.get(variable)
    found = Path(given) if given else CACHE / name / "bin" / executable
    reason = "there is none"
    if not found.exists() and not given:
        try:
            _install(CACHE / name, requirement)
        except (OSError, subprocess.SubprocessError) as exc:
            reason = f"{requirement} can't be installed: {exc}"
    if not found.exists():
        said = f"NOT TESTED against a real {name} ({reason}); {variable} may point at its executable"
        warnings.warn(said, stacklevel=2)  # shown at the end, whether or not skips are
        pytest.skip(said)
    return found


def _install(folder: Path, requirement: str) -> None:
    venv.create(folder, with_pip=True, clear=True)
    command = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", requirement]
    subprocess.run(command, check=True, timeout=900, capture_output=True)


class _Backend(Server):
    """A server that takes long to start."""

    url: str

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        wait_for(self._healthy, _START_SECONDS, f"answer at {self.health}")

    def get(self, path: str) -> Any:
        return self._ask(urllib.request.Request(self.url + path))

    def post(self, path: str, body: Any) -> Any:
        headers = {"content-type": "application/json"}
        return self._ask(urllib.request.Request(self.url + path, json.dumps(body).encode(), headers))

    def _ask(self, request: urllib.request.Request) -> Any:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")


class Mlflow(_Backend):
    """A tracking server over SQLite that calls nobody."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        store, artifacts = f"sqlite:///{folder}/mlflow.db", str(folder / "artifacts")
        command = [
            str(program("mlflow")),
            "server",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--workers",
            "1",
        ]
        super().__init__(
            [*command, "--backend-store-uri", store, "--artifacts-destination", artifacts],
            f"{self.url}/health",
            folder / "mlflow.log",
            PYTHONPATH="",
            MLFLOW_DISABLE_TELEMETRY="true",
            DO_NOT_TRACK="true",
            MLFLOW_MODEL_CATALOG_URI="",
            MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false",
        )

    def experiment(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/api/2.0/mlflow/experiments/get-by-name?experiment_name={name}")
        return found["experiment"]

    def info(self, trace_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/api/3.0/mlflow/traces/tr-{trace_id}")["trace"]["trace_info"]
        return found

    def spans(self, trace_id: str) -> list[dict[str, Any]]:
        """The spans as the UI loads them, with the values of their attributes decoded."""
        found = self.get(f"/ajax-api/3.0/mlflow/get-trace-artifact?request_id=tr-{trace_id}")["spans"]
        for span in found:
            span["attributes"] = {key: _decoded(value) for key, value in span["attributes"].items()}
        spans: list[dict[str, Any]] = found
        return spans

    def search(self, experiment_id: str) -> list[dict[str, Any]]:
        """Every trace of an experiment."""
        location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}}
        body: dict[str, Any] = {"locations": [location], "max_results": 500}
        found: list[dict[str, Any]] = []
        while True:
            page = self.post("/api/3.0/mlflow/traces/search", body)
            found += page.get("traces", [])
            if not page.get("next_page_token"):
                return found
            body["page_token"] = page["next_page_token"]


def _decoded(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


class Phoenix(_Backend):
    """A Phoenix server over SQLite that calls nobody."""

    def __init__(self, folder: Path) -> None:
        port, grpc = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.grpc = f"127.0.0.1:{grpc}"
        super().__init__(
            [str(program("phoenix")), "serve"],
            f"{self.url}/healthz",
            folder / "phoenix.log",
            PYTHONPATH="",
            PHOENIX_HOST="127.0.0.1",
            PHOENIX_PORT=str(port),
            PHOENIX_GRPC_PORT=str(grpc),
            PHOENIX_WORKING_DIR=str(folder),
            PHOENIX_TELEMETRY_ENABLED="false",
            PHOENIX_ALLOW_EXTERNAL_RESOURCES="false",
        )

    def _healthy(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"phoenix ended: {self.log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(self.health, timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def spans(self, project: str, count: int) -> list[dict[str, Any]]:
        """The spans of a project, once there are ``count``: Phoenix stores them a moment after it took them."""
        end = time.monotonic() + 180
        while True:
            found = self._all(project)
            if len(found) >= count or time.monotonic() > end:
                return found
            time.sleep(1)  # asking costs it more than storing

    def _all(self, project: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = ""
        try:
            while True:
                page = self.get(f"/v1/projects/{project}/spans?limit=1000{cursor}")
                found += page["data"]
                if not page.get("next_cursor"):
                    return found
                cursor = f"&cursor={page['next_cursor']}"
        except urllib.error.HTTPError:
            return []

    def query(self, text: str, **variables: Any) -> Any:
        """Ask the GraphQL API that the UI uses."""
        answer = self.post("/graphql", {"query": text, "variables": variables})
        assert "errors" not in answer, answer["errors"]
        return answer["data"]
