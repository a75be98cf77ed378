"""Batches in requests that a collector takes: content makes batches large, and too large a request is refused whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

# gRPC servers refuse requests over 4 MiB unless configured otherwise; what follows is an estimate, with room.
REQUEST_BYTES: Final = 3_500_000
_ITEM_BYTES: Final = 150  # ids, times, status
_VALUE_BYTES: Final = 12  # a number, or what surrounds a string


class InPortions:
    """Passes batches on to ``inner``, an exporter of spans or log records, in requests of a bounded size.

    A batch within the bound goes through as it is. A single item over it goes alone, so that a receiver that
    refuses it loses nothing else.
    """

    __slots__ = ("_inner", "_limit")

    def __init__(self, inner: Any, limit: int = REQUEST_BYTES) -> None:
        self._inner = inner
        self._limit = limit

    def export(self, batch: Sequence[Any]) -> Any:
        """Export all portions; returns the last failure, else success."""
        results = [self._inner.export(portion) for portion in portions(batch, self._limit)]
        return next(
            (result for result in reversed(results) if result.value), results[-1] if results else None
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def portions(batch: Sequence[Any], limit: int) -> Iterator[Sequence[Any]]:
    """Yield ``batch`` in consecutive parts, each of at most about ``limit`` bytes or of one item."""
    sizes = [item_size(item) for item in batch]
    if sum(sizes) <= limit:
        yield batch
        return
    first = taken = 0
    for index, size in enumerate(sizes):
        if taken and taken + size > limit:
            yield batch[first:index]
            first, taken = index, 0
        taken += size
    yield batch[first:]


def item_size(item: Any) -> int:
    """Return about how many bytes a span or log record takes in a request."""
    record = getattr(item, "log_record", item)
    size = _ITEM_BYTES + value_size(record.attributes) + value_size(getattr(record, "body", None))
    return size + sum(_ITEM_BYTES + value_size(event.attributes) for event in getattr(record, "events", ()))


def value_size(value: Any) -> int:
    """Return about how many bytes an attribute value takes."""
    if isinstance(value, str):
        return _VALUE_BYTES + (len(value) if value.isascii() else len(value.encode("utf-8", "replace")))
    if isinstance(value, Mapping):
        return sum(_VALUE_BYTES + len(key) + value_size(one) for key, one in value.items())
    if isinstance(value, bytes):
        return _VALUE_BYTES + len(value)
    if isinstance(value, Sequence):
        return _VALUE_BYTES + sum(map(value_size, value))
    return _VALUE_BYTES
