"""What the test server remembers between requests: counters, stored objects, scripts and the record."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass

from genai_otel.testing.server import behaviour as behaviours
from genai_otel.testing.server.behaviour import Behaviour
from genai_otel.testing.server.exchange import JSON, APIError, RecordedRequest


@dataclass
class _Scripted:
    behaviour: Behaviour
    remaining: int


class ServerState:
    """Everything that ``reset`` empties. Safe from many threads at once."""

    def __init__(self) -> None:
        self.requests: list[RecordedRequest] = []
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._counters: Counter[str] = Counter()
        self._attempts: Counter[tuple[str, str, bytes]] = Counter()
        self._scripts: defaultdict[str, deque[_Scripted]] = defaultdict(deque)
        self._stores: defaultdict[str, dict[str, JSON]] = defaultdict(dict)

    def reset(self) -> None:
        with self._lock:
            for part in (self.requests, self._counters, self._attempts, self._scripts, self._stores):
                part.clear()

    def record(self, request: RecordedRequest) -> None:
        with self._lock:
            self.requests.append(request)

    def sleep(self, seconds: float) -> None:
        """Wait; a server that stops meanwhile breaks the connection off."""
        if seconds and self.stopping.wait(seconds):
            raise ConnectionAbortedError("the server is stopping")

    def next_id(self, prefix: str) -> str:
        """The next identifier of its kind: ``chatcmpl-00000001``, ``chatcmpl-00000002``, …"""
        with self._lock:
            self._counters[prefix] += 1
            return f"{prefix}{self._counters[prefix]:08d}"

    def store(self, name: str) -> dict[str, JSON]:
        """The stored objects of one kind by their id, oldest first."""
        with self._lock:
            return self._stores[name]

    def find(self, name: str, id: str) -> JSON:
        """A stored object; an unknown id is refused with 404."""
        found = self.store(name).get(id)
        if found is None:
            raise APIError(404, f"No {name} found with id '{id}'.", param="id")
        return found

    def script(self, path: str, lines: Sequence[str]) -> None:
        entries = [_Scripted(parsed, parsed.times or 1) for parsed in map(behaviours.parse, lines)]
        with self._lock:
            self._scripts[path].extend(entries)

    def behaviour(self, request: RecordedRequest, path: str) -> Behaviour:
        """The behaviour for this request: its own header, else the next one scripted for ``path``."""
        line = request.headers.get("x-mock")
        if not line:
            return self._scripted(path)
        try:
            parsed = behaviours.parse(line)
        except ValueError as error:
            raise APIError(400, f"x-mock: {error}", param="x-mock") from None
        return parsed if parsed.times is None else self._limited(parsed, (path, line, request.body))

    def _scripted(self, path: str) -> Behaviour:
        with self._lock:
            queue = self._scripts.get(path)
            if not queue:
                return Behaviour()
            queue[0].remaining -= 1
            return queue[0].behaviour if queue[0].remaining else queue.popleft().behaviour

    def _limited(self, behaviour: Behaviour, key: tuple[str, str, bytes]) -> Behaviour:
        with self._lock:
            self._attempts[key] += 1
            if self._attempts[key] <= (behaviour.times or 0):
                return behaviour
            # The next request like this one starts over, as a new call would.
            del self._attempts[key]
            return behaviour.after_failures()
