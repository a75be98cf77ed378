"""The arguments of ``configure()``, remembered from call to call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Final

from ..exporters import registry
from ..exporters.registry import ExporterRequest

_OF_PROVIDER: Final = ("service_name", "resource_attributes", "sampler")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """What was given to ``configure()``; None stands for "not given"."""

    service_name: str | None = None
    exporter: Any = None
    endpoint: str | None = field(default=None, repr=False)
    protocol: str | None = None
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    resource_attributes: Mapping[str, Any] | None = None
    sampler: Any = None
    capture_content: bool | str | None = None
    redact: Callable[[str, Any], Any] | None = None
    max_content_length: int | None = None
    tracking_uri: str | None = None
    experiment: str | None = None
    tracer_provider: Any = None
    meter_provider: Any = None
    logger_provider: Any = None

    def given(self) -> dict[str, Any]:
        """Return the arguments that were given."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name)) is not None}

    def over(self, earlier: Arguments) -> Arguments:
        """Return ``earlier`` with the arguments given here in place of its own."""
        given = self.given()
        if self.names_exporter and self.exporter is None and not earlier.reads("endpoint"):
            given["exporter"] = ("otlp",)
        return Arguments(**{**earlier.given(), **given})

    @property
    def names_exporter(self) -> bool:
        """Whether this call says where spans go; an endpoint alone means OTLP."""
        return self.exporter is not None or self.endpoint is not None

    def exporters(self) -> tuple[Any, ...]:
        """Return the exporters named, without repetitions and without "none"."""
        chosen = () if self.exporter is None else sequence(self.exporter)
        unique: list[Any] = []
        for one in chosen:
            if not any(_same(one, other) for other in (registry.NONE, *unique)):
                unique.append(one)
        return tuple(unique)

    def reads(self, argument: str) -> bool:
        """Whether one of the exporters named makes use of ``argument``."""
        readers = registry.READERS[argument]
        return any(isinstance(one, str) and one in readers for one in self.exporters())

    def unread(self, exporters: Iterable[Any]) -> list[str]:
        """Return the arguments given here that none of ``exporters`` makes use of."""
        names = {one for one in exporters if isinstance(one, str)}
        given = self.given()
        return [
            name
            for name, readers in registry.READERS.items()
            if name in given and not names.intersection(readers)
        ]

    def of_provider(self) -> list[str]:
        """Return the arguments given here that shape a provider; they have no effect on one not ours."""
        return [name for name in _OF_PROVIDER if getattr(self, name) is not None]

    def request(self) -> ExporterRequest:
        """Return what the builders of named exporters get to see."""
        headers: Mapping[str, str] = MappingProxyType(dict(self.headers or {}))
        return ExporterRequest(self.endpoint, self.protocol, headers, self.tracking_uri, self.experiment)


def sequence(exporter: Any) -> tuple[Any, ...]:
    """Return the exporters that an ``exporter=`` argument lists; a single one is a list of one."""
    listed = isinstance(exporter, Sequence) and not isinstance(exporter, (str, bytes, bytearray))
    return tuple(exporter) if listed else (exporter,)


def _same(one: object, other: object) -> bool:
    return one is other or (isinstance(one, str) and isinstance(other, str) and one == other)
