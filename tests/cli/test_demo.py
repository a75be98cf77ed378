"""``genai-otel demo``, run as a user would: one trace, correct telemetry, and nothing of the content when it is off."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from genai_otel.cli import main
from genai_otel.cli.demo import QUESTION
from genai_otel.cli.demo_pipeline import HANDBOOK
from tests.shared import CONFORMANCE, require, violations

pytest.importorskip("openai")

# runs the demo with providers of ours installed and writes down all three signals
_CAPTURED = """
import json, sys
sys.path.insert(0, sys.argv[1])
from capture import Capture
capture = Capture()
from genai_otel.cli import main
code = main(["demo", *sys.argv[3:]])
json.dump(capture.dump(), open(sys.argv[2], "w"))
sys.exit(code)
"""


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "genai_otel.cli", "demo", *arguments]
    env = {**os.environ, "COLUMNS": "100", **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=env)


def captured(folder: Path, *arguments: str) -> dict[str, Any]:
    require(CONFORMANCE / "capture.py")
    target = folder / "dump.json"
    command = [sys.executable, "-c", _CAPTURED, str(CONFORMANCE), str(target), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(target.read_text())
    return found


def test_the_tree_shows_manual_and_automatic_spans_and_the_error() -> None:
    done = run()
    assert done.returncode == 0, done.stderr
    for expected in (
        "invoke_agent shop_assistant",
        "retrieval handbook",
        "execute_tool check_stock",
        "plan plan",
    ):
        assert expected in done.stdout
    assert done.stdout.count("chat gpt-4o-mini") == 3
    assert "TimeoutError: the courier did not answer" in done.stdout
    assert "stock of 'lock'?" in done.stdout
    assert "tokens in" in done.stdout.splitlines()[-1]


def test_piped_output_has_no_colour_and_stderr_is_silent() -> None:
    done = run()
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_everything_is_one_trace_with_the_agent_at_its_root(tmp_path: Path) -> None:
    spans = captured(tmp_path)["spans"]
    assert len({span["trace_id"] for span in spans}) == 1
    roots = [span for span in spans if span["parent_id"] is None]
    assert [span["name"] for span in roots] == ["invoke_agent shop_assistant"]
    names = {span["span_id"]: span["name"] for span in spans}
    parents = {
        span["name"]: names.get(span["parent_id"]) for span in spans if span["name"] != "chat gpt-4o-mini"
    }
    assert parents["execute_tool courier_quote"] == "invoke_agent shop_assistant"
    assert parents["embeddings text-embedding-3-small"] == "retrieval handbook"
    assert all(span["end_time"] for span in spans)


def test_usage_of_the_chat_calls_is_summed_on_the_agent(tmp_path: Path) -> None:
    spans = captured(tmp_path)["spans"]
    chats = [span["attributes"] for span in spans if span["name"] == "chat gpt-4o-mini"]
    agent = next(span["attributes"] for span in spans if span["parent_id"] is None)
    for key in ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"):
        assert agent[key] == sum(chat[key] for chat in chats)


@pytest.mark.parametrize("registry", ["pin", "main"])
def test_it_conforms_with_content(tmp_path: Path, registry: str) -> None:
    found = violations(captured(tmp_path, "--capture-content"), tmp_path, registry)
    # the preview that the demo itself sets is the user's attribute, which no registry knows
    assert {item["context"].get("attribute_key") for item in found} <= {"genai_otel.request_preview"}, found


@pytest.mark.parametrize("registry", ["pin", "main"])
def test_it_conforms_without_content(tmp_path: Path, registry: str) -> None:
    assert violations(captured(tmp_path, "--no-capture-content"), tmp_path, registry) == []


def test_without_content_nothing_of_it_is_exported(tmp_path: Path) -> None:
    dump = json.dumps(captured(tmp_path, "--no-capture-content"))
    secrets = [
        *HANDBOOK.values(),
        QUESTION,
        "According to",
        "pieces",
        '"lock"',
        "Plan in one line",
        "two days",
        "today",
    ]
    assert [secret for secret in secrets if secret in dump] == []


def test_an_unreachable_collector_is_said_and_fails_the_command() -> None:
    done = run("--endpoint", "http://127.0.0.1:1")
    assert done.returncode == 1
    assert "did not take it" in done.stdout
    assert "Traceback" not in done.stderr


def test_an_unknown_command_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["dmeo"])
    assert "demo" in capsys.readouterr().err
