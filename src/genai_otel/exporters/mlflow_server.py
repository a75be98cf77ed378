"""One MLflow tracking server: its address, how to sign in, and requests that are retried and never traced."""

from __future__ import annotations

import base64
import os
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final
from urllib.parse import urlsplit

from genai_otel import _runtime
from genai_otel.exporters import urls, variables

from .registry import ExporterRequest

URI_VARIABLE: Final = "MLFLOW_TRACKING_URI"
DEFAULT_URI: Final = "http://localhost:5000"
RETRYABLE: Final = frozenset({408, 429, 500, 502, 503, 504})
_FIRST_PAUSE: Final = 0.5
_DEFAULT_SECONDS: Final = 10.0
_EXPECTED: Final = "the http:// or https:// address of an MLflow server"
_TRUE: Final = ("1", "true")
_CODE: Final = re.compile(r"[A-Z_]{1,64}")


@dataclass(frozen=True, slots=True)
class Address:
    """Where an MLflow server is and what is sent along with every request to it."""

    uri: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    verify: bool | str | None = None
    certificate: str | None = None
    seconds: float = _DEFAULT_SECONDS


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, 0 where the server could not be reached, and what came with it."""

    status: int
    body: Any = None
    problem: str = ""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def worth_retrying(self) -> bool:
        return self.status == 0 or self.status in RETRYABLE


def address_of(request: ExporterRequest) -> Address:
    """Return the server that the arguments name, else the environment, else the one on this machine.

    Raises:
        ValueError: if ``tracking_uri`` is no http(s) address.
    """
    return Address(
        uri=_uri(request.tracking_uri),
        headers=tuple(_headers(request.headers).items()),
        verify=False if _flag("MLFLOW_TRACKING_INSECURE_TLS") else _text("MLFLOW_TRACKING_SERVER_CERT_PATH"),
        certificate=_text("MLFLOW_TRACKING_CLIENT_CERT_PATH"),
        seconds=variables.number(("OTEL_EXPORTER_OTLP_TIMEOUT",), _DEFAULT_SECONDS),
    )


def _uri(given: str | None) -> str:
    uri = given if given is not None else variables.value(URI_VARIABLE)
    wrong = urls.problem(uri, urls.HTTP) if uri else None
    if wrong and given is not None:
        raise ValueError(f"tracking_uri={urls.shown(given)!r} is not allowed: {wrong}; expected {_EXPECTED}")
    if wrong:
        variables.ignored(URI_VARIABLE, urls.shown(uri), DEFAULT_URI, _EXPECTED)
    return (DEFAULT_URI if wrong or not uri else uri).rstrip("/")


def _headers(given: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of the arguments over those that MLflow's own variables stand for."""
    found = {"authorization": _authorization(), "x-mlflow-workspace": _text("MLFLOW_WORKSPACE")}
    present = {name: value for name, value in found.items() if value}
    return {**present, **{name.lower(): value for name, value in given.items()}}


def _authorization() -> str | None:
    user, token = _text("MLFLOW_TRACKING_USERNAME"), _text("MLFLOW_TRACKING_TOKEN")
    if user:
        pair = f"{user}:{os.environ.get('MLFLOW_TRACKING_PASSWORD', '')}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"
    return f"Bearer {token}" if token else None


def _text(variable: str) -> str | None:
    return variables.value(variable) or None


def _flag(variable: str) -> bool:
    return variables.value(variable).lower() in _TRUE


class MlflowServer:
    """Sends requests to one server. Safe from several threads, and in forked children."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._closed = threading.Event()
        self._session: Any = None

    @property
    def shown(self) -> str:
        """The address without credentials."""
        return urls.shown(self.address.uri)

    def send(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """Return the server's answer; tries again, until ``seconds`` are over, where that may help.

        Never raises. Nothing is tried again once the server object has been closed.
        """
        deadline = monotonic() + (self.address.seconds if seconds is None else seconds)
        content = {"json": json, "data": data, "headers": headers, "params": params}
        token = _runtime.attach(_runtime.suppress(_runtime.current()))
        try:
            return self._until(deadline, lambda left: self._once(method, path, left, content))
        finally:
            _runtime.detach(token)

    def close(self) -> None:
        """Let requests under way be the last ones."""
        self._closed.set()

    def start_afresh(self) -> None:
        """Use no connection that a parent process uses."""
        self._session, self._closed = None, threading.Event()

    def _until(self, deadline: float, attempt: Callable[[float], Answer]) -> Answer:
        pause = _FIRST_PAUSE
        while True:
            answer = attempt(max(deadline - monotonic(), 0.05))
            if not answer.worth_retrying or monotonic() + pause >= deadline or self._closed.wait(pause):
                return answer
            pause *= 2

    def _once(self, method: str, path: str, seconds: float, content: Mapping[str, Any]) -> Answer:
        try:
            reply = self._connected().request(
                method, self.address.uri + path, timeout=seconds, verify=self.address.verify, **content
            )
        except Exception as exc:
            return Answer(0, problem=type(exc).__name__)
        return _answer(reply)

    def _connected(self) -> Any:
        if self._session is None:
            import requests

            session = requests.Session()
            session.headers.update(dict(self.address.headers))
            if not urlsplit(self.address.uri).username and dict(self.address.headers).get("authorization"):
                session.auth = _keep  # otherwise a .netrc would win
            session.cert = self.address.certificate
            self._session = session
        return self._session


def _keep(request: Any) -> Any:
    return request


def _answer(reply: Any) -> Answer:
    try:
        body = reply.json()
    except ValueError:
        body = None
    said = body if isinstance(body, dict) else {}
    code = said.get("error_code")  # what else it says may repeat what was sent
    known = isinstance(code, str) and _CODE.fullmatch(code)
    return Answer(reply.status_code, body, str(code if known else reply.reason or "")[:200])
