"""What exceptions say: the application's own words, never a provider's, and no line of source code, with content off."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pydantic
import pytest
from opentelemetry import trace as otel_trace

import genai_otel
from genai_otel import start_span, trace
from genai_otel.telemetry import errors

from .planted import SECRET, traces
from .signals import Everything

BODY: dict[str, Any] = {
    "message": f"Invalid value in your prompt: {SECRET} is not allowed",
    "param": f"messages[0].{SECRET}",
    "code": "bad_value",
    "type": "invalid_request_error",
    "details": [{"input": [SECRET]}],
}


def provider_error() -> openai.BadRequestError:
    response = httpx.Response(400, request=httpx.Request("POST", "https://api.openai.com"))
    return openai.BadRequestError(f"Error code: 400 - {BODY}", response=response, body=BODY)


class Wrapping(Exception):
    """An application's own."""


WRAPPED: dict[str, Callable[[openai.BadRequestError], str]] = {
    "its text": str,
    "its repr": repr,
    "its text as json": lambda error: repr(str(error)),
    "its body": lambda error: str(error.body),
    "its message": lambda error: BODY["message"],
    "a part of its message": lambda error: BODY["message"][20:60],
    "its parameter": lambda error: BODY["param"],
    "what it quotes": lambda error: f"refused: {SECRET}",
    "its first hundred characters": lambda error: str(error)[:100],
    "its lines": lambda error: "\n".join(f"  {key}={value}" for key, value in BODY.items()),
}


@pytest.mark.parametrize("way", WRAPPED)
@pytest.mark.parametrize("link", ["cause", "context", "suppressed context", "cause of a cause"])
def test_a_providers_words_in_another_exception(way: str, link: str) -> None:
    def failing() -> None:
        try:
            raise provider_error()
        except openai.BadRequestError as error:
            wrapping = Wrapping(f"the model said {WRAPPED[way](error)}")
            if link == "context":
                raise wrapping  # noqa: B904
            if link == "suppressed context":
                raise wrapping from None
            raise wrapping from (error if link == "cause" else Wrapping(str(wrapping)))

    with Everything() as seen:
        with pytest.raises(Wrapping), start_span("s"):
            failing()
        (span,) = seen.spans
        assert span.status.description
        assert "tests.privacy.test_exceptions.Wrapping" in str(span.attributes)
        assert traces(seen.dump()) == []


def test_the_applications_own_words_stay() -> None:
    with Everything() as seen:
        with pytest.raises(Wrapping), start_span("s"):
            try:
                raise provider_error()
            except openai.BadRequestError as error:
                raise Wrapping("could not rank the offers") from error
        assert seen.one("s").status.description == "could not rank the offers"


def test_a_status_set_while_a_providers_exception_is_handled() -> None:
    with Everything() as seen, start_span("s") as span:
        try:
            raise provider_error()
        except openai.BadRequestError as error:
            span.set_status("ERROR", f"failed: {error}")
        span.end()
        assert seen.one("s").status.description == "failed: Error code: 400 - bad_value"
        assert traces(seen.dump()) == []


def test_another_instrumentations_use_of_our_span() -> None:
    with Everything() as seen:
        span = genai_otel.start_span_no_context("s")
        with pytest.raises(openai.BadRequestError), otel_trace.use_span(span, end_on_exit=True):
            raise provider_error()
        assert seen.one("s").status.status_code.name == "ERROR"
        assert traces(seen.dump()) == []


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups and notes")
def test_groups_and_notes() -> None:
    with Everything() as seen:
        error = provider_error()
        error.add_note(f"a note: {SECRET}")
        group = ExceptionGroup(f"two failed: {error}", [error, Wrapping(SECRET)])  # noqa: F821
        for raised in (error, group):
            with pytest.raises(type(raised)), start_span("s"):
                raise raised
        assert "two failed" in str(seen.spans[1].status.description)
        assert traces(seen.dump()) == []


def test_a_validation_error_shows_no_input() -> None:
    class Answer(pydantic.BaseModel):
        number: int

    def failing() -> None:
        try:
            Answer.model_validate_json(f'{{"number": "{SECRET[:12]}"}}')
        except pydantic.ValidationError as error:
            raise Wrapping(f"no answer: {error.errors()}") from error

    with Everything() as seen:
        with pytest.raises(Wrapping), start_span("s"):
            failing()
        assert seen.spans
        assert traces(seen.dump()) == []


URLS = {
    "a key in the query": f"401 for url: https://api.example.org/v1?key={SECRET[:12]}&x=1",
    "a key in a relative url": f"Max retries exceeded with url: /v1/items?a=1&api_key={SECRET[:12]} (Caused by",
    "a password": f"cannot connect to https://user:{SECRET[:12]}@example.org/v1",
    "a password with an at": f"cannot connect to https://user:{SECRET[:6]}@{SECRET[6:12]}@example.org/v1",
    "a name": f"cannot connect to redis://{SECRET[:12]}@example.org:6379/0",
}


@pytest.mark.parametrize("kind", URLS)
def test_urls_in_messages_have_no_credentials(kind: str) -> None:
    with Everything() as seen:
        with pytest.raises(ConnectionError), start_span("s"):
            raise ConnectionError(URLS[kind])
        with start_span("t") as span:
            try:
                raise ConnectionError(URLS[kind])
            except ConnectionError as error:
                span.set_status("ERROR", str(error))
        assert "url: " in URLS[kind] or "example.org" in str(seen.spans[0].status.description)
        assert traces(seen.dump()) == []


def test_lines_of_source_code_are_content() -> None:
    @trace
    def failing() -> None:
        raise Wrapping  # Zq7Xv9Kd3mWp

    for mode, expected in (("no_content", False), ("event_only", False), ("span_only", True)):
        with Everything(capture_content=mode) as seen:
            with pytest.raises(Wrapping):
                failing()
            stacktrace = str((seen.one("failing").events[0].attributes or {})["exception.stacktrace"])
            assert ", in failing\n" in stacktrace
            assert bool(traces(seen.dump())) is expected


def test_a_providers_exception_as_an_argument_or_a_result_is_content() -> None:
    with Everything() as seen:
        trace(lambda error: error)(provider_error())
        assert seen.spans
        assert traces(seen.dump()) == []


def test_a_very_long_message_is_searched_in_little_time() -> None:
    error = Wrapping("x" * 1_000_000)
    error.__cause__ = provider_error()
    error.__cause__.body = {"message": "y" * 1_000_000}
    assert len(errors.message(error, content=False)) <= 4_096
