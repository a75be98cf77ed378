"""How the test server is told to misbehave: the grammar of the ``x-mock`` header and of scripts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import unquote


@dataclass(frozen=True)
class Behaviour:
    """What one request is to be answered with; the default is an ordinary answer.

    Written as ``name=value`` pairs and bare names separated by ``;``, for example
    ``status=429;times=2;retry_after=0.01`` or ``chunk_delay=0.01;nodone``. Values are percent-decoded, so
    that ``%3B`` stands for a semicolon and ``%0A`` for a line break. ``body=`` takes the rest of the line.
    """

    # Failures: ``times`` limits these to the first requests.
    status: int | None = None  # answer with this HTTP status
    retry_after: float | None = None  # seconds, as Retry-After and retry-after-ms
    code: str | None = None  # the error's code
    type: str | None = None  # the error's type
    message: str | None = None  # the error's message
    delay: float = 0.0  # seconds before the answer begins
    drop: bool = False  # close the connection without answering
    badjson: bool = False  # a 200 whose body (or first event) isn't JSON
    abort_after: int | None = None  # close the connection after so many events, or half a plain body
    error_after: int | None = None  # an error event after so many events, then the end of the stream
    error_nested: bool = False  # Responses: put the in-band error under an "error" key
    body: str | None = None  # the whole answer, as JSON; a list is streamed item by item
    times: int | None = None  # how many requests the failures are for; default all

    # Transport of a stream.
    chunk_delay: float = 0.0  # seconds before each event but the first
    nodone: bool = False  # no [DONE]

    # Shape of the answer.
    text: str | None = None  # the answer's text; no tool is called
    echo: bool = False  # the text is the last user message
    chunks: int | None = None  # the text has this many pieces
    finish: str | None = None  # finish_reason
    refusal: str | None = None  # the model declines, with this text
    reasoning: str | None = None  # reasoning_content, or a reasoning item
    tool: str | None = None  # call this tool
    tool_calls: int | None = None  # how many tool calls, cycling through the tools offered
    tool_delta_noindex: bool = False  # streamed tool calls without index
    items: str | None = None  # Responses: "all" kinds of output item, or names separated by commas
    status_text: str | None = None  # status of the response, run, batch or video
    model: str | None = None  # the model reported

    # Usage.
    nousage: bool = False
    cached: int | None = None  # cached input tokens
    cache_write: int | None = None  # input tokens written to the cache
    reasoning_tokens: int | None = None

    def after_failures(self) -> Behaviour:
        """The same behaviour once its failures have happened ``times`` times."""
        return replace(self, **{name: _DEFAULTS[name] for name in _FAILURES})


_FIELDS = {field.name: str(field.type).split(" |")[0] for field in fields(Behaviour)}
_DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Behaviour)}
_FAILURES = tuple(_FIELDS)[: tuple(_FIELDS).index("times") + 1]
_BARE: dict[str, str] = {
    "refusal": "I'm sorry, I can't help with that.",
    "reasoning": "The question is short, so the answer is short.",
    "items": "all",
    "status_text": "failed",
}
_CONVERT: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "str": unquote,
    "bool": lambda value: value.lower() not in ("0", "false", "no"),
}


def parse(line: str) -> Behaviour:
    """Read a behaviour line; ``ValueError`` names what isn't understood and what is known."""
    values: dict[str, Any] = {}
    rest = line.strip()
    while rest:
        entry, _, rest = (rest, "", "") if rest.startswith("body=") else rest.partition(";")
        name, equals, value = entry.partition("=")
        rest = rest.lstrip()
        if name := name.strip():
            values[name] = _convert(name, value.strip() if equals else None)
    return Behaviour(**values)


def _convert(name: str, value: str | None) -> Any:
    kind = _FIELDS.get(name)
    if kind is None:
        raise ValueError(f"unknown behaviour {name!r}; known: {', '.join(_FIELDS)}")
    if value is None:
        value = "true" if kind == "bool" else _BARE.get(name)
    if value is None:
        raise ValueError(f"behaviour {name!r} needs a value")
    return value if name == "body" else _CONVERT[kind](value)
