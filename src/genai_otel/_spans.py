"""The ``Span`` facade: an OpenTelemetry span that also knows inputs, outputs, models, usage and tools."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanContext, Status, StatusCode

from . import _runtime
from ._guard import report, warn_once
from .conventions import attributes as attr
from .conventions.span_types import SpanType, rules_for
from .telemetry import operation as operation_module
from .telemetry import retyping, writers
from .telemetry.attributes import cleared_text, text_of
from .telemetry.operation import OPERATION_KEY, Operation
from .telemetry.spec import cleaned

if TYPE_CHECKING:
    from typing_extensions import Self

_P = ParamSpec("_P")
_S = TypeVar("_S", bound="Span")
_STATUS_CODES: Final = {code.name: code for code in StatusCode}
_UNSET: Final = Status(StatusCode.UNSET)


def _setter(fn: Callable[Concatenate[_S, Operation, _P], object]) -> Callable[Concatenate[_S, _P], _S]:
    """Make a setter chainable, a no-op on a span that has ended or is not recorded, and unable to raise."""
    site = f"Span.{fn.__name__}"

    @functools.wraps(fn)
    def wrapper(self: _S, *args: _P.args, **kwargs: _P.kwargs) -> _S:
        operation = self._operation
        if operation is not None and not operation.ended:
            try:
                fn(self, operation, *args, **kwargs)
            except Exception:
                report(site)
        return self

    return wrapper  # type: ignore[return-value]


class Span(trace.Span):
    """A live span, usable wherever an ``opentelemetry.trace.Span`` is (``trace.use_span``, links, propagators).

    Every setter returns the span, takes any Python value and never raises; on a span that is not recorded (sampled
    out, suppressed, no provider) it does nothing. Values set by hand are recorded whatever the content mode is,
    after redaction and the length limit.
    """

    def __init__(self, otel: trace.Span, operation: Operation | None) -> None:
        self._otel = otel
        self._operation = operation

    # --- inputs, outputs, attributes -------------------------------------------------------------------------
    # the two that every span calls are written out: a decorated setter costs twice as much
    def set_inputs(self, value: Any) -> Self:
        """Record what went in, under the attribute of the span's type; the last call wins.

        An LLM's, AGENT's, WORKFLOW's or PLAN's become messages (chat messages in any usual shape, or any value), a
        TOOL's ``gen_ai.tool.call.arguments``, a RETRIEVER's ``gen_ai.retrieval.query.text``, others ``input.value``.
        """
        if self._operation is not None:
            try:
                self._operation.set_inputs(value)
            except Exception:
                report("Span.set_inputs")
        return self

    def set_outputs(self, value: Any) -> Self:
        """Record what came out, under the attribute of the span's type; the last call wins.

        An LLM's, AGENT's, WORKFLOW's or PLAN's become messages, a TOOL's ``gen_ai.tool.call.result``, a RETRIEVER's
        ``gen_ai.retrieval.documents``, others ``output.value``; an EMBEDDING's vectors only leave their dimension.
        """
        if self._operation is not None:
            try:
                self._operation.set_outputs(value)
            except Exception:
                report("Span.set_outputs")
        return self

    @_setter
    def set_attribute(self, op: Operation, key: str, value: Any) -> None:  # type: ignore[override]
        """Set one attribute; anything but a primitive or a uniform list of them becomes JSON text."""
        op.set_user_attribute(key, value)

    @_setter
    def set_attributes(self, op: Operation, attributes: Mapping[str, Any]) -> None:  # type: ignore[override]
        """Set several attributes, as :meth:`set_attribute` does."""
        for key, value in dict(attributes or {}).items():
            op.set_user_attribute(key, value)

    @_setter
    def set_span_type(self, op: Operation, span_type: SpanType | str) -> None:
        """Change what the span stands for; what was recorded moves to the attributes of the new type."""
        try:
            rules = rules_for(span_type)
        except (TypeError, ValueError):
            warn_once("set_span_type", "set_span_type() ignored: it takes a SpanType or a string")
            return
        retyping.retype(op, rules)

    # --- what the GenAI conventions add ------------------------------------------------------------------------
    @_setter
    def set_model(
        self,
        op: Operation,
        request: str | None = None,
        response: str | None = None,
        provider: str | None = None,
    ) -> None:
        """Set the model asked for, the model that answered and the provider (``gen_ai.provider.name``)."""
        op.update(
            {
                attr.REQUEST_MODEL: text_of(request),
                attr.RESPONSE_MODEL: text_of(response),
                attr.PROVIDER_NAME: text_of(provider),
            }
        )
        op.rename()

    @_setter
    def set_usage(
        self,
        op: Operation,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        *,
        cache_read_tokens: int | None = None,
        cache_write_tokens: int | None = None,
        reasoning_tokens: int | None = None,
    ) -> None:
        """Set token counts, ``gen_ai.usage.*``; what is not given stays absent.

        ``input_tokens`` includes what was read from or written to a cache, ``output_tokens`` includes reasoning.
        """
        op.update(
            {
                attr.USAGE_INPUT_TOKENS: _count(input_tokens),
                attr.USAGE_OUTPUT_TOKENS: _count(output_tokens),
                attr.USAGE_CACHE_READ_TOKENS: _count(cache_read_tokens),
                attr.USAGE_CACHE_WRITE_TOKENS: _count(cache_write_tokens),
                attr.USAGE_REASONING_TOKENS: _count(reasoning_tokens),
            }
        )

    @_setter
    def set_finish_reasons(self, op: Operation, finish_reasons: Iterable[str]) -> None:
        """Set why the model stopped, one reason per choice in order: "stop", "length", "tool_calls" ..."""
        reasons = [finish_reasons] if isinstance(finish_reasons, str) else list(finish_reasons or ())
        op.set(attr.RESPONSE_FINISH_REASONS, [text_of(reason) or "" for reason in reasons])

    @_setter
    def set_documents(self, op: Operation, documents: Any) -> None:
        """Record retrieval results, ``gen_ai.retrieval.documents``: dicts or objects with id, score and content."""
        op.outputs, op.outputs_set = documents, True
        writers.write_documents(op, documents, captured=False)

    @_setter
    def set_tool_call(
        self,
        op: Operation,
        name: str | None = None,
        id: str | None = None,
        type: str | None = None,
        description: str | None = None,
    ) -> None:
        """Set the tool's name, the id of the model's call, the tool's type ("function" ...) and description."""
        op.update(
            {
                attr.TOOL_NAME: text_of(name),
                attr.TOOL_CALL_ID: text_of(id),
                attr.TOOL_TYPE: text_of(type),
                attr.TOOL_DESCRIPTION: cleared_text(attr.TOOL_DESCRIPTION, description, op.settings.content),
            }
        )
        op.rename()

    @_setter
    def set_agent(
        self,
        op: Operation,
        name: str | None = None,
        id: str | None = None,
        description: str | None = None,
        version: str | None = None,
    ) -> None:
        """Set the agent's name, description, and the id and version of a hosted one."""
        op.update(
            {
                attr.AGENT_NAME: text_of(name),
                attr.AGENT_ID: text_of(id),
                attr.AGENT_DESCRIPTION: cleared_text(
                    attr.AGENT_DESCRIPTION, description, op.settings.content
                ),
                attr.AGENT_VERSION: text_of(version),
            }
        )
        op.rename()

    # --- status, events, end -------------------------------------------------------------------------------
    @_setter
    def set_status(  # type: ignore[override]
        self, op: Operation, status: str | StatusCode | Status, description: str | None = None
    ) -> None:
        """Set the status: "OK", "ERROR" or "UNSET", a ``StatusCode`` or a ``Status``."""
        _apply_status(op, status, description)

    @_setter
    def add_event(  # type: ignore[override]
        self,
        op: Operation,
        name: Any,
        attributes: Mapping[str, Any] | None = None,
        timestamp: int | None = None,
    ) -> None:
        """Add an event: by name, or an object with ``name``, ``attributes`` and ``timestamp``.

        ``timestamp`` is in nanoseconds since the epoch; else now.
        """
        if not isinstance(name, str):
            attributes = attributes or getattr(name, "attributes", None)
            timestamp = timestamp or getattr(name, "timestamp", None)
            name = getattr(name, "name", name)
        op.span.add_event(text_of(name) or "", cleaned(attributes or {}, op.settings.content), timestamp)

    @_setter
    def record_exception(  # type: ignore[override]
        self,
        op: Operation,
        exception: BaseException,
        attributes: Mapping[str, Any] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Add an ``exception`` event with type, message and stack trace; the status stays as it is."""
        if not isinstance(exception, BaseException):
            exception = Exception(text_of(exception))
        op.record_exception(exception, timestamp, cleaned(attributes or {}, op.settings.content))

    @_setter
    def add_link(  # type: ignore[override]
        self, op: Operation, context: SpanContext | Link, attributes: Mapping[str, Any] | None = None
    ) -> None:
        """Add a link to another span."""
        target = context.context if isinstance(context, Link) else context
        op.span.add_link(target, cleaned(attributes or {}, op.settings.content))

    @_setter
    def update_name(self, op: Operation, name: str) -> None:  # type: ignore[override]
        """Rename the span; the name is then the user's and never changes by itself."""
        op.named = True
        op.span.update_name(text_of(name) or "")

    def end(  # type: ignore[override]
        self,
        outputs: Any = None,
        attributes: Mapping[str, Any] | None = None,
        status: str | StatusCode | Status | None = None,
        end_time_ns: int | None = None,
        *,
        end_time: int | None = None,
    ) -> Self:
        """End the span, once; later calls do nothing.

        Args:
            outputs: what came out, as by :meth:`set_outputs`.
            attributes: as by :meth:`set_attributes`.
            status: "OK", "ERROR", a ``StatusCode`` or a ``Status``; else it stays as it is.
            end_time_ns: nanoseconds since the epoch; else now.
            end_time: the same, under OpenTelemetry's name.
        """
        if outputs is not None:
            self.set_outputs(outputs)
        if attributes is not None:
            self.set_attributes(attributes)
        if status is not None:
            self.set_status(status)
        if self._operation is not None:
            finish(self._operation, end_time_ns if end_time_ns is not None else end_time)
        return self

    # --- reading -------------------------------------------------------------------------------------------
    def get_span_context(self) -> SpanContext:
        """Return the immutable ids and flags of the span."""
        return self._otel.get_span_context()

    def is_recording(self) -> bool:
        """Return whether what is set is going to be exported."""
        return self._otel.is_recording()

    @property
    def name(self) -> str:
        """The span's name as it is now; empty when the span is not recorded."""
        return str(getattr(self._otel, "name", ""))

    @property
    def trace_id(self) -> str:
        """The trace id, 32 hexadecimal digits."""
        return f"{self.get_span_context().trace_id:032x}"

    request_id = trace_id

    @property
    def span_id(self) -> str:
        """The span id, 16 hexadecimal digits."""
        return f"{self.get_span_context().span_id:016x}"

    @property
    def parent_id(self) -> str | None:
        """The parent's span id, or None for a root."""
        parent = getattr(self._otel, "parent", None)
        return f"{parent.span_id:016x}" if parent is not None else None

    @property
    def span_type(self) -> str:
        """The type's name, such as ``"LLM"``."""
        return self._operation.rules.span_type if self._operation is not None else SpanType.UNKNOWN.value

    @property
    def inputs(self) -> Any:
        """The value last given as inputs."""
        return self._operation.inputs if self._operation is not None else None

    @property
    def outputs(self) -> Any:
        """The value last given as outputs."""
        return self._operation.outputs if self._operation is not None else None

    @property
    def attributes(self) -> dict[str, Any]:
        """A copy of the attributes as they are now."""
        found = dict(getattr(self._otel, "attributes", None) or {})
        if self._operation is not None and self._operation.recording:
            found.update(self._operation.pending)
        return found

    @property
    def status(self) -> Status:
        """The status as it is now."""
        status = getattr(self._otel, "status", None)
        return status if isinstance(status, Status) else _UNSET

    @property
    def start_time_ns(self) -> int | None:
        """When the span started, in nanoseconds since the epoch."""
        return getattr(self._otel, "start_time", None)

    @property
    def end_time_ns(self) -> int | None:
        """When the span ended, in nanoseconds since the epoch; None while it is open."""
        return getattr(self._otel, "end_time", None)

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        """End the span; used as a context manager itself it records an exception but is not made current."""
        if self._operation is not None:
            finish(self._operation, exc=exc)

    def __getattr__(self, name: str) -> Any:
        # what SDK spans have beyond the API (kind, events, resource ...), for code that expects one
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._otel, name)

    def __eq__(self, other: object) -> bool:
        return (other._otel if isinstance(other, Span) else other) is self._otel

    def __hash__(self) -> int:
        return hash(self._otel)

    def __repr__(self) -> str:
        return f"<genai_otel.Span {self.name!r} {self.span_type} trace={self.trace_id} span={self.span_id}>"


def finish(operation: Operation, end_time: int | None = None, exc: BaseException | None = None) -> None:
    """End an operation exactly once, as failed if there is an exception (a closed generator is no failure)."""
    try:
        if exc is not None and not isinstance(exc, GeneratorExit):
            operation.fail(exc)
    except Exception:
        report("Span.fail")
    finally:  # also where an interrupt comes in between
        try:
            operation.finish(end_time)
        except Exception:
            report("Span.end")


def _apply_status(op: Operation, status: Any, description: str | None) -> None:
    if isinstance(status, Status):
        code, description = status.status_code, status.description
    elif isinstance(status, StatusCode):
        code = status
    else:
        code = _STATUS_CODES.get(str(status).upper(), StatusCode.UNSET)
        if str(status).upper() not in _STATUS_CODES:
            warn_once("set_status", "set_status() ignored: allowed are 'OK', 'ERROR' and 'UNSET'")
    op.set_status(code, text_of(description))


def _count(value: Any) -> int | None:
    if value is None:
        return None
    try:
        count = -1 if isinstance(value, bool) else operator.index(value)
    except Exception:
        count = -1
    if 0 <= count < 2**63:
        return count
    warn_once("set_usage", "token counts must be integers, not %s: ignored", type(value).__name__)
    return None


def facade(span: trace.Span | None, operation: Operation | None, context: Context) -> Span:
    """Return the ``Span`` for what ``begin`` returned; where nothing is traced, one that passes on the current ids."""
    if span is None:
        try:
            span = trace.NonRecordingSpan(trace.get_current_span(context).get_span_context())
        except Exception:
            report("span")
            span = trace.INVALID_SPAN
    return Span(span, operation)


def get_current_span() -> Span | None:
    """Return the innermost genai_otel span of the current context, or None outside any.

    Also inside code whose own current span was made by another instrumentation.
    """
    try:
        return _current_span(_runtime.current())
    except Exception:
        report("get_current_span")
        return None


def _current_span(context: Context) -> Span | None:
    operation = context.get(OPERATION_KEY)
    current = trace.get_current_span(context)
    if operation is None or isinstance(current, Span):
        return current if isinstance(current, Span) else None
    if not isinstance(operation, Operation):
        return facade(None, None, context)
    if operation.span is current or operation.trace_id == current.get_span_context().trace_id:
        return Span(operation.span, operation)
    return None


get_current_active_span = get_current_span


def get_last_active_trace_id() -> str | None:
    """Return the id of the trace of ours that ended last in this process (32 hexadecimal digits), or None."""
    last = operation_module.last_root
    return None if last is None else f"{last.get_span_context().trace_id:032x}"
