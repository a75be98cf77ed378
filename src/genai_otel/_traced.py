"""What a decorated callable is made of: the plan resolved at decoration, and one traced call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.context import Context

from . import _runtime, _settings
from ._binding import Binder
from ._guard import report
from ._spans import finish
from .conventions.span_types import Family, Shape
from .telemetry.operation import Operation, entered
from .telemetry.spec import Spec


class Plan:
    """Everything about a decorated callable that does not change from call to call."""

    __slots__ = ("bind", "captures_event", "inputs", "outputs", "reducer", "spec")

    def __init__(
        self,
        spec: Spec,
        bind: Binder,
        inputs: bool | None,
        outputs: bool | None,
        reducer: Callable[[list[Any]], Any] | None,
    ) -> None:
        self.spec = spec
        self.bind = bind
        self.inputs = inputs
        self.outputs = outputs
        self.reducer = reducer
        self.captures_event = spec.rules.family is Family.INFERENCE

    def wants(self, choice: bool | None, operation: Operation) -> bool:
        """Whether arguments or result are recorded: the decorator's choice, else the content policy's."""
        if choice is not None or not operation.recording:
            return bool(choice) and operation.recording
        policy = operation.settings.content
        return policy.span or (policy.event and self.captures_event)


class Call:
    """One traced call in flight."""

    __slots__ = ("context", "operation", "plan", "token")

    def __init__(self, plan: Plan, context: Context) -> None:
        self.plan = plan
        self.token: _runtime.Token = None
        span, self.operation = plan.spec.begin(_settings.current(), context)
        self.context = entered(context, span, self.operation)

    def record_inputs(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Record the arguments as they are before the body can change them."""
        operation, plan = self.operation, self.plan
        if operation is not None and plan.wants(plan.inputs, operation):
            operation.set_inputs(plan.bind(args, kwargs), captured=plan.inputs is None)

    def record_output(self, value: Any) -> None:
        """Record the result, unless the body recorded one itself."""
        operation, plan = self.operation, self.plan
        if operation is None or operation.outputs_set:
            return
        if plan.spec.rules.shape is Shape.EMBEDDING or plan.wants(plan.outputs, operation):
            operation.set_outputs(value, captured=plan.outputs is None)
            operation.outputs_set = False


def enter(plan: Plan, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
    """Start a call's span and make it current; None when something of ours failed."""
    before = _runtime.current()
    call: Call | None = None
    try:
        call = Call(plan, before)
        if call.operation is not None:
            try:
                call.record_inputs(args, kwargs)
            except Exception:
                report("trace.inputs")
        call.token = _runtime.attach(call.context)
    except Exception:
        report("trace.start")
        if call is not None and call.operation is not None:
            finish(call.operation)
        return None
    except BaseException as exc:  # an interrupt, perhaps between attaching and keeping the token
        if _runtime.current() is not before:
            _runtime.attach(before)
        if call is not None and call.operation is not None:
            finish(call.operation, exc=exc)
        raise
    return call


def _give_back(call: Call) -> None:
    """Make current what was before the call; a second time it does nothing."""
    try:
        _runtime.leave(call.token, call.context)
    except Exception:
        report("trace.context")


def leave(call: Call, result: Any = None) -> None:
    """End the span of a call that returned."""
    _give_back(call)
    operation = call.operation
    if operation is None:
        return
    try:
        call.record_output(result)
    except Exception:
        report("trace.output")
    finish(operation)


def leave_failed(call: Call, exc: BaseException) -> None:
    """End the span of a call that raised."""
    _give_back(call)
    if call.operation is not None:
        finish(call.operation, exc=exc)
