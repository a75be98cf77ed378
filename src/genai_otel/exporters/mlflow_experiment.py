"""Which experiment of an MLflow server traces go to: found, or made, when the first ones are sent."""

from __future__ import annotations

import threading
from typing import Final

from genai_otel.exporters import variables

from .mlflow_server import Answer, MlflowServer

DEFAULT_ID: Final = "0"
_VARIABLES: Final = ("MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME")
# shown among the experiments that are about traces rather than training runs
_KIND: Final = {"key": "mlflow.experimentKind", "value": "genai_development"}
_API: Final = "/api/2.0/mlflow/experiments"


class Experiment:
    """One experiment by name or id; looked up once, then remembered."""

    def __init__(self, server: MlflowServer, given: str | None) -> None:
        self._server = server
        self.key = given or variables.value(*_VARIABLES) or DEFAULT_ID
        self._id: str | None = None
        self._lock = threading.Lock()

    def resolve(self) -> str | Answer:
        """Return the experiment's id, or the answer of the server that says why there is none."""
        with self._lock:
            if self._id is None:
                found = self._by_id() if self.key.isdecimal() else self._by_name()
                if isinstance(found, Answer):
                    return found
                self._id = found
            return self._id

    def forget(self) -> None:
        """Look it up anew the next time: it may have been deleted."""
        self._id = None

    def start_afresh(self) -> None:
        """Hold no lock that a parent process held."""
        self._lock = threading.Lock()

    def _by_id(self) -> str | Answer:
        answer = self._server.send("GET", f"{_API}/get", params={"experiment_id": self.key})
        if answer.status in (400, 404):  # a name may well be made of digits
            return self._by_name()
        return self.key if answer.ok else answer

    def _by_name(self) -> str | Answer:
        found = self._find()
        if isinstance(found, str) or found.status != 404:
            return found
        created = self._server.send("POST", f"{_API}/create", json={"name": self.key, "tags": [_KIND]})
        # somebody else may have been faster
        return str(created.body["experiment_id"]) if created.ok else self._find(created)

    def _find(self, otherwise: Answer | None = None) -> str | Answer:
        answer = self._server.send("GET", f"{_API}/get-by-name", params={"experiment_name": self.key})
        if answer.ok:
            return str(answer.body["experiment"]["experiment_id"])
        return otherwise or answer
