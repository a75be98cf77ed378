"""Who wants to know when an operation ends, or when something was judged: routes to particular backends.

Empty, and costing one check, unless such a route is configured. Listeners must be quick and must not raise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .operation import Operation

OperationListener = Callable[["Operation"], None]
EvaluationListener = Callable[[dict[str, Any], int, int], None]

finished: tuple[OperationListener, ...] = ()
"""Called with each recorded operation right before its span ends."""

evaluated: tuple[EvaluationListener, ...] = ()
"""Called with the attributes, trace id and span id of each evaluation event."""


def listen(
    on_finished: OperationListener | None = None, on_evaluated: EvaluationListener | None = None
) -> None:
    """Add listeners."""
    global finished, evaluated
    if on_finished is not None:
        finished = (*finished, on_finished)
    if on_evaluated is not None:
        evaluated = (*evaluated, on_evaluated)


def forget(
    on_finished: OperationListener | None = None, on_evaluated: EvaluationListener | None = None
) -> None:
    """Remove listeners."""
    global finished, evaluated
    finished = tuple(known for known in finished if known != on_finished)
    evaluated = tuple(known for known in evaluated if known != on_evaluated)
