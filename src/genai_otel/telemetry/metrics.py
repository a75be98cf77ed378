"""Metric instruments, created on first use, and what each family of operations records in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from opentelemetry.metrics import Counter, Histogram, Meter

from ..conventions import attributes as attr
from ..conventions import metrics as names
from ..conventions.metrics import Dialect, Instrument
from ..conventions.span_types import Family

Attributes = dict[str, Any]

_CLIENT_DIMENSIONS: Final = (
    attr.OPERATION_NAME,
    attr.PROVIDER_NAME,
    attr.REQUEST_MODEL,
    attr.RESPONSE_MODEL,
    attr.SERVER_ADDRESS,
    attr.SERVER_PORT,
    attr.OPENAI_RESPONSE_SERVICE_TIER,
)
# family -> (duration metric, its dimensions beside error.type)
_LOCAL_DURATIONS: Final[dict[Family, tuple[Instrument, tuple[str, ...]]]] = {
    Family.TOOL: (names.TOOL_DURATION, (attr.TOOL_NAME, attr.TOOL_TYPE, attr.AGENT_NAME)),
    Family.AGENT: (names.AGENT_DURATION, (attr.AGENT_NAME, attr.REQUEST_MODEL)),
    Family.WORKFLOW: (names.WORKFLOW_DURATION, (attr.WORKFLOW_NAME,)),
}
# modality -> (input, output, cache read) attributes of its part of the totals
_MODALITIES: Final = {
    "text": (attr.USAGE_TEXT_INPUT_TOKENS, attr.USAGE_TEXT_OUTPUT_TOKENS, attr.USAGE_TEXT_CACHE_READ_TOKENS),
    "image": (
        attr.USAGE_IMAGE_INPUT_TOKENS,
        attr.USAGE_IMAGE_OUTPUT_TOKENS,
        attr.USAGE_IMAGE_CACHE_READ_TOKENS,
    ),
    "audio": (
        attr.USAGE_AUDIO_INPUT_TOKENS,
        attr.USAGE_AUDIO_OUTPUT_TOKENS,
        attr.USAGE_AUDIO_CACHE_READ_TOKENS,
    ),
}
# counter -> (attribute of the total, column of _MODALITIES that divides it)
_TOKEN_COUNTERS: Final = (
    (names.INPUT_TOKEN_COUNT, attr.USAGE_INPUT_TOKENS, 0),
    (names.OUTPUT_TOKEN_COUNT, attr.USAGE_OUTPUT_TOKENS, 1),
    (names.CACHE_READ_TOKEN_COUNT, attr.USAGE_CACHE_READ_TOKENS, 2),
    (names.CACHE_WRITE_TOKEN_COUNT, attr.USAGE_CACHE_WRITE_TOKENS, None),
    (names.REASONING_TOKEN_COUNT, attr.USAGE_REASONING_TOKENS, None),
)
Lookup = Callable[[str], Any]


class Instruments:
    """The instruments of one meter."""

    __slots__ = ("_counters", "_histograms", "_meter")

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._histograms: dict[str, Histogram] = {}
        self._counters: dict[str, Counter] = {}

    def record(self, instrument: Instrument, value: float, attributes: Attributes) -> None:
        """Add one measurement to a histogram."""
        histogram = self._histograms.get(instrument.name)
        if histogram is None:
            histogram = self._histograms[instrument.name] = self._meter.create_histogram(
                instrument.name,
                instrument.unit,
                instrument.description,
                explicit_bucket_boundaries_advisory=instrument.buckets,
            )
        histogram.record(value, attributes)

    def add(self, instrument: Instrument, value: int, attributes: Attributes) -> None:
        """Add to a counter."""
        counter = self._counters.get(instrument.name)
        if counter is None:
            counter = self._counters[instrument.name] = self._meter.create_counter(
                instrument.name, instrument.unit, instrument.description
            )
        counter.add(value, attributes)


def record_operation(
    instruments: Instruments, dialect: Dialect, family: Family, lookup: Lookup, seconds: float
) -> None:
    """Record the duration and the token usage of one finished operation; ``lookup`` reads its attributes."""
    local = _LOCAL_DURATIONS.get(family)
    if local is not None:
        instrument, keys = local
        instruments.record(instrument, seconds, _dimensions(lookup, keys, with_error=True))
        return
    dimensions = client_dimensions(lookup)
    if family is Family.CLIENT and attr.PROVIDER_NAME not in dimensions:
        return  # a local store: the client metric requires a provider
    error = lookup(attr.ERROR_TYPE)
    timed = dimensions if error is None else {**dimensions, attr.ERROR_TYPE: error}
    inference = family is Family.INFERENCE
    if dialect.compat or not inference:
        instruments.record(names.OPERATION_DURATION, seconds, timed)
    if dialect.latest and inference:
        instruments.record(names.INFERENCE_DURATION, seconds, timed)
    if family is not Family.CLIENT:
        _record_usage(instruments, dialect, inference, lookup, dimensions)


def _record_usage(
    instruments: Instruments, dialect: Dialect, inference: bool, lookup: Lookup, dimensions: Attributes
) -> None:
    if dialect.compat:
        for kind, key in (("input", attr.USAGE_INPUT_TOKENS), ("output", attr.USAGE_OUTPUT_TOKENS)):
            count = lookup(key)
            if count is not None:
                instruments.record(names.TOKEN_USAGE, count, {**dimensions, attr.TOKEN_TYPE: kind})
    if dialect.latest and inference:
        for instrument, key in (
            (names.INPUT_TOKENS, attr.USAGE_INPUT_TOKENS),
            (names.OUTPUT_TOKENS, attr.USAGE_OUTPUT_TOKENS),
        ):
            count = lookup(key)
            if count is not None:
                instruments.record(instrument, count, dimensions)
        for counter, key, column in _TOKEN_COUNTERS:
            for modality, part in _parts(lookup, key, column).items():
                instruments.add(counter, part, {**dimensions, attr.TOKEN_MODALITY: modality})


def _parts(lookup: Lookup, key: str, column: int | None) -> dict[str, int]:
    """Divide a total by modality; what the provider did not break down is ``unknown``."""
    total = lookup(key)
    if not total:
        return {}
    parts: dict[str, int] = {}
    if column is not None:
        parts = {name: lookup(keys[column]) for name, keys in _MODALITIES.items() if lookup(keys[column])}
    rest = total - sum(parts.values())
    if rest > 0:
        parts["unknown"] = rest
    return parts


def record_chunk_times(
    instruments: Instruments, dialect: Dialect, lookup: Lookup, first: float | None, gaps: Mapping[float, int]
) -> None:
    """Record the time to the first chunk of a stream and the gaps between its chunks (gap in seconds -> how often)."""
    dimensions = _dimensions(lookup, _CLIENT_DIMENSIONS[:-1], with_error=False)  # no service tier on these
    for wanted, to_first, per_chunk in (
        (dialect.compat, names.TIME_TO_FIRST_CHUNK, names.TIME_PER_OUTPUT_CHUNK),
        (dialect.latest, names.INFERENCE_TIME_TO_FIRST_CHUNK, names.INFERENCE_TIME_PER_OUTPUT_CHUNK),
    ):
        if not wanted:
            continue
        if first is not None:
            instruments.record(to_first, first, dimensions)
        for gap, times in gaps.items():
            for _ in range(times):
                instruments.record(per_chunk, gap, dimensions)


def record_agent_calls(
    instruments: Instruments, lookup: Lookup, inference_calls: int, tool_calls: int
) -> None:
    """Record how many model and tool calls one agent invocation made itself."""
    dimensions = _dimensions(lookup, (attr.AGENT_NAME,), with_error=False)
    instruments.record(names.AGENT_INFERENCE_CALLS, inference_calls, dimensions)
    instruments.record(names.AGENT_TOOL_CALLS, tool_calls, dimensions)


def client_dimensions(lookup: Lookup) -> Attributes:
    """Return the dimensions that every client metric of an operation carries; never an id."""
    return _dimensions(lookup, _CLIENT_DIMENSIONS, with_error=False)


def _dimensions(lookup: Lookup, keys: tuple[str, ...], *, with_error: bool) -> Attributes:
    found = {key: value for key in keys if (value := lookup(key)) is not None}
    if with_error and (error := lookup(attr.ERROR_TYPE)) is not None:
        found[attr.ERROR_TYPE] = error
    return found
