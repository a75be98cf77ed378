"""Decorated generators: the span covers the iteration and is current only while the body runs.

Each step attaches the body's own rolling context, resumes the body, and restores the consumer's: spans opened in the
body stay with the body across ``yield``, and the consumer never sees them. The parent is what was current when the
generator was created; a generator that is never iterated makes no span.

Each level of recursion through decorated generators costs a call of ``send``. Python 3.12 bounds those by its C stack,
whatever the recursion limit: about 450 levels there, unbounded by it before and since.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

from opentelemetry.context import Context

from . import _runtime
from ._guard import report, warn_once
from ._spans import finish
from ._traced import Call, Plan
from .conventions.span_types import Shape


class Iteration:
    """The span of one iteration, and the items it has seen."""

    __slots__ = ("call", "context", "items")

    def __init__(self, plan: Plan, context: Context, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.call: Call | None = None
        self.items: list[Any] | None = None
        self.context = context
        try:
            self.call = call = Call(plan, context)
            self.context = call.context
            call.record_inputs(args, kwargs)
            if call.operation is not None and plan.wants(plan.outputs, call.operation):
                self.items = []
        except Exception:
            report("trace.start")

    def end(self, exc: BaseException | None = None) -> None:
        """End the span; what was yielded until now is its output."""
        call, self.call = self.call, None
        if call is None or call.operation is None:
            return
        try:
            if self.items is not None:
                call.record_output(self._folded(call.plan))
        except Exception:
            report("trace.output")
        finish(call.operation, exc=exc)

    def __del__(self) -> None:
        # a body that yields even when it is collected never got to its end; one that was interrupted has no call
        if getattr(self, "call", None) is not None:
            self.end()

    def _folded(self, plan: Plan) -> Any:
        items = self.items or []
        if plan.reducer is not None:
            try:
                return plan.reducer(items)
            except KeyboardInterrupt:
                raise
            except BaseException as exc:
                warn_once(
                    "output_reducer", "output_reducer raised %s: the items are recorded", type(exc).__name__
                )
                return items
        text = plan.spec.rules.shape is Shape.MESSAGES and all(isinstance(item, str) for item in items)
        return "".join(items) if text else items


def drive(
    body: Generator[Any, Any, Any],
    plan: Plan,
    context: Context,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Generator[Any, Any, Any]:
    """Run a generator's body step by step under its span, with the whole generator protocol."""
    iteration = Iteration(plan, context, args, kwargs)
    del args, kwargs  # how long they live is for the body to say
    rolling, items = iteration.context, iteration.items
    attach, detach, current = _runtime.attach, _runtime.detach, _runtime.current
    resume: Callable[[Any], Any] = body.send
    value: Any = None
    token: _runtime.Token = None
    try:
        while True:
            try:
                token = attach(rolling)
            except Exception:
                report("trace.context")
            try:
                item = resume(value)
            except StopIteration as stop:
                iteration.end()
                return stop.value
            finally:
                rolling = current()
                try:
                    detach(token)
                except Exception:
                    report("trace.context")
            if items is not None:
                items.append(item)
            try:
                value = yield item
                resume = body.send
            except BaseException as thrown:  # GeneratorExit too: closing is up to the body
                resume, value = body.throw, thrown
    except BaseException as exc:
        value = None  # would tie the exception to its own traceback
        _give_back(token)
        iteration.end(exc)
        raise


async def drive_async(
    body: AsyncGenerator[Any, Any],
    plan: Plan,
    context: Context,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> AsyncGenerator[Any, Any]:
    """Run an async generator's body step by step under its span, with the whole protocol."""
    iteration = Iteration(plan, context, args, kwargs)
    del args, kwargs
    rolling, items = iteration.context, iteration.items
    attach, detach, current = _runtime.attach, _runtime.detach, _runtime.current
    resume: Callable[[Any], Any] = functools.partial(_start_unseen, body)
    value: Any = None
    token: _runtime.Token = None
    try:
        while True:
            try:
                token = attach(rolling)
            except Exception:
                report("trace.context")
            try:
                item = await resume(value)
            except StopAsyncIteration:
                iteration.end()
                return
            finally:
                rolling = current()
                try:
                    detach(token)
                except Exception:
                    report("trace.context")
            if items is not None:
                items.append(item)
            try:
                value = yield item
                resume = body.asend
            except BaseException as thrown:
                resume, value = body.athrow, thrown
    except BaseException as exc:
        value = None
        _give_back(token)
        iteration.end(exc)
        raise


def _give_back(token: _runtime.Token) -> None:
    """Detach where an interrupt came before that was done; else it does nothing."""
    try:
        if token is not None:
            _runtime.detach(token)
    except Exception:
        report("trace.context")


def _start_unseen(body: AsyncGenerator[Any, Any], value: Any) -> Any:
    """Begin a body's first step without the event loop noticing: it would close the body beside what drives it."""
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return body.asend(value)
    finally:
        sys.set_asyncgen_hooks(*hooks)
