"""What holds in every set-up: one trace, the right parents, nothing twice, and the application's own as it was."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from opentelemetry import _logs, metrics, propagate, trace

from genai_otel._ambient_processor import AmbientProcessor
from genai_otel.conventions import SCOPE_NAME


class Seen(NamedTuple):
    """A span as an exporter or a receiver got it."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str | None
    start: int
    attributes: dict[str, Any]
    scope: str = ""


def exported(spans: Iterable[Any]) -> list[Seen]:
    """Spans of the SDK."""
    return [
        Seen(
            span.name,
            f"{span.context.trace_id:032x}",
            f"{span.context.span_id:016x}",
            f"{span.parent.span_id:016x}" if span.parent is not None else None,
            span.start_time,
            dict(span.attributes or {}),
            span.instrumentation_scope.name,
        )
        for span in spans
    ]


def received(receiver: Any) -> list[Seen]:
    """Spans that came by OTLP."""
    return [
        Seen(
            span.name,
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex() or None,
            span.start_time_unix_nano,
            {item.key: item.value.string_value for item in span.attributes},
            scope.scope.name,
        )
        for body in receiver.of("/v1/traces")
        for resource in body.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def outline(spans: Iterable[Seen], *, leave_out: tuple[str, ...] = ()) -> list[str]:
    """Assert that the spans are one whole trace, each there once; return the tree, a line for each span.

    Lines start with two spaces for each level. Spans whose names end in ``leave_out``, all of them leaves, have none.
    """
    found = list(spans)
    by_id = {span.span_id: span for span in found}
    assert len(by_id) == len(found), f"exported twice: {[span.name for span in found]}"
    assert len({span.trace_id for span in found}) == 1, [(span.name, span.trace_id) for span in found]
    roots = [span for span in found if span.parent_id is None]
    assert len(roots) == 1, f"roots: {[span.name for span in roots]}"
    children: dict[str, list[Seen]] = defaultdict(list)
    for span in found:
        if span.parent_id is not None:
            assert span.parent_id in by_id, f"{span.name}: its parent is missing"
            children[span.parent_id].append(span)
    return list(_lines(roots[0], children, 0, leave_out))


def _lines(
    span: Seen, children: dict[str, list[Seen]], level: int, leave_out: tuple[str, ...]
) -> Iterator[str]:
    yield "  " * level + span.name
    for child in sorted(children[span.span_id], key=lambda child: child.start):
        if leave_out and child.name.endswith(leave_out):
            assert not children[child.span_id], f"{child.name} has children"
        else:
            yield from _lines(child, children, level + 1, leave_out)


def named(spans: Iterable[Seen], name: str) -> Seen:
    """Return the only span of that name."""
    (span,) = [span for span in spans if span.name == name]
    return span


def ours(spans: Iterable[Seen]) -> list[str]:
    """Return the names of the spans made by genai_otel."""
    return sorted(span.name for span in spans if span.scope == SCOPE_NAME)


class Global:
    """Everything that belongs to the application, by identity."""

    def __init__(self, *providers: Any) -> None:
        self.providers = (trace._TRACER_PROVIDER, *providers)
        self.objects = self._objects()
        self.processors = [processors_of(provider) for provider in self.providers]
        self.environment = dict(os.environ)
        self.handlers = list(logging.getLogger().handlers)

    def _objects(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "tracer provider": trace._TRACER_PROVIDER,
            "meter provider": metrics._internal._METER_PROVIDER,
            "logger provider": _logs._internal._LOGGER_PROVIDER,
            "propagator": propagate.get_global_textmap(),
        }
        for number, provider in enumerate(self.providers):
            for name in ("sampler", "id_generator", "_active_span_processor"):
                found[f"{name} {number}"] = getattr(provider, name, None)
        return found

    def check(self, *, exporters_added: int = 0) -> None:
        """Assert that it is as it was; by ``context()`` a provider may have got the processor that says who and what."""
        for name, value in self._objects().items():
            assert value is self.objects[name], f"the {name} was exchanged"
        for provider, before in zip(self.providers, self.processors, strict=True):
            after = processors_of(provider)
            assert all(one is other for one, other in zip(before, after, strict=False)), after
            added = [one for one in after[len(before) :] if not isinstance(one, AmbientProcessor)]
            assert len(added) == exporters_added, added
        assert dict(os.environ) == self.environment
        assert logging.getLogger().handlers == self.handlers


def processors_of(provider: Any) -> list[Any]:
    """Return the span processors of an SDK provider."""
    return list(getattr(getattr(provider, "_active_span_processor", None), "_span_processors", ()))


@contextmanager
def untouched(*providers: Any, exporters_added: int = 0) -> Iterator[None]:
    """Assert that what is global, and each of ``providers``, stays the application's own."""
    before = Global(*providers)
    yield
    before.check(exporters_added=exporters_added)
