"""Another instrumentation of the OpenAI SDK, active at the same time."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from genai_otel.testing.server import OpenAIServer
from tests.configured import run
from tests.existing_setups.throwaway import path_with

pytest.importorskip("openai")

OPENTELEMETRY = (
    "opentelemetry.instrumentation.genai.openai",
    "opentelemetry-instrumentation-genai-openai==1.3b0",
    "opentelemetry-util-genai==1.3b0",
)
OPENINFERENCE = (
    "openinference.instrumentation.openai",
    "openinference-instrumentation-openai==0.1.66",
    "openinference-instrumentation==0.1.72",
    "openinference-semantic-conventions==0.1.42",
)
CALLS = ["  chat gpt-4o-mini", "  chat gpt-4o-mini", "  embeddings text-embedding-3-small"]
ORDERS = pytest.mark.parametrize("first", ["ours", "theirs"])


def results_of(other: tuple[str, ...], first: str, server: OpenAIServer) -> tuple[list[Any], list[str]]:
    """Return what the example did with both, with ours alone and with none; and the warnings."""
    module, *requirements = other
    done = run(
        f"import runpy, sys; sys.argv[1:] = {[module, first]!r}\n"
        "runpy.run_module('tests.existing_setups.second_instrumented', run_name='__main__')",
        PYTHONPATH=path_with(*requirements),
        OPENAI_BASE_URL=server.base_url,
        OPENAI_API_KEY="test",
    )
    assert done.returncode == 0, done.stderr
    print(done.stderr, file=sys.stderr)
    return json.loads(done.stdout.splitlines()[-1]), done.stderr.splitlines()


@ORDERS
def test_with_opentelemetrys_own_there_is_one_span_per_call_in_either_order(
    first: str, openai_server: OpenAIServer
) -> None:
    (both, alone, none), warnings = results_of(OPENTELEMETRY, first, openai_server)
    assert both["tree"] == alone["tree"] == ["answer", *CALLS]
    assert both["ours"] == ["answer"]
    assert alone["ours"] == ["answer", *sorted(line.strip() for line in CALLS)]
    assert none["tree"] == ["answer"]
    assert both["answer"] == alone["answer"] == none["answer"]
    (warning,) = warnings
    assert OPENTELEMETRY[0] in warning


def test_others_that_are_switched_on_later_have_ours_inside_theirs(openai_server: OpenAIServer) -> None:
    (both, alone, none), warnings = results_of(OPENINFERENCE, "ours", openai_server)
    theirs = ["  ChatCompletion", "  ChatCompletion", "  CreateEmbeddings"]
    pairs = zip(theirs, CALLS, strict=True)
    assert both["tree"] == ["answer", *(line for outer, inner in pairs for line in (outer, f"  {inner}"))]
    assert alone["tree"] == ["answer", *CALLS]
    assert none["tree"] == ["answer"]
    (warning,) = warnings
    assert OPENINFERENCE[0] in warning


def test_others_that_were_switched_on_before_keep_the_calls_to_themselves(
    openai_server: OpenAIServer,
) -> None:
    (both, alone, none), warnings = results_of(OPENINFERENCE, "theirs", openai_server)
    assert both["tree"] == ["answer", "  ChatCompletion", "  ChatCompletion", "  CreateEmbeddings"]
    # what they leave behind on the client class hides ours, even when they are switched off
    assert both["ours"] == alone["tree"] == none["tree"] == ["answer"]
    (warning,) = warnings
    assert OPENINFERENCE[0] in warning
