"""The record of one operation, manual or automatic: begun, filled, finished exactly once."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.context import Context, create_key
from opentelemetry.trace import NonRecordingSpan, Status, StatusCode

from .. import _forks, _runtime
from .._guard import report
from ..conventions import attributes as attr
from ..conventions import events
from ..conventions.span_types import Family, Rules
from . import errors, listeners, writers
from .ambient import Ambient, ambient_of
from .attributes import attribute_value, text_of
from .metrics import Instruments
from .rollup import report_upwards
from .signals import STARTED, emit_details, record_metrics
from .usage import UsageSum

if TYPE_CHECKING:
    from .._settings import Settings

OPERATION_KEY: Final = create_key("genai_otel.operation")
_OTHER: Final = "_OTHER"

last_root: trace.Span | None = None
"""The outermost span of ours that ended last in this process."""

_lock = threading.Lock


class Operation:
    """One operation in flight.

    ``pending`` collects the attributes that go on the span in one call at the end; ``start_attributes`` are those
    it was created with. ``parent`` is the enclosing operation of ours in the same trace and process.
    """

    # Defaults of what most operations never set; without __slots__, so that they cost nothing to have.
    sum: UsageSum | None = None
    previews: dict[str, str] | None = None
    event_content: dict[str, Any] | None = None
    inputs: Any = None
    outputs: Any = None
    inputs_set = False
    outputs_set = False
    failed = False
    exception: BaseException | None = None
    ended = False
    first_chunk: float | None = None
    chunk_gaps: dict[float, int] | None = None
    on_end: Callable[[], object] | None = None

    def __init__(
        self,
        span: trace.Span,
        rules: Rules,
        settings: Settings,
        start_attributes: Mapping[str, Any],
        recording: bool,
        instruments: Instruments | None,
        parent: Operation | None,
        ambient: Ambient | None,
        named: bool,
    ) -> None:
        self.span = span
        self.rules = rules
        self.settings = settings
        self.start_attributes = start_attributes
        self.recording = recording
        self.instruments = instruments
        self.ambient = ambient
        self.named = named
        self.pending: dict[str, Any] = {}
        if parent is not None and parent.trace_id != self.trace_id:
            parent = None
        self.parent = parent
        self._root: Operation | None = None if parent is None else parent.root
        self._once = _lock()
        if ambient is not None:
            taken = None if parent is None else parent.ambient
            if ambient is not taken:
                self.pending.update(ambient.trace_attributes_since(taken))

    @functools.cached_property
    def trace_id(self) -> int:
        """The trace's id."""
        return self.span.get_span_context().trace_id

    @property
    def root(self) -> Operation:
        """The outermost operation of ours in this trace and process."""
        return self if self._root is None else self._root  # no reference to itself: that would be a cycle

    # --- reading --------------------------------------------------------------------------------------------
    def lookup(self, key: str) -> Any:
        """Return an attribute given so far, or None."""
        value = self.pending.get(key)
        return value if value is not None else self.start_attributes.get(key)

    # --- filling --------------------------------------------------------------------------------------------
    def set(self, key: str, value: Any) -> None:
        """Set one attribute that is a fact, not content; None is ignored."""
        if value is not None and not self.ended:
            self.pending[key] = value

    def update(self, values: Mapping[str, Any]) -> None:
        """Set attributes that are facts; entries that are None are ignored."""
        if not self.ended:
            if None in values.values():
                values = {key: value for key, value in values.items() if value is not None}
            self.pending.update(values)

    def set_user_attribute(self, key: str, value: Any) -> None:
        """Set one attribute given by the user, after redaction and the length limit."""
        if not self.ended and value is not None:
            key = text_of(key)
            cleaned = attribute_value(key, value, self.settings.content)
            if cleaned is not None:
                self.pending[key] = cleaned
                if key == self.rules.name_key or key == attr.OPERATION_NAME:
                    self.rename()

    def set_inputs(self, value: Any, *, captured: bool = False) -> None:
        """Record what went in; ``captured`` values follow the content policy and never replace explicit ones."""
        if self.ended or (captured and self.inputs_set):
            return
        self.inputs, self.inputs_set = value, not captured
        writers.write_inputs(self, value, captured=captured)

    def set_outputs(self, value: Any, *, captured: bool = False) -> None:
        """Record what came out; ``captured`` values follow the content policy and never replace explicit ones."""
        if self.ended or (captured and self.outputs_set):
            return
        self.outputs, self.outputs_set = value, not captured
        writers.write_outputs(self, value, captured=captured)

    def rename(self) -> None:
        """Let a default span name follow the attribute that completes it."""
        if self.named or self.rules.operation is None:
            return
        self.span.update_name(default_name(self.rules, self.lookup))

    def chunk(self, seconds: float, *, first: bool) -> None:
        """Count one chunk of a stream: seconds since the request for the first, else since the previous one."""
        if first:
            self.first_chunk = seconds
            self.pending[attr.TIME_TO_FIRST_CHUNK] = seconds
        elif self.instruments is not None:
            gaps = self.chunk_gaps
            if gaps is None:
                gaps = self.chunk_gaps = {}
            gaps[seconds] = gaps.get(seconds, 0) + 1

    # --- failing --------------------------------------------------------------------------------------------
    def fail(self, exc: BaseException, *, code: str | None = None) -> None:
        """Record an exception as an event and make the status ERROR; ``code`` is the provider's error code."""
        if self.ended:
            return
        self.failed = True
        self.pending[attr.ERROR_TYPE] = code or errors.error_type(exc)
        if self.recording:
            described = self.record_exception(exc)
            self.span.set_status(Status(StatusCode.ERROR, described.get(attr.EXCEPTION_MESSAGE)))

    def fail_with(self, code: str, description: str | None = None) -> None:
        """Make the status ERROR for a failure that is no exception (an answer that says it failed)."""
        if self.ended:
            return
        self.failed = True
        self.pending[attr.ERROR_TYPE] = code or _OTHER
        self.span.set_status(Status(StatusCode.ERROR, description))

    def record_exception(
        self, exc: BaseException, timestamp: int | None = None, extra: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Add the ``exception`` event, without touching the status; return its attributes.

        Written directly: the SDK's ``record_exception`` adds an attribute that the registry does not know.
        """
        policy = self.settings.content
        self.exception = exc
        clear = None if policy.redact is None else policy.cleared
        described = errors.exception_attributes(exc, content=policy.span, clear=clear)
        self.span.add_event(events.EXCEPTION, {**described, **extra} if extra else described, timestamp)
        return described

    def set_status(self, code: StatusCode, description: str | None) -> None:
        """Set the status as the user says; an ERROR gets the type of the exception recorded before, if any."""
        if self.ended:
            return
        if code is StatusCode.OK:
            self.failed = False
            self.pending.pop(attr.ERROR_TYPE, None)
        elif code is StatusCode.ERROR:
            self.failed = True
            policy, exc = self.settings.content, self.exception
            if exc is not None:
                self.pending.setdefault(attr.ERROR_TYPE, errors.error_type(exc))
            if description is not None:
                description = errors.status_description(description, exc, policy)
        self.span.set_status(Status(code, description if code is StatusCode.ERROR else None))

    def disown(self) -> None:
        """In a forked child: the span that was open at the fork is its parent process's to fill and to end."""
        self._once.acquire(blocking=False)
        self.ended, self.recording, self.instruments, self.on_end = True, False, None, None
        self.sum = UsageSum()
        self.span = NonRecordingSpan(self.span.get_span_context())

    # --- finishing ------------------------------------------------------------------------------------------
    def finish(self, end_time: int | None = None) -> bool:
        """End the span and record metrics and event; only the first call does anything (and returns True)."""
        if not self._once.acquire(False):
            return False
        end = time_ns() if end_time is None else end_time
        try:
            self._settle(end)
        except Exception:
            report("telemetry.Operation.finish")
        finally:
            self.ended = True
            if self.parent is None:
                _remember(self.span)
            self.exception = None  # it would keep frames, and all they hold, alive
            self.span.end(end)
        if self.on_end is not None:
            self.on_end()
        return True

    def _settle(self, end: int) -> None:
        if self.rules.family is not Family.NONE:
            report_upwards(self)
        if self.failed and attr.ERROR_TYPE not in self.pending:
            self.pending[attr.ERROR_TYPE] = _OTHER
        if self.recording:
            for listener in listeners.finished:
                listener(self)
            if self.previews is not None:
                self.pending = {**self.previews, **self.pending}  # what the user set wins
            if self.pending:
                self.span.set_attributes(
                    self.pending.copy()
                )  # a copy: other threads may still set attributes
            if self.settings.content.event and self.rules.family is Family.INFERENCE:
                emit_details(self, end)
        if self.instruments is not None:
            record_metrics(self, self.instruments, end)


def _remember(root: trace.Span) -> None:
    global last_root
    last_root = root


class _OpenAtFork:
    """The operations inside which a process forked."""

    def start_afresh(self) -> None:
        """In the child: leave them to the parent, or both would export the same span."""
        operation = _enclosing(_runtime.current())
        while operation is not None:
            operation.disown()
            operation = operation.parent


_open_at_fork: Final = _OpenAtFork()
_forks.in_children(_open_at_fork)


def default_name(rules: Rules, lookup: Any) -> str:
    """Return the conventions' span name: the operation, and the value of the keyed attribute when it is known."""
    operation = lookup(attr.OPERATION_NAME) or rules.operation or rules.span_type
    entity = lookup(rules.name_key) if rules.name_key is not None else None
    return f"{operation} {entity}" if entity else str(operation)


INERT: Final = object()
"""Stands in the context for an operation that records nothing, so that what is set inside goes nowhere."""


def begin(
    rules: Rules,
    settings: Settings,
    name: str,
    attributes: Mapping[str, Any],
    context: Context,
    named: bool = True,
    start_time: int | None = None,
    tracer: trace.Tracer | None = None,
) -> tuple[trace.Span | None, Operation | None]:
    """Start a span in ``context`` and return it with its operation.

    Both are None where nothing is traced (suppressed, no provider); a span without operation is one that the sampler
    dropped. Sampling-relevant attributes are all in ``attributes``, given to the sampler. Nothing is made current.
    """
    if context and _runtime.suppressed(context):
        return None, None
    if tracer is None:
        tracer = settings.providers.tracer()
    instruments = None if rules.family is Family.NONE else settings.providers.instruments()
    if tracer is None and instruments is None:
        return None, None
    ambient: Ambient | None = None
    parent = None
    if context:
        ambient, parent = ambient_of(context), _enclosing(context)
        if ambient is not None:
            attributes = {**ambient.attributes, **attributes}
    if tracer is None:
        span = _passing(context)
    else:
        span = tracer.start_span(name, context, rules.kind, attributes, (), start_time)
    is_recording = span.is_recording()
    if not is_recording:
        if instruments is None:
            return span, None
        attributes = {**attributes, STARTED: start_time or time_ns()}
    return span, Operation(
        span,
        rules,
        settings,
        attributes,
        is_recording,
        instruments,
        parent,
        ambient,
        named,
    )


def _enclosing(context: Context) -> Operation | None:
    """Return the innermost operation: that of a span of ours made current by ``trace.use_span``, or one entered."""
    found: Any = getattr(context.get(_SPAN_KEY), "_operation", None) or context.get(OPERATION_KEY)
    return found if isinstance(found, Operation) else None


def _passing(context: Context) -> trace.Span:
    """Return a span that records nothing and passes on the ids of the current one."""
    return NonRecordingSpan(trace.get_current_span(context).get_span_context())


def entered(context: Context, span: trace.Span | None, operation: Operation | None) -> Context:
    """Return ``context`` with ``span`` current and its operation the innermost one of ours.

    Without a span the current one stays current: it may be another library's, with the right to be written to.
    """
    inner = Context(context)
    if span is not None:
        _put(inner, _SPAN_KEY, span)
    _put(inner, OPERATION_KEY, INERT if operation is None else operation)
    return inner


# a Context refuses item assignment; this one is ours alone until it is attached
_put: Final = dict.__setitem__


def _span_key() -> str:
    """Return the API's key for the current span, found by setting one."""
    (key,) = trace.set_span_in_context(trace.INVALID_SPAN, Context())
    return key


_SPAN_KEY: Final = _span_key()
