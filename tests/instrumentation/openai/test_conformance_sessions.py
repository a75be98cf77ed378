"""Sessions and runs, over HTTP and over WebSockets: no violation of the conventions."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from genai_otel.testing.server import OpenAIServer

from .sdk import since
from .socket_clients import QUICK, connecting, said, until
from .test_conformance import capture, registries, violations

__all__ = ["capture", "registries"]
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
USAGE = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")
TOOL: Any = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}


@since(1, 103)
def test_realtime(registries: list[Any], capture: Any, server: OpenAIServer) -> None:
    with connecting(server) as client, client.realtime.connect(model="gpt-realtime", **QUICK) as connection:
        connection.session.update(session={"type": "realtime", "tools": [TOOL], "instructions": "Be kind"})
        connection.conversation.item.create(item=said("Hello"))  # type: ignore[arg-type]
        for mock in ("text=Hi", "tool=f", "status_text=incomplete"):
            connection.response.create(response={"metadata": {"x-mock": mock}})
            until(connection, "response.done")
        connection.response.create(response={"output_modalities": ["audio"], "tool_choice": "none"})
        until(connection, "response.done")

    assert [span["name"] for span in capture.dump()["spans"]] == ["chat gpt-realtime"] * 4
    assert violations(registries, capture) == set()


@since(1, 103)
def test_realtime_failures(registries: list[Any], capture: Any, server: OpenAIServer) -> None:
    with connecting(server) as client, client.realtime.connect(model="gpt-realtime", **QUICK) as connection:
        connection.response.create(response={"metadata": {"x-mock": "status_text=failed;message=Broken"}})
        until(connection, "response.done")
        connection.response.create(response={"metadata": {"x-mock": "error_after=3;message=Broken"}})
        until(connection, "error")
        connection.response.create(response={"metadata": {"x-mock": "abort_after=2"}})
        with pytest.raises(Exception, match="close"):
            until(connection, "response.done")

    assert {span["status"]["code"] for span in capture.dump()["spans"]} == {"error"}
    assert violations(registries, capture) == set()


@since(2, 22)
def test_responses_over_a_websocket(registries: list[Any], capture: Any, server: OpenAIServer) -> None:
    with connecting(server) as client, client.responses.connect(**QUICK) as connection:
        for mock in ("items=all;reasoning=why", "status_text=failed", "status_text=incomplete"):
            connection.response.create(
                model="gpt-4o-mini", input="Hello", tools=[TOOL], metadata={"x-mock": mock}
            )
            until(connection, "response.completed", "response.failed", "response.incomplete")

    assert len(capture.dump()["spans"]) == 3
    assert violations(registries, capture) == set()


@since(1, 21)
def test_assistants(registries: list[Any], capture: Any, client: openai.OpenAI) -> None:
    beta = client.beta
    assistant = beta.assistants.create(model="gpt-4o-mini").id
    thread = beta.threads.create(messages=[{"role": "user", "content": "Hello"}]).id
    for mock in ("text=Hi", "status_text=failed", "status_text=expired", "status_text=incomplete"):
        list(
            beta.threads.runs.create(
                thread_id=thread, assistant_id=assistant, stream=True, extra_headers={"x-mock": mock}
            )
        )

    assert {(span["name"], span["kind"]) for span in capture.dump()["spans"]} == {("invoke_agent", "client")}
    assert violations(registries, capture) == set()


@since(1, 21)
def test_a_run_that_is_begun_or_waits_lacks_what_its_end_would_say_and_nothing_else(
    registries: list[Any], capture: Any, client: openai.OpenAI
) -> None:
    tool: Any = {"type": "function", "function": {key: TOOL[key] for key in ("name", "parameters")}}
    thread: Any = {"messages": [{"role": "user", "content": "Hello"}]}
    assistant = client.beta.assistants.create(model="gpt-4o-mini", tools=[tool]).id
    client.beta.threads.create_and_run(assistant_id=assistant)
    list(client.beta.threads.create_and_run(assistant_id=assistant, thread=thread, stream=True))

    assert violations(registries, capture, *USAGE, "gen_ai.response.finish_reasons") == set()


@since(3, 24)
def test_managed_agents(registries: list[Any], capture: Any) -> None:
    import httpx2

    from . import agents_service as service

    failed = service.turn_event("failed", turn=service.turn("failed", error={"code": "server_error"}))
    for events in (service.answered(), [*service.begun(), {**failed, "usage": service.USAGE}]):
        answers = service.Service([service.session_event("created"), *events])
        http = httpx2.Client(transport=httpx2.MockTransport(answers))
        with openai.OpenAI(api_key="test", http_client=http) as client:
            list(
                client.beta.agents.sessions.create(
                    environment={"type": "none"}, agent_id="agent_1", input="Are you open?", stream=True
                )
            )

    assert [span["name"] for span in capture.dump()["spans"]] == ["invoke_agent Librarian"] * 2
    assert violations(registries, capture) == set()
