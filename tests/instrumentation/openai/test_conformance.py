"""Recorded traffic replayed through the SDK: the right spans, and no violation of the conventions."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import openai
import pytest

from genai_otel import _settings
from genai_otel.testing.server import OpenAIServer
from tests.telemetry_capture import reset_globals

from .recorded_traffic import Player, Recorded, ask, load

SHARED = Path(__file__).parents[4] / "shared"
CONFORMANCE, CASSETTES = SHARED / "conformance", SHARED / "cassettes"
if not CONFORMANCE.is_dir() or not CASSETTES.is_dir():
    pytest.skip("the conformance checker and the recorded traffic are not here", allow_module_level=True)
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # of the checker
pytest.importorskip("yaml")
pytest.importorskip("jsonschema")
TRAFFIC = list(load(CASSETTES))
SUCCESSES = [recorded for recorded in TRAFFIC if recorded.status < 400]
# chat streams whose caller did not ask for the usage
SILENT = [each for each in SUCCESSES if each.body.get("stream") and b'"usage"' not in each.answer]


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"conformance_{name}", CONFORMANCE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


livecheck, capturing = _module("livecheck"), _module("capture")


@pytest.fixture(scope="module")
def registries() -> list[Any]:
    return [livecheck.load_registry(which) for which in ("pin", "main")]


@pytest.fixture(params=["no_content", "span_only", "event_only", "span_and_event"])
def capture(request: pytest.FixtureRequest, traced: None) -> Iterator[Any]:
    """Everything exported, in the form that the checker reads."""
    reset_globals()
    _settings.use(_settings.with_content(_settings.reload(), request.param))
    yield capturing.Capture()
    reset_globals()
    _settings.reload()


@pytest.fixture(scope="module")
def play() -> Iterator[Player]:
    with Player() as player:
        yield player


def violations(registries: list[Any], capture: Any, *allowed: str) -> set[str]:
    """What the checker finds, except missing attributes that the exchange did not provide."""
    dump = capture.dump()
    found = [each for registry in registries for each in livecheck.Checker(registry).check(dump)]
    return {
        f"{each.name}: {each.message}"
        for each in found
        if each.level == "violation" and not any(f"'{name}'" in each.message for name in allowed)
    }


def test_the_recorded_traffic_is_there() -> None:
    assert len(TRAFFIC) > 90
    assert {recorded.path for recorded in TRAFFIC if recorded.method == "POST"} == {
        "/chat/completions",
        "/responses",
        "/completions",
        "/embeddings",
        "/images/generations",
    }


def replay_all(play: Player, capture: Any, chosen: list[Recorded]) -> None:
    with openai.OpenAI(api_key="test", base_url=play.base_url, max_retries=0) as client:
        for recorded in chosen:
            play(recorded)
            try:
                ask(client, recorded)
            except openai.APIStatusError as exc:
                assert exc.status_code == recorded.status >= 400
    assert [span["name"] for span in capture.dump()["spans"]] == [recorded.span_name for recorded in chosen]


def test_recorded_traffic_gives_the_right_spans_without_violations(
    registries: list[Any], capture: Any, play: Player
) -> None:
    replay_all(play, capture, [recorded for recorded in SUCCESSES if recorded not in SILENT])

    assert violations(registries, capture) == set()


def test_streams_that_report_no_usage_lack_nothing_else(
    registries: list[Any], capture: Any, play: Player
) -> None:
    assert len(SILENT) == 2
    replay_all(play, capture, SILENT)

    assert violations(registries, capture, "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens") == set()


def test_recorded_failures_are_errors_without_violations(
    registries: list[Any], capture: Any, play: Player
) -> None:
    replay_all(play, capture, [recorded for recorded in TRAFFIC if recorded.status >= 400])

    assert {span["status"]["code"] for span in capture.dump()["spans"]} == {"error"}
    assert violations(registries, capture) == set()


def test_the_surface_of_the_sdk_has_no_violations(
    registries: list[Any], capture: Any, client: openai.OpenAI, server: OpenAIServer
) -> None:
    call_everything(client)

    spans = capture.dump()["spans"]
    assert len(spans) == 19
    assert {span["kind"] for span in spans} == {"client"}
    assert violations(registries, capture) == set()


def test_calls_without_a_recommended_fact_lack_nothing_else(
    registries: list[Any], capture: Any, client: openai.OpenAI, server: OpenAIServer
) -> None:
    client.vector_stores.search("vs_1", query="Hello")  # the caller set no limit
    client.responses.compact(model="gpt-4o-mini", input="Hello")  # a compaction does not name its model

    assert len(capture.dump()["spans"]) == 2
    assert violations(registries, capture, "gen_ai.retrieval.top_k", "gen_ai.response.model") == set()


def call_everything(client: openai.OpenAI) -> None:
    model, sound, picture = "gpt-4o-mini", ("a.wav", b"RIFF" + bytes(2_000)), ("a.png", b"\x89PNG")
    tool: Any = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}
    client.completions.create(model=model, prompt="Hello")
    client.embeddings.create(model="text-embedding-3-small", input="Hello")
    made = client.responses.create(model=model, instructions="Be brief", input="Hello", tools=[tool])
    client.responses.create(model=model, input="Hello", extra_headers={"x-mock": "items=all;reasoning=why"})
    client.responses.create(model=model, input="Hello", extra_headers={"x-mock": "refusal"})
    client.responses.create(model=model, input="Hello", extra_headers={"x-mock": "status_text=failed"})
    client.responses.create(model=model, input="Hello", extra_headers={"x-mock": "status_text=incomplete"})
    client.responses.retrieve(made.id)
    client.responses.cancel(made.id)
    client.vector_stores.search("vs_1", query=["Hello", "you"], max_num_results=2)
    client.images.generate(model="gpt-image-1", prompt="Hello")
    client.images.edit(model="gpt-image-1", prompt="Hello", image=picture)
    client.audio.speech.create(model="tts-1", voice="alloy", input="Hello")
    client.audio.transcriptions.create(model="whisper-1", file=sound)
    client.moderations.create(model="omni-moderation-latest", input="Hello")
    question: Any = {"type": "predicate", "instructions": "Hello?"}
    client.decisions.create(model=model, input="Hello", questions=[question])
    for stream in (
        client.responses.create(model=model, input="Hello", stream=True, tools=[tool]),
        client.images.generate(model="gpt-image-1", prompt="Hello", stream=True),
        client.audio.transcriptions.create(model="gpt-4o-transcribe", file=sound, stream=True),
    ):
        for _ in stream:
            pass
