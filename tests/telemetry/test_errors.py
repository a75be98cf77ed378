"""How exceptions are described, and that a provider's quotes leak nowhere while content is off."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pydantic
import pytest
from opentelemetry import trace as otel_trace

import genai_otel
from genai_otel import start_span
from genai_otel.telemetry import errors
from tests.telemetry_capture import Telemetry

SECRET = "the quoted prompt"


def provider_error() -> openai.BadRequestError:
    response = httpx.Response(400, request=httpx.Request("POST", "https://api.openai.com"))
    body = {"message": f"Invalid: {SECRET}", "code": "context_length_exceeded"}
    return openai.BadRequestError(f"Error code: 400 - Invalid: {SECRET}", response=response, body=body)


def validation_error() -> pydantic.ValidationError:
    class Answer(pydantic.BaseModel):
        number: int

    with pytest.raises(pydantic.ValidationError) as caught:
        Answer(number=SECRET)  # type: ignore[arg-type]
    return caught.value


class OwnError(openai.OpenAIError):
    """A subclass of the provider's, defined by the application."""


def wrapped(error: Exception) -> Exception:
    try:
        try:
            raise error
        except Exception as exc:
            raise RuntimeError(f"model call failed: {exc}") from exc
    except RuntimeError as exc:
        return exc


def in_context(error: Exception) -> Exception:
    try:
        try:
            raise error
        except Exception as exc:
            raise RuntimeError(f"while handling: {exc}")  # noqa: B904
    except RuntimeError as exc:
        return exc


QUOTING: dict[str, Any] = {
    "provider": provider_error,
    "validation": validation_error,
    "subclass": lambda: OwnError(SECRET),
    "wrapped": lambda: wrapped(provider_error()),
    "wrapped validation": lambda: wrapped(validation_error()),
    "in context": lambda: in_context(provider_error()),
    "twice wrapped": lambda: wrapped(wrapped(provider_error())),
}


@pytest.mark.parametrize("make", QUOTING.values(), ids=list(QUOTING))
@pytest.mark.parametrize("mode", ["no_content", "event_only"])
def test_while_content_is_off_on_spans_no_quote_reaches_one(mode: str, make: Any) -> None:
    error = make()
    with Telemetry(capture_content=mode) as telemetry:
        for span_type in ("UNKNOWN", "LLM"):
            with pytest.raises(type(error)), start_span("s", span_type):
                raise error
        with start_span("recorded") as span:
            span.record_exception(error).set_status("ERROR", str(error))
        with pytest.raises(type(error)):
            with otel_trace.use_span(genai_otel.start_span_no_context("used"), end_on_exit=True):
                raise error
        assert len(telemetry.spans) == 4
        for span_ in telemetry.spans:
            assert SECRET not in span_.to_json()
        assert SECRET not in str(telemetry.events)


@pytest.mark.parametrize("make", QUOTING.values(), ids=list(QUOTING))
def test_with_content_on_the_message_is_recorded(telemetry: Telemetry, make: Any) -> None:
    error = make()
    with pytest.raises(type(error)), start_span("s"):
        raise error
    assert SECRET in telemetry.one("s").to_json()


def test_status_and_code_of_a_providers_error_are_kept(telemetry_without_content: Telemetry) -> None:
    with pytest.raises(openai.BadRequestError), start_span("s"):
        raise provider_error()
    span = telemetry_without_content.one("s")
    assert span.status.description == "Error code: 400 - context_length_exceeded"
    assert (span.attributes or {})["error.type"] == "openai.BadRequestError"
    stacktrace = str((span.events[0].attributes or {})["exception.stacktrace"])
    assert "in test_status_and_code_of_a_providers_error_are_kept" in stacktrace
    assert "raise provider_error()" not in stacktrace  # source code may hold prompts and keys


def test_the_rest_of_a_message_that_repeats_a_quote_is_kept() -> None:
    error = wrapped(provider_error())
    told = "model call failed: Error code: 400 - context_length_exceeded"
    assert errors.message(error, content=False) == told
    assert told in errors.stacktrace(error, content=False)


def test_other_exceptions_keep_their_messages(telemetry_without_content: Telemetry) -> None:
    with pytest.raises(ValueError), start_span("s"):
        raise ValueError("of the application")
    assert telemetry_without_content.one("s").status.description == "of the application"


def test_a_redactor_sees_and_may_drop_message_and_stack_trace() -> None:
    seen: list[str] = []

    def redact(where: str, value: Any) -> Any:
        seen.append(where)
        return None if where == "exception.stacktrace" else value.replace("hunter2", "***")

    with Telemetry(redact=redact) as telemetry, pytest.raises(ValueError), start_span("s"):
        raise ValueError("password hunter2")
    span = telemetry.one("s")
    (event,) = span.events
    assert dict(event.attributes or {}) == {
        "exception.type": "ValueError",
        "exception.message": "password ***",
    }
    assert span.status.description == "password ***"
    assert {"exception.message", "exception.stacktrace"} <= set(seen)


def test_a_circular_chain_ends() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert errors.stacktrace(first, content=True).count("ValueError") == 2


def test_a_suppressed_context_is_left_out() -> None:
    try:
        try:
            raise KeyError("inner")
        except KeyError:
            raise ValueError("outer") from None
    except ValueError as exc:
        assert "inner" not in errors.stacktrace(exc, content=True)


def test_the_stack_trace_reads_as_pythons_own() -> None:
    import traceback

    try:
        wrong = {}["missing"]
    except KeyError as exc:
        own = [line for line in traceback.format_exc().splitlines() if line.strip("^~ ")]
        assert errors.stacktrace(exc, content=True).splitlines() == own
    else:
        assert wrong
