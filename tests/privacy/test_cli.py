"""The command line on a machine full of keys."""

from __future__ import annotations

import pytest

from tests.configured import run

from .planted import SECRET, traces

KEY = SECRET[:12]
KEYS = {
    "OPENAI_API_KEY": KEY,
    "OPENAI_ORG_ID": KEY,
    "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://user:{KEY}@127.0.0.1:9/?token={KEY}",
    "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer {KEY},x-key={KEY}",
    "OTEL_RESOURCE_ATTRIBUTES": f"deployment.key={KEY}",
    "MLFLOW_TRACKING_TOKEN": KEY,
    "MLFLOW_TRACKING_PASSWORD": KEY,
    "PHOENIX_API_KEY": KEY,
    "LANGFUSE_SECRET_KEY": KEY,
}
_BOTH = """
import contextlib
from genai_otel.cli import main
for arguments in (["doctor"], ["doctor", "--json"]):
    with contextlib.suppress(SystemExit):
        main(arguments)
"""


def test_the_doctor_shows_no_key() -> None:
    pytest.importorskip("openai")
    made = run(_BOTH, **KEYS)
    assert "http://127.0.0.1:9/v1/traces" in made.stdout, made.stderr
    assert '"findings"' in made.stdout
    assert traces((made.stdout + made.stderr).encode()) == []
