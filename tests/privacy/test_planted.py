"""The search itself: a suite that looks for secrets has to be able to find them."""

from __future__ import annotations

import base64
import json
import zlib
from urllib.parse import quote

import pytest

from genai_otel import start_span

from .planted import SECRET, traces
from .signals import Everything

FORMS = {
    "plain": SECRET.encode(),
    "in a url": quote(SECRET, safe="").encode(),
    "as json": json.dumps({"k": SECRET}).encode(),
    "as json in json": json.dumps(json.dumps(SECRET)).encode(),
    "utf-16": SECRET.encode("utf-16"),
    "utf-16, big-endian": SECRET.encode("utf-16-be"),
    "hex": SECRET.encode().hex().encode(),
    "its first half": SECRET[:7].encode(),
    "its middle": SECRET[4:11].encode(),
    "its last half": SECRET[-7:].encode(),
    **{f"base64 after {n} bytes": base64.b64encode(b"x" * n + SECRET.encode()) for n in range(6)},
}


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_found_in_every_form(form: str) -> None:
    assert traces(b"before " + FORMS[form] + b" after")


def test_other_text_is_none() -> None:
    assert not traces(base64.b64encode(bytes(range(256))) + zlib.compress(b"text") + b"Zq7Xv 4Tn8R" * 9)


@pytest.mark.parametrize("part", ["spans_sent", "shown"])
def test_a_secret_on_a_span_is_found_in_each_way_that_spans_take(part: str) -> None:
    with Everything() as seen:
        with start_span("s") as span:
            span.set_inputs(SECRET)
        assert traces(getattr(seen, part)())
        assert traces(seen.dump())


def test_a_secret_in_the_log_is_found() -> None:
    from genai_otel._guard import logger

    with Everything() as seen:
        try:
            raise ValueError(SECRET)
        except ValueError:
            logger.debug("a line", exc_info=True)
        assert traces(seen.said())
