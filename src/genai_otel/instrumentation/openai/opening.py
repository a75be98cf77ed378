"""From the arguments of the SDK's ``request`` to an exchange, or to nothing where there is nothing to record.

The parameters are plain JSON here. The answer is seen through ``post_parser``, on a copy of the options.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from opentelemetry.context import Context

from genai_otel._guard import report
from genai_otel._runtime import current, suppressed
from genai_otel._settings import Settings

from . import duplicates, endpoints, state, stream_usage
from .api import Api, Request
from .exchange import Exchange

RAW_HEADER: Final = "X-Stainless-Raw-Response"
# operation -> where OpenTelemetry's own GenAI packages keep what a layer above records of such a call
_INFERENCE: Final = "opentelemetry.genai.client.inference.context"
_ABOVE: Final = {
    "chat": _INFERENCE,
    "text_completion": _INFERENCE,
    "embeddings": "opentelemetry.genai.client.embedding.context",
    "retrieval": "opentelemetry.genai.client.retrieval.context",
    "fetch_response": "opentelemetry.genai.client.fetch_response.context",
}

_NOTHING: Final = Context()

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
Opened = tuple[Exchange, Context, tuple[Any, ...], dict[str, Any]]


def open_exchange(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Opened | None:
    """Start the operation of a request.

    Return it with the context to make the request in and the arguments to pass on; None: not to be traced.
    """
    active = state.active()
    options = args[1] if len(args) > 1 else kwargs.get("options")
    found = endpoints.find(getattr(options, "method", None), getattr(options, "url", None))
    if active is None or found is None:
        return None
    if not active.used:  # by now, whoever wanted to has instrumented the SDK
        active.used = True
        duplicates.warn()
    api, path, params = found
    context, settings = current(), active.settings()
    if stands_back(api, context) or not _records(settings):
        return None
    request = _request(options, path, params, stream=bool(kwargs.get("stream")))
    make = api.exchange or Exchange
    exchange = make(api, request, client, settings, context, _raw_mode(options))
    if exchange is None:
        return None
    if not exchange.ended:
        try:
            args, kwargs = _observed(active, exchange, options, args, kwargs)
        except Exception:
            report("openai.observe")
    context, exchange.context = exchange.context, _NOTHING  # what the caller's stream keeps, keeps no span
    return exchange, context, args, kwargs


def stands_back(api: Api, context: Context) -> bool:
    """Whether a call is not to be recorded: suppressed, or recorded by a layer above already."""
    if suppressed(context):
        return True
    key = _ABOVE.get(api.rules.operation or "")
    return key is not None and context.get(key) is not None


def _records(settings: Settings) -> bool:
    providers = settings.providers
    return providers.tracer() is not None or providers.instruments() is not None


def _request(options: Any, path: str, params: Mapping[str, str], *, stream: bool) -> Request:
    return Request(
        options.method.lower(),
        path,
        _body_of(options),
        params,
        stream,
        _query_of(options),
        getattr(options, "files", None),
    )


def _body_of(options: Any) -> Mapping[str, Any]:
    """Return the JSON body as it goes out: ``extra_body`` overrides parameters."""
    body, extra = getattr(options, "json_data", None), getattr(options, "extra_json", None)
    if type(body) is dict and not extra:  # the usual case, without asking for an abstract class
        return body
    if not isinstance(body, Mapping):
        return extra if isinstance(extra, Mapping) else {}
    return {**body, **extra} if isinstance(extra, Mapping) and extra else body


def _query_of(options: Any) -> Mapping[str, Any]:
    """Return the parameters of the URL, wherever the caller put them."""
    params = getattr(options, "params", None)
    found = params if type(params) is dict or isinstance(params, Mapping) else {}
    query = options.url.partition("?")[2]
    return {**dict(parse_qsl(query)), **found} if query else found


def _raw_mode(options: Any) -> str | None:
    headers = getattr(options, "headers", None)
    mode = headers.get(RAW_HEADER) if isinstance(headers, Mapping) else None
    return mode if isinstance(mode, str) else None


def _observed(
    active: state.Active, exchange: Exchange, options: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Arguments:
    """Return the arguments with options that show the answer to the exchange."""
    # a shallow copy: the caller may use the same options object for another request
    chained = (getattr(options, "model_copy", None) or options.copy)()
    chained.post_parser = _chain(chained.post_parser, exchange)
    if active.request_stream_usage:
        stream_usage.ask(chained, exchange)
    if len(args) > 1:
        return (args[0], chained, *args[2:]), kwargs
    return args, {**kwargs, "options": chained}


def _chain(following: Any, exchange: Exchange) -> Any:
    def post_parser(answer: Any) -> Any:
        try:
            exchange.parsed(answer)
        except Exception:
            report("openai.parsed")
        return following(answer) if callable(following) else answer

    return post_parser
