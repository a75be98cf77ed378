"""With content off, nothing of what was sent, answered, uploaded or refused leaves the process."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pydantic
import pytest
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

import genai_otel
from genai_otel.testing.server import OpenAIServer
from tests.telemetry_capture import Telemetry

MODEL = "gpt-4o-mini"


class Plants:
    """Strings that are put wherever a caller or a server can put one."""

    def __init__(self) -> None:
        self.all: list[str] = []

    def __call__(self, what: str) -> str:
        self.all.append(f"Planted{len(self.all):03d}{what.title().replace(' ', '')}")
        return self.all[-1]


def exported(telemetry: Telemetry) -> bytes:
    """Everything that would go over the wire, of all three signals."""
    metrics = telemetry.reader.get_metrics_data()
    logs = telemetry.log_exporter.get_finished_logs()
    return b"".join(
        (
            encode_spans(telemetry.spans).SerializeToString(),
            encode_metrics(metrics).SerializeToString() if metrics is not None else b"",
            encode_logs(logs).SerializeToString() if logs else b"",
        )
    )


class Diagnosis(pydantic.BaseModel):
    number: int


def conversation(plant: Plants) -> list[Any]:
    arguments = json.dumps({plant("argument name"): plant("argument")})
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    return [
        {"role": "system", "content": plant("system prompt")},
        {"role": "user", "name": plant("user name"), "content": plant("first question")},
        {"role": "assistant", "content": plant("earlier answer"), "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": plant("tool result")},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": plant("question")},
                {"type": "image_url", "image_url": {"url": f"https://example.org/{plant('image url')}.png"}},
                {"type": "file", "file": {"filename": plant("file name"), "file_data": plant("file data")}},
                {"type": "input_audio", "input_audio": {"data": plant("audio data"), "format": "wav"}},
            ],
        },
    ]


def tool(plant: Plants) -> Any:
    properties = {plant("parameter name"): {"type": "string", "description": plant("parameter")}}
    parameters = {"type": "object", "properties": properties}
    return {
        "type": "function",
        "function": {"name": plant("tool name"), "description": plant("tool"), "parameters": parameters},
    }


def chat(client: Any, plant: Plants, mock: str = "echo", **more: Any) -> Any:
    return client.chat.completions.create(
        model=MODEL,
        messages=conversation(plant),
        tools=[tool(plant)],
        user=plant("user"),
        metadata={"k": plant("metadata")},
        extra_headers={
            "x-mock": mock,
            "x-secret": plant("header"),
            "Authorization": f"Bearer {plant('key')}",
        },
        extra_query={"q": plant("query")},
        extra_body={"extra": plant("extra body")},
        **more,
    )


def error_body(plant: Plants) -> str:
    """An error that quotes what was sent, as providers' do."""
    error = {
        "message": f"Invalid value: {plant('error message')}",
        "param": plant("error param"),
        "code": "bad",
    }
    return f"status=400;body={json.dumps({'error': error})}"


def answer_body(plant: Plants, **message: Any) -> str:
    function = {"name": plant("called name"), "arguments": json.dumps({"x": plant("called argument")})}
    said = {
        "role": "assistant",
        "content": plant("answer"),
        "refusal": plant("refusal"),
        "reasoning_content": plant("reasoning"),
        "tool_calls": [{"id": "call_2", "type": "function", "function": function}],
        "audio": {"id": "audio_1", "data": plant("sound"), "transcript": plant("transcript")},
        **message,
    }
    choice = {"index": 0, "finish_reason": "stop", "message": said, "delta": said, "text": plant("text")}
    body = {
        "id": "c",
        "object": "x",
        "created": 1,
        "model": "m",
        "choices": [choice],
        plant("field"): plant("extra"),
    }
    return f"body={json.dumps(body)}"


def chunk_body(plant: Plants) -> str:
    return f"body=[{answer_body(plant).removeprefix('body=')}]"


CALLS: dict[str, Callable[[openai.OpenAI, Plants], Any]] = {
    "chat": chat,
    "chat with a rich answer": lambda client, plant: chat(client, plant, answer_body(plant)),
    "chat stream": lambda client, plant: list(chat(client, plant, chunk_body(plant), stream=True)),
    "chat stream closed": lambda client, plant: closed(chat(client, plant, chunk_body(plant), stream=True)),
    "chat raw": lambda client, plant: chat(
        client.with_options(default_headers={"X-Stainless-Raw-Response": "true"}), plant, answer_body(plant)
    ),
    "chat refused": lambda client, plant: chat(client, plant, error_body(plant)),
    "chat refused in words": lambda client, plant: chat(
        client, plant, f"status=500;message={plant('message')}"
    ),
    "chat stream refused": lambda client, plant: chat(client, plant, error_body(plant), stream=True),
    "chat stream with an error": lambda client, plant: list(
        chat(
            client, plant, f"error_after=2;message={plant('stream error')};text={plant('text')}", stream=True
        )
    ),
    "chat answered with no json": lambda client, plant: chat(client, plant, f"body=<html>{plant('body')}"),
    "chat strictly validated": lambda client, plant: openai.OpenAI(
        api_key=plant("key"), base_url=client.base_url, _strict_response_validation=True
    ).chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": plant("question")}],
        extra_headers={"x-mock": f"body={json.dumps({'id': [plant('invalid')], 'choices': plant('wrong')})}"},
    ),
    "chat parse that does not fit": lambda client, plant: client.chat.completions.parse(
        model=MODEL,
        messages=[{"role": "user", "content": plant("question")}],
        response_format=Diagnosis,
        extra_headers={"x-mock": f"text={plant('no json')}"},
    ),
    "chat helper that fails": lambda client, plant: helped(client, plant),
    "completions": lambda client, plant: client.completions.create(
        model=MODEL,
        prompt=plant("prompt"),
        suffix=plant("suffix"),
        extra_headers={"x-mock": answer_body(plant)},
    ),
    "embeddings": lambda client, plant: client.embeddings.create(
        model=MODEL, input=[plant("input"), plant("input")]
    ),
    "responses": lambda client, plant: client.responses.create(
        model=MODEL,
        input=[{"role": "user", "content": plant("input")}],
        instructions=plant("instructions"),
        prompt={"id": "pmpt_1", "variables": {"x": plant("variable")}},
        extra_headers={"x-mock": "echo"},
    ),
    "responses with every item": lambda client, plant: client.responses.create(
        model=MODEL, input=plant("input"), extra_headers={"x-mock": f"items=all;text={plant('text')}"}
    ),
    "responses stream": lambda client, plant: list(
        client.responses.create(
            model=MODEL, input=plant("input"), stream=True, extra_headers={"x-mock": f"text={plant('text')}"}
        )
    ),
    "responses that failed": lambda client, plant: client.responses.create(
        model=MODEL,
        input=plant("input"),
        extra_headers={"x-mock": f"status_text=failed;message={plant('failure')};code=server_error"},
    ),
    "images": lambda client, plant: client.images.generate(model="gpt-image-1", prompt=plant("prompt")),
    "edited images": lambda client, plant: client.images.edit(
        model="gpt-image-1", prompt=plant("prompt"), image=(f"{plant('name')}.png", plant("pixels").encode())
    ),
    "speech": lambda client, plant: client.audio.speech.create(
        model="tts-1", voice="alloy", input=plant("input"), instructions=plant("instructions")
    ),
    "transcriptions": lambda client, plant: client.audio.transcriptions.create(
        model="whisper-1", prompt=plant("prompt"), file=(f"{plant('name')}.wav", plant("sound").encode())
    ),
    "moderations": lambda client, plant: client.moderations.create(input=plant("input")),
    "vector stores": lambda client, plant: client.vector_stores.search("vs_any", query=plant("query")),
}


def closed(stream: Any) -> None:
    next(iter(stream))
    stream.close()


def helped(client: openai.OpenAI, plant: Plants) -> None:
    with client.chat.completions.stream(
        model=MODEL,
        messages=[{"role": "user", "content": plant("question")}],
        extra_headers={"x-mock": f"error_after=3;message={plant('error')};text={plant('text')}"},
    ) as stream:
        list(stream)


@pytest.fixture
def plainly(server: OpenAIServer) -> Iterator[openai.OpenAI]:
    """A client whose address holds a secret, too."""
    with openai.OpenAI(
        api_key="PlantedApiKey",
        base_url=server.base_url.replace("//", "//user:PlantedPassword@"),
        max_retries=0,
    ) as client:
        yield client
    genai_otel.autolog(disable=True)


@pytest.mark.parametrize("name", CALLS)
def test_nothing_planted_is_exported_or_logged(
    name: str, plainly: openai.OpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    plant = Plants()
    with Telemetry() as telemetry, caplog.at_level(logging.DEBUG, "genai_otel"):
        genai_otel.autolog()
        with contextlib.suppress(openai.OpenAIError, pydantic.ValidationError, ValueError):
            CALLS[name](plainly, plant)
        sent = exported(telemetry)
    assert telemetry.spans, "nothing was recorded"
    assert plant.all
    for planted in [*plant.all, "PlantedApiKey", "PlantedPassword", "Planted"]:
        assert planted.encode() not in sent, planted
    assert [
        record
        for record in caplog.records
        if "Planted" in record.getMessage() and record.name == "genai_otel"
    ] == []


@pytest.mark.parametrize("mode", ["span_only", "event_only"])
def test_with_content_on_the_plants_do_show_but_never_a_header(mode: str, plainly: openai.OpenAI) -> None:
    plant = Plants()
    with Telemetry(capture_content=mode) as telemetry:
        genai_otel.autolog()
        chat(plainly, plant, answer_body(plant))
        sent = exported(telemetry)
    shown = {planted for planted in plant.all if planted.encode() in sent}
    hidden = ("Header", "Key", "Query", "Metadata", "User")
    assert not [planted for planted in shown if planted.endswith(hidden)]
    for what in ("SystemPrompt", "Question", "EarlierAnswer", "ToolResult", "Argument", "Answer", "Tool"):
        assert any(planted.endswith(what) for planted in shown), what


def test_a_guarded_failure_of_ours_logs_no_content(
    plainly: openai.OpenAI, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from genai_otel import _guard
    from genai_otel.instrumentation.openai import exchange

    plant = Plants()

    def failing(client: Any) -> Any:
        raise ValueError(plant("in our exception"))

    monkeypatch.setattr(exchange, "facts_of", failing)
    _guard.reset(raise_errors=False)
    try:
        with Telemetry(), caplog.at_level(logging.DEBUG, "genai_otel"):
            genai_otel.autolog()
            chat(plainly, plant)
    finally:
        _guard.reset(raise_errors=True)
    assert "internal error in openai.provider (ValueError)" in caplog.text
    assert not [
        record
        for record in caplog.records
        if record.name == "genai_otel" and "Planted" in record.getMessage()
    ]
