"""``mlflow.openai.autolog()``: trace the OpenAI SDK, on :func:`genai_otel.openai.autolog`."""

from __future__ import annotations

from typing import Any

from genai_otel._guard import report

from . import _destination, _refusals, _switch

__all__ = ["autolog"]

_wanted = False


def autolog(
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    log_traces: bool = True,
    disable_openai_agent_tracer: bool = True,
) -> None:
    """Trace the calls of the OpenAI SDK; any number of times, before or after its import.

    Inputs and outputs are recorded unless the content mode was chosen explicitly, by
    ``genai_otel.configure(capture_content=...)`` or the environment.

    Args:
        disable: take the instrumentation back.
        log_traces: False is the same as ``disable``: traces are all there is to log.
        exclusive, disable_for_unsupported_versions, silent, disable_openai_agent_tracer: accepted and without
            effect: there are no runs to keep apart, every supported version is tested, nothing is printed,
            and the Agents SDK is left alone.
    """
    global _wanted
    _wanted = log_traces and not disable
    if _wanted and _destination.pending():
        _destination.apply_guarded()
    _apply()


def _apply() -> None:
    from genai_otel.instrumentation.openai import autolog as native
    from genai_otel.instrumentation.openai import state

    from ._autolog_options import Options

    if _wanted and _switch.enabled():
        native()
        state.use(Options())
    else:
        native(disable=True)


def _follow() -> None:
    if _wanted:
        try:
            _apply()
        except Exception:
            report("compat.mlflow.openai.autolog")


_switch.followers.append(_follow)


def __getattr__(name: str) -> Any:
    return _refusals.missing(__name__, name, {}, __all__)
