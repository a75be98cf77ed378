"""``capture_spans()``: everything that a block of code records, kept in memory for a test to look at."""

from __future__ import annotations

import difflib
import os
import re
import textwrap
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

from genai_otel import _ambient_processor, _settings
from genai_otel._settings import Settings
from genai_otel.conventions.span_types import SpanType
from genai_otel.telemetry import listeners
from genai_otel.telemetry.operation import Operation
from genai_otel.telemetry.providers import Providers

from . import snapshots
from .captured_span import CapturedSpan
from .deterministic import Clock, CountingIds
from .filters import ANY, Filter
from .recorder import EventRecorder, SpanRecorder, Tap, tap_global_provider

if TYPE_CHECKING:
    from typing_extensions import Self


def capture_spans(
    *,
    capture_content: bool | str | None = True,
    redact: Callable[[str, Any], Any] | None = None,
    sampler: Sampler | None = None,
    deterministic: bool = False,
    include_global: bool = False,
) -> Capture:
    """Collect the spans, metrics and events of a block: ``with capture_spans() as captured:``.

    Inside, what genai_otel records goes to providers of the block's own, whatever thread or task records it and
    whatever ``configure()`` says, before or inside; nothing global is replaced and nothing is exported. Blocks
    nest: the innermost gets everything. A span that ends after the block still lands in its capture.

    Args:
        capture_content: Whether content is captured, in place of what is configured (a bool or a content mode);
            None follows the configuration.
        redact: In place of the configured ``redact``.
        sampler: Which spans are kept; default all of them.
        deterministic: Count ids up from 1, and let a clock of one millisecond per start, end and event run
            instead of the real one.
        include_global: Also collect what other instrumentations record with the global tracer provider. An SDK
            provider is installed where there is none, and stays.

    Raises:
        ValueError: for an unknown content mode.
    """
    return Capture(capture_content, redact, sampler, deterministic, include_global)


class Capture:
    """What was recorded while the capture was active; spans in order of their start.

    Assertions raise ``AssertionError`` with the tree of everything captured in the message.
    """

    def __init__(
        self,
        capture_content: bool | str | None = True,
        redact: Callable[[str, Any], Any] | None = None,
        sampler: Sampler | None = None,
        deterministic: bool = False,
        include_global: bool = False,
    ) -> None:
        clock = Clock() if deterministic else None
        self._content = capture_content, redact
        self._include_global = include_global
        self._resource = Resource.create()
        self._spans, self._events = SpanRecorder(clock), EventRecorder(clock)
        tracer_provider = TracerProvider(
            sampler or ALWAYS_ON,
            self._resource,
            shutdown_on_exit=False,
            id_generator=CountingIds() if deterministic else None,
        )
        tracer_provider.add_span_processor(self._spans)
        logger_provider = LoggerProvider(self._resource, shutdown_on_exit=False)
        logger_provider.add_log_record_processor(self._events)
        self._providers = Providers(tracer_provider, None, logger_provider)
        self._measure()
        self._taps: list[Tap] = []

    def _measure(self) -> None:
        self._reader = InMemoryMetricReader()
        self._providers.meter_provider = MeterProvider(
            [self._reader], resource=self._resource, shutdown_on_exit=False
        )

    # --- the block -------------------------------------------------------------------------------------------
    def __enter__(self) -> Self:
        _settings.with_content(Settings(), *self._content)  # raises for what is no content mode
        if self._include_global:
            self._listen_globally()
        listeners.listen(on_finished=self._finished)
        _settings.add_override(self._override)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        _settings.remove_override(self._override)
        listeners.forget(on_finished=self._finished)
        for tap in self._taps:
            tap.release(self._spans)
        self._taps.clear()

    def _listen_globally(self) -> None:
        tap = tap_global_provider()
        tap.listen(self._spans)
        self._taps.append(tap)
        _ambient_processor.ensure(Settings())

    def _override(self, settings: Settings) -> Settings:
        return replace(_settings.with_content(settings, *self._content), providers=self._providers)

    def _finished(self, operation: Operation) -> None:
        if operation.settings.providers is self._providers:
            self._spans.note_type(operation)

    # --- looking ---------------------------------------------------------------------------------------------
    @property
    def spans(self) -> list[CapturedSpan]:
        """The finished spans, in order of their start."""
        return sorted(self._spans.finished, key=lambda span: span.order)

    def __iter__(self) -> Iterator[CapturedSpan]:
        return iter(self.spans)

    def __len__(self) -> int:
        return len(self._spans.finished)

    def __bool__(self) -> bool:
        return True  # a capture is there even when nothing was captured

    def find(
        self,
        name: str | re.Pattern[str] | None = None,
        span_type: SpanType | str | None = None,
        attributes: Mapping[str, Any] | None = None,
        parent: Any = ANY,
    ) -> list[CapturedSpan]:
        """Return the finished spans that fit, in order of their start.

        Args:
            name: The name, or a compiled pattern that is searched in it.
            span_type: The type; types of one GenAI operation (LLM and CHAT_MODEL) count as the same.
            attributes: Attributes that the span must have, with these values.
            parent: The parent, as a span or by name; None for roots.
        """
        return Filter(name, span_type, attributes, parent).select(self.spans)

    def one(
        self,
        name: str | re.Pattern[str] | None = None,
        span_type: SpanType | str | None = None,
        attributes: Mapping[str, Any] | None = None,
        parent: Any = ANY,
    ) -> CapturedSpan:
        """Return the only finished span that fits, by the arguments of :meth:`find`.

        Raises:
            AssertionError: if there is none, or more than one.
        """
        __tracebackhide__ = True
        wanted = Filter(name, span_type, attributes, parent)
        found = wanted.select(self.spans)
        if len(found) != 1:
            raise AssertionError(self._message(f"expected one span{wanted}, found {len(found)}"))
        return found[0]

    def tree(self) -> str:
        """Return the finished spans as a text tree without ids and times: the same in every run."""
        return snapshots.tree(self.spans)

    def snapshot(self, ignore: Collection[str] = ()) -> list[dict[str, Any]]:
        """Return the finished spans as nested plain dicts, for a snapshot or ``==``.

        Left out are ids, times, stack traces, everything that is empty, and the attributes in ``ignore``;
        content that is JSON is decoded.
        """
        return snapshots.snapshot(self.spans, ignore)

    @property
    def events(self) -> list[Any]:
        """The log records emitted (``event_name``, ``attributes``, ``trace_id``, ``span_id``), oldest first."""
        return list(self._events.emitted)

    def metrics(self) -> dict[str, list[Any]]:
        """Return the data points of each metric recorded, under its name."""
        data = self._reader.get_metrics_data()
        found: dict[str, list[Any]] = {}
        for resource in data.resource_metrics if data is not None else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    found.setdefault(metric.name, []).extend(metric.data.data_points)
        return found

    def clear(self) -> None:
        """Forget what was captured so far; spans that are still open are captured when they end."""
        self._spans.finished.clear()
        self._events.emitted.clear()
        self._measure()

    # --- asserting -------------------------------------------------------------------------------------------
    def assert_spans(self, names: Sequence[str]) -> None:
        """Assert that the finished spans are these, in the tree's order: parents first, siblings as they started."""
        __tracebackhide__ = True
        found = [span.name for span in snapshots.in_order(self.spans)]
        if found != list(names):
            raise AssertionError(self._message(f"expected the spans {list(names)}, found {found}"))

    def assert_tree(self, expected: str) -> None:
        """Assert that :meth:`tree` is this text; common indentation and blank lines around it don't count."""
        __tracebackhide__ = True
        wanted, found = _stripped(expected), _stripped(self.tree())
        if wanted != found:
            lines = difflib.unified_diff(wanted, found, "expected", "captured", lineterm="")
            raise AssertionError(self._message("\n".join(["the tree differs:", *lines])))

    def _message(self, problem: str) -> str:
        captured = "captured:\n" + textwrap.indent(self.tree(), "  ") if len(self) else _nothing()
        parts = [problem, captured]
        still_open = [span.name for span in list(self._spans.open.values())]
        if still_open:
            parts.append(f"still open: {', '.join(still_open)}")
        return "\n".join(parts)

    def __repr__(self) -> str:
        return f"<Capture of {len(self)} spans>"


def _nothing() -> str:
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return "nothing was captured" + (": OTEL_SDK_DISABLED is set" if disabled else "")


def _stripped(text: str) -> list[str]:
    lines = textwrap.dedent(text).strip("\n").splitlines()
    return [line.rstrip() for line in lines]
