from __future__ import annotations

import json

import openai
import pytest

from genai_otel.testing.server import OpenAIServer
from tests.testing.server_calls import RESPONSE_TOOLS, Step, respond, valid

pytest_plugins = ("tests.testing.server_fixtures",)


def test_a_response_fits_the_sdks_types_and_echoes_the_request(client: openai.OpenAI) -> None:
    response = valid(
        respond(client, instructions="Berlin is big. Paris is the capital of France.", temperature=0.5)
    )
    assert response.output_text == "Paris is the capital of France."
    assert (response.status, response.temperature, response.model) == (
        "completed",
        0.5,
        "gpt-4o-mini-2024-07-18",
    )
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens


def test_a_response_is_streamed_in_the_documented_events(client: openai.OpenAI) -> None:
    events = [valid(event) for event in respond(client, "text=Hello there", stream=True)]
    assert [event.type for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(10))
    assert events[-1].response.output_text == "Hello there"
    assert events[-1].response.usage.output_tokens == 2


def test_every_kind_of_item_fits_the_sdks_types_whole_and_streamed(client: openai.OpenAI) -> None:
    response = valid(respond(client, "items=all"))
    assert len({item.type for item in response.output}) == len(response.output) == 28
    streamed = [valid(event) for event in respond(client, "items=all", stream=True)]
    assert [item.type for item in streamed[-1].response.output] == [item.type for item in response.output]
    assert {"response.web_search_call.searching", "response.mcp_call_arguments.done"} <= {
        e.type for e in streamed
    }
    few = respond(client, "items=web_search_call,mcp_call").output
    assert [item.type for item in few] == ["web_search_call", "mcp_call", "message"]
    with pytest.raises(openai.BadRequestError, match="unknown item type"):
        respond(client, "items=nothing")


def test_a_function_call_item_and_its_result(client: openai.OpenAI) -> None:
    asked = valid(respond(client, input="What's the weather in Paris?", tools=RESPONSE_TOOLS))
    (call,) = asked.output
    assert (call.type, json.loads(call.arguments)) == ("function_call", {"city": "Paris", "days": 1})
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "Sunny"}
    answer = respond(client, previous_response_id=asked.id, input=[result], tools=RESPONSE_TOOLS)
    assert answer.output_text == "According to get_weather: Sunny."
    assert answer.usage.input_tokens > asked.usage.input_tokens
    events = respond(client, input="What's the weather in Paris?", tools=RESPONSE_TOOLS, stream=True)
    assert (
        "".join(e.delta for e in events if e.type == "response.function_call_arguments.delta")
        == call.arguments
    )


def test_hosted_tools_leave_their_items(client: openai.OpenAI) -> None:
    response = valid(
        respond(
            client,
            tools=[{"type": "web_search"}, {"type": "code_interpreter", "container": {"type": "auto"}}],
        )
    )
    assert [item.type for item in response.output] == ["web_search_call", "code_interpreter_call", "message"]
    assert response.output[-1].content[0].annotations[0].type == "url_citation"


def test_reasoning_leaves_an_item_and_tokens(client: openai.OpenAI) -> None:
    response = valid(respond(client, reasoning={"effort": "low", "summary": "auto"}))
    assert [item.type for item in response.output] == ["reasoning", "message"]
    assert response.output[0].summary[0].text
    assert response.usage.output_tokens_details.reasoning_tokens > 0


def test_structured_responses_are_parsed(client: openai.OpenAI) -> None:
    assert isinstance(client.responses.parse(model="m", input="Hi", text_format=Step).output_parsed, Step)
    with client.responses.stream(model="m", input="Hi", text_format=Step) as stream:
        assert isinstance(stream.get_final_response().output_parsed, Step)


@pytest.mark.parametrize("status", ["failed", "incomplete"])
def test_a_response_can_end_badly(client: openai.OpenAI, status: str) -> None:
    response = valid(respond(client, f"status_text={status};message=Broken"))
    assert response.status == status
    assert (response.error.message if response.error else response.incomplete_details.reason) in (
        "Broken",
        "max_output_tokens",
    )
    assert [valid(e) for e in respond(client, f"status_text={status}", stream=True)][
        -1
    ].type == f"response.{status}"


def test_a_limit_makes_a_response_incomplete(client: openai.OpenAI) -> None:
    response = respond(client, "text=one two three", max_output_tokens=2)
    assert (response.status, response.output_text) == ("incomplete", "one two")


def test_the_in_band_error_of_a_response_is_an_event_or_nested(client: openai.OpenAI) -> None:
    last = list(respond(client, "error_after=3;message=Broken", stream=True))[-1]
    assert (valid(last).type, last.message, last.sequence_number) == ("error", "Broken", 3)
    with pytest.raises(openai.APIError, match="Broken"):
        list(respond(client, "error_after=3;error_nested;message=Broken", stream=True))


def test_a_refused_response_has_a_refusal_part(client: openai.OpenAI) -> None:
    assert valid(respond(client, "refusal=No")).output[0].content[0].refusal == "No"
    assert "response.refusal.done" in {valid(e).type for e in respond(client, "refusal=No", stream=True)}


def test_a_response_can_be_retrieved_and_resumed(client: openai.OpenAI) -> None:
    made = respond(client)
    assert client.responses.retrieve(made.id).to_dict() == made.to_dict()
    events = list(client.responses.retrieve(made.id, stream=True))
    later = list(client.responses.retrieve(made.id, stream=True, starting_after=4))
    assert [e.sequence_number for e in later] == [e.sequence_number for e in events[5:]]
    assert [item.content[0].text for item in client.responses.input_items.list(made.id)] == [
        "What is the capital of France?"
    ]
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(respond(client, store=False).id)


def test_a_background_response_is_queued_then_done_or_cancelled(client: openai.OpenAI) -> None:
    queued = valid(respond(client, background=True))
    assert (queued.status, queued.output) == ("queued", [])
    assert client.responses.retrieve(queued.id).status == "completed"
    assert client.responses.cancel(queued.id).status == "cancelled"


def test_responses_are_counted_and_compacted(client: openai.OpenAI) -> None:
    counted = client.responses.input_tokens.count(model="m", input="What is the capital of France?")
    assert counted.input_tokens == respond(client).usage.input_tokens
    compacted = valid(client.responses.compact(model="m", input="What is the capital of France?"))
    assert (compacted.output[0].type, compacted.usage.input_tokens) == ("compaction", counted.input_tokens)


def test_conversations_gather_items(client: openai.OpenAI) -> None:
    made = valid(client.conversations.create(items=[{"type": "message", "role": "user", "content": "Hi"}]))
    response = respond(client, conversation=made.id)
    assert response.conversation.id == made.id
    items = list(client.conversations.items.list(made.id))
    assert [item.role for item in items] == ["user", "user", "assistant"]
    assert client.conversations.items.retrieve(items[0].id, conversation_id=made.id).id == items[0].id


def test_beta_responses_are_the_same(server: OpenAIServer, client: openai.OpenAI) -> None:
    made = client.beta.responses.create(model="m", input="Hi")
    assert (server.requests[0].query, made.status) == ({"beta": "true"}, "completed")
