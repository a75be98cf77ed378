"""A meter provider in a forked child: no lock that a thread of the parent held, no measurement of the parent's.

The SDK takes a lock for every measurement and renews none of them after a fork: in a child forked under load the next
measurement never returns. There is no public way to renew them, so they are found by walking the provider's objects.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

_LOCKS: Final[dict[type, Any]] = {
    type(threading.Lock()): threading.Lock,
    type(threading.RLock()): threading.RLock,
}
_SDK: Final = "opentelemetry."
_MEASURED: Final = "_attributes_aggregation"


def renew_locks(provider: Any) -> None:
    """Put new locks in the place of those that the SDK's objects behind ``provider`` have."""
    for one in _reachable(provider):
        for name, value in list(vars(one).items()):
            make = _LOCKS.get(type(value))
            if make is not None:
                setattr(one, name, make())


def forget_measurements(provider: Any) -> None:
    """Have every instrument begin at nothing: what was measured before the fork is the parent's to report."""
    for one in _reachable(provider):
        measured = vars(one).get(_MEASURED)
        if isinstance(measured, dict):
            measured.clear()


def _reachable(start: Any) -> Iterator[Any]:
    seen: set[int] = set()
    waiting = [start]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if _is_of_the_sdk(one):
            yield one
            waiting.extend(vars(one).values())
        else:
            waiting.extend(_elements(one))


def _is_of_the_sdk(one: Any) -> bool:
    kind = type(one)
    return hasattr(one, "__dict__") and not isinstance(one, type) and kind.__module__.startswith(_SDK)


def _elements(one: Any) -> Iterable[Any]:
    if isinstance(one, Mapping):
        return [*one.keys(), *one.values()]
    return list(one) if isinstance(one, (list, tuple, set, frozenset)) else ()
