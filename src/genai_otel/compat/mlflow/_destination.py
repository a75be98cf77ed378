"""``set_tracking_uri`` and ``set_experiment``: which MLflow server and experiment spans go to.

Each only remembers its value. Once both are known - from a call or from MLflow's environment variables -
the last of the two calls ``genai_otel.configure(exporter="mlflow", ...)``, once. A server named alone is
taken, with its default experiment, when the first span starts. An experiment alone changes nothing: there
is nowhere to send it.
"""

from __future__ import annotations

import importlib
import os
import threading
from typing import Final

from genai_otel._guard import report

from . import _refusals
from .entities import Experiment

URI_VARIABLE: Final = "MLFLOW_TRACKING_URI"
NAME_VARIABLE: Final = "MLFLOW_EXPERIMENT_NAME"
ID_VARIABLE: Final = "MLFLOW_EXPERIMENT_ID"

_lock = threading.Lock()
_uri: str | None = None
_experiment: Experiment | None = None
_pending = False


def set_tracking_uri(uri: str) -> None:
    """Send spans to the MLflow server at ``uri`` (http or https), as ``genai_otel.configure`` does.

    Takes effect with :func:`set_experiment` (or ``MLFLOW_EXPERIMENT_NAME``/``_ID``), else when the first
    span starts.

    Raises:
        NotImplementedError: for anything but an http(s) address.
    """
    global _uri, _pending
    text = str(uri)
    if not text.lower().startswith(("http://", "https://")):
        _refusals.refuse(
            f"set_tracking_uri({text!r})",
            f"spans need a server: run `mlflow server --backend-store-uri {text}` and give its http address",
        )
    _uri, _pending = text, True
    if _experiment is not None or _environment_experiment() is not None:
        apply()


def get_tracking_uri() -> str | None:
    """Return the server set, else ``MLFLOW_TRACKING_URI``, else None."""
    return _uri or os.environ.get(URI_VARIABLE) or None


def set_experiment(
    experiment_name: str | None = None, experiment_id: str | None = None, trace_location: None = None
) -> Experiment:
    """Send spans to this experiment of the MLflow server, once one is known.

    Raises:
        ValueError: unless exactly one of name and id is given.
        NotImplementedError: if ``trace_location`` is given.
    """
    global _experiment, _pending
    _refusals.refuse_given("set_experiment", trace_location=trace_location)
    if (experiment_name is None) == (experiment_id is None):
        raise ValueError("set_experiment needs either experiment_name or experiment_id")
    _experiment = Experiment(experiment_name, None if experiment_id is None else str(experiment_id))
    if get_tracking_uri() is not None:
        _pending = True
        apply()
    return _experiment


def refuse_other_experiment(api: str, experiment_id: object) -> None:
    """Refuse an experiment other than the one that spans go to anyway.

    Raises:
        NotImplementedError: for another one.
    """
    if _experiment is None or str(experiment_id) != _experiment.experiment_id:
        _refusals.refuse_given(api, experiment_id=experiment_id)


def pending() -> bool:
    """Whether a server was named that has not been taken yet."""
    return _pending


def apply() -> None:
    """Configure the exporter for what was set.

    Raises:
        ValueError: for a malformed address.
    """
    global _pending
    with _lock:
        if not _pending:
            return
        _pending = False
        configure = importlib.import_module("genai_otel").configure
        configure(exporter="mlflow", tracking_uri=get_tracking_uri(), experiment=_experiment_key())


def apply_guarded() -> None:
    """Configure the exporter for what was set, without raising."""
    try:
        apply()
    except Exception:
        report("compat.mlflow.set_tracking_uri")


def forget() -> None:
    """Forget what was set; for tests."""
    global _uri, _experiment, _pending
    _uri, _experiment, _pending = None, None, False


def _experiment_key() -> str | None:
    if _experiment is not None:
        return _experiment.experiment_id or _experiment.name
    return _environment_experiment()


def _environment_experiment() -> str | None:
    return os.environ.get(ID_VARIABLE) or os.environ.get(NAME_VARIABLE) or None
