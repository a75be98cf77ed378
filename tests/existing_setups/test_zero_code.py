"""``opentelemetry-instrument``: an application that knows nothing of tracing."""

from __future__ import annotations

import importlib.metadata
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from genai_otel.testing.server import OpenAIServer
from tests.configured import SOURCES
from tests.existing_setups.checks import outline, received
from tests.existing_setups.test_docs import shell_lines
from tests.existing_setups.throwaway import not_tested, require
from tests.otlp_receivers import HttpReceiver, http_receiver

pytest.importorskip("openai")
ROOT = Path(__file__).parents[2]
COMMAND = "opentelemetry-instrument --traces_exporter otlp python app.py"
# The application's own part of a longer program, with what it can see of its set-up.
CONFIGURED = """
import runpy, sys
import genai_otel
from tests.existing_setups.checks import untouched
with untouched():
    genai_otel.configure(capture_content=True)
    genai_otel.autolog()
    with genai_otel.context(session_id="s-1"), genai_otel.start_span("outer"):
        runpy.run_path({app!r})
    genai_otel.shutdown()
"""


@pytest.fixture
def bin_folder() -> Path:
    """Where ``opentelemetry-instrument`` is."""
    require("with opentelemetry-instrument", "opentelemetry.distro")
    points = importlib.metadata.entry_points(group="opentelemetry_instrumentor", name="openai")
    if [point.value.partition(":")[0] for point in points] != ["genai_otel.instrumentation.openai"]:
        not_tested("with opentelemetry-instrument", "genai-otel is not installed here (or not alone)")
    return Path(sys.executable).parent


def instrumented(
    command: str, folder: Path, receiver: HttpReceiver, server: OpenAIServer, **variables: str
) -> str:
    """Run a command as a shell would and return what it printed; nothing may have gone to stderr."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "PYTEST"))}
    done = subprocess.run(
        shlex.split(command),
        env={
            **inherited,
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(SOURCES), str(ROOT)]),
            "OPENAI_BASE_URL": server.base_url,
            "OPENAI_API_KEY": "test",
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            **variables,
        },
        executable=str(folder / shlex.split(command)[0]),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def app_command() -> str:
    assert COMMAND in shell_lines()
    return COMMAND.replace("app.py", str(ROOT / "examples" / "existing_setups" / "zero_code.py"))


def test_calls_are_traced_without_a_change_of_code(bin_folder: Path, openai_server: OpenAIServer) -> None:
    with http_receiver() as receiver:
        printed = instrumented(app_command(), bin_folder, receiver, openai_server, OTEL_SERVICE_NAME="shop")
        spans = received(receiver)
        assert receiver.resource()["service.name"] == "shop"
        assert "gen_ai.client.operation.duration" in receiver.metric_names
    assert printed.strip()
    assert outline(spans, leave_out=("POST",)) == ["chat gpt-4o-mini"]
    assert [span.name for span in spans if span.parent_id] in (
        [],
        ["POST"],
    )  # with HTTP instrumentation installed
    assert "gen_ai.input.messages" not in spans[-1].attributes


def test_content_is_switched_on_by_the_standard_variable(
    bin_folder: Path, openai_server: OpenAIServer
) -> None:
    variables = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_only"}
    with http_receiver() as receiver:
        instrumented(app_command(), bin_folder, receiver, openai_server, **variables)
        chat = next(span for span in received(receiver) if span.name.startswith("chat"))
    assert "Is the lock in stock?" in chat.attributes["gen_ai.input.messages"]


@pytest.mark.parametrize("disabled", ["openai", "httpx, openai"])
def test_disabled_instrumentations_are_honoured(
    disabled: str, bin_folder: Path, openai_server: OpenAIServer
) -> None:
    with http_receiver() as receiver:
        printed = instrumented(
            app_command(), bin_folder, receiver, openai_server, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=disabled
        )
        assert {span.name for span in received(receiver)} <= {"POST"}
    assert printed.strip()


def test_the_library_used_by_hand_joins_what_it_set_up(
    bin_folder: Path, openai_server: OpenAIServer, tmp_path: Path
) -> None:
    app = tmp_path / "app.py"
    zero_code = ROOT / "examples" / "existing_setups" / "zero_code.py"
    app.write_text(CONFIGURED.format(app=str(zero_code)))
    with http_receiver() as receiver:
        instrumented(COMMAND.replace("app.py", str(app)), bin_folder, receiver, openai_server)
        spans = received(receiver)
    assert outline(spans, leave_out=("POST",)) == ["outer", "  chat gpt-4o-mini"]
    assert {span.attributes["session.id"] for span in spans} == {"s-1"}


def test_otel_sdk_disabled_turns_everything_off(bin_folder: Path, openai_server: OpenAIServer) -> None:
    with http_receiver() as receiver:
        assert instrumented(
            app_command(), bin_folder, receiver, openai_server, OTEL_SDK_DISABLED="true"
        ).strip()
        assert receiver.requests == []
