"""The current context where another library replaced OpenTelemetry's runtime context (``OTEL_PYTHON_CONTEXT``).

Such a context may keep less than it is given. ddtrace's keeps the current span, if it is one of its own making, and
the baggage; and it can't detach. So what it loses is kept here, beside it.
"""

from __future__ import annotations

import contextvars
from typing import Any, NamedTuple

from opentelemetry import baggage, trace
from opentelemetry import context as context_api
from opentelemetry.context import Context

_attached: contextvars.ContextVar[Context] = contextvars.ContextVar("genai_otel.attached")


class Token(NamedTuple):
    """What ``detach`` needs: the token of each of the two, and the runtime's context of before."""

    kept: contextvars.Token[Context]
    runtime: Any
    outer: Context


def current() -> Context:
    """Return the runtime's current context, with the values that it lost; which span is current, it knows best."""
    context, attached = context_api.get_current(), _attached.get(None)
    if attached is None:
        return context
    lost = {key: value for key, value in attached.items() if key not in context and key != _SPAN_KEY}
    return Context({**lost, **context}) if lost else context


def attach(context: Context) -> Token:
    """Make ``context`` current; its span as the tracer made it."""
    outer = context_api.get_current()
    made = getattr(context.get(_SPAN_KEY), "_otel", None)
    bare = context if made is None else Context({**context, _SPAN_KEY: made})
    return Token(_attached.set(context), context_api.attach(bare), outer)


def detach(token: Token) -> bool:
    """Restore what was current before the ``attach`` that returned ``token``."""
    try:
        token.kept.var.reset(token.kept)
    except (ValueError, RuntimeError):
        return False  # made in another contextvars context, or used already
    context_api.detach(token.runtime)
    if _visible(context_api.get_current()) != _visible(token.outer):
        context_api.attach(token.outer)
    return True


def _visible(context: Context) -> tuple[trace.SpanContext, dict[str, object]]:
    return trace.get_current_span(context).get_span_context(), dict(baggage.get_all(context))


def _span_key() -> str:
    """Return the API's key for the current span, found by setting one."""
    (key,) = trace.set_span_in_context(trace.INVALID_SPAN, Context())
    return key


_SPAN_KEY = _span_key()
