from __future__ import annotations

import json
import time

import openai
import pytest

from genai_otel.testing.server import OpenAIServer
from genai_otel.testing.server import behaviour as behaviours
from tests.testing.server_calls import HELLO, chat, post, refused

pytest_plugins = ("tests.testing.server_fixtures",)


def test_an_unknown_behaviour_is_refused_by_name(server: OpenAIServer, client: openai.OpenAI) -> None:
    with pytest.raises(ValueError, match="unknown behaviour 'stauts'; known: status"):
        server.script("/v1/chat/completions", ["stauts=500"])
    with pytest.raises(openai.BadRequestError, match="stauts"):
        chat(client, "stauts=500")


@pytest.mark.parametrize("line", ["status", "status=x", "delay=", "body"])
def test_a_behaviour_without_a_usable_value_is_refused(line: str) -> None:
    with pytest.raises(ValueError):
        behaviours.parse(line)


def test_values_are_percent_decoded_and_a_body_takes_the_rest() -> None:
    parsed = behaviours.parse('text=a%3Bb%0Ac; nodone ;body={"a":";"}')
    assert (parsed.text, parsed.nodone, parsed.body) == ("a;b\nc", True, '{"a":";"}')


def test_failures_happen_so_many_times_and_the_sdk_retries(server: OpenAIServer) -> None:
    client = openai.OpenAI(api_key="test", base_url=server.base_url, max_retries=2)
    for _ in range(2):
        server.requests.clear()
        answer = chat(client, "status=429;times=2;retry_after=0.01;text=at last")
        assert answer.choices[0].message.content == "at last"
        assert len(server.requests) == 3


def test_scripted_behaviours_are_used_in_turn(server: OpenAIServer, client: openai.OpenAI) -> None:
    server.script("/v1/chat/completions", ["status=500;times=2", "text=one", "text=two"])
    for _ in range(2):
        with pytest.raises(openai.InternalServerError):
            chat(client)
    said = [chat(client).choices[0].message.content for _ in range(3)]
    assert said[:2] == ["one", "two"]
    assert said[2] not in said[:2]
    assert chat(client, "text=header").choices[0].message.content == "header"


def test_a_header_leaves_the_script_alone(server: OpenAIServer, client: openai.OpenAI) -> None:
    server.script("chat/completions", ["text=scripted"])
    assert chat(client, "text=header").choices[0].message.content == "header"
    assert chat(client).choices[0].message.content == "scripted"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (409, openai.ConflictError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
def test_statuses_become_the_sdks_errors(
    client: openai.OpenAI, status: int, error: type[openai.APIError]
) -> None:
    with pytest.raises(error) as caught:
        chat(client, f"status={status};code=my_code;type=my_type;message=My words")
    assert (caught.value.code, caught.value.type) == ("my_code", "my_type")
    assert caught.value.body["message"] == "My words"


def test_retry_after_is_sent_in_both_units(server: OpenAIServer) -> None:
    headers = refused(server, "/v1/chat/completions", {}, "status=429;retry_after=1.5").headers
    assert (headers["retry-after"], headers["retry-after-ms"]) == ("1.5", "1500")


def test_delay_makes_a_client_time_out(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APITimeoutError):
        chat(client, "delay=5", timeout=0.1)


def test_drop_closes_without_an_answer(server: OpenAIServer, client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIConnectionError):
        chat(client, "drop")
    assert chat(client.with_options(max_retries=1), "drop;times=1").id


def test_badjson_is_a_success_that_cannot_be_parsed(client: openai.OpenAI) -> None:
    with pytest.raises(json.JSONDecodeError):
        chat(client, "badjson")
    with pytest.raises(json.JSONDecodeError):
        list(chat(client, "badjson", stream=True))


def test_abort_breaks_a_stream_off_after_so_many_chunks(client: openai.OpenAI) -> None:
    seen = []
    with pytest.raises(openai.APIConnectionError):
        for chunk in chat(client, "abort_after=3;chunks=10", stream=True):
            seen.append(chunk)
    assert len(seen) == 3


def test_abort_can_come_just_before_the_done_marker(client: openai.OpenAI) -> None:
    whole = list(chat(client, stream=True))
    with pytest.raises(openai.APIConnectionError):
        list(chat(client, f"abort_after={len(whole)}", stream=True))


def test_abort_breaks_a_plain_answer_off(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIConnectionError):
        chat(client, "abort_after=0")


def test_an_error_comes_in_band_after_so_many_chunks(client: openai.OpenAI) -> None:
    seen = []
    with pytest.raises(openai.APIError, match="Overloaded") as caught:
        for chunk in chat(client, "error_after=2;message=Overloaded;code=overloaded", stream=True):
            seen.append(chunk)
    assert (len(seen), caught.value.code) == (2, "overloaded")


def test_a_stream_may_lack_its_done_marker(server: OpenAIServer) -> None:
    body = {"model": "m", "messages": HELLO, "stream": True}
    assert post(server, "/v1/chat/completions", body).read().endswith(b"data: [DONE]\n\n")
    assert b"[DONE]" not in post(server, "/v1/chat/completions", body, {"x-mock": "nodone"}).read()


def test_chunk_delay_spaces_the_chunks_out(client: openai.OpenAI) -> None:
    began = time.monotonic()
    list(chat(client, "chunks=5;chunk_delay=0.02", stream=True))
    assert time.monotonic() - began >= 0.12


def test_chunks_sets_the_number_of_pieces_and_the_text_stays_the_same(client: openai.OpenAI) -> None:
    whole = chat(client, "chunks=100").choices[0].message.content
    pieces = [c.choices[0].delta.content for c in chat(client, "chunks=100", stream=True)]
    written = [piece for piece in pieces if piece]
    assert (len(written), "".join(written)) == (100, whole)


def test_a_body_replaces_the_answer(client: openai.OpenAI) -> None:
    assert chat(client, 'body={"id": "x", "choices": [], "note": "a;b"}').note == "a;b"
    chunks = list(chat(client, 'body=[{"id": "1"}, {"id": "2"}]', stream=True))
    assert [chunk.id for chunk in chunks] == ["1", "2"]
