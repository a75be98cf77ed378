"""The two patches: ``SyncAPIClient.request`` and ``AsyncAPIClient.request``, which every HTTP operation passes once.

Retries happen below, parsing helpers, raw wrappers, Azure and module-level clients above. The parameters are plain
JSON here. The answer is seen through ``options.post_parser``, chained on a copy of the options.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from ... import _runtime
from ..._guard import report
from . import endpoints, state, stream_usage
from .api import Request
from .exchange import RAW_HEADER, Exchange


def request_sync(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Trace ``SyncAPIClient.request``."""
    opened = _open(instance, args, kwargs)
    if opened is None:
        return wrapped(*args, **kwargs)
    exchange, args, kwargs = opened
    token = _runtime.attach(exchange.context)
    try:
        result = wrapped(*args, **kwargs)
    except BaseException as exc:
        _runtime.detach(token)
        _failed(exchange, exc)
        raise
    _runtime.detach(token)
    _returned(exchange, result)
    return result


async def request_async(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Trace ``AsyncAPIClient.request``; starts when awaited."""
    opened = _open(instance, args, kwargs)
    if opened is None:
        return await wrapped(*args, **kwargs)
    exchange, args, kwargs = opened
    token = _runtime.attach(exchange.context)
    try:
        result = await wrapped(*args, **kwargs)
    except BaseException as exc:
        _runtime.detach(token)
        _failed(exchange, exc)
        raise
    _runtime.detach(token)
    _returned(exchange, result)
    return result


def _failed(exchange: Exchange, exc: BaseException) -> None:
    try:
        exchange.failed(exc)
    except Exception:
        report("openai.failed")


def _returned(exchange: Exchange, result: Any) -> None:
    try:
        exchange.returned(result)
    except Exception:
        report("openai.returned")


Opened = tuple[Exchange, tuple[Any, ...], dict[str, Any]]


def _open(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Opened | None:
    """Start the operation of a request and return it with the arguments to pass on; None: not ours to trace."""
    try:
        active = state.active()
        if active is None:
            return None
        options = args[1] if len(args) > 1 else kwargs.get("options")
        found = endpoints.find(getattr(options, "method", None), getattr(options, "url", None))
        if found is None or active.stands_back(found[0]):
            return None
        return _begin(active, found, client, options, args, kwargs)
    except Exception:
        report("openai.request")
        return None


def _begin(
    active: state.Active, found: endpoints.Match, client: Any, options: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Opened:
    api, path, params = found
    request = Request(
        options.method.lower(),
        path,
        _body_of(options),
        params,
        bool(kwargs.get("stream")),
        _query_of(options),
        getattr(options, "files", None),
    )
    exchange = Exchange(api, request, client, active.settings(), _raw_mode(options))
    if exchange.done:
        return exchange, args, kwargs
    chained = _copy(options)
    chained.post_parser = _chain(chained.post_parser, exchange)
    if active.request_stream_usage:
        stream_usage.ask(chained, exchange)
    if len(args) > 1:
        return exchange, (args[0], chained, *args[2:]), kwargs
    return exchange, args, {**kwargs, "options": chained}


def _body_of(options: Any) -> Mapping[str, Any]:
    """Return the JSON body as it goes out: ``extra_body`` overrides parameters."""
    body, extra = getattr(options, "json_data", None), getattr(options, "extra_json", None)
    if not isinstance(body, Mapping):
        return extra if isinstance(extra, Mapping) else {}
    return {**body, **extra} if isinstance(extra, Mapping) and extra else body


def _query_of(options: Any) -> Mapping[str, Any]:
    """Return the parameters of the URL, wherever the caller put them."""
    params = getattr(options, "params", None)
    found = params if isinstance(params, Mapping) else {}
    query = options.url.partition("?")[2]
    return {**dict(parse_qsl(query)), **found} if query else found


def _raw_mode(options: Any) -> str | None:
    headers = getattr(options, "headers", None)
    mode = headers.get(RAW_HEADER) if isinstance(headers, Mapping) else None
    return mode if isinstance(mode, str) else None


def _copy(options: Any) -> Any:
    """Return a shallow copy: the caller may use the same options object for another request."""
    copy = getattr(options, "model_copy", None) or options.copy
    return copy()


def _chain(following: Any, exchange: Exchange) -> Any:
    def post_parser(answer: Any) -> Any:
        try:
            exchange.parsed(answer)
        except Exception:
            report("openai.parsed")
        return following(answer) if callable(following) else answer

    return post_parser
