"""Automatic spans: planted strings in every part of requests and answers, in every mode and under every redactor.

What ordinary calls may export with content off is in ``tests/instrumentation/openai/test_privacy.py``; the calls from
there are made here under redactors, and further kinds of calls in both ways.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pydantic
import pytest

import genai_otel
from genai_otel.testing.server import OpenAIServer
from tests.instrumentation.openai import test_privacy as plain_calls
from tests.instrumentation.openai.sdk import VERSION
from tests.instrumentation.openai.test_privacy import CALLS, Plants, answer_body, chat, chunk_body, error_body

from .redactors import WRONG
from .signals import Everything

httpx2 = pytest.importorskip("httpx2")
from tests.instrumentation.openai import agents_service  # noqa: E402
from tests.instrumentation.openai.socket_clients import QUICK, connecting, said, until  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.skipif(VERSION < (3, 24), reason="makes calls of every kind"),
]
MODEL = "gpt-4o-mini"
Call = Callable[[openai.OpenAI, Plants], Any]
_PLANTED = re.compile(r"Planted\w*")


def forms(plant: Plants) -> list[bytes]:
    """Return by which bytes any of the planted strings would be known again."""
    found = [b"Planted", "Planted".encode("utf-16-le"), b"Planted".hex().encode()]
    for text in plant.all:
        whole = base64.b64encode(text.encode())
        found.append(whole[: len(whole) // 4 * 4 - 4])
    return found


def left(seen: Everything, plant: Plants, captured: str = "") -> list[bytes]:
    haystack = seen.dump() + captured.encode()
    return [form for form in forms(plant) if form in haystack]


def bound(call: Callable[[openai.AsyncOpenAI, Plants], Any]) -> Call:
    """Make the asynchronous call of a client with the same address."""

    def run(client: openai.OpenAI, plant: Plants) -> Any:
        async def inside() -> Any:
            async with openai.AsyncOpenAI(
                api_key=plant("key"), base_url=client.base_url, max_retries=0
            ) as made:
                return await call(made, plant)

        return asyncio.run(inside())

    return run


async def async_stream(client: openai.AsyncOpenAI, plant: Plants) -> list[Any]:
    return [chunk async for chunk in await chat(client, plant, chunk_body(plant), stream=True)]


async def async_refused(client: openai.AsyncOpenAI, plant: Plants) -> None:
    await chat(client, plant, error_body(plant))


def one(plant: Plants) -> list[Any]:
    return [{"role": "user", "content": plant("question")}]


def raw(client: openai.OpenAI, plant: Plants) -> Any:
    mock = {"x-mock": answer_body(plant)}
    made = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=one(plant), extra_headers=mock
    )
    return made.parse()


def streaming_response(client: openai.OpenAI, plant: Plants) -> None:
    mock = {"x-mock": answer_body(plant)}
    with client.chat.completions.with_streaming_response.create(
        model=MODEL, messages=one(plant), extra_headers=mock
    ) as answer:
        answer.read()


def signed_urls(client: openai.OpenAI, plant: Plants) -> Any:
    url = f"https://user:{plant('password')}@example.org/i.png?sig={plant('signature')}&X-Amz={plant('amz')}"
    png = base64.b64encode(plant("pixels").encode() * 9).decode()
    parts: Any = [
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{png}"}},
        {"type": "input_audio", "input_audio": {"data": png, "format": "wav"}},
        {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{png}", "filename": plant("f")}},
    ]
    messages: Any = [{"role": "user", "content": parts}]
    return client.chat.completions.create(
        model=MODEL, messages=messages, extra_headers={"x-mock": answer_body(plant)}
    )


def unreachable(client: openai.OpenAI, plant: Plants) -> Any:
    address = f"http://user:{plant('password')}@127.0.0.1:1/{plant('path')}?key={plant('query')}"
    with openai.OpenAI(
        api_key=plant("key"),
        organization=plant("organization"),
        project=plant("project"),
        base_url=address,
        default_headers={"x-secret": plant("header")},
        default_query={"q": plant("query")},
        max_retries=0,
    ) as lost:
        return lost.chat.completions.create(model=MODEL, messages=one(plant))


def azure(client: openai.OpenAI, plant: Plants) -> Any:
    address = str(client.base_url).removesuffix("/v1/")
    with openai.AzureOpenAI(
        api_key=plant("key"), azure_endpoint=address, api_version="2024-06-01", max_retries=0
    ) as made:
        return made.chat.completions.create(model="deployed", messages=one(plant))


def realtime(client: openai.OpenAI, plant: Plants, line: str = "") -> None:
    instructed = {"type": "realtime", "instructions": plant("instructions")}
    response: Any = {"instructions": plant("more"), "metadata": {"x-mock": line or f"text={plant('said')}"}}
    with (
        connecting(_server(client)) as made,
        made.realtime.connect(model="gpt-realtime", **QUICK) as connection,
    ):
        until(connection, "session.created")
        connection.session.update(session=instructed)
        connection.conversation.item.create(item=said(plant("input")))
        connection.response.create(response=response)
        until(connection, "response.done", "error")


def responses_socket(client: openai.OpenAI, plant: Plants) -> None:
    with connecting(_server(client)) as made, made.responses.connect(**QUICK) as connection:
        mock = {"x-mock": f"text={plant('text')}"}
        connection.response.create(
            model=MODEL, input=plant("input"), instructions=plant("instructions"), metadata=mock
        )
        until(connection, "response.completed", "response.failed", "error")


class _Address:
    def __init__(self, base_url: str) -> None:
        self.base_url = base_url


def _server(client: openai.OpenAI) -> Any:
    return _Address(f"http://127.0.0.1:{client.base_url.port}/v1")


def run_of_an_assistant(client: openai.OpenAI, plant: Plants, line: str = "") -> None:
    assistant = client.beta.assistants.create(
        model=MODEL, name=plant("name"), instructions=plant("instructions")
    )
    thread = client.beta.threads.create(messages=one(plant))  # type: ignore[arg-type]
    mock = {"x-mock": line or f"text={plant('said')}"}
    list(
        client.beta.threads.runs.create(
            thread_id=thread.id,
            assistant_id=assistant.id,
            stream=True,
            instructions=plant("more"),
            additional_messages=one(plant),  # type: ignore[arg-type]
            extra_headers=mock,
        )
    )


def agent(client: openai.OpenAI, plant: Plants) -> None:
    failure = {"code": "server_error", "message": plant("failure")}
    for ending in (
        agents_service.answered(plant("answer")),
        [
            *agents_service.begun(),
            agents_service.turn_event("failed", turn=agents_service.turn("failed", error=failure)),
        ],
    ):
        service = agents_service.Service([agents_service.session_event("created"), *ending])
        http = httpx2.Client(transport=httpx2.MockTransport(service))
        told: Any = {
            "model": "gpt-5",
            "instructions": plant("instructions"),
            "tools": [plain_calls.tool(plant)],
        }
        with openai.OpenAI(api_key=plant("key"), http_client=http, max_retries=0) as made:
            list(
                made.beta.agents.sessions.create(
                    environment={"type": "none"},
                    agent_id="agent_1",
                    agent=told,
                    input=plant("input"),
                    stream=True,
                )
            )


def fetched(client: openai.OpenAI, plant: Plants) -> Any:
    made = client.responses.create(
        model=MODEL,
        input=plant("input"),
        instructions=plant("instructions"),
        extra_headers={"x-mock": f"text={plant('text')}"},
    )
    return client.responses.retrieve(made.id)


MORE: dict[str, Call] = {
    "async chat": bound(lambda client, plant: chat(client, plant, answer_body(plant))),
    "async chat stream": bound(async_stream),
    "async chat refused": bound(async_refused),
    "raw response": raw,
    "streaming response": streaming_response,
    "unreachable": unreachable,
    "azure": azure,
    "realtime": realtime,
    "realtime that failed": lambda client, plant: realtime(
        client, plant, f"status_text=failed;code=server_error;message={plant('failure')}"
    ),
    "responses over a socket": responses_socket,
    "assistant": run_of_an_assistant,
    "assistant that failed": lambda client, plant: run_of_an_assistant(
        client, plant, f"status_text=failed;code=server_error;message={plant('failure')}"
    ),
    "agent": agent,
    "fetched response": fetched,
    "signed urls": signed_urls,
    "completions stream": lambda client, plant: list(
        client.completions.create(
            model=MODEL,
            prompt=[plant("prompt")],
            stream=True,
            extra_headers={"x-mock": f"text={plant('text')}"},
        )
    ),
    "embeddings refused": lambda client, plant: client.embeddings.create(
        model=MODEL, input=[plant("input")], user=plant("user"), extra_headers={"x-mock": error_body(plant)}
    ),
    "responses refused": lambda client, plant: client.responses.create(
        model=MODEL,
        input=plant("input"),
        metadata={"k": plant("metadata")},
        extra_headers={"x-mock": error_body(plant)},
    ),
    "responses stream that failed": lambda client, plant: list(
        client.responses.create(
            model=MODEL,
            input=plant("input"),
            stream=True,
            extra_headers={"x-mock": f"status_text=failed;code=server_error;message={plant('failure')}"},
        )
    ),
    "moderated images": lambda client, plant: client.moderations.create(
        input=[{"type": "image_url", "image_url": {"url": f"https://example.org/?sig={plant('signature')}"}}]
    ),
    "stop sequences": lambda client, plant: client.chat.completions.create(
        model=MODEL, messages=one(plant), stop=["\n", plant("stop")]
    ),
}
FACTS = {"stop sequences"}  # what is a fact of the request in every mode; redactors see it


@pytest.fixture
def client(server: OpenAIServer) -> Iterator[openai.OpenAI]:
    address = server.base_url.replace("//", "//user:PlantedPassword@")
    with openai.OpenAI(api_key="PlantedKey", base_url=address, max_retries=0) as made:
        yield made
    genai_otel.autolog(disable=True)


def made(call: Call, client: openai.OpenAI, plant: Plants) -> None:
    genai_otel.autolog()
    with contextlib.suppress(openai.OpenAIError, pydantic.ValidationError, ValueError):
        call(client, plant)


@pytest.mark.parametrize("name", [name for name in MORE if name not in FACTS])
def test_with_content_off_nothing_planted_leaves(
    name: str, client: openai.OpenAI, capfd: pytest.CaptureFixture[str]
) -> None:
    plant = Plants()
    with Everything() as seen:
        made(MORE[name], client, plant)
        assert seen.spans
        assert plant.all
        assert left(seen, plant, "".join(capfd.readouterr())) == []


@pytest.mark.parametrize(
    "name", ["chat", "chat refused", "responses that failed", "realtime that failed", "agent"]
)
def test_with_content_on_events_alone_no_span_has_any(name: str, client: openai.OpenAI) -> None:
    plant = Plants()
    with Everything(capture_content="event_only") as seen:
        made({**CALLS, **MORE}[name], client, plant)
        assert b"Planted" not in seen.spans_sent() + seen.shown() + seen.metrics_sent() + seen.said()
        if name in ("chat", "realtime that failed"):
            assert b"Planted" in seen.events_sent()


def removes(where: str, value: Any) -> Any:
    return json.loads(_PLANTED.sub("removed", json.dumps(value)))


def raises(where: str, value: Any) -> Any:
    raise ValueError(repr(value))


@pytest.mark.parametrize("name", [*CALLS, *MORE])
def test_a_redactor_sees_all_of_it(name: str, client: openai.OpenAI) -> None:
    plant = Plants()
    with Everything(capture_content="span_and_event", redact=removes) as seen:
        made({**CALLS, **MORE}[name], client, plant)
        assert seen.spans
        assert left(seen, plant) == []


@pytest.mark.parametrize(
    "name",
    ["chat", "chat stream", "chat refused", "responses", "images", "vector stores", "realtime", "agent"],
)
def test_one_that_fails_costs_the_content_only(name: str, client: openai.OpenAI) -> None:
    plant = Plants()
    with Everything(capture_content="span_and_event", redact=raises) as seen:
        made({**CALLS, **MORE}[name], client, plant)
        assert all("gen_ai.provider.name" in (span.attributes or {}) for span in seen.spans)
        assert left(seen, plant) == []


@pytest.mark.parametrize("redactor", WRONG)
def test_one_that_returns_anything_does_no_harm(redactor: str, client: openai.OpenAI) -> None:
    plant = Plants()
    with Everything(capture_content="span_and_event", redact=WRONG[redactor]) as seen:
        genai_otel.autolog()
        answer = chat(client, plant, answer_body(plant))
        stream = list(chat(client, plant, chunk_body(plant), stream=True))
        assert "Planted" in answer.choices[0].message.content
        assert "Planted" in str(stream)
        assert len(seen.spans) == 2
        assert left(seen, plant) == []


def test_what_a_redactor_leaves_is_recorded(client: openai.OpenAI) -> None:
    with Everything(capture_content=True, redact=removes) as seen:
        made(chat, client, Plants())
        assert b"removed" in seen.spans_sent()


def test_a_stop_sequence_is_a_fact(client: openai.OpenAI) -> None:
    with Everything() as seen:
        made(MORE["stop sequences"], client, Plants())
        assert b"Stop" in seen.spans_sent()


def test_an_address_in_a_message_is_content_and_its_bytes_never_are(client: openai.OpenAI) -> None:
    plant = Plants()
    with Everything(capture_content="span_and_event") as seen:
        made(signed_urls, client, plant)
        assert (
            b"Signature" in seen.spans_sent()
        )  # what is in a message is recorded as it is: see docs/security.md
        pixels = next(text for text in plant.all if text.endswith("Pixels"))
        repeated = base64.b64encode(pixels.encode() * 9)
        assert pixels.encode() not in seen.dump()
        assert repeated[8:48] not in seen.dump()


def test_what_the_caller_passed_is_as_before(client: openai.OpenAI) -> None:
    def empties(where: str, value: Any) -> Any:
        if isinstance(value, list):
            value.clear()
        return value

    messages = plain_calls.conversation(Plants())
    before = json.dumps(messages)
    with Everything(capture_content="span_and_event", redact=empties):
        genai_otel.autolog()
        client.chat.completions.create(model=MODEL, messages=messages)
    assert json.dumps(messages) == before
