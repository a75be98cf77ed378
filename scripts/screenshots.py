"""Takes pictures of one demo trace in MLflow's, Phoenix's and Jaeger's UI: ``python scripts/screenshots.py``.

Run it with a Python that has this package with the ``openai`` extra, pytest and PyYAML; it starts the servers
as the end-to-end tests do and writes ``docs/images/*.png``. It installs no browser: without a Chromium on this
machine, or without a server, it says what it leaves out and goes on.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT), str(ROOT / "scripts")]

import pytest  # noqa: E402
from chromium import Chromium, find  # noqa: E402
from tests.e2e.backends import Mlflow, Phoenix  # noqa: E402
from tests.e2e.conftest import Jaeger  # noqa: E402
from tests.e2e.servers import environment  # noqa: E402

IMAGES: Final = ROOT / "docs" / "images"
_NAME: Final = "bicycle shop"
_ROOT_SPAN: Final = "invoke_agent shop_assistant"
# Run in a process of its own, so that each backend gets a trace of its own from a fresh set-up.
_DEMO: Final = """
import ast, sys
import genai_otel
from genai_otel.cli.demo import QUESTION
from genai_otel.cli.demo_pipeline import Pipeline
from genai_otel.testing.server import OpenAIServer

genai_otel.configure("bicycle-shop", capture_content=True, **ast.literal_eval(sys.argv[1]))
genai_otel.autolog()
with OpenAIServer() as server, genai_otel.context(session_id="visit-42", user_id="ada", tags={"env": "demo"}):
    Pipeline(server.base_url, "gpt-4o-mini", "text-embedding-3-small", preview=True).shop_assistant(QUESTION)
delivered = genai_otel.flush(20_000)
print(genai_otel.get_last_active_trace_id() if delivered else "")
"""


def say(text: str) -> None:
    """Tell who runs the script."""
    sys.stderr.write(f"{text}\n")


def demo(**arguments: Any) -> str:
    """Run the demo's pipeline with these arguments of ``configure()``; return the id of its trace."""
    done = subprocess.run(
        [sys.executable, "-c", _DEMO, repr(arguments)],
        env=environment(OTEL_METRICS_EXPORTER="none", OTEL_LOGS_EXPORTER="none"),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    trace_id = done.stdout.strip()
    if not trace_id:
        raise RuntimeError(f"the demo's trace was not delivered: {done.stderr[-500:]}")
    return trace_id


def mlflow(browser: Chromium, folder: Path) -> Iterator[str]:
    """The table of traces, and a chat in one of them."""
    with _started(Mlflow(folder)) as server:
        trace_id = demo(exporter="mlflow", tracking_uri=server.url, experiment=_NAME)
        experiment = server.experiment(_NAME.replace(" ", "%20"))["experiment_id"]
        traces = f"{server.url}/#/experiments/{experiment}/traces"
        browser.open(traces, "stock of")
        browser.click("Got it")
        browser.click("Close")
        yield "mlflow-traces"
        browser.open(f"{traces}?traceId=tr-{trace_id}", _ROOT_SPAN)
        browser.click("Got it")
        browser.click("chat gpt-4o-mini")
        browser.wait_for("Assistant")
        yield "mlflow-trace"


def phoenix(browser: Chromium, folder: Path) -> Iterator[str]:
    """A trace, with the last chat in it."""
    with _started(Phoenix(folder)) as server:
        trace_id = demo(exporter="phoenix", endpoint=server.url, experiment=_NAME)
        server.spans(_NAME.replace(" ", "%20"), 9)
        projects = {one["name"]: one["id"] for one in server.get("/v1/projects")["data"]}
        browser.open(f"{server.url}/projects/{projects[_NAME]}/traces/{trace_id}", _ROOT_SPAN)
        browser.click("chat gpt-4o-mini")
        time.sleep(2)
        yield "phoenix-trace"


def jaeger(browser: Chromium, folder: Path) -> Iterator[str]:
    """A trace, where this Jaeger was built with its UI."""
    script = [str(ROOT / "scripts" / "jaeger.sh"), "path"]
    binary = Path(subprocess.run(script, capture_output=True, text=True, check=True).stdout.strip())
    if not binary.exists():
        raise RuntimeError("there is none; `make jaeger` builds it")
    with _started(Jaeger(binary, folder)) as server:
        trace_id = demo(exporter="otlp", endpoint=server.http)
        browser.open(f"{server.api}/trace/{trace_id}", _ROOT_SPAN)
        yield "jaeger-trace"


@contextlib.contextmanager
def _started(server: Any) -> Iterator[Any]:
    try:
        server.start()
        yield server
    finally:
        server.stop()


def take(browser: Chromium, scenes: Callable[[Chromium, Path], Iterator[str]]) -> bool:
    """Take the pictures of one backend; returns whether that was possible."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            for name in scenes(browser, Path(folder)):
                browser.picture(IMAGES / f"{name}.png")
                say(f"{name}.png")
        except (Exception, pytest.skip.Exception) as exc:
            say(f"NO PICTURE of {scenes.__name__}: {exc}")
            return False
    return True


def main() -> int:
    """Take all pictures."""
    program = find()
    if program is None:
        say("NO PICTURES: there is no Chromium on this machine; set CHROMIUM to one")
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    with Chromium(program) as browser:
        taken = [take(browser, scenes) for scenes in (mlflow, phoenix, jaeger)]
    return 0 if all(taken[:2]) else 1


if __name__ == "__main__":
    sys.exit(main())
