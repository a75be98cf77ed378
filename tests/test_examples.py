"""Each example, run as a user runs it: its output, and the traces it draws."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from tests.configured import SOURCES
from tests.otlp_receivers import http_receiver

EXAMPLES = Path(__file__).parent.parent / "examples"
TIMEOUT = 60
MAX_LINES = 80
_ROW = re.compile(r"  ((?:[│├└ ][─ ]{2})*)((?:✗ )?\S.*?) {2,}[A-Z_]+ .*\d(?:µs|ms|s)\b")

pytestmark = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the examples are in the repository only")

RAG = """
    answer
      retrieval handbook
        embeddings text-embedding-3-small
      chat gpt-4o-mini
"""
ETL = """
    nightly_sales
      extract
      transform
        parse
        ✗ parse
        parse
      load
"""
MULTI_AGENT = """
    help_desk
      invoke_agent triage
        chat gpt-4o-mini
        execute_tool transfer_to_billing
      invoke_agent billing
        chat gpt-4o-mini
"""
STREAMING = """
    page
      answer
        chat gpt-4o-mini
      first piece shown
    answer
      chat gpt-4o-mini
"""
THREADS = """
    forecast
      execute_tool weather
      execute_tool weather
      execute_tool weather
      remember
"""
ASYNCIO = """
    book
      chapters
      ✗ slow_branch
      summarise
        chat gpt-4o-mini
      summarise
        chat gpt-4o-mini
      summarise
        chat gpt-4o-mini
"""
GATEWAY = """
    greet
      chat house-small
    ✗ greet
      ✗ chat house-small
"""
FASTAPI = """
    GET /answer
      answer
        chat gpt-4o-mini
"""
CLIENT = """
    order
      translate
      translate
"""
EVALUATION = """
    request
      answer
      judge
    request
      answer
      judge
"""
# example -> (its traces, what it prints, what else the drawing shows)
CASES = {
    "rag": (RAG, "Harbour lock", "100→14 tokens"),
    "etl_pipeline": (ETL, "1 row rejected\n", "◂ 2 sales loaded"),
    "multi_agent": (MULTI_AGENT, "The second charge is refunded.\n", "122→31 tokens"),
    "streaming": (STREAMING, "Tell... enough\n", "ttfc"),
    "threads": (THREADS, "Kiel: 16 degrees\n", "5 spans"),
    "asyncio_fanout": (ASYNCIO, "chapter 3", "CancelledError"),
    "gateway_wrapper": (GATEWAY, "the gateway said 503\n", "HTTP Error 503"),
    "fastapi_service": (FASTAPI, "200 Here is", "SERVER"),
    "client_ids": (CLIENT, "trace 0af7651916cd43dd8448eb211c80319c\n", "trace 0af76519"),
    "evaluation": (EVALUATION, "'name': 'user_feedback', 'score.value': 0.0}\n", "EVALUATOR"),
}


def run(name: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "PYTEST"))}
    given = {"COLUMNS": "140", "PYTHONIOENCODING": "utf-8", "NO_COLOR": "1", "NO_PROXY": "127.0.0.1"}
    return subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py")],
        env={**kept, **given, "PYTHONPATH": str(SOURCES), **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT,
        check=False,
    )


def outline(drawn: str) -> Iterator[str]:
    """The names in the drawn trees, indented by depth."""
    for line in drawn.splitlines():
        row = _ROW.match(line)
        if row is not None and not line.startswith(("  ▸", "  ◂")):
            yield "  " * (len(row[1]) // 3) + row[2]


def skip_without_fastapi(name: str) -> None:
    needed = ("fastapi", "httpx", "opentelemetry.instrumentation.fastapi")
    if name == "fastapi_service" and not all(importlib.util.find_spec(module) for module in needed):
        pytest.skip("fastapi is not installed")


@pytest.mark.parametrize("name", CASES)
def test_it_prints_and_draws_what_it_promises(name: str) -> None:
    skip_without_fastapi(name)
    traces, printed, drawn = CASES[name]
    result = run(name)
    assert result.returncode == 0, result.stderr
    assert list(outline(result.stderr)) == dedent(traces).strip().splitlines()
    assert printed in result.stdout
    assert drawn in result.stderr
    assert "Traceback" not in result.stderr and "WARNING" not in result.stderr


def test_they_send_to_a_collector_when_one_is_configured() -> None:
    with http_receiver() as receiver:
        result = run("rag", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint)
    assert result.returncode == 0, result.stderr
    assert receiver.span_names == [
        "answer",
        "chat gpt-4o-mini",
        "embeddings text-embedding-3-small",
        "retrieval handbook",
    ]
    root = next(span for span in receiver.spans if span.name == "answer")
    attributes = {item.key: item.value.string_value for item in root.attributes}
    assert (attributes["session.id"], attributes["genai_otel.tag.corpus"]) == ("session-7", "handbook")
    assert list(outline(result.stderr)) == []


def test_every_example_is_listed_tested_and_short() -> None:
    files = sorted(EXAMPLES.glob("*.py"))
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert {file.stem for file in files} == set(CASES)
    for file in files:
        assert f"[{file.name}]({file.name})" in listed
        text = file.read_text(encoding="utf-8")
        assert text.startswith('"""') and len(text.splitlines()) <= MAX_LINES, file.name
