"""The patches of the SDK's WebSocket connections, which pass by the request funnel.

``realtime.connect`` and ``responses.connect``, with their twins under ``beta``: what the caller sends and what the
SDK parses is shown to the telemetry of the connection, which is kept beside the connection, not on it. All that is
here is the guard: whatever goes wrong in telemetry, the SDK's own method is called once. The modules that have these
connections are patched when the program imports them, never imported from here. A connection that was open before
``autolog()`` is not traced.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from weakref import WeakKeyDictionary

from genai_otel._guard import report
from genai_otel.instrumentation.patching import Patches

from . import state

if TYPE_CHECKING:
    from .socket_turns import SocketSession

# module of the SDK -> prefix of its classes
CONNECTIONS: Final = {
    "openai.resources.realtime.realtime": "Realtime",
    "openai.resources.beta.realtime.realtime": "Realtime",
    "openai.resources.responses.responses": "Responses",
    "openai.resources.beta.responses.responses": "Responses",
}
LANES: Final = "openai.lib.responses_websocket._session"  # sends without the connection's own ``send``
MODULES: Final = (*CONNECTIONS, LANES)

_sessions: WeakKeyDictionary[Any, SocketSession] = WeakKeyDictionary()
_queued: WeakKeyDictionary[Any, list[Any]] = WeakKeyDictionary()  # sent to a manager before it connects
_sending: contextvars.ContextVar[bool] = contextvars.ContextVar("genai_otel.openai.sending", default=False)
_MAX_QUEUED: Final = 1_000
Failed: TypeAlias = Callable[[BaseException], None]


def patch(patches: Patches, module: ModuleType) -> None:
    """Patch the connections that a module of the SDK has; older versions lack some or all."""
    if module.__name__ == LANES:
        _wrap(patches, vars(module).get("ResponsesWebSocketLane"), {"send": _sender(_begun_in_lane)})
        _wrap(
            patches, vars(module).get("AsyncResponsesWebSocketLane"), {"send": _async_sender(_begun_in_lane)}
        )
        return
    name = CONNECTIONS[module.__name__]
    enter, async_enter = _entering(name), _async_entering(name)
    for class_name, wrappers in (
        (f"{name}ConnectionManager", {"__enter__": enter, "enter": enter, "send": _queue}),
        (f"Async{name}ConnectionManager", {"__aenter__": async_enter, "enter": async_enter, "send": _queue}),
        (f"{name}Connection", _SYNC),
        (f"Async{name}Connection", _ASYNC),
    ):
        _wrap(patches, vars(module).get(class_name), wrappers)


def release() -> None:
    """End what is under way: nobody will tell of its end."""
    for session in list(_sessions.values()):
        session.dropped()
    _sessions.clear()
    _queued.clear()


def _wrap(patches: Patches, owner: Any, wrappers: dict[str, Callable[..., Any]]) -> None:
    for name, wrapper in wrappers.items() if isinstance(owner, type) else ():
        for base in owner.__mro__[:-1]:  # where it is: newer versions have a common base class
            if name in vars(base):
                patches.wrap(base, name, wrapper)
                break


def _guarded(function: Callable[..., Any], *args: Any) -> Any:
    try:
        return function(*args)
    except Exception:
        report(f"openai.sockets.{function.__name__}")
        return None


# --- the handshake ------------------------------------------------------------------------------------------
def _entering(name: str) -> Callable[..., Any]:
    def enter(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        connection = wrapped(*args, **kwargs)
        _guarded(_opened, name, instance, connection)
        return connection

    return enter


def _async_entering(name: str) -> Callable[..., Any]:
    async def enter(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        connection = await wrapped(*args, **kwargs)
        _guarded(_opened, name, instance, connection)
        return connection

    return enter


def _opened(name: str, manager: Any, connection: Any) -> None:
    """Begin the telemetry of a connection."""
    queued = _queued.pop(manager, ())
    if state.active() is None or connection in _sessions:
        return
    from . import socket_sessions

    _sessions[connection] = session = socket_sessions.begin(name, manager, connection)
    for event in queued:
        session.sending(event)


def _queue(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    result = wrapped(*args, **kwargs)
    _guarded(_note, instance, args, kwargs)
    return result


def _note(manager: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    queued = _queued.setdefault(manager, [])
    if state.active() is not None and len(queued) < _MAX_QUEUED:
        queued.append(_argument(args, kwargs))


# --- sending ------------------------------------------------------------------------------------------------
def _sender(begun: Callable[..., Failed | None]) -> Callable[..., Any]:
    def send(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if _sending.get():  # one way to send calls another
            return wrapped(*args, **kwargs)
        failed = _guarded(begun, instance, args, kwargs)
        token = _sending.set(True)
        try:
            return wrapped(*args, **kwargs)
        except BaseException as exc:
            if failed is not None:
                _guarded(failed, exc)
            raise
        finally:
            _sent(token)

    return send


def _async_sender(begun: Callable[..., Failed | None]) -> Callable[..., Any]:
    async def send(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if _sending.get():
            return await wrapped(*args, **kwargs)
        failed = _guarded(begun, instance, args, kwargs)
        token = _sending.set(True)
        try:
            return await wrapped(*args, **kwargs)
        except BaseException as exc:
            if failed is not None:
                _guarded(failed, exc)
            raise
        finally:
            _sent(token)

    return send


def _sent(token: contextvars.Token[bool]) -> None:
    try:
        _sending.reset(token)
    except ValueError:  # a coroutine that was closed elsewhere
        return


def _begun(connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Failed | None:
    session = _sessions.get(connection)
    return None if session is None else session.sending(_argument(args, kwargs))


def _begun_in_lane(lane: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Failed | None:
    session = _sessions.get(lane._session.connection)
    return None if session is None else session.sending(_argument(args, kwargs), lane._state.stream_id)


def _argument(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return args[0] if args else next(iter(kwargs.values()), None)


# --- receiving ----------------------------------------------------------------------------------------------
def _parse(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    event = wrapped(*args, **kwargs)
    _guarded(_received, instance, event)
    return event


def _received(connection: Any, event: Any) -> None:
    session = _sessions.get(connection)
    if session is not None:
        session.received(event)


def _receive(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        return wrapped(*args, **kwargs)
    except Exception as exc:
        _guarded(_broken, instance, exc)
        raise


async def _async_receive(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        return await wrapped(*args, **kwargs)
    except Exception as exc:
        _guarded(_broken, instance, exc)
        raise


def _broken(connection: Any, exc: Exception) -> None:
    session = _sessions.get(connection)
    if session is not None:
        session.broken(exc)


# --- closing ------------------------------------------------------------------------------------------------
def _close(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Close, sync or async: the coroutine is the caller's to await."""
    _guarded(_closing, instance)
    return wrapped(*args, **kwargs)


def _closing(connection: Any) -> None:
    session = _sessions.get(connection)
    if session is not None:
        session.dropped()


_SYNC: Final = {
    "send": _sender(_begun),
    "send_raw": _sender(_begun),
    "recv_bytes": _receive,
    "parse_event": _parse,
    "close": _close,
}
_ASYNC: Final = {
    "send": _async_sender(_begun),
    "send_raw": _async_sender(_begun),
    "recv_bytes": _async_receive,
    "parse_event": _parse,
    "close": _close,
}
