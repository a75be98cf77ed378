"""The current OpenTelemetry context: attach and detach that never log and cost one ``ContextVar`` operation.

``opentelemetry.context.detach`` logs an error when a token comes from another ``contextvars`` context, which is
normal when an event loop finalises an async generator. Here such a detach restores what can be restored and stays
silent. The context variable is the API's own, taken from the token that ``attach`` returns.
"""

from __future__ import annotations

import contextvars
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

if _variable is not None:
    current = _variable.get
    attach = _variable.set

    def detach(token: Token) -> None:
        """Restore the context that was current before the ``attach`` that returned ``token``."""
        try:
            token.var.reset(token)
        except (ValueError, RuntimeError):
            return  # made in another contextvars context: there is nothing of ours to restore in this one

else:  # a custom runtime context (OTEL_PYTHON_CONTEXT)
    current = context_api.get_current
    attach = context_api.attach  # type: ignore[assignment]

    def detach(token: Token) -> None:
        """Restore the context that was current before the ``attach`` that returned ``token``."""
        context_api.detach(token)


def suppressed(context: Context) -> bool:
    """Whether instrumentation is switched off in ``context``, by OpenTelemetry's own keys."""
    return bool(context.get(_SUPPRESS) or context.get(_SUPPRESS_PLAIN))


_SUPPRESS = context_api._SUPPRESS_INSTRUMENTATION_KEY
_SUPPRESS_PLAIN = "suppress_instrumentation"


def suppress(context: Context) -> Context:
    """Return ``context`` with instrumentation switched off."""
    return context_api.set_value(_SUPPRESS, True, context)
