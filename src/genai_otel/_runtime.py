"""The current OpenTelemetry context: attach and detach that never log and cost one ``ContextVar`` operation.

``opentelemetry.context.detach`` logs an error when a token comes from another ``contextvars`` context, which is
normal when an event loop finalises an async generator. Here such a detach restores what can be restored and stays
silent. The context variable is the API's own, taken from the token that ``attach`` returns.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any

from opentelemetry import context as context_api
from opentelemetry.context import Context

Token = Any


def _api_variable() -> contextvars.ContextVar[Context] | None:
    token: Any = context_api.attach(context_api.get_current())
    context_api.detach(token)
    variable = getattr(token, "var", None)
    return variable if isinstance(variable, contextvars.ContextVar) else None


_variable = _api_variable()
current: Callable[[], Context]
attach: Callable[[Context], Token]

if _variable is not None:
    current = _variable.get
    attach = _variable.set

    def detach(token: Token) -> bool:
        """Restore the context that was current before the ``attach`` that returned ``token``, if it is of this one."""
        try:
            token.var.reset(token)
        except (ValueError, RuntimeError):
            return False  # made in another contextvars context, or used already
        return True

    def leave(token: Token, attached: Context) -> bool:
        """Detach ``attached``, also where a generator's body was moved to another contextvars context in between."""
        try:
            token.var.reset(token)
        except (ValueError, RuntimeError):
            return _put_back(token, attached)
        return True

else:  # a custom runtime context (OTEL_PYTHON_CONTEXT)
    from . import _custom_runtime

    current, attach, detach = _custom_runtime.current, _custom_runtime.attach, _custom_runtime.detach

    def leave(token: Token, attached: Context) -> bool:
        """Detach ``attached``, also where a generator's body was moved to another contextvars context in between."""
        return detach(token) or _put_back(token, attached)


def _put_back(token: Token, attached: Context) -> bool:
    if current() is not attached:
        return False
    outer = getattr(token, "old_value", None)
    attach(outer if isinstance(outer, Context) else Context())
    return True


def suppressed(context: Context) -> bool:
    """Whether instrumentation is switched off in ``context``, by OpenTelemetry's own keys."""
    return bool(context.get(_SUPPRESS) or context.get(_SUPPRESS_PLAIN))


_SUPPRESS = context_api._SUPPRESS_INSTRUMENTATION_KEY
_SUPPRESS_PLAIN = "suppress_instrumentation"


def suppress(context: Context) -> Context:
    """Return ``context`` with instrumentation switched off."""
    return context_api.set_value(_SUPPRESS, True, context)
