"""From a connection that was just opened to the telemetry of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from genai_otel.conventions import attributes as attr

from .holding import Hold
from .providers import facts_of, provider_of
from .realtime import RealtimeSession
from .responses_socket import ResponsesSession
from .socket_turns import SocketSession

# prefix of the SDK's classes -> telemetry
_KINDS: Final[dict[str, type[SocketSession]]] = {"Realtime": RealtimeSession, "Responses": ResponsesSession}
_DEFAULT_PORTS: Final = {"wss": 443, "https": 443, "ws": 80, "http": 80}


def begin(name: str, manager: Any, connection: Any) -> SocketSession:
    """Return the telemetry of a connection, which ends with it at the latest."""
    session = _KINDS[name](_facts(_private(manager, "client")), _model(manager))
    session.hold = Hold(connection, connection, (), _nothing, session.dropped)
    return session


def _nothing(connection: Any) -> None:
    return


def _private(manager: Any, name: str) -> Any:
    """Return what a manager keeps under a name of its own class only."""
    return next((value for key, value in vars(manager).items() if key.endswith(f"__{name}")), None)


def _model(manager: Any) -> str | None:
    model = _private(manager, "model")
    query = _private(manager, "extra_query")
    if not isinstance(model, str) and isinstance(query, Mapping):
        model = query.get("model")
    return model if isinstance(model, str) else None


def _facts(client: Any) -> dict[str, Any]:
    """Return provider, address and port: those of the client, unless it has others for WebSockets."""
    address = getattr(client, "websocket_base_url", None)
    if address is None:
        return dict(facts_of(client))
    url = urlsplit(str(address))
    port = url.port or _DEFAULT_PORTS.get(url.scheme)
    found = {
        attr.PROVIDER_NAME: provider_of(type(client), url.hostname, port),
        attr.SERVER_ADDRESS: url.hostname,
        attr.SERVER_PORT: port,
    }
    return {key: value for key, value in found.items() if value is not None}
