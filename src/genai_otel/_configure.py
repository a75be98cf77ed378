"""``configure()``, ``flush()`` and ``shutdown()``: where telemetry goes, for the whole process."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import _logs, metrics, trace

from . import _forks, _settings
from ._guard import report
from .exporters import variables
from .setup.arguments import Arguments
from .setup.state import State
from .setup.validation import check, check_together
from .telemetry.providers import Providers

if TYPE_CHECKING:
    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.trace import TracerProvider
    from opentelemetry.util.types import AttributeValue

# Exporters that can't be reached may hold up the end of the process this long, all signals together.
_EXIT_SECONDS: Final = 1.5

# After whatever else a child of multiprocessing has to do at its end.
_LAST: Final = -100

_lock = _forks.Lock(reentrant=True)
_state = State()


def configure(
    service_name: str | None = None,
    *,
    exporter: str | SpanExporter | Sequence[str | SpanExporter] | None = None,
    endpoint: str | None = None,
    protocol: str | None = None,
    headers: Mapping[str, str] | None = None,
    resource_attributes: Mapping[str, AttributeValue] | None = None,
    sampler: Sampler | None = None,
    capture_content: bool | str | None = None,
    redact: Callable[[str, Any], Any] | None = None,
    max_content_length: int | None = None,
    tracking_uri: str | None = None,
    experiment: str | None = None,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    logger_provider: LoggerProvider | None = None,
) -> None:
    """Decide where telemetry goes and what it may contain.

    With no provider installed yet, one is built and made global. A provider that the application installed is
    kept as it is, and gets an exporter only from a call that names one. Calling again is safe: the arguments
    given win, the others stay, and no span is exported twice.

    Args:
        service_name: Name of the service; else ``OTEL_SERVICE_NAME`` or ``OTEL_RESOURCE_ATTRIBUTES``.
        exporter: "otlp", "console", "mlflow", "phoenix", "none", a ``SpanExporter``, or a sequence of these.
            Without one, and without ``OTEL_TRACES_EXPORTER`` or ``OTEL_EXPORTER_OTLP_*``, traces are shown on
            the console.
        endpoint: OTLP or Phoenix endpoint; alone it means ``exporter="otlp"``. Over HTTP a base URL, to which
            ``/v1/traces``, ``/v1/metrics`` and ``/v1/logs`` are added; over gRPC ``host:port`` or a URL.
        protocol: "http/protobuf" (default) or "grpc".
        headers: Sent with every OTLP request, over those of ``OTEL_EXPORTER_OTLP_HEADERS``.
        resource_attributes: Attributes of the resource; those of None are left out.
        sampler: Sampler of a provider that is built here; else ``OTEL_TRACES_SAMPLER``.
        capture_content: Whether content is captured on the user's behalf: a bool, or "no_content",
            "span_only", "event_only", "span_and_event"; else
            ``OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT``.
        redact: ``(where, value) -> value``, called before content is recorded: ``where`` is the attribute's
            name, ``value`` plain data. Returning None drops the content, and so does raising.
        max_content_length: Characters per content attribute, at least 64.
        tracking_uri: MLflow server, for ``exporter="mlflow"``; else ``MLFLOW_TRACKING_URI``.
        experiment: MLflow experiment, by name or id; Phoenix project.
        tracer_provider: Used in place of the global one, which is left alone.
        meter_provider: The same for metrics.
        logger_provider: The same for events.

    Raises:
        ValueError: for a value that is not among what is allowed; nothing has changed then.
        TypeError: for a value of the wrong type.
    """
    given = locals()
    try:
        _configure(Arguments(**given))
    except (ValueError, TypeError):
        raise
    except Exception:
        report("configure")
        _record_nothing_unredacted(redact)


def flush(timeout_ms: int = 30_000) -> bool:
    """Send what has been recorded; returns whether all of it was delivered within ``timeout_ms``.

    Acts on what ``configure()`` built and on the SDK providers in use, whoever installed them. Never raises.

    Args:
        timeout_ms: Milliseconds for all exporters together.
    """
    try:
        steps = _flush_steps(_state)
        if not steps:
            return True
        from .setup.pipeline import all_in_time

        return all_in_time(steps, max(timeout_ms, 0))
    except Exception:
        report("flush")
        return False


def shutdown() -> None:
    """Send what has been recorded and stop exporting; ``configure()`` may be called again.

    Acts on what ``configure()`` built only. The provider stays installed, since a global provider can't be
    taken back, with nothing attached to it.
    """
    try:
        with _lock:
            _end()
    except Exception:
        report("shutdown")


def describe() -> dict[str, Any]:
    """Return what is in use: whose provider, its resource and sampler, and where each signal goes."""
    from .setup.describe import describe

    return describe(_state, _provider_in_use())


def reset() -> None:
    """Shut down, and forget every argument; for tests."""
    global _state
    with _lock:
        shutdown()
        _state = State()


def _configure(given: Arguments) -> None:
    global _state
    check(given)
    with _lock:
        arguments = given.over(_state.arguments)
        check_together(arguments)
        before, settings = _settings.current(), _settings_for(arguments)
        _settings.use(settings)  # first, so that nothing is exported that redact= or capture_content= forbids
        try:
            _state = _applied(replace(_state, arguments=arguments), given)
        except ValueError:
            _settings.use(before)
            raise
        _end_at_exit()


def _record_nothing_unredacted(redact: Callable[[str, Any], Any] | None) -> None:
    """Have a redactor that was asked for in force, although the rest of the configuration failed."""
    try:
        settings = _settings.current()
        if redact is not None and settings.content.redact is not redact:
            _settings.use(replace(settings, content=replace(settings.content, redact=redact)))
    except Exception:
        report("configure.redact")


def _applied(state: State, given: Arguments) -> State:
    if variables.sdk_disabled():
        return replace(state, kind="disabled")
    try:
        from .setup.apply import apply

        return apply(state, given)
    except ValueError:
        raise
    except Exception:
        report("configure")
        return state


def _settings_for(arguments: Arguments) -> _settings.Settings:
    settings = _settings.with_content(
        _settings.from_environment(),
        arguments.capture_content,
        arguments.redact,
        arguments.max_content_length,
    )
    providers = Providers(arguments.tracer_provider, arguments.meter_provider, arguments.logger_provider)
    return replace(settings, providers=providers)


def _provider_in_use() -> Any:
    return _settings.current().providers.tracer_provider or trace.get_tracer_provider()


def _flush_steps(state: State) -> list[Callable[[float], object]]:
    """Return the flush of each route of ours and of each provider in use, to be given milliseconds."""
    explicit = _settings.current().providers
    in_use: list[Any] = [pipeline.provider for pipeline in state.spans]
    in_use.append(_provider_in_use())
    in_use.append(explicit.meter_provider or metrics.get_meter_provider())
    in_use.append(explicit.logger_provider or _logs.get_logger_provider())
    collected = state.metrics.provider if state.metrics is not None else None
    providers = {id(one): one for one in in_use if one is not collected}
    flushes = (getattr(one, "force_flush", None) for one in providers.values())
    return [route.flush for route in state.routes()] + [_in_ms(one) for one in flushes if callable(one)]


def _in_ms(force_flush: Callable[[int], object]) -> Callable[[float], object]:
    return lambda timeout_ms: force_flush(int(timeout_ms))


def _end(seconds: float | None = None) -> None:
    """Detach every route, then send what they have and shut them down, in the time there is for that."""
    state = _state
    routes = state.routes()
    if not routes:
        return
    from .setup.pipeline import SHUTDOWN_SECONDS, end

    for switch in state.switches():
        switch.routes = ()
    end(routes, SHUTDOWN_SECONDS if seconds is None else seconds)
    if state.metrics is not None:
        state.metrics.detach()


def _end_at_exit() -> None:
    """Have the exit handler run before those registered so far, among them the ones of other providers."""
    atexit.unregister(_at_exit)
    atexit.register(_at_exit)
    _end_with_multiprocessing()


def _at_exit() -> None:
    try:
        _end(_EXIT_SECONDS)
    except (Exception, KeyboardInterrupt):  # nothing is left that could be told
        return


class _InChildren:
    """What ``configure()`` needs in a forked child."""

    def start_afresh(self) -> None:
        """Have a child of ``multiprocessing`` end as any process does."""
        _end_with_multiprocessing(forked=True)


def _end_with_multiprocessing(*, forked: bool = False) -> None:
    """Children of ``multiprocessing`` run no exit handlers, but what is registered with that module."""
    util: Any = sys.modules.get("multiprocessing.util")
    process: Any = sys.modules.get("multiprocessing.process")
    if util is None or process is None:
        return
    if forked:  # it forgets what its parent registered, and calls this after that
        util.register_after_fork(_in_children, lambda _: util.Finalize(None, _at_exit, exitpriority=_LAST))
    elif process.parent_process() is not None:
        util.Finalize(None, _at_exit, exitpriority=_LAST)


_in_children = _InChildren()
_forks.in_children(_in_children)
