"""Checks of the arguments of ``configure()``, made before anything happens."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Final

from ..exporters import otlp, registry, urls
from .arguments import Arguments, sequence

_OTHER_EXPORTERS: Final = "a SpanExporter instance, or a sequence of these"
_TEXTS: Final = ("service_name", "endpoint", "protocol", "tracking_uri", "experiment")
_ATTRIBUTE_VALUES: Final = (str, bool, int, float, bytes)
_UNSENDABLE: Final = re.compile(r"[\x00-\x1f\x7f]")
# argument -> (the method that makes it one, what it has to be)
_METHODS: Final = {
    "sampler": ("should_sample", "a Sampler"),
    "tracer_provider": ("get_tracer", "a TracerProvider"),
    "meter_provider": ("get_meter", "a MeterProvider"),
    "logger_provider": ("get_logger", "a LoggerProvider"),
}


def check(arguments: Arguments) -> None:
    """Raise for the first argument that can't be meant.

    Raises:
        ValueError: for a value that is not among what is allowed.
        TypeError: for a value of the wrong type.
    """
    for name in _TEXTS:
        _check_text(name, getattr(arguments, name))
    for one in () if arguments.exporter is None else sequence(arguments.exporter):
        _check_exporter(one, arguments.exporter)
    _check_headers(arguments.headers)
    _check_resource(arguments.resource_attributes)
    for name, method in _METHODS.items():
        _check_method(name, getattr(arguments, name), method)


def check_together(arguments: Arguments) -> None:
    """Raise for arguments that don't go together; ``arguments`` are those of all calls.

    Raises:
        ValueError: for an unknown protocol, or an endpoint that is none under the protocol in force.
    """
    protocol = arguments.protocol
    if protocol is not None and protocol not in urls.PROTOCOLS:
        raise ValueError(_not_allowed("protocol", protocol, urls.PROTOCOLS))
    if arguments.endpoint is None:
        return
    protocol = otlp.protocol(protocol, "traces")
    wrong = urls.problem(arguments.endpoint, protocol)
    if wrong:
        shown, expected = urls.shown(arguments.endpoint), urls.EXPECTED[protocol]
        for_grpc = urls.problem(arguments.endpoint, urls.GRPC) is None
        hint = " (for gRPC pass protocol='grpc')" if for_grpc else ""
        raise ValueError(f"endpoint={shown!r} is not allowed: {wrong}; expected {expected}{hint}")


def _check_text(name: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if not value.strip():
        raise ValueError(f"{name}={value!r} is not allowed: it must not be empty")


def _check_method(name: str, value: object, wanted: tuple[str, str]) -> None:
    method, kind = wanted
    if value is not None and (isinstance(value, type) or not callable(getattr(value, method, None))):
        raise TypeError(f"{name} must be {kind}, not {_kind(value)}")


def _check_exporter(one: object, whole: object) -> None:
    if not isinstance(one, str):
        _check_exporter_object(one)
    elif one not in registry.NAMES:
        raise ValueError(_not_allowed("exporter", one, registry.NAMES, _OTHER_EXPORTERS))
    elif one == registry.NONE and len(sequence(whole)) > 1:
        raise ValueError(f"exporter={whole!r} is not allowed: 'none' can't be combined with others")


def _check_exporter_object(one: object) -> None:
    methods = [getattr(one, name, None) for name in ("export", "shutdown")]
    if isinstance(one, type) or not all(callable(method) for method in methods):
        names = ", ".join(repr(name) for name in registry.NAMES)
        raise TypeError(f"exporter={_kind(one)} is not allowed: expected {names}, {_OTHER_EXPORTERS}")


def _check_headers(headers: object) -> None:
    if headers is None:
        return
    if not isinstance(headers, Mapping):
        raise TypeError(f"headers must be a mapping of str to str, not {type(headers).__name__}")
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"headers[{name!r}] must be a str under a str, not {type(value).__name__}")
        if not name.strip() or _UNSENDABLE.search(name) or _UNSENDABLE.search(value):
            raise ValueError(
                f"headers[{name!r}] is not allowed: names and values are text without control characters"
            )


def _check_resource(attributes: object) -> None:
    if attributes is None:
        return
    if not isinstance(attributes, Mapping):
        raise TypeError(f"resource_attributes must be a mapping, not {type(attributes).__name__}")
    for name, value in attributes.items():
        if not isinstance(name, str) or not name:
            raise TypeError(f"resource_attributes must have str keys, not {name!r}")
        items = value if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) else (value,)
        if not all(item is None or isinstance(item, _ATTRIBUTE_VALUES) for item in items):
            raise TypeError(
                f"resource_attributes[{name!r}] must be a str, bool, int, float or a sequence of these, "
                f"not {type(value).__name__}"
            )


def _kind(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


def _not_allowed(argument: str, value: str, allowed: Sequence[str], also: str = "") -> str:
    close = difflib.get_close_matches(value.strip().lower(), allowed, n=1, cutoff=0.4)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    listed = ", ".join(repr(name) for name in allowed)
    return f"{argument}={value!r} is not allowed{hint}: expected one of {listed}{f', {also}' if also else ''}"
